"""The library without a window: what is listed, what is undone, what is queued."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from facestudio.app.pages.library.states import ELSEWHERE, RUNNING, WAITING, Work, chip_of
from facestudio.errors import NoFaceError
from facestudio.library import marks
from facestudio.library.records import CaptureState, LibraryError
from facestudio.pipeline import reconstruct_capture as pipeline
from facestudio.progress import CancelToken
from facestudio.types import ViewName
from tests.app.library.conftest import Desk, until


def names(desk: Desk) -> list[str]:
    return [f"{r.subject} {r.name}" for r in desk.library.records(desk.presenter.listing.keys)]


def test_what_is_there_is_listed_searched_and_filtered(desk: Desk) -> None:
    p = desk.presenter
    assert names(desk) == ["Ada capture 1", "Ada capture 2", "Bo capture 1"]
    p.seek("bo", [])
    desk.settle()
    assert names(desk) == ["Bo capture 1"]
    p.seek("", [CaptureState.EXPORTED])
    desk.settle()
    assert names(desk) == []
    assert not p.empty  # nothing matches, but there is something


def test_captures_that_come_by_hand_are_found_when_the_page_is_shown(desk: Desk, pictures: dict[ViewName, Path]) -> None:
    folder = desk.library.root / "Cy" / "monday" / "first"
    folder.mkdir(parents=True)
    (folder / "front.jpg").write_bytes(pictures[ViewName.FRONT].read_bytes())
    seen: list[float] = []
    desk.presenter.reading.connect(seen.append)
    desk.presenter.look()
    until(lambda: "Cy first" in names(desk))
    assert seen[-1] == 1.0


def test_a_rename_is_undone_and_redone_and_the_capture_stays_selected(desk: Desk) -> None:
    p, undo = desk.presenter, desk.context.undo
    first = desk.library.records(p.listing.keys)[0]
    p.select([first])
    p.rename(first, "smile")
    desk.settle()
    assert p.selection[0].name == "smile"
    undo.undo()
    desk.settle()
    assert p.selection[0] == first
    undo.redo()
    undo.undo()
    undo.redo()
    desk.settle()
    assert sorted(names(desk)) == ["Ada capture 2", "Ada smile", "Bo capture 1"]
    assert not desk.errors


def test_a_rename_to_a_taken_name_is_an_error_and_nothing_to_undo(desk: Desk) -> None:
    first = desk.library.records(desk.presenter.listing.keys)[0]
    desk.presenter.rename(first, "capture 2")
    desk.settle()
    assert isinstance(desk.errors[0], LibraryError)
    desk.context.undo.undo()
    desk.settle()
    assert names(desk) == ["Ada capture 1", "Ada capture 2", "Bo capture 1"]
    assert desk.context.undo.count() == 0


def test_a_subject_is_renamed_for_all_its_captures(desk: Desk) -> None:
    p = desk.presenter
    p.select(desk.library.records(p.listing.keys)[:2])
    p.rename_subject(p.selection[0], "Countess")
    desk.settle()
    assert {r.subject for r in p.selection} == {"Countess"}
    desk.context.undo.undo()
    desk.settle()
    assert names(desk) == ["Ada capture 1", "Ada capture 2", "Bo capture 1"]


def test_the_name_of_another_subject_moves_the_capture_there_and_back(desk: Desk) -> None:
    p = desk.presenter
    first = desk.library.records(p.listing.keys)[0]
    p.select([first])
    p.rename_subject(first, "Bo")
    desk.settle()
    assert sorted(names(desk)) == ["Ada capture 2", "Bo capture 1", "Bo capture 1 2"]
    assert (p.selection[0].subject, p.selection[0].session) == ("Bo", "visit 1")
    desk.context.undo.undo()
    desk.settle()
    assert sorted(names(desk)) == ["Ada capture 1", "Ada capture 2", "Bo capture 1"]
    assert p.selection[0] == first
    assert not desk.errors


def test_a_lost_index_fills_while_one_looks(desk: Desk) -> None:
    desk.library.index.discard()
    p = desk.presenter
    p.reload()
    desk.settle()
    assert (p.empty, desk.library.stale) == (True, True)
    p.look()
    until(lambda: len(names(desk)) == 3 and not desk.library.stale)


def test_deleting_several_is_undone_at_once(desk: Desk) -> None:
    p = desk.presenter
    p.select(desk.library.records(p.listing.keys)[:2])
    p.delete(p.selection)
    desk.settle()
    assert (names(desk), p.selection) == (["Bo capture 1"], ())
    assert "Ctrl+Z" in desk.said[-1]
    desk.context.undo.undo()
    desk.settle()
    assert names(desk) == ["Ada capture 1", "Ada capture 2", "Bo capture 1"]


def test_what_was_deleted_in_an_earlier_session_comes_back_or_goes_for_good(desk: Desk) -> None:
    p = desk.presenter
    for record in desk.library.records(p.listing.keys)[1:]:
        desk.library.delete(record.path)
    p.reload()
    desk.settle()
    assert [item.original.parent.parent.name for item in p.trash] == ["Bo", "Ada"]
    p.restore_last()
    desk.settle()
    assert names(desk) == ["Ada capture 1", "Bo capture 1"]
    p.empty_trash()
    desk.settle()
    assert p.trash == ()
    assert not list((desk.library.root / ".trash").iterdir())


def test_views_swap_and_swap_back(desk: Desk, pictures: dict[ViewName, Path]) -> None:
    p = desk.presenter
    record = desk.library.records(p.listing.keys)[0]
    p.swap(record, ViewName.LEFT, ViewName.RIGHT)
    desk.settle()
    assert record.photos[ViewName.LEFT].read_bytes() == pictures[ViewName.RIGHT].read_bytes()
    desk.context.undo.undo()
    desk.settle()
    assert record.photos[ViewName.LEFT].read_bytes() == pictures[ViewName.LEFT].read_bytes()


def test_erasing_forgets_what_could_be_undone(desk: Desk) -> None:
    p = desk.presenter
    record = desk.library.records(p.listing.keys)[0]
    p.rename(record, "smile")
    desk.settle()
    p.erase_subject(desk.library.records(p.listing.keys)[0])
    desk.settle()
    assert names(desk) == ["Bo capture 1"]
    assert not desk.context.undo.canUndo()
    assert desk.said[-1] == "The subject was erased."


def test_all_new_captures_are_reconstructed_one_by_one_and_one_error_does_not_stop_them(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    p, done = desk.presenter, list[Path]()

    def fake(capture: Path, *_: Any) -> None:
        done.append(capture)
        if len(done) == 1:
            marks.fail_job(capture, NoFaceError("No face was found in front.jpg."))
            raise NoFaceError("No face was found in front.jpg.")
        (capture / "head").mkdir()
        (capture / "head" / "x.head.npz").write_bytes(b"")

    monkeypatch.setattr(pipeline, "reconstruct_capture", fake)
    p.reconstruct_new()
    assert (len(p.queue), desk.context.jobs.active()[0].capture) == (2, desk.library.root / "Ada" / "visit 1" / "capture 1")
    waiting = desk.library.root / "Bo" / "visit 1" / "capture 1"
    assert p.work_of(waiting) == Work(waiting=True)
    assert chip_of(desk.library.capture(waiting), p.work_of(waiting)) is WAITING
    p.reconstruct_new()
    assert len(p.queue) == 2  # nobody is queued twice
    until(lambda: not desk.context.jobs.active() and not p.queue and len(done) == 3)
    desk.settle()
    assert p.counts[CaptureState.RECONSTRUCTED] == 2
    assert p.counts[CaptureState.NEEDS_ATTENTION] == 1


def test_the_queue_can_be_stopped(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[Path] = []
    monkeypatch.setattr(pipeline, "reconstruct_capture", lambda capture, *_: done.append(capture))
    desk.presenter.reconstruct_new()
    desk.presenter.stop_queue()
    until(lambda: not desk.context.jobs.active())
    assert len(done) == 1


def test_a_cancel_stops_the_whole_queue(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Path] = []

    def fake(capture: Path, settings: Any, progress: Any, cancel: CancelToken, partial: Any) -> None:
        begun.append(capture)
        while True:
            cancel.check()

    monkeypatch.setattr(pipeline, "reconstruct_capture", fake)
    desk.presenter.reconstruct_new()
    until(lambda: bool(begun))
    desk.context.jobs.cancel_all()
    until(lambda: not desk.context.jobs.active())
    desk.settle()
    assert (len(begun), len(desk.presenter.queue)) == (1, 0)
    assert desk.said[-1] == "Stopped; 2 more were waiting."


def test_a_capture_that_another_window_works_on_says_so(desk: Desk) -> None:
    record = desk.library.records(desk.presenter.listing.keys)[0]
    marks.begin_job(record.path)
    record = desk.library.capture(record.path)
    assert chip_of(record, None) is ELSEWHERE
    assert chip_of(record, Work(0.3)) is RUNNING


def test_opening_a_capture_without_a_head_reconstructs_it_on_the_way(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    done: list[Path] = []
    monkeypatch.setattr(pipeline, "reconstruct_capture", lambda capture, *_: done.append(capture))
    desk.context.navigator.capture_opened.connect(opened.append)
    record = desk.library.records(desk.presenter.listing.keys)[0]
    desk.presenter.open(record)
    until(lambda: not desk.context.jobs.active())
    assert opened == done == [record.path]


def test_a_subject_is_exported_as_a_job(desk: Desk, tmp_path: Path) -> None:
    record = desk.library.records(desk.presenter.listing.keys)[0]
    job = desk.presenter.export_subject(record, tmp_path / "ada.zip")
    until(lambda: job.state.ended)
    assert (tmp_path / "ada.zip").is_file()


def test_six_triplets_are_offered_changed_undone_and_imported(
    desk: Desk, tmp_path: Path, pictures: dict[ViewName, Path]
) -> None:
    imports, undo = desk.imports, desk.context.undo
    (tmp_path / "in").mkdir()
    for k in range(6):
        for view, path in pictures.items():
            (tmp_path / "in" / f"p{k}_{view}.jpg").write_bytes(path.read_bytes() + bytes([k]))
    imports.offer([tmp_path / "in"])
    until(lambda: bool(imports.captures))
    assert [c.subject for c in imports.captures] == [f"p{k}" for k in range(6)]
    imports.change_all(subject="Ada")
    imports.change(0, name="first")
    imports.swap(0, ViewName.LEFT, ViewName.RIGHT)
    assert imports.captures[0].photos[ViewName.LEFT].name == "p0_right.jpg"
    undo.undo()
    assert imports.captures[0].photos[ViewName.LEFT].name == "p0_left.jpg"
    undo.redo()
    imports.include(5, False)
    came: list[Any] = []
    imports.imported.connect(came.append)
    imports.accept()
    until(lambda: bool(came))
    assert len(came[0]) == 5
    first = next(r for r in desk.library.captures("first") if r.name == "first")
    assert first.photos[ViewName.LEFT].read_bytes() == (tmp_path / "in" / "p0_right.jpg").read_bytes()
    undo.undo()  # of a round that is over: nothing happens
    assert imports.captures == []


def test_photos_known_already_are_left_out_at_first(desk: Desk, pictures: dict[ViewName, Path]) -> None:
    desk.library.delete(desk.library.root / "Ada" / "visit 1" / "capture 2")
    desk.library.delete(desk.library.root / "Bo" / "visit 1" / "capture 1")
    desk.imports.offer([next(iter(pictures.values())).parent])
    until(lambda: bool(desk.imports.captures))
    assert desk.imports.captures[0].known_as == "Ada, visit 1, capture 1"
    assert desk.imports.chosen == []


def test_what_is_dropped_while_one_decides_joins(desk: Desk, tmp_path: Path, pictures: dict[ViewName, Path]) -> None:
    imports = desk.imports
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        for view, path in pictures.items():
            (tmp_path / name / f"{view}.jpg").write_bytes(path.read_bytes() + name.encode())
    imports.offer([tmp_path / "one"])
    until(lambda: len(imports.captures) == 1)
    imports.change(0, subject="Changed")
    imports.offer([tmp_path / "two"])
    until(lambda: len(imports.captures) == 2)
    assert [c.subject for c in imports.captures] == ["Changed", "two"]
    desk.context.undo.undo()
    assert [c.subject for c in imports.captures] == ["one", "two"]


def test_a_drop_without_photos_is_answered(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "letter.docx").write_text("")
    desk.imports.offer([tmp_path / "letter.docx"])
    until(lambda: bool(desk.said))
    assert desk.said == ["letter.docx: It is not a picture."]
