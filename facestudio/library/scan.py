"""The index is brought up to date from the files: only folders whose time stamps changed are read again."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from facestudio.library import layout
from facestudio.library.index import Index, Writer
from facestudio.library.staging import PARTIAL, REPLACED, recover
from facestudio.library.thumbnails import prune_thumbnails
from facestudio.progress import CancelToken, Progress, silent

STAGE = "library"
_BATCH = 200  # captures in one transaction: a second writer waits no longer than that takes
_FRESH_NS = (
    2_000_000_000  # what changed this recently may change again within one tick of the disk's clock: it is read next time too
)


@dataclass(frozen=True)
class _Folder:
    path: Path
    stamp: str


def refresh(index: Index, progress: Progress, cancel: CancelToken) -> int:
    """Bring the index up to date; returns how many entries changed. Sweeps what killed processes left behind."""
    root = index.root
    subjects_known, sessions_known, captures_known = index.stamps()
    now = time.time_ns()
    progress(STAGE, 0.0, "")
    changed = 0
    kept_subjects, kept_sessions, kept_captures = set[int](), set[int](), set[int]()
    to_read: list[tuple[int, _Folder]] = []
    for subject in _children(root, layout.SUBJECT_FILE, now):
        cancel.check()
        subject_key, stamp = subjects_known.get(subject.path.name, (0, ""))
        if not subject_key or not stamp or stamp != subject.stamp:
            changed += 1
            with index.writing() as writer:
                subject_key = _keep_subject(writer, subject)
        kept_subjects.add(subject_key)
        for session in _children(subject.path, layout.SESSION_FILE, now):
            cancel.check()
            session_key, stamp = sessions_known.get((subject_key, session.path.name), (0, ""))
            if not session_key or not stamp or stamp != session.stamp:
                changed += 1
                with index.writing() as writer:
                    session_key = _keep_session(writer, subject_key, session)
            kept_sessions.add(session_key)
            for capture in _captures(session.path, now):
                key, stamp = captures_known.get((session_key, capture.path.name), (0, ""))
                if not key or not stamp or stamp != capture.stamp:
                    to_read.append((session_key, capture))
                else:
                    kept_captures.add(key)
    for start in range(0, len(to_read), _BATCH):
        cancel.check()
        progress(STAGE, start / len(to_read), f"{start} of {len(to_read)}")
        with index.writing() as writer:
            for session_key, capture in to_read[start : start + _BATCH]:
                kept_captures |= {key for key in [_keep_capture(writer, session_key, capture)] if key}
    gone = 0
    for table, known, kept in (
        ("captures", captures_known.values(), kept_captures),
        ("sessions", sessions_known.values(), kept_sessions),
        ("subjects", subjects_known.values(), kept_subjects),
    ):
        gone += _forget(index, table, {key for key, _ in known} - kept)
    if gone:
        prune_thumbnails(root)
    index.stale = False
    progress(STAGE, 1.0, "")
    return changed + len(to_read) + gone


def refresh_one(index: Index, capture: Path) -> None:
    """Bring one capture's entry up to date, its subject's and session's too; forgets it when the folder is gone."""
    now = time.time_ns()
    session = capture.parent
    if not session.is_dir():
        refresh(index, silent, CancelToken())
        return
    with index.writing() as writer:
        subject_key = _keep_subject(writer, _stamped(session.parent, layout.SUBJECT_FILE, now))
        session_key = _keep_session(writer, subject_key, _stamped(session, layout.SESSION_FILE, now))
        if capture.is_dir() and _keep_capture(writer, session_key, _Folder(capture, _capture_stamp(capture, now))):
            return
        writer.forget_capture(session_key, capture.name)


def follow_rename(index: Index, old: Path, new: Path) -> None:
    """A subject's or session's folder was renamed: its rows follow, and what is in it need not be read again."""
    subjects, sessions, _ = index.stamps()
    parent, now = new.parent, time.time_ns()
    with index.writing() as writer:
        if parent == index.root:
            key = subjects.get(old.name, (0, ""))[0]
            if key:
                writer.move("subjects", key, new.name)
            _keep_subject(writer, _stamped(new, layout.SUBJECT_FILE, now))
        else:
            subject_key = _keep_subject(writer, _stamped(parent, layout.SUBJECT_FILE, now))
            key = sessions.get((subject_key, old.name), (0, ""))[0]
            if key:
                writer.move("sessions", key, new.name)
            _keep_session(writer, subject_key, _stamped(new, layout.SESSION_FILE, now))


def _keep_subject(writer: Writer, subject: _Folder) -> int:
    return writer.subject(subject.path.name, subject.stamp, *layout.shown_name(subject.path, layout.SUBJECT_FILE))


def _keep_session(writer: Writer, subject_key: int, session: _Folder) -> int:
    return writer.session(subject_key, session.path.name, session.stamp, *layout.shown_name(session.path, layout.SESSION_FILE))


def _keep_capture(writer: Writer, session_key: int, capture: _Folder) -> int:
    """The key of a capture read again from its files, or 0 when the folder holds none."""
    recover(capture.path)
    record = layout.read_capture(capture.path, "-", "-")  # the names above are in their own tables
    if record is None:
        return 0
    return writer.capture(session_key, capture.stamp, record, layout.photo_hashes(capture.path).values())


def _forget(index: Index, table: str, keys: Iterable[int]) -> int:
    gone = list(keys)
    if gone:
        with index.writing() as writer:
            writer.forget(table, gone)
    return len(gone)


def _children(folder: Path, file: str, now: int) -> Iterator[_Folder]:
    for name in _visible_folders(folder):
        yield _stamped(folder / name, file, now)


def _captures(session: Path, now: int) -> Iterator[_Folder]:
    for name in _visible_folders(session):
        yield _Folder(session / name, _capture_stamp(session / name, now))


def _visible_folders(folder: Path) -> list[str]:
    """Names of the folders in a folder that are not the library's own; killed processes' leftovers are swept on the way."""
    try:
        names = _folder_names(folder)
        if any(name.startswith((PARTIAL, REPLACED)) for name in names) and recover(folder):
            names = _folder_names(folder)
    except OSError:  # no permission, or gone since: the rest of the library is still there
        return []
    return sorted(name for name in names if not name.startswith("."))


def _folder_names(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries if entry.is_dir(follow_symlinks=True)]


def _stamped(folder: Path, file: str, now: int) -> _Folder:
    return _Folder(folder, _stamp([_changed(f"{folder}{os.sep}{file}")], now))


def _capture_stamp(folder: Path, now: int) -> str:
    """Changes with anything that `read_capture` looks at: a file that comes or goes, a capture.json edited in place, the head."""
    places = (f"{folder}", f"{folder}{os.sep}{layout.CAPTURE_FILE}", f"{folder}{os.sep}{layout.HEAD_FOLDER}")
    return _stamp([_changed(place) for place in places], now)


def _changed(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116  three of these for each of 10,000 captures
    except OSError:
        return 0


def _stamp(times: list[int], now: int) -> str:
    return "" if max(times) > now - _FRESH_NS else " ".join(map(str, times))
