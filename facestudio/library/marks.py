"""What work on a capture leaves beside its photos: that it runs, that it failed, that its head was exported.

The worker may belong to another process than the window, so all is said by files (ADR 0005). The index is told at once, so that the
next start knows of an interrupted job before it has looked at every folder.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path

from facestudio.atomic import write_file
from facestudio.errors import FaceStudioError
from facestudio.library import layout, scan
from facestudio.library.index import Index
from facestudio.library.owner import is_alive, new_mark
from facestudio.library.records import JobMark, LibraryError


def begin_job(capture: Path, kind: str = "reconstruct", settings: Mapping[str, str] | None = None) -> JobMark:
    """Mark that this process works on a capture. Raises LibraryError when another does already."""
    refuse_when_busy(capture)
    mark = new_mark(kind, dict(settings or {}))
    write_file(capture / layout.JOB_FILE, layout.json_bytes(layout.job_content(mark)))
    _tell_index(capture)
    return mark


def end_job(capture: Path) -> None:
    """The work is done: neither a job nor an earlier failure is left."""
    (capture / layout.ERROR_FILE).unlink(missing_ok=True)
    (capture / layout.JOB_FILE).unlink(missing_ok=True)
    _tell_index(capture)


def abandon_job(capture: Path) -> None:
    """The operator cancelled: the capture is as it was before, an earlier failure included."""
    (capture / layout.JOB_FILE).unlink(missing_ok=True)
    _tell_index(capture)


def fail_job(capture: Path, error: BaseException) -> None:
    """Keep why the work failed, for whoever looks at the capture next."""
    if isinstance(error, FaceStudioError):
        said = {"what": error.what, "remedy": error.remedy}
    else:
        said = {
            "what": f"A defect in FaceStudio: {type(error).__name__}: {error}.",
            "remedy": "Copy the report and send it to us.",
        }
    said["when"] = datetime.now().isoformat(timespec="seconds")
    write_file(capture / layout.ERROR_FILE, layout.json_bytes(said))
    (capture / layout.JOB_FILE).unlink(missing_ok=True)
    _tell_index(capture)


def mark_exported(capture: Path, target: Path, files: Collection[str]) -> None:
    """Note that the capture's head was exported. It lies in head/, so that a new head begins without it."""
    path = capture / layout.HEAD_FOLDER / layout.EXPORTED_FILE
    if not path.parent.is_dir():
        raise LibraryError(f"{capture.name} has no head.", "Reconstruct it first.")
    try:
        earlier = layout.read_json(path).get("exports")
    except layout.DamagedJson:
        earlier = None
    entry = {"when": datetime.now().isoformat(timespec="seconds"), "folder": str(target), "files": sorted(files)}
    exports = [*(earlier if isinstance(earlier, list) else []), entry]
    write_file(path, layout.json_bytes({"exports": exports}))


def refuse_when_busy(folder: Path) -> None:
    """Raise LibraryError when living work runs on a capture, or on any capture within a session or subject."""
    for path in sorted(folder.rglob(layout.JOB_FILE)):
        job = layout.read_job(path.parent)
        if job is not None and is_alive(job):
            raise LibraryError(f"{path.parent.name} is being worked on.", "Wait until that is done, or cancel it.")


def _tell_index(capture: Path) -> None:
    root = capture.absolute().parents[2]
    if not (root / layout.INDEX_FILE).is_file():
        return  # a capture of no library, or of one that nobody has opened yet
    index = Index(root)
    with contextlib.suppress(OSError, sqlite3.Error, LibraryError):  # the files have said it; a refresh will see them
        scan.refresh_one(index, root / capture.absolute().relative_to(root))
    index.close()
