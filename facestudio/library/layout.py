"""How the library lies on the disk, and what a capture's files say (ADR 0005). Reads only.

LIBRARY/SUBJECT/subject.json, SUBJECT/SESSION/session.json, SESSION/CAPTURE/{capture.json, left|front|right.*, cameras.json, head/}.
Folders whose names begin with a dot are the library's own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from facestudio.library.owner import is_alive
from facestudio.library.records import CaptureRecord, CaptureState, JobMark
from facestudio.types import ViewName

SUBJECT_FILE, SESSION_FILE, CAPTURE_FILE = "subject.json", "session.json", "capture.json"
CAMERAS_FILE, JOB_FILE, ERROR_FILE = "cameras.json", "job.json", "error.json"
HEAD_FOLDER, HEAD_ENDING, PREVIEW_FILE, EXPORTED_FILE = "head", ".head.npz", "preview.png", "exported.json"
TRASH_FOLDER, THUMBNAIL_FOLDER, INDEX_FILE = ".trash", ".thumbnails", ".index.sqlite"
PICTURE_ENDINGS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp", ".ppm", ".jp2", ".exr", ".hdr")
_LARGEST_JSON = 4_000_000  # bytes: beyond it a file is not one of ours


class DamagedJson(Exception):
    """A JSON file of the library cannot be read as one; the text says why."""


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file, empty when there is no such file. Raises DamagedJson for anything else."""
    try:
        if path.stat().st_size > _LARGEST_JSON:
            raise DamagedJson(f"{path.name} is too large to be ours")
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise DamagedJson(f"{path.name} is damaged") from error
    if not isinstance(content, dict):
        raise DamagedJson(f"{path.name} is damaged")
    return content


def json_bytes(content: Mapping[str, Any]) -> bytes:
    """JSON as the library writes it: readable by a person."""
    return (json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n").encode("utf-8", "backslashreplace")


def shown_name(folder: Path, file: str) -> tuple[str, str]:
    """(name, notes) of a subject or session: from its JSON file, else the folder's own name. Never fails."""
    try:
        content = read_json(folder / file)
    except DamagedJson as damage:
        return folder.name, f"{damage}; the folder's name is shown."
    return _text(content.get("name")) or folder.name, _text(content.get("notes"))


def read_capture(folder: Path, subject: str = "", session: str = "") -> CaptureRecord | None:
    """A capture as its files describe it, or None when the folder holds none. Damage makes it NEEDS_ATTENTION, never an error.

    subject, session: the names to show; read from the folders above when not given.
    """
    try:
        names = {entry.name for entry in folder.iterdir()}
    except OSError:
        return None
    photos = find_photos(folder, names)
    if not photos and CAPTURE_FILE not in names:
        return None
    trouble: list[str] = []
    content = _tolerant(folder / CAPTURE_FILE, trouble, "Rename the capture to write a new one.")
    if not photos:
        trouble.append("Its photos are missing. Put them back as left.jpg, front.jpg and right.jpg, or delete the capture.")
    head = _head(folder) if HEAD_FOLDER in names else None
    job = parse_job(_tolerant(folder / JOB_FILE, trouble, "Run the job again.")) if JOB_FILE in names else None
    running = job is not None and is_alive(job)
    if job is not None and not running:
        trouble.append("A job was interrupted before it ended. Run it again.")
    failure = _tolerant(folder / ERROR_FILE, trouble, "Run the job again.") if ERROR_FILE in names and not running else {}
    if failure:
        trouble.append(f"{_text(failure.get('what'))} {_text(failure.get('remedy'))}".strip() or "The last job failed.")
    state = CaptureState.CAPTURED
    if trouble:
        state = CaptureState.NEEDS_ATTENTION
    elif head is not None:
        exported = (folder / HEAD_FOLDER / EXPORTED_FILE).is_file()
        state = CaptureState.EXPORTED if exported else CaptureState.RECONSTRUCTED
    preview = folder / HEAD_FOLDER / PREVIEW_FILE
    return CaptureRecord(
        path=folder,
        subject=subject or shown_name(folder.parent.parent, SUBJECT_FILE)[0],
        session=session or shown_name(folder.parent, SESSION_FILE)[0],
        name=_text(content.get("name")) or folder.name,
        created=_time(content.get("created")) or _modified(folder),
        state=state,
        photos=photos,
        cameras=folder / CAMERAS_FILE if CAMERAS_FILE in names else None,
        head=head,
        preview=preview if HEAD_FOLDER in names and preview.is_file() else None,
        notes=_text(content.get("notes")),
        attention=" ".join(trouble),
        job=job,
        running=running,
        interrupted=job is not None and not running,
    )


def photo_hashes(folder: Path) -> dict[str, str]:
    """View -> SHA-256 of a capture's photos as noted when they came in; empty when nothing was noted."""
    try:
        noted = read_json(folder / CAPTURE_FILE).get("photos")
    except DamagedJson:
        return {}
    if not isinstance(noted, dict):
        return {}
    return {
        str(view): _text(entry.get("sha256"))
        for view, entry in noted.items()
        if isinstance(entry, dict) and entry.get("sha256")
    }


def read_job(folder: Path) -> JobMark | None:
    """The mark of the job on a capture, or None."""
    try:
        return parse_job(read_json(folder / JOB_FILE))
    except DamagedJson:
        return None


def job_content(job: JobMark) -> dict[str, Any]:
    """What job.json holds."""
    return {
        "kind": job.kind,
        "pid": job.pid,
        "host": job.host,
        "process_started": job.process_started,
        "started": job.started.isoformat(),
        "settings": dict(job.settings),
    }


def find_photos(folder: Path, names: set[str] | None = None) -> dict[ViewName, Path]:
    """The picture of each view in a capture's folder: left, front and right, in that order. names: what the folder holds."""
    if names is None:
        names = {path.name for path in folder.iterdir()}
    found: dict[ViewName, Path] = {}
    lower = {name.casefold(): name for name in sorted(names, reverse=True)}
    for view in ViewName:
        for ending in PICTURE_ENDINGS:
            if f"{view}{ending}" in lower:
                found[view] = folder / lower[f"{view}{ending}"]
                break
    return found


def _head(folder: Path) -> Path | None:
    heads = sorted(path for path in (folder / HEAD_FOLDER).glob(f"*{HEAD_ENDING}") if not path.name.startswith("."))
    return heads[0] if heads else None


def _tolerant(path: Path, trouble: list[str], remedy: str) -> dict[str, Any]:
    try:
        return read_json(path)
    except DamagedJson as damage:
        trouble.append(f"{damage}. {remedy}")
        return {}


def parse_job(content: Mapping[str, Any]) -> JobMark | None:
    """The mark that a job.json's content describes; None when it is empty. Nonsense describes a job of nobody."""
    if not content:
        return None
    settings = content.get("settings")
    try:
        return JobMark(
            kind=_text(content.get("kind")) or "reconstruct",
            pid=int(content.get("pid", 0)),
            host=_text(content.get("host")),
            process_started=float(content.get("process_started", 0.0)),
            started=_time(content.get("started")) or datetime.fromtimestamp(0),
            settings={str(k): str(v) for k, v in settings.items()} if isinstance(settings, dict) else {},
        )
    except (TypeError, ValueError, OverflowError):
        return JobMark("reconstruct", 0, "", 0.0, datetime.fromtimestamp(0))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _time(value: object) -> datetime | None:
    """A local time without zone: what an operator's clock showed."""
    try:
        moment = datetime.fromisoformat(_text(value))
    except ValueError:
        return None
    return moment.astimezone().replace(tzinfo=None) if moment.tzinfo else moment


def _modified(folder: Path) -> datetime:
    try:
        return datetime.fromtimestamp(folder.stat().st_mtime)
    except OSError:
        return datetime.fromtimestamp(0)
