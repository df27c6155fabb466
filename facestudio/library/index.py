"""The SQLite index over the library's files: fast to open and to search, and thrown away whenever it is in doubt.

Every thread has its own connection; SQLite's write-ahead log lets the window read while a worker, or a second window, writes.
Deleted content is overwritten (secure_delete), because what is indexed is personal.
"""

from __future__ import annotations

import contextlib
import functools
import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar

from facestudio.library import layout
from facestudio.library.records import CaptureRecord, CaptureState, LibraryError
from facestudio.library.rows import record_from, row_of, sort_key

SCHEMA = 1
_APPLICATION = 0x46535458  # "FSTX": a file of another program is never taken for the index
_WAIT_SECONDS = 10.0
_TABLES = """
CREATE TABLE subjects (id INTEGER PRIMARY KEY, dir TEXT NOT NULL UNIQUE, stamp TEXT NOT NULL, name TEXT NOT NULL, notes TEXT NOT NULL,
    sort TEXT NOT NULL, search TEXT NOT NULL);
CREATE TABLE sessions (id INTEGER PRIMARY KEY, subject INTEGER NOT NULL REFERENCES subjects ON DELETE CASCADE, dir TEXT NOT NULL,
    stamp TEXT NOT NULL, name TEXT NOT NULL, notes TEXT NOT NULL, sort TEXT NOT NULL, search TEXT NOT NULL, UNIQUE (subject, dir));
CREATE TABLE captures (id INTEGER PRIMARY KEY, session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE, dir TEXT NOT NULL,
    stamp TEXT NOT NULL, state TEXT NOT NULL, created TEXT NOT NULL, sort TEXT NOT NULL, search TEXT NOT NULL, record TEXT NOT NULL,
    busy INTEGER NOT NULL, UNIQUE (session, dir));
CREATE TABLE photos (sha256 TEXT NOT NULL, capture INTEGER NOT NULL REFERENCES captures ON DELETE CASCADE);
CREATE INDEX photos_by_hash ON photos (sha256);
CREATE INDEX photos_by_capture ON photos (capture);
"""
P = ParamSpec("P")
T = TypeVar("T")


class Found(NamedTuple):
    """What a search found, in the order shown. keys: the captures; sessions: of each, the key of its session."""

    keys: tuple[int, ...]
    sessions: tuple[int, ...]


def _healing(method: Callable[Concatenate[Index, P], T]) -> Callable[Concatenate[Index, P], T]:
    """Start afresh when the index turns out to be damaged; it is then empty, and `Index.stale` says so."""

    @functools.wraps(method)
    def healed(self: Index, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(self, *args, **kwargs)
        except sqlite3.OperationalError as error:
            raise self.unusable(error) from error  # locked, no disk, no space: the file itself may be sound
        except sqlite3.DatabaseError:
            self.discard()
            return method(self, *args, **kwargs)

    return healed


class Index:
    """The index of the library at `root`. `stale` is true while it was made anew and has not been filled."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = root / layout.INDEX_FILE
        self.stale = False
        self._local = threading.local()
        self._lock = threading.RLock()
        self._open: list[sqlite3.Connection] = []
        self._generation = 0

    def close(self) -> None:
        """Close every thread's connection."""
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(sqlite3.Error):
                    connection.close()
            self._open.clear()
            self._generation += 1

    def discard(self) -> None:
        """Throw the index away; the next use makes an empty one."""
        with self._lock:
            self.close()
            for ending in ("", "-wal", "-shm", "-journal"):
                with contextlib.suppress(OSError):
                    self.path.with_name(self.path.name + ending).unlink(missing_ok=True)
            self.stale = True

    @_healing
    def open(self) -> None:
        """Open it now, or make an empty one."""
        self._connection()

    @_healing
    def find(self, words: Sequence[str], states: Iterable[CaptureState], subject: str | None) -> Found:
        """Captures that hold every word (casefolded), in the order shown; subject: folder name, or None for all."""
        where, values = ["1"], list[Any]()
        for word in words:
            where.append("instr(s.search || ' ' || v.search || ' ' || c.search, ?) > 0")
            values.append(word)
        wanted = [str(state) for state in states]
        if wanted:
            where.append(f"c.state IN ({','.join('?' * len(wanted))})")
            values += wanted
        if subject is not None:
            where.append("s.dir = ?")
            values.append(subject)
        # One row holds all: SQLite lets go of Python's lock at each row, and beside a busy thread taking it back 10,000 times is slow.
        query = (
            "SELECT group_concat(key), group_concat(session) FROM (SELECT c.id AS key, v.id AS session FROM captures c "
            "JOIN sessions v ON v.id = c.session JOIN subjects s ON s.id = v.subject "
            f"WHERE {' AND '.join(where)} ORDER BY s.sort, s.id, v.sort, v.id, c.created, c.sort)"
        )
        keys, sessions = self._connection().execute(query, values).fetchone()
        return Found(_numbers(keys), _numbers(sessions))

    @_healing
    def session_names(self) -> dict[int, tuple[str, str]]:
        """Key of a session -> (subject's name, session's name), in one row for the same reason."""
        query = "SELECT json_group_array(json_array(v.id, s.name, v.name)) FROM sessions v JOIN subjects s ON s.id = v.subject"
        (rows,) = self._connection().execute(query).fetchone()
        return {key: (subject, session) for key, subject, session in json.loads(rows)}

    @_healing
    def records(self, keys: Sequence[int]) -> list[CaptureRecord]:
        """The records of some keys, in their order; those gone meanwhile are left out."""
        found: dict[int, CaptureRecord] = {}
        for start in range(0, len(keys), 500):
            part = keys[start : start + 500]
            query = (
                "SELECT c.id, s.dir, s.name, v.dir, v.name, c.dir, c.created, c.state, c.record FROM captures c "
                "JOIN sessions v ON v.id = c.session JOIN subjects s ON s.id = v.subject "
                f"WHERE c.id IN ({','.join('?' * len(part))})"
            )
            for key, *row in self._connection().execute(query, part):
                found[key] = record_from(self.root, *row)
        return [found[key] for key in keys if key in found]

    @_healing
    def subjects(self) -> list[tuple[str, str, str, int]]:
        """(folder, name, notes, captures) of each subject, sorted by name."""
        query = (
            "SELECT s.dir, s.name, s.notes, COUNT(c.id) FROM subjects s LEFT JOIN sessions v ON v.subject = s.id "
            "LEFT JOIN captures c ON c.session = v.id GROUP BY s.id ORDER BY s.sort, s.id"
        )
        return self._connection().execute(query).fetchall()

    @_healing
    def sessions(self, subject: str) -> list[tuple[str, str, str, str, int]]:
        """(folder, subject's name, name, notes, captures) of each session of a subject, sorted by name."""
        query = (
            "SELECT v.dir, s.name, v.name, v.notes, COUNT(c.id) FROM sessions v JOIN subjects s ON s.id = v.subject "
            "LEFT JOIN captures c ON c.session = v.id WHERE s.dir = ? GROUP BY v.id ORDER BY v.sort, v.id"
        )
        return self._connection().execute(query, (subject,)).fetchall()

    @_healing
    def counts(self) -> dict[CaptureState, int]:
        """How many captures are in each state."""
        rows = self._connection().execute("SELECT state, COUNT(*) FROM captures GROUP BY state")
        return {CaptureState(state): count for state, count in rows}

    @_healing
    def keys_of_hashes(self, hashes: Sequence[str]) -> dict[str, int]:
        """SHA-256 -> key of a capture that holds that photo."""
        found: dict[str, int] = {}
        for start in range(0, len(hashes), 500):
            part = hashes[start : start + 500]
            query = f"SELECT sha256, capture FROM photos WHERE sha256 IN ({','.join('?' * len(part))})"
            found |= dict(self._connection().execute(query, part))
        return found

    @_healing
    def key_of(self, subject: str, session: str, capture: str) -> int | None:
        """The key of a capture by the names of its folders; None when it is not known."""
        query = (
            "SELECT c.id FROM captures c JOIN sessions v ON v.id = c.session JOIN subjects s ON s.id = v.subject "
            "WHERE s.dir = ? AND v.dir = ? AND c.dir = ?"
        )
        row = self._connection().execute(query, (subject, session, capture)).fetchone()
        return int(row[0]) if row else None

    @_healing
    def busy(self) -> list[int]:
        """Keys of the captures that hold a job.json."""
        return [key for (key,) in self._connection().execute("SELECT id FROM captures WHERE busy")]

    @_healing
    def stamps(
        self,
    ) -> tuple[dict[str, tuple[int, str]], dict[tuple[int, str], tuple[int, str]], dict[tuple[int, str], tuple[int, str]]]:
        """What is indexed, with its (key, stamp): subjects by folder, sessions by (subject, folder), captures by (session, folder)."""
        connection = self._connection()
        subjects = {folder: (key, stamp) for key, folder, stamp in connection.execute("SELECT id, dir, stamp FROM subjects")}
        sessions = {
            (s, folder): (k, stamp)
            for k, s, folder, stamp in connection.execute("SELECT id, subject, dir, stamp FROM sessions")
        }
        query = "SELECT id, session, dir, CASE WHEN busy THEN '' ELSE stamp END FROM captures"
        captures = {(v, folder): (k, stamp) for k, v, folder, stamp in connection.execute(query)}
        return subjects, sessions, captures

    @contextlib.contextmanager
    def writing(self) -> Iterator[Writer]:
        """One transaction: all of it is kept, or nothing."""
        try:
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield Writer(connection)
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise self.unusable(error) from error

    def unusable(self, error: sqlite3.Error) -> LibraryError:
        """What SQLite refused, in the operator's words."""
        return LibraryError(
            f"The index of the library {self.root} cannot be used ({error}).",
            "Check that the disk is there, is not full and may be written, then try again.",
        )

    @_healing
    def scrub(self, whole: bool = True) -> bool:
        """Leave no trace of what was deleted or changed. False when another window kept it from being complete.

        whole: write the index anew as well; else what is freed was overwritten as it was freed, and only the log is emptied.
        """
        connection = self._connection()
        if whole:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("VACUUM")
        left, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not left

    def _connection(self) -> sqlite3.Connection:
        held = getattr(self._local, "connection", None)
        if held is not None and self._local.generation == self._generation:
            return held  # type: ignore[no-any-return]
        with self._lock:
            connection = self._connect()
            self._open.append(connection)
            self._local.connection, self._local.generation = connection, self._generation
        return connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA secure_delete = ON")
            # Some network disks know no shared memory: SQLite then stays with its older journal, by itself.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if (application, version) == (_APPLICATION, SCHEMA):
                return connection
            if connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]:
                raise sqlite3.DatabaseError("an index of another version")
            self._create(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _create(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        if not connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]:  # else a second window was faster
            for statement in _TABLES.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            connection.execute(f"PRAGMA user_version = {SCHEMA}")
            self.stale = True
        connection.execute("COMMIT")


class Writer:
    """What can be written within one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def subject(self, folder: str, stamp: str, name: str, notes: str) -> int:
        """Keep a subject; returns its key."""
        query = (
            "INSERT INTO subjects (dir, stamp, name, notes, sort, search) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (dir) DO UPDATE SET "
            "stamp = excluded.stamp, name = excluded.name, notes = excluded.notes, sort = excluded.sort, search = excluded.search "
            "RETURNING id"
        )
        values = (folder, stamp, name, notes, sort_key(name), f"{name} {notes}".casefold())
        return int(self._connection.execute(query, values).fetchone()[0])

    def session(self, subject: int, folder: str, stamp: str, name: str, notes: str) -> int:
        """Keep a session; returns its key."""
        query = (
            "INSERT INTO sessions (subject, dir, stamp, name, notes, sort, search) VALUES (?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (subject, dir) DO UPDATE SET "
            "stamp = excluded.stamp, name = excluded.name, notes = excluded.notes, sort = excluded.sort, search = excluded.search "
            "RETURNING id"
        )
        values = (subject, folder, stamp, name, notes, sort_key(name), f"{name} {notes}".casefold())
        return int(self._connection.execute(query, values).fetchone()[0])

    def capture(self, session: int, stamp: str, record: CaptureRecord, hashes: Iterable[str]) -> int:
        """Keep a capture and the hashes of its photos; returns its key."""
        query = (
            "INSERT INTO captures (session, dir, stamp, state, created, sort, search, record, busy) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (session, dir) DO UPDATE SET stamp = excluded.stamp, state = excluded.state, created = excluded.created, "
            "sort = excluded.sort, search = excluded.search, record = excluded.record, busy = excluded.busy RETURNING id"
        )
        busy = int(record.job is not None)
        search = f"{record.name} {record.notes} {record.created:%Y-%m-%d}".casefold()
        values = (
            session,
            record.path.name,
            stamp,
            str(record.state),
            record.created.isoformat(),
            sort_key(record.name),
            search,
            json.dumps(row_of(record)),
            busy,
        )
        key = int(self._connection.execute(query, values).fetchone()[0])
        self._connection.execute("DELETE FROM photos WHERE capture = ?", (key,))
        self._connection.executemany("INSERT INTO photos VALUES (?, ?)", [(digest, key) for digest in hashes])
        return key

    def forget(self, table: str, keys: Iterable[int]) -> None:
        """Forget subjects, sessions or captures, with all that is in them."""
        if table not in ("subjects", "sessions", "captures"):
            raise ValueError(f"no table {table!r}")
        self._connection.executemany(f"DELETE FROM {table} WHERE id = ?", [(key,) for key in keys])

    def forget_capture(self, session: int, folder: str) -> None:
        """Forget the capture of a session that lay in this folder."""
        self._connection.execute("DELETE FROM captures WHERE session = ? AND dir = ?", (session, folder))

    def move(self, table: str, key: int, folder: str) -> None:
        """A subject's or session's folder has another name now; what is in it is as it was."""
        if table not in ("subjects", "sessions"):
            raise ValueError(f"no table {table!r}")
        self._connection.execute(f"UPDATE OR REPLACE {table} SET dir = ?, stamp = '' WHERE id = ?", (folder, key))


def _numbers(joined: str | None) -> tuple[int, ...]:
    return tuple(map(int, joined.split(","))) if joined else ()
