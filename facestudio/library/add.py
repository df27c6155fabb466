"""A capture comes in: its photos are copied bit for bit, and it appears whole or not at all."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from facestudio.atomic import write_file
from facestudio.errors import PictureError, said_by_system
from facestudio.library import layout
from facestudio.library.names import folder_name, free_name
from facestudio.library.records import LibraryError
from facestudio.library.staging import NameTakenError, explained, publish, staging_folder
from facestudio.progress import CancelToken, Progress, silent
from facestudio.types import ViewName

SCHEMA = 1
_CHUNK = 1 << 20
_SIGNATURES = {b"\xff\xd8\xff": ".jpg", b"\x89PNG": ".png", b"RIFF": ".webp", b"II*\0": ".tif", b"MM\0*": ".tif", b"BM": ".bmp"}
_making = threading.Lock()  # two captures of a new subject must not make two folders for it


@dataclass(frozen=True)
class NewCapture:
    """What is to be kept. subject, session: names as the operator says them; made when new.

    photos: a picture file, or its encoded bytes, for each view present. cameras: cameras.json likewise, or None.
    name: None: "capture 1", "capture 2", … created: None: now. extra: further small files by name ("sync.json").
    facts: further entries for capture.json, such as the devices' names.
    """

    subject: str
    session: str
    photos: Mapping[ViewName, Path | bytes]
    cameras: Path | bytes | None = None
    name: str | None = None
    created: datetime | None = None
    notes: str = ""
    extra: Mapping[str, bytes] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


def add_capture(root: Path, new: NewCapture, progress: Progress = silent, cancel: CancelToken | None = None) -> Path:
    """Keep a capture in the library at `root`; returns its folder.

    Raises PictureError when a photo cannot be read, OutputError when the disk refuses, Cancelled; nothing is then left behind.
    """
    cancel = cancel or CancelToken()
    if not new.photos:
        raise LibraryError("A capture without photos cannot be kept.", "Give one, two or three photos.")
    with explained(f"The capture cannot be kept in {root}"):
        session = session_folder(root, new.subject, new.session)
        with staging_folder(session) as staging:
            content = _fill(staging, new, progress, cancel)
            cancel.check()
            name = _publish(staging, session, new.name, content)
    progress("import", 1.0, name)
    return session / name


def _publish(staging: Path, session: Path, given: str | None, content: dict[str, Any]) -> str:
    """Give a filled folder the first name that is free, its own or a number; returns it."""
    wanted = None if given is None else folder_name(given)
    while True:
        name = _next_number(session) if wanted is None else free_name(wanted, lambda n: (session / n).exists())
        content["name"] = given if given and wanted == name else name
        (staging / layout.CAPTURE_FILE).write_bytes(layout.json_bytes(content))
        try:
            publish(staging, session / name)
        except NameTakenError:
            continue  # another window was faster: the next name is free
        return name


def make_subject(root: Path, name: str) -> Path:
    """The folder of a subject by name, made with its subject.json when there is none."""
    folder = _named_child(root, name, layout.SUBJECT_FILE) or _make(root, name, layout.SUBJECT_FILE)
    return folder


def session_folder(root: Path, subject: str, session: str) -> Path:
    """The folder of a session by the names of its subject and itself; both are made with their JSON files when there are none."""
    with _making:
        above = make_subject(root, subject)
        return _named_child(above, session, layout.SESSION_FILE) or _make(above, session, layout.SESSION_FILE)


def _named_child(parent: Path, name: str, file: str) -> Path | None:
    """The folder that shows this name: usually the one called so; the others are asked only when it is not."""
    wanted = name.strip() or folder_name(name)
    likely = parent / folder_name(name)
    if likely.is_dir() and layout.shown_name(likely, file)[0] in (wanted, likely.name):
        return likely
    if not parent.is_dir():
        return None
    children = (p for p in sorted(parent.iterdir()) if not p.name.startswith(".") and p.is_dir())
    return next((p for p in children if layout.shown_name(p, file)[0] == wanted), None)


def _make(parent: Path, name: str, file: str) -> Path:
    folder = parent / free_name(folder_name(name), lambda n: (parent / n).exists())
    folder.mkdir(parents=True)
    content = {"schema": SCHEMA, "name": name.strip() or folder.name, "notes": "", "created": _now()}
    if file == layout.SUBJECT_FILE:
        content["id"] = secrets.token_hex(8)  # survives renaming, so that erasing finds what lies in the trash
    write_file(folder / file, layout.json_bytes(content))
    return folder


def _fill(staging: Path, new: NewCapture, progress: Progress, cancel: CancelToken) -> dict[str, Any]:
    noted: dict[str, dict[str, str]] = {}
    ordered = [view for view in ViewName if view in new.photos]
    for k, view in enumerate(ordered):
        source = new.photos[view]
        progress("import", k / len(ordered), source.name if isinstance(source, Path) else str(view))
        target = staging / f"{view}{_ending(source)}"
        noted[str(view)] = {"file": target.name, "sha256": _copy(source, target, cancel)}
        if isinstance(source, Path):
            noted[str(view)]["source"] = source.name
    if new.cameras is not None:
        _copy(new.cameras, staging / layout.CAMERAS_FILE, cancel)
    for name, content in new.extra.items():
        if folder_name(name) != name or (staging / name).exists():
            raise ValueError(f"{name!r} cannot be a further file of a capture")
        (staging / name).write_bytes(content)
    created = (new.created or datetime.now()).isoformat(timespec="seconds")
    return {"schema": SCHEMA, "name": "", "created": created, "notes": new.notes, "photos": noted, **new.facts}


def _ending(source: Path | bytes) -> str:
    if isinstance(source, Path):
        ending = source.suffix.lower()
        if ending in layout.PICTURE_ENDINGS:
            return ending
        with _readable(source), source.open("rb") as file:
            start = file.read(4)
        where = source.name
    else:
        start, where = source[:4], "The photo"
    for signature, ending in _SIGNATURES.items():
        if start.startswith(signature):
            return ending
    raise PictureError(f"{where} is not a picture.", "Use a JPEG, PNG, TIFF, WebP or BMP file.")


def _copy(source: Path | bytes, target: Path, cancel: CancelToken) -> str:
    """Copy bit for bit; returns the SHA-256."""
    digest = hashlib.sha256()
    if isinstance(source, bytes):
        target.write_bytes(source)
        digest.update(source)
        return digest.hexdigest()
    with _readable(source):
        reader = source.open("rb")
    with reader, target.open("wb") as writer:
        while True:
            cancel.check()
            with _readable(source):
                chunk = reader.read(_CHUNK)
            if not chunk:
                return digest.hexdigest()
            digest.update(chunk)
            writer.write(chunk)


class _readable:
    """Says which photo it was that could not be read: the disk that is read is not the one that is written."""

    def __init__(self, source: Path) -> None:
        self.source = source

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise PictureError(
                f"{self.source} cannot be read ({said_by_system(error)}).", "Check that the file is there and yours."
            ) from error


def _next_number(session: Path) -> str:
    number = 1
    while (session / f"capture {number}").exists():
        number += 1
    return f"capture {number}"


def _now() -> str:
    return datetime.now().isoformat(timespec="seconds")
