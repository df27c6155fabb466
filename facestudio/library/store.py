"""The library: what the window asks for, and what it can do with subjects, sessions and captures.

Two windows may use the same library: captures come whole, each change is a rename, and the index is shared by SQLite's own locks.
Whoever comes second to the same folder is told that it is gone or busy. Safe from several threads.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from facestudio.library import layout, scan
from facestudio.library.add import NewCapture, add_capture
from facestudio.library.change import assign_views, move_capture, rename_capture, rename_folder, write_notes
from facestudio.library.erase import erase_subject, finish_erasing
from facestudio.library.export_subject import export_subject
from facestudio.library.index import Index
from facestudio.library.marks import mark_exported
from facestudio.library.records import (
    CaptureRecord,
    CaptureState,
    Group,
    LibraryError,
    Listing,
    SessionRecord,
    SubjectRecord,
    TrashedItem,
)
from facestudio.library.staging import explained
from facestudio.library.trash import delete, empty_trash, restore, trashed
from facestudio.progress import CancelToken, Progress, silent
from facestudio.types import ViewName


class Library:
    """A library folder, opened. `open` is quick; `refresh` looks at every folder and belongs in a worker."""

    def __init__(self, root: Path) -> None:
        """Use `Library.open`."""
        self.root = root
        self.index = Index(root)

    @classmethod
    def open(cls, root: Path) -> Library:
        """Open the library at `root`, made when there is none. Shows what its index knows until `refresh` has looked.

        Raises OutputError when the folder cannot be made or written.
        """
        root = root.expanduser()
        with explained(f"The library {root} cannot be opened"):
            root.mkdir(parents=True, exist_ok=True)
            library = cls(root.resolve())
            library.index.open()
            if library.index.stale and not any(not path.name.startswith(".") for path in root.iterdir()):
                library.index.stale = False  # a new library: there is nothing to read
        return library

    def close(self) -> None:
        """Let go of the index. The library may be used again afterwards."""
        self.index.close()

    @property
    def stale(self) -> bool:
        """The index was missing, damaged or old, and is empty until `refresh` has filled it."""
        return self.index.stale

    def refresh(self, progress: Progress = silent, cancel: CancelToken | None = None) -> int:
        """Bring the index up to date with the files; returns how many entries changed. Finishes what a killed process began."""
        finish_erasing(self.index)
        try:
            return scan.refresh(self.index, progress, cancel or CancelToken())
        except sqlite3.DatabaseError:  # damaged where nobody had looked yet: once more, from the files alone
            self.index.discard()
            return scan.refresh(self.index, progress, cancel or CancelToken())

    def update(self, capture: Path) -> CaptureRecord | None:
        """Look at one capture again, after work on it; None when it is gone."""
        scan.refresh_one(self.index, capture)
        return layout.read_capture(capture)

    # What there is ------------------------------------------------------------------------------------------------------------

    def find(self, search: str = "", states: Collection[CaptureState] = (), subject: Path | None = None) -> Listing:
        """Captures whose names, dates or notes hold every word of `search`, in one of `states` (none given: all)."""
        found = self.index.find(search.casefold().split(), states, subject.name if subject else None)
        names = self.index.session_names()
        groups: list[Group] = []
        first = 0
        for session, run in itertools.groupby(found.sessions):
            count = sum(1 for _ in run)
            groups.append(Group(*names.get(session, ("", "")), first, count))
            first += count
        return Listing(found.keys, tuple(groups))

    def records(self, keys: Sequence[int]) -> list[CaptureRecord]:
        """The records of some keys of a listing, in their order; captures gone since are left out."""
        return self.index.records(keys)

    def key(self, capture: Path) -> int | None:
        """The key by which a capture stands in listings; None when it is not known."""
        return self.index.key_of(*capture.parts[-3:])

    def captures(
        self, search: str = "", states: Collection[CaptureState] = (), subject: Path | None = None
    ) -> list[CaptureRecord]:
        """All records that `find` finds. For long listings take `find` and `records`, a page at a time."""
        return self.records(self.find(search, states, subject).keys)

    def capture(self, path: Path) -> CaptureRecord:
        """One capture, read from its files. Raises LibraryError when there is none."""
        record = layout.read_capture(path)
        if record is None:
            raise LibraryError(f"There is no capture in {path}.", "It may have been deleted or renamed: look in the library.")
        return record

    def subjects(self) -> list[SubjectRecord]:
        """All subjects, sorted by name."""
        return [SubjectRecord(self.root / folder, name, count, notes) for folder, name, notes, count in self.index.subjects()]

    def sessions(self, subject: Path) -> list[SessionRecord]:
        """The sessions of a subject, sorted by name."""
        rows = self.index.sessions(subject.name)
        return [SessionRecord(subject / folder, above, name, count, notes) for folder, above, name, notes, count in rows]

    def counts(self) -> dict[CaptureState, int]:
        """How many captures are in each state."""
        known = self.index.counts()
        return {state: known.get(state, 0) for state in CaptureState}

    def interrupted(self) -> list[CaptureRecord]:
        """Captures whose job ended without an end: the process that ran it is gone."""
        return [record for record in self.records(self.index.busy()) if record.interrupted]

    def duplicates(self, hashes: Sequence[str]) -> dict[str, CaptureRecord]:
        """SHA-256 of a photo -> a capture that has it already."""
        keys = self.index.keys_of_hashes(hashes)
        return {digest: record for digest, key in keys.items() for record in self.records([key])}

    # What can be done ---------------------------------------------------------------------------------------------------------

    def add_capture(self, new: NewCapture, progress: Progress = silent, cancel: CancelToken | None = None) -> CaptureRecord:
        """Keep a capture, whole or not at all. Raises PictureError, OutputError, Cancelled."""
        return self._now(add_capture(self.root, new, progress, cancel))

    def rename_capture(self, capture: Path, name: str) -> CaptureRecord:
        """Give a capture another name, and its folder too. Raises LibraryError when it is busy or gone."""
        moved = rename_capture(capture, name)
        scan.refresh_one(self.index, capture)
        return self._now(moved)

    def move_capture(self, capture: Path, subject: str, session: str, name: str = "") -> CaptureRecord:
        """Move a capture to another subject or session, by their names, made when new. name: "": the one it has."""
        moved = move_capture(self.root, capture, subject, session, name or self.capture(capture).name)
        scan.refresh_one(self.index, capture)
        return self._now(moved)

    def rename_session(self, session: Path, name: str) -> Path:
        """Give a session another name; returns its folder."""
        moved = rename_folder(session, layout.SESSION_FILE, name)
        scan.follow_rename(self.index, session, moved)
        return moved

    def rename_subject(self, subject: Path, name: str) -> Path:
        """Give a subject another name; returns its folder. The old name is forgotten: in the index and in the trash, too."""
        moved = rename_folder(subject, layout.SUBJECT_FILE, name)
        scan.follow_rename(self.index, subject, moved)
        self.index.scrub(whole=False)
        return moved

    def set_notes(self, capture: Path, notes: str) -> CaptureRecord:
        """Write a capture's notes."""
        write_notes(capture, notes)
        return self._now(capture)

    def assign_views(self, capture: Path, order: Mapping[ViewName, ViewName]) -> CaptureRecord:
        """Say which view each photo is: {as it was: as it shall be}. The pictures stay bit for bit what they are."""
        assign_views(capture, order)
        return self._now(capture)

    def mark_exported(self, capture: Path, target: Path, files: Collection[str] = ()) -> CaptureRecord:
        """Note that a capture's head was exported to a folder."""
        mark_exported(capture, target, files)
        return self._now(capture)

    def delete(self, capture: Path) -> TrashedItem:
        """Move a capture to the trash."""
        item = delete(self.root, capture)
        scan.refresh_one(self.index, capture)
        return item

    def restore(self, item: TrashedItem) -> CaptureRecord:
        """Bring a deleted capture back to where it was. Raises LibraryError when it was erased or purged since."""
        return self._now(restore(self.root, item))

    def trash(self) -> list[TrashedItem]:
        """What was deleted, newest first."""
        return trashed(self.root)

    def empty_trash(self) -> int:
        """Remove what was deleted for good; returns how many captures."""
        return empty_trash(self.root)

    def export_subject(
        self, subject: Path, target: Path, progress: Progress = silent, cancel: CancelToken | None = None
    ) -> Path:
        """Write everything kept of a subject into a ZIP file."""
        return export_subject(subject, target, progress, cancel)

    def erase_subject(self, subject: Path) -> bool:
        """Remove every file, trashed capture, thumbnail and index row of a subject. False when another window kept the index open.

        It is then complete after the next `refresh`. Files that were exported to other places are not the library's to erase.
        """
        return erase_subject(self.index, subject)

    def _now(self, capture: Path) -> CaptureRecord:
        scan.refresh_one(self.index, capture)
        return self.capture(capture)
