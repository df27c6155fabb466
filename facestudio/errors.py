"""What can go wrong, said so that an operator can act on it.

Every error an operator may meet derives from `FaceStudioError` and carries two sentences: what happened (with the file or
camera named) and what to do about it. The command line prints both and exits with `exit_code`; the window shows them.
Anything else that escapes is a defect of ours.
"""

from __future__ import annotations


class FaceStudioError(Exception):
    """Base of all errors meant for the operator.

    what: one sentence: what happened, naming the file, camera or setting.
    remedy: one sentence: what the operator can do.
    """

    exit_code = 2

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(f"{what} {remedy}".strip())
        self.what = what
        self.remedy = remedy


def said_by_system(error: BaseException) -> str:
    """Why a file cannot be used, as the system says it: without the number and the path that an OSError repeats."""
    return str(getattr(error, "strerror", None) or error)


class PictureError(FaceStudioError):
    """A picture file cannot be used: missing, truncated, not a picture, or too small."""


class NoFaceError(FaceStudioError):
    """No face was found in a picture."""


class FitError(FaceStudioError):
    """The photos do not determine a head (for example: they show different moments or people)."""


class CameraFileError(FaceStudioError):
    """A cameras.json is missing, malformed, or does not fit the photos."""


class HeadModelError(FaceStudioError):
    """A head model file is missing, damaged, unsafe, or not what it claims to be."""


class OutputError(FaceStudioError):
    """A result cannot be written: folder not writable, disk full."""


class SavedHeadError(FaceStudioError):
    """A saved head (NAME.head.npz) is missing, damaged, or from a newer FaceStudio."""


class ProgramError(FaceStudioError):
    """Another program that a format needs (Blender) is missing, too old, or failed."""


class DatasetError(FaceStudioError):
    """A data set folder is missing parts that an evaluation needs."""


class CameraError(FaceStudioError):
    """A live camera cannot be found or opened, or it stopped sending pictures."""


class CalibrationError(FaceStudioError):
    """Pictures of the calibration board do not determine the cameras, or a calibration does not fit the rig."""


class Cancelled(FaceStudioError):
    """The operator cancelled; nothing half-written was left behind."""

    exit_code = 130

    def __init__(self, what: str = "Cancelled; nothing was written.", remedy: str = "") -> None:
        super().__init__(what, remedy)
