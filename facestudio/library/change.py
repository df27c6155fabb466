"""Names, notes and the order of views are changed so that a kill at any moment leaves the old or the new, never a mixture."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facestudio.atomic import write_file
from facestudio.library import layout
from facestudio.library.add import session_folder
from facestudio.library.marks import refuse_when_busy
from facestudio.library.names import folder_name, free_name
from facestudio.library.records import LibraryError
from facestudio.library.staging import explained, replace, staging_folder
from facestudio.library.thumbnails import forget_thumbnails
from facestudio.library.trash import follow_rename
from facestudio.types import ViewName


def rename_capture(capture: Path, name: str) -> Path:
    """Give a capture another name, and its folder the nearest one a folder can have; returns the folder."""
    return _rename(capture, layout.CAPTURE_FILE, name)


def rename_folder(folder: Path, file: str, name: str) -> Path:
    """The same for a session or a subject: what lies in the trash follows."""
    moved = _rename(folder, file, name)
    if moved != folder:
        root = folder.parent if file == layout.SUBJECT_FILE else folder.parent.parent
        follow_rename(root, folder.relative_to(root), moved.relative_to(root))
    return moved


def move_capture(root: Path, capture: Path, subject: str, session: str, name: str) -> Path:
    """Move a capture to another subject or session, by their names, made when new; returns its folder there.

    name: what it shall be called; a number is added where that is taken.
    Raises LibraryError when the capture is busy or gone.
    """
    _present(capture)
    refuse_when_busy(capture)
    with explained(f"{capture.name} cannot be moved"):
        target = session_folder(root, subject, session)
        if target == capture.parent:
            return capture
        forget_thumbnails(capture)
        wanted = folder_name(name)
        moved = target / free_name(wanted, lambda other: (target / other).exists())
        capture.rename(moved)
        _change_json(moved, layout.CAPTURE_FILE, {"name": name if moved.name == wanted else moved.name})
    return moved


def write_notes(capture: Path, notes: str) -> None:
    """Write a capture's notes into its capture.json."""
    _change_json(capture, layout.CAPTURE_FILE, {"notes": notes})


def assign_views(capture: Path, order: Mapping[ViewName, ViewName]) -> None:
    """Say which view each photo is: {as it was: as it shall be}, a permutation onto distinct views. Pictures stay bit for bit.

    Raises LibraryError when the capture is busy or gone, ValueError when two photos would be the same view.
    """
    _present(capture)
    refuse_when_busy(capture)
    photos = layout.find_photos(capture)
    target = {view: order.get(view, view) for view in photos}
    if len(set(target.values())) != len(target):
        raise ValueError("two photos cannot be the same view")
    if all(old == new for old, new in target.items()):
        return
    names = {path.name: f"{target[view]}{path.suffix.lower()}" for view, path in photos.items()}
    content = _content(capture / layout.CAPTURE_FILE)
    noted = content.get("photos")
    if isinstance(noted, dict):
        moved = {str(new): dict(noted[str(old)]) for old, new in target.items() if isinstance(noted.get(str(old)), dict)}
        for view, entry in moved.items():
            entry["file"] = names.get(str(entry.get("file")), f"{view}.jpg")
        content["photos"] = moved
    with explained(f"The views of {capture.name} cannot be changed"), staging_folder(capture.parent) as staging:
        for path in sorted(capture.rglob("*")):
            place = path.relative_to(capture)
            if path.is_dir():
                (staging / place).mkdir()
            else:
                _link(path, staging / (names.get(place.name, place.name) if len(place.parts) == 1 else place))
        # What is written must be a new file: the link is still the old capture's.
        (staging / layout.CAPTURE_FILE).unlink(missing_ok=True)
        (staging / layout.CAPTURE_FILE).write_bytes(layout.json_bytes(content))
        replace(staging, capture)


def _rename(folder: Path, file: str, name: str) -> Path:
    _present(folder)
    refuse_when_busy(folder)
    shown = name.strip()
    if not shown:
        raise LibraryError("A name cannot be empty.", "Type a name.")
    wanted = folder_name(shown)

    def taken(candidate: str) -> bool:
        path = folder.with_name(candidate)
        # On disks that ignore case, "Anna" is the same folder as "anna", and may be renamed to it.
        return path.exists() and not path.samefile(folder)

    if taken(wanted):
        raise LibraryError(f"There is already one called {shown}.", "Choose another name.")
    with explained(f"{folder.name} cannot be renamed"):
        _change_json(folder, file, {"name": shown})
        forget_thumbnails(folder)
        moved = folder.with_name(free_name(wanted, taken))
        if moved.name != folder.name:
            folder.rename(moved)
    return moved


def _change_json(folder: Path, file: str, entries: Mapping[str, Any]) -> None:
    _present(folder)
    content = _content(folder / file)
    write_file(folder / file, layout.json_bytes({"schema": 1, **content, **entries}))


def _content(path: Path) -> dict[str, Any]:
    """What a file holds; nothing when it is damaged: then it is written anew."""
    try:
        return layout.read_json(path)
    except layout.DamagedJson:
        return {}


def _present(folder: Path) -> None:
    if not folder.is_dir():
        raise LibraryError(f"{folder.name} is no longer there.", "It may have been deleted or renamed: look in the library.")


def _link(path: Path, copy: Path) -> None:
    try:
        os.link(path, copy)
    except OSError:  # not every disk knows hard links
        shutil.copy2(path, copy)
