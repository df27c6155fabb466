"""Erasing means every byte: the whole library folder is searched afterwards."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from PIL import Image

from facestudio.errors import PictureError
from facestudio.library import erase
from facestudio.library.add import NewCapture
from facestudio.library.records import LibraryError
from facestudio.library.store import Library
from facestudio.library.thumbnails import make_thumbnail, thumbnail_path
from tests.library.conftest import put_head

MARKER = "Xyzzyperson"


def traces(root: Path, marker: str = MARKER) -> list[str]:
    """Every file whose name or content holds the marker, in either encoding SQLite or a person might use."""
    needles = [marker.encode(), marker.casefold().encode(), marker.encode("utf-16-le")]
    found = []
    for path in root.rglob("*"):
        holds = path.is_file() and any(needle in path.read_bytes() for needle in needles)
        if holds or marker.casefold() in path.name.casefold():
            found.append(str(path.relative_to(root)))
    return found


def known(library: Library, new: NewCapture) -> Path:
    """A subject who left traces everywhere; returns the folder."""
    marked = dataclasses.replace(new, subject=MARKER, notes=f"note on {MARKER}")
    first = library.add_capture(marked)
    put_head(first.path, MARKER.encode())
    for photo in first.photos.values():
        make_thumbnail(library.root, photo)
    library.delete(library.add_capture(marked).path)
    library.rename_capture(library.add_capture(marked).path, f"{MARKER} smiles")
    library.add_capture(dataclasses.replace(new, subject="Bo"))
    library.refresh()
    return first.subject_folder


def test_nothing_is_left_of_an_erased_subject(library: Library, new: NewCapture) -> None:
    subject = known(library, new)
    assert len(traces(library.root)) > 8  # the control: the search sees files, folders, index, trash and thumbnails
    assert any(trace.startswith(".index") for trace in traces(library.root))
    assert library.erase_subject(subject)
    assert traces(library.root) == []
    assert not (library.root / ".thumbnails" / MARKER).exists()
    assert library.trash() == []
    assert [s.name for s in library.subjects()] == ["Bo"]
    library.refresh()
    assert traces(library.root) == []
    with pytest.raises(LibraryError, match="no longer there"):
        library.erase_subject(subject)


def test_a_renamed_subject_keeps_no_trace_of_the_old_name_and_is_erased_whole(library: Library, new: NewCapture) -> None:
    bare = dataclasses.replace(new, subject=MARKER)
    record = library.add_capture(bare)
    make_thumbnail(library.root, record.photos[next(iter(record.photos))])
    library.delete(library.add_capture(bare).path)
    moved = library.rename_subject(record.subject_folder, "Number 7")
    assert traces(library.root) == []
    assert library.erase_subject(moved)
    assert traces(library.root, "Number 7") == []
    assert library.trash() == []


def test_an_erase_that_was_killed_is_finished_at_the_next_start(
    library: Library, new: NewCapture, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = known(library, new)

    def killed(index: object, entry: Path) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(erase, "_finish", killed)
        with pytest.raises(KeyboardInterrupt):
            library.erase_subject(subject)
    assert traces(library.root)
    library.close()
    again = Library.open(library.root)
    again.refresh()
    assert traces(library.root) == []
    again.close()


def test_another_windows_open_read_delays_but_does_not_prevent_it(library: Library, new: NewCapture) -> None:
    subject = known(library, new)
    reader = sqlite3.connect(library.index.path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM captures").fetchone()
    reader_timeout = library.index._connection()
    reader_timeout.execute("PRAGMA busy_timeout = 200")
    assert not library.erase_subject(subject)
    reader.execute("COMMIT")
    reader.close()
    library.refresh()
    assert traces(library.root) == []


def test_a_thumbnail_made_while_the_subject_goes_does_not_stay(
    library: Library, new: NewCapture, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = library.add_capture(dataclasses.replace(new, subject=MARKER))
    photo = next(iter(record.photos.values()))
    original = Image.Image.save

    def slow_save(self: Image.Image, *args: object, **kwargs: object) -> None:
        shutil.rmtree(record.subject_folder)
        original(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Image.Image, "save", slow_save)
    with pytest.raises(PictureError, match="gone"):
        make_thumbnail(library.root, photo)
    assert not list((library.root / ".thumbnails").rglob("*"))


def test_a_thumbnail_is_made_once_and_again_when_the_picture_changes(library: Library, new: NewCapture) -> None:
    record = library.add_capture(new)
    photo = next(iter(record.photos.values()))
    first = make_thumbnail(library.root, photo)
    assert make_thumbnail(library.root, photo) == first == thumbnail_path(library.root, photo)
    with Image.open(first) as small:
        assert small.getpixel((5, 5))[0] > 150  # type: ignore[index]
    Image.new("RGB", (640, 480), (0, 0, 255)).save(photo)
    second = make_thumbnail(library.root, photo)
    assert second != first
    assert not first.exists()
    with Image.open(second) as small:
        assert small.size == (256, 192)


def test_a_broken_picture_has_no_thumbnail_but_a_sentence(library: Library, new: NewCapture) -> None:
    photo = next(iter(library.add_capture(new).photos.values()))
    photo.write_bytes(photo.read_bytes()[:100])
    with pytest.raises(PictureError, match=r"left\.jpg is damaged"):
        make_thumbnail(library.root, photo)


def test_thumbnails_of_folders_removed_by_hand_go(library: Library, new: NewCapture) -> None:
    record = library.add_capture(new)
    kept = library.add_capture(new)
    for r in (record, kept):
        make_thumbnail(library.root, next(iter(r.photos.values())))
    shutil.rmtree(record.path)
    library.refresh()
    left = [path.parent.name for path in (library.root / ".thumbnails").rglob("*.jpg")]
    assert left == [kept.path.name]


def test_a_note_in_the_trash_cannot_lead_out_of_the_library(library: Library, new: NewCapture) -> None:
    item = library.delete(library.add_capture(new).path)
    (item.path / "trash.json").write_text(json.dumps({"original": "../../../outside"}))
    with pytest.raises(LibraryError):
        library.restore(item)
