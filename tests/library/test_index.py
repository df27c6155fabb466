"""The index may be lost, damaged or old at any time: the files are the truth."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path

import pytest

from facestudio.library.add import NewCapture
from facestudio.library.records import LibraryError
from facestudio.library.store import Library


def damage(path: Path, how: str) -> None:
    """Ruin an index in one of the ways that indexes are ruined."""
    if how == "missing":
        path.unlink()
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_bytes(b"this is not a database" * 100)
    elif how == "cut off":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif how == "scribbled on":
        content = bytearray(path.read_bytes())
        content[1024:] = os.urandom(len(content) - 1024)
        path.write_bytes(bytes(content))
    elif how == "older":
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA user_version = 0")
        connection.close()
    elif how == "another program's":
        path.unlink()
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE captures (x)")
        connection.commit()
        connection.close()


@pytest.mark.parametrize("how", ["missing", "empty", "text", "cut off", "scribbled on", "older", "another program's"])
def test_a_lost_or_damaged_index_is_made_anew(library: Library, new: NewCapture, how: str) -> None:
    before = [library.add_capture(new) for _ in range(3)]
    library.close()
    for ending in ("-wal", "-shm"):
        library.index.path.with_name(library.index.path.name + ending).unlink(missing_ok=True)
    damage(library.index.path, how)
    again = Library.open(library.root)
    again.refresh()
    assert again.captures() == before
    assert not again.stale
    again.close()


def test_an_index_damaged_while_open_heals(library: Library, new: NewCapture) -> None:
    before = library.add_capture(new)
    library.index.scrub()
    damage(library.index.path, "scribbled on")
    library.index.path.with_name(library.index.path.name + "-wal").unlink(missing_ok=True)
    library.close()
    library.captures()
    library.refresh()
    assert library.captures() == [before]


def test_a_new_library_is_not_stale_but_one_that_lost_its_index_is(library: Library, new: NewCapture) -> None:
    assert not library.stale
    library.add_capture(new)
    library.close()
    library.index.path.unlink()
    again = Library.open(library.root)
    assert again.stale
    again.refresh()
    assert not again.stale
    again.close()


def test_an_index_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / ".index.sqlite").mkdir()
    with pytest.raises(LibraryError, match="cannot be used"):
        Library.open(tmp_path)


def test_a_library_whose_disk_goes_away_is_said(library: Library, new: NewCapture, tmp_path: Path) -> None:
    library.add_capture(new)
    library.close()
    library.root.rename(tmp_path / "unplugged")
    with pytest.raises(LibraryError, match="cannot be used"):
        library.find()
    with pytest.raises(LibraryError):
        library.refresh()


def test_a_moved_library_is_the_same_library(library: Library, new: NewCapture, tmp_path: Path) -> None:
    library.add_capture(new)
    library.close()
    moved = library.root.rename(tmp_path / "elsewhere")
    again = Library.open(moved)
    (record,) = again.captures()
    assert all(path.is_file() for path in record.photos.values())
    again.close()


def test_only_what_changed_is_read_again(library: Library, new: NewCapture) -> None:
    captures = [library.add_capture(new).path for _ in range(4)]
    old = captures[0].stat().st_mtime - 3600
    for path in [*library.root.rglob("*"), library.root]:
        os.utime(path, (old, old))
    library.refresh()
    assert library.refresh() == 0
    (captures[2] / "capture.json").write_text('{"name": "edited by hand"}')
    assert library.refresh() == 1
    assert sorted(r.name for r in library.captures()) == ["capture 1", "capture 2", "capture 4", "edited by hand"]


def test_threads_share_a_library(library: Library, new: NewCapture) -> None:
    problems: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(5):
                library.add_capture(new)
                library.refresh()
                library.captures("ada")
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    assert len(library.captures()) == 15
