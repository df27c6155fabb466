"""Deleting moves a capture to LIBRARY/.trash, from where it can be brought back until the trash is emptied.

Each item is a folder `.trash/RANDOM/{trash.json, item/}`; the note is written first, so that an item always has one.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
from datetime import datetime
from pathlib import Path

from facestudio.atomic import flush_folder, write_file
from facestudio.library import layout
from facestudio.library.marks import refuse_when_busy
from facestudio.library.names import free_name
from facestudio.library.records import LibraryError, TrashedItem
from facestudio.library.staging import explained
from facestudio.library.thumbnails import forget_thumbnails

NOTE_FILE, ITEM_FOLDER = "trash.json", "item"


def delete(root: Path, capture: Path) -> TrashedItem:
    """Move a capture to the trash. Raises LibraryError when it is busy or gone."""
    if not capture.is_dir():
        raise LibraryError(f"{capture.name} is no longer there.", "It was deleted or renamed before.")
    refuse_when_busy(capture)
    with explained(f"{capture.name} cannot be deleted"):
        entry = root / layout.TRASH_FOLDER / secrets.token_hex(8)
        place = capture.relative_to(root)
        now = datetime.now()
        note = {"original": place.as_posix(), "subject_id": subject_id(root / place.parts[0]), "deleted": now.isoformat()}
        write_file(entry / NOTE_FILE, layout.json_bytes(note))
        forget_thumbnails(capture)
        try:
            capture.rename(entry / ITEM_FOLDER)
        except OSError:
            shutil.rmtree(entry, ignore_errors=True)
            raise
        flush_folder(capture.parent)
    return TrashedItem(entry, capture, now)


def restore(root: Path, item: TrashedItem) -> Path:
    """Bring a capture back to where its note says, or beside it when that place is taken; returns its folder."""
    original = _original(root, item.path)
    if original is None or not (item.path / ITEM_FOLDER).is_dir():
        raise LibraryError(
            "It is no longer in the trash.", "It was erased, or the trash was emptied: it cannot be brought back."
        )
    with explained(f"{original.name} cannot be brought back"):
        original.parent.mkdir(parents=True, exist_ok=True)
        target = original.with_name(free_name(original.name, lambda name: original.with_name(name).exists()))
        (item.path / ITEM_FOLDER).rename(target)
        flush_folder(target.parent)
    shutil.rmtree(item.path, ignore_errors=True)
    return target


def trashed(root: Path) -> list[TrashedItem]:
    """What lies in the trash, newest first."""
    items = []
    for entry in _entries(root):
        original = _original(root, entry)
        if original is not None and (entry / ITEM_FOLDER).is_dir():
            items.append(TrashedItem(entry, original, _deleted(entry)))
    return sorted(items, key=lambda item: item.deleted, reverse=True)


def empty_trash(root: Path) -> int:
    """Remove everything in the trash for good; returns how many captures there were."""
    entries = _entries(root)
    with explained("The trash cannot be emptied"):
        for entry in entries:
            shutil.rmtree(entry)
    return len(entries)


def erase_from_trash(root: Path, subject_folder: str, identity: str) -> None:
    """Remove what lies in the trash of one subject for good, whatever it was called when it was deleted."""
    for entry in _entries(root):
        note = _note(entry)
        folder = str(note.get("original", "")).split("/")[0]
        if folder == subject_folder or (identity and note.get("subject_id") == identity) or not note:
            shutil.rmtree(entry)


def follow_rename(root: Path, old: Path, new: Path) -> None:
    """A session or subject was renamed (paths relative to the library): deleted captures return to the new place."""
    for entry in _entries(root):
        note = _note(entry)
        original = Path(str(note.get("original", "")))
        if original.is_relative_to(old):
            note["original"] = (new / original.relative_to(old)).as_posix()
            write_file(entry / NOTE_FILE, layout.json_bytes(note))


def subject_id(subject: Path) -> str:
    """The number a subject was given when it was made, which no renaming changes; empty when unknown."""
    with contextlib.suppress(layout.DamagedJson):
        found = layout.read_json(subject / layout.SUBJECT_FILE).get("id")
        return found if isinstance(found, str) else ""
    return ""


def _entries(root: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return [path for path in (root / layout.TRASH_FOLDER).iterdir() if path.is_dir()]
    return []


def _note(entry: Path) -> dict[str, object]:
    with contextlib.suppress(layout.DamagedJson):
        return layout.read_json(entry / NOTE_FILE)
    return {}


def _original(root: Path, entry: Path) -> Path | None:
    parts = Path(str(_note(entry).get("original", ""))).parts
    # A note edited by hand must not lead out of the library.
    return root.joinpath(*parts) if len(parts) == 3 and ".." not in parts and not Path(*parts).is_absolute() else None


def _deleted(entry: Path) -> datetime:
    with contextlib.suppress(ValueError):
        return datetime.fromisoformat(str(_note(entry).get("deleted", "")))
    return datetime.fromtimestamp(0)
