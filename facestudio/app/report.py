"""An error as the operator sees it, and as we want it reported. No widgets."""

from __future__ import annotations

import platform
import traceback
from collections import deque
from dataclasses import dataclass

import PySide6

from facestudio import __version__
from facestudio.app.from_below import said
from facestudio.app.strings import tr
from facestudio.errors import FaceStudioError, said_by_system

recent_lines: deque[str] = deque(maxlen=200)  # the log's last lines, filled by `crash.install`


@dataclass(frozen=True)
class Problem:
    """what: what happened, with the file or camera. remedy: what to do. details: the traceback. expected: not a defect of ours."""

    what: str
    remedy: str
    details: str
    expected: bool


def problem(error: BaseException) -> Problem:
    """An exception in the operator's words."""
    details = "".join(traceback.format_exception(error)).strip()
    if isinstance(error, FaceStudioError):
        return Problem(said(error.what), said(error.remedy), details, expected=True)
    if isinstance(error, MemoryError):
        return Problem(
            tr("The computer ran out of memory."),
            tr("Close other programs, or choose a smaller texture in the settings."),
            details,
            expected=True,
        )
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        remedy = tr("Check that the file or folder is there and may be used, then try again.")
        return Problem(f"{where}{said(said_by_system(error))}", remedy, details, expected=True)
    return Problem(
        tr("FaceStudio made a mistake: {kind}: {message}", kind=type(error).__name__, message=str(error)),
        tr("Your data is safe. Try again; if it happens again, copy the report and send it to us."),
        details,
        expected=False,
    )


def report(what: Problem) -> str:
    """Everything we need to understand a problem, as text for the clipboard. It names files; it holds no pictures."""
    system = f"FaceStudio {__version__} · Python {platform.python_version()} · Qt {PySide6.__version__} · {platform.platform()}"
    log = "\n".join(list(recent_lines)[-60:])
    return f"{what.what}\n{what.remedy}\n\n{system}\n\n{what.details}\n\nLog:\n{log}\n"
