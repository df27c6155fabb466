"""Scans and photographs of other people's data sets, in a user's own licensed copy, become a data set of orbits to train deep SfM on."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from facestudio.atomic import check_folder
from facestudio.errors import DatasetError, NoFaceError
from facestudio.landmarks.dense_net import DenseDetector
from facestudio.landmarks.detector import LandmarkDetector
from facestudio.landmarks.mediapipe_detector import MediapipeDetector
from facestudio.progress import CancelToken, Progress, silent
from facestudio.training.adaptors.facescape_views import frontal_half, pictures, read_capture
from facestudio.training.adaptors.scans import facescape_scans, stirling_scans
from facestudio.training.adaptors.sequences import Finder, SequenceConfig, sequence_shard, write_sequences
from facestudio.training.synth.shard import shard_path, write_description, write_shard
from facestudio.types import BoolArray, ByteArray, Float64Array, Image

KINDS = ("stirling", "facescape", "facescape-photos")
_CHANCE = 0.5  # from which on a landmark counts as seen


def make_sequences(
    folder: Path,
    out: Path,
    kind: str,
    config: SequenceConfig | None = None,
    all_expressions: bool = False,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
    detector: LandmarkDetector | None = None,
) -> str:
    """Write a data set of orbits from a copy of Stirling ESRC or FaceScape; what exists stays. Returns a sentence about how it went.

    kind: one of `KINDS`; "facescape-photos" are its calibrated photographs, the other two are rendered as the paper's section 5.2 says.
    all_expressions: of Stirling, not the neutral ones alone. detector: of the dense landmarks, to reuse one; else one is made and closed.
    Raises DatasetError for a folder without such files, HeadModelError without the landmarks' weights, OutputError, Cancelled.
    """
    config, cancel = config or SequenceConfig(), cancel or CancelToken()
    if kind not in KINDS:
        raise DatasetError(f"There is no data set {kind!r}.", f"Choose one of: {', '.join(KINDS)}.")
    if not folder.is_dir():
        raise DatasetError(f"There is no folder {folder}.", "Name the folder that holds your copy of the data set.")
    if detector is None:
        with closing(DenseDetector(MediapipeDetector())) as own:
            return make_sequences(folder, out, kind, config, all_expressions, progress, cancel, own)
    find = finder(detector)
    if kind == "facescape-photos":
        total, left_out = _photographs(folder, out, find, config, progress, cancel)
    else:
        places = stirling_scans(folder, not all_expressions) if kind == "stirling" else facescape_scans(folder)
        check_folder(out)
        total, left_out = len(places), write_sequences(places, out, find, kind, config, progress, cancel)
    return "\n".join([f"{total - len(left_out)} of {total} became sequences in {out}.", *left_out])


def finder(detector: LandmarkDetector) -> Finder:
    """The dense landmarks of a picture as the adaptors want them, by a detector of 800 points."""

    def find(pixels: ByteArray) -> tuple[Float64Array, BoolArray] | None:
        try:
            found = detector.detect(Image(pixels), "the rendered picture").landmarks
        except NoFaceError:
            return None
        seen = found.sigma > 0 if found.seen is None else found.seen > _CHANCE
        return found.points, seen

    return find


def _photographs(
    folder: Path, out: Path, find: Finder, config: SequenceConfig, progress: Progress, cancel: CancelToken
) -> tuple[int, list[str]]:
    """FaceScape's photographs, one shard for each subject and expression: how many there are, and a sentence for each left out."""
    captures = sorted(path.parent for path in folder.rglob("params.json"))
    if not captures:
        raise DatasetError(
            f"{folder} holds no photographs of FaceScape.", "Give the folder that holds files like ID/1_neutral/params.json."
        )
    check_folder(out)
    write_description(out, {"mode": "orbit", "source": "facescape-photos", "size": config.size})
    left_out = []
    for number, place in enumerate(captures):
        cancel.check()
        progress("sequences", number / len(captures), place.name)
        path = shard_path(out, number)
        if path.is_file():
            continue
        try:
            taken = pictures(frontal_half(read_capture(place)), config.size)
            write_shard(path, sequence_shard(taken, number, find, config))
        except DatasetError as error:
            left_out.append(str(error))
    progress("sequences", 1.0, f"{len(captures) - len(left_out)} captures")
    return len(captures), left_out
