"""Erasing a subject: every file, trashed capture, thumbnail and index row goes. A kill in the middle is finished at the next start.

The subject is first moved out of sight into `.erasing-RANDOM/item`, beside a note of what else must go; the note goes last.
Files are removed, not overwritten: on a modern disk only its own encryption makes removed blocks unreadable, and we do not pretend.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
import sqlite3
from pathlib import Path

from facestudio.atomic import write_file
from facestudio.library import layout
from facestudio.library.index import Index
from facestudio.library.marks import refuse_when_busy
from facestudio.library.records import LibraryError
from facestudio.library.staging import explained
from facestudio.library.trash import erase_from_trash, subject_id

ERASING = ".erasing-"
NOTE_FILE, ITEM_FOLDER = "erase.json", "item"


def erase_subject(index: Index, subject: Path) -> bool:
    """Erase a subject. False when another window kept the index from being cleaned; `finish_erasing` will do it.

    Raises LibraryError when work runs on one of its captures or it is gone, OutputError when the disk refuses.
    """
    if not subject.is_dir() or subject.parent != index.root:
        raise LibraryError("The subject is no longer there.", "It was erased or renamed before.")
    if subject.is_symlink():
        raise LibraryError(f"{subject.name} is a link to a folder elsewhere.", "Remove that folder and the link by hand.")
    refuse_when_busy(subject)
    with explained(f"{subject.name} cannot be erased"):
        entry = index.root / f"{ERASING}{secrets.token_hex(8)}"
        write_file(entry / NOTE_FILE, layout.json_bytes({"folder": subject.name, "id": subject_id(subject)}))
        try:
            subject.rename(entry / ITEM_FOLDER)
        except OSError:
            shutil.rmtree(entry, ignore_errors=True)
            raise
        return _finish(index, entry)


def finish_erasing(index: Index) -> None:
    """Finish what a killed process, or another window's open index, left unfinished."""
    for entry in list(index.root.glob(f"{ERASING}*")):
        with contextlib.suppress(OSError, sqlite3.Error, LibraryError):
            _finish(index, entry)


def _finish(index: Index, entry: Path) -> bool:
    """Each step may be repeated. Order: what shows a face first, names last."""
    try:
        note = layout.read_json(entry / NOTE_FILE)
    except layout.DamagedJson:
        note = {}
    folder, identity = str(note.get("folder", "")), str(note.get("id", ""))
    if (entry / ITEM_FOLDER).exists():
        shutil.rmtree(entry / ITEM_FOLDER)
    again = folder != "" and (index.root / folder).exists()  # a new subject of the same name was made since
    if folder:
        if not again:
            shutil.rmtree(index.root / layout.THUMBNAIL_FOLDER / folder, ignore_errors=True)
            known, *_ = index.stamps()
            if folder in known:
                with index.writing() as writer:
                    writer.forget("subjects", [known[folder][0]])
        erase_from_trash(index.root, "" if again else folder, identity)
    if not index.scrub():
        return False
    shutil.rmtree(entry)
    return True
