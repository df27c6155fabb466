"""Captures are kept as files; what the library says follows from them."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
from pathlib import Path

import pytest

from facestudio.errors import Cancelled, OutputError, PictureError
from facestudio.library.add import NewCapture
from facestudio.library.marks import begin_job, fail_job
from facestudio.library.records import CaptureState, LibraryError
from facestudio.library.store import Library
from facestudio.progress import CancelToken
from facestudio.types import ViewName
from tests.library.conftest import put_head


def test_a_capture_comes_back_as_it_was_given(library: Library, new: NewCapture, photos: dict[ViewName, Path]) -> None:
    record = library.add_capture(new)
    assert (record.subject, record.session, record.name, record.state) == ("Ada", "visit 1", "capture 1", CaptureState.CAPTURED)
    assert list(record.photos) == list(ViewName)
    assert [record.photos[view].read_bytes() for view in ViewName] == [photos[view].read_bytes() for view in ViewName]
    assert library.captures() == [record]
    assert record.path == library.root / "Ada" / "visit 1" / "capture 1"


def test_the_same_subject_and_session_are_used_again(library: Library, new: NewCapture) -> None:
    library.add_capture(new)
    library.add_capture(new)
    library.add_capture(dataclasses.replace(new, session="visit 2"))
    assert [(s.name, s.captures) for s in library.subjects()] == [("Ada", 3)]
    assert [(s.name, s.captures) for s in library.sessions(library.root / "Ada")] == [("visit 1", 2), ("visit 2", 1)]


def test_the_state_follows_from_the_files_alone(library: Library, new: NewCapture) -> None:
    capture = library.add_capture(new).path
    put_head(capture)
    assert library.capture(capture).state is CaptureState.RECONSTRUCTED
    library.mark_exported(capture, capture.parent, ["a.glb"])
    assert library.capture(capture).state is CaptureState.EXPORTED
    fail_job(capture, PictureError("front.jpg is damaged.", "Copy it again."))
    record = library.capture(capture)
    assert (record.state, record.attention) == (CaptureState.NEEDS_ATTENTION, "front.jpg is damaged. Copy it again.")
    library.refresh()
    assert library.counts()[CaptureState.NEEDS_ATTENTION] == 1


def test_a_refresh_sees_what_was_changed_by_hand(library: Library, new: NewCapture) -> None:
    first = library.add_capture(new).path
    second = library.add_capture(new).path
    library.refresh()
    first.rename(first.with_name("renamed by hand"))
    (second / "front.jpg").unlink()
    assert library.refresh() > 0
    assert {(r.path.name, len(r.photos)) for r in library.captures()} == {("renamed by hand", 3), ("capture 2", 2)}
    assert library.refresh() <= 4  # what changed within the last two seconds is read again, nothing else


def test_a_folder_copied_in_without_any_json_is_a_capture(library: Library, photos: dict[ViewName, Path]) -> None:
    folder = library.root / "Bo" / "Monday" / "first"
    folder.mkdir(parents=True)
    for view, path in photos.items():
        (folder / f"{view}.jpg").write_bytes(path.read_bytes())
    library.refresh()
    (record,) = library.captures()
    assert (record.subject, record.session, record.name, record.state) == ("Bo", "Monday", "first", CaptureState.CAPTURED)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1, 2]", b"\xff\xfe\x00", b'{"name": 7, "created": [], "photos": "x"}', b"[" * 99999]
)
def test_a_damaged_json_never_hides_a_capture(library: Library, new: NewCapture, content: bytes) -> None:
    capture = library.add_capture(new).path
    for path in (capture / "capture.json", capture.parent / "session.json", capture.parent.parent / "subject.json"):
        path.write_bytes(content)
    library.refresh()
    (record,) = library.captures()
    assert (record.subject, record.session, record.name) == ("Ada", "visit 1", "capture 1")
    if b"photos" not in content:
        assert record.state is CaptureState.NEEDS_ATTENTION
        assert "capture.json is damaged" in record.attention
        assert library.rename_capture(capture, "better").state is CaptureState.CAPTURED


def test_search_finds_words_in_any_of_the_names_and_notes(library: Library, new: NewCapture) -> None:
    library.add_capture(dataclasses.replace(new, subject="Zoë Ångström", notes="with GLASSES 100%"))
    library.add_capture(dataclasses.replace(new, subject="Bo"))
    assert [r.subject for r in library.captures("ångström glasses")] == ["Zoë Ångström"]
    assert [r.subject for r in library.captures("visit bo")] == ["Bo"]
    assert [r.subject for r in library.captures("100%")] == ["Zoë Ångström"]
    assert library.captures("%") == library.captures("100%")
    assert library.captures("nobody") == []


def test_a_listing_is_grouped_and_sorted_as_a_person_expects(library: Library, new: NewCapture) -> None:
    for session in ("visit 10", "visit 2", "visit 2"):
        library.add_capture(dataclasses.replace(new, session=session))
    listing = library.find()
    assert [(g.subject, g.session, g.first, g.count) for g in listing.groups] == [
        ("Ada", "visit 2", 0, 2),
        ("Ada", "visit 10", 2, 1),
    ]
    put_head(library.captures()[2].path)
    library.refresh()
    assert [r.session for r in library.captures(states=[CaptureState.RECONSTRUCTED])] == ["visit 10"]


def test_an_unreadable_photo_leaves_nothing_behind(library: Library, new: NewCapture, tmp_path: Path) -> None:
    broken = dataclasses.replace(new, photos={**new.photos, ViewName.RIGHT: tmp_path / "absent.jpg"})
    with pytest.raises(PictureError, match=r"absent\.jpg"):
        library.add_capture(broken)
    assert sorted(p.name for p in (library.root / "Ada" / "visit 1").iterdir()) == ["session.json"]


def test_a_cancel_leaves_nothing_behind(library: Library, new: NewCapture) -> None:
    cancel = CancelToken()

    def stop_at_the_last(stage: str, fraction: float, message: str = "") -> None:
        if message == "right.jpg":
            cancel.cancel()

    with pytest.raises(Cancelled):
        library.add_capture(new, stop_at_the_last, cancel)
    assert sorted(p.name for p in (library.root / "Ada" / "visit 1").iterdir()) == ["session.json"]


def test_a_full_disk_is_said_and_nothing_is_left(library: Library, new: NewCapture, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    library.add_capture(new)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OutputError, match="the disk is full"):
            library.add_capture(new)
    assert sorted(p.name for p in (library.root / "Ada" / "visit 1").iterdir()) == ["capture 1", "session.json"]
    assert library.add_capture(new).name == "capture 2"


def test_a_file_that_is_no_picture_is_refused_by_name(library: Library, new: NewCapture, tmp_path: Path) -> None:
    letter = tmp_path / "letter.docx"
    letter.write_bytes(b"PK\3\4")
    with pytest.raises(PictureError, match=r"letter\.docx is not a picture"):
        library.add_capture(dataclasses.replace(new, photos={ViewName.FRONT: letter}))


def test_views_swap_without_touching_a_byte(library: Library, new: NewCapture, photos: dict[ViewName, Path]) -> None:
    capture = library.add_capture(new).path
    put_head(capture)
    swap = {ViewName.LEFT: ViewName.RIGHT, ViewName.RIGHT: ViewName.LEFT}
    record = library.assign_views(capture, swap)
    assert record.photos[ViewName.LEFT].read_bytes() == photos[ViewName.RIGHT].read_bytes()
    assert record.photos[ViewName.RIGHT].read_bytes() == photos[ViewName.LEFT].read_bytes()
    assert record.state is CaptureState.RECONSTRUCTED
    noted = json.loads((capture / "capture.json").read_text())["photos"]
    assert (noted["left"]["file"], noted["left"]["source"]) == ("left.jpg", "right.jpg")
    library.assign_views(capture, swap)
    assert library.capture(capture).photos[ViewName.LEFT].read_bytes() == photos[ViewName.LEFT].read_bytes()
    assert sorted(p.name for p in capture.parent.iterdir()) == ["capture 1", "session.json"]


def test_a_rename_moves_the_folder_and_keeps_the_true_name(library: Library, new: NewCapture) -> None:
    capture = library.add_capture(new).path
    record = library.rename_capture(capture, "smile: left/right?")
    assert (record.name, record.path.name) == ("smile: left/right?", "smile_ left_right_")
    assert not capture.exists()
    assert [r.path for r in library.captures()] == [record.path]
    subject = library.rename_subject(library.root / "Ada", "CON")
    assert [(s.name, s.path) for s in library.subjects()] == [("CON", subject)]
    assert library.captures()[0].path.parent.parent == subject


def test_a_capture_moves_to_another_subject_made_when_new(library: Library, new: NewCapture) -> None:
    first, second = (library.add_capture(new).path for _ in range(2))
    moved = library.move_capture(first, "Bo", "monday")
    assert (moved.subject, moved.session, moved.name) == ("Bo", "monday", "capture 1")
    assert [(s.name, s.captures) for s in library.subjects()] == [("Ada", 1), ("Bo", 1)]
    assert library.move_capture(second, "Ada", "visit 1").path == second
    begin_job(second)
    with pytest.raises(LibraryError, match="worked on"):
        library.move_capture(second, "Bo", "monday")


def test_a_write_protected_photo_may_be_swapped(library: Library, new: NewCapture) -> None:
    record = library.add_capture(new)
    record.photos[ViewName.LEFT].chmod(0o444)
    library.assign_views(record.path, {ViewName.LEFT: ViewName.RIGHT, ViewName.RIGHT: ViewName.LEFT})
    assert len(library.capture(record.path).photos) == 3


def test_a_rename_to_a_taken_or_empty_name_is_refused(library: Library, new: NewCapture) -> None:
    first = library.add_capture(new).path
    library.add_capture(new)
    with pytest.raises(LibraryError, match="already"):
        library.rename_capture(first, "capture 2")
    with pytest.raises(LibraryError, match="empty"):
        library.rename_capture(first, "  ")
    assert library.rename_capture(first, "CAPTURE 1").name == "CAPTURE 1"


def test_what_is_being_worked_on_is_neither_renamed_nor_deleted_nor_erased(library: Library, new: NewCapture) -> None:
    capture = library.add_capture(new).path
    begin_job(capture)
    for attempt in (
        lambda: library.rename_capture(capture, "x"),
        lambda: library.delete(capture),
        lambda: library.erase_subject(library.root / "Ada"),
        lambda: library.assign_views(capture, {}),
        lambda: begin_job(capture),
    ):
        with pytest.raises(LibraryError, match="worked on"):
            attempt()
    assert library.capture(capture).running


def test_deleting_is_undone_and_the_trash_can_be_emptied(library: Library, new: NewCapture) -> None:
    capture = library.add_capture(new).path
    item = library.delete(capture)
    assert library.captures() == []
    assert [i.original for i in library.trash()] == [capture]
    assert library.restore(item).path == capture
    assert len(library.captures()) == 1
    item = library.delete(capture)
    assert library.empty_trash() == 1
    with pytest.raises(LibraryError, match="no longer in the trash"):
        library.restore(item)


def test_a_deleted_capture_returns_to_its_renamed_subject(library: Library, new: NewCapture) -> None:
    item = library.delete(library.add_capture(new).path)
    library.rename_subject(library.root / "Ada", "Countess")
    assert library.restore(item).subject == "Countess"
    assert [s.name for s in library.subjects()] == ["Countess"]


def test_a_library_that_cannot_be_made_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be opened"):
        Library.open(tmp_path / "file" / "library")


def test_photos_known_already_are_found_by_their_hash(library: Library, new: NewCapture) -> None:
    record = library.add_capture(new)
    noted = json.loads((record.path / "capture.json").read_text())["photos"]
    digest = noted["front"]["sha256"]
    assert library.duplicates([digest, "0" * 64]) == {digest: record}


def test_two_windows_on_one_library_see_each_others_work(library: Library, new: NewCapture) -> None:
    second = Library.open(library.root)
    try:
        capture = library.add_capture(new).path
        assert [r.path for r in second.captures()] == [capture]
        second.delete(capture)
        with pytest.raises(LibraryError, match="no longer there"):
            library.delete(capture)
    finally:
        second.close()
