"""The Capture page: cameras connect, the shutter shoots, and what is kept is on the disk before the pictures move again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from facestudio.app.application import Application
from facestudio.app.pages.capture.page import CapturePage
from facestudio.app.pages.capture.state import Phase
from facestudio.capture import sight
from facestudio.capture.camera import Frame
from facestudio.capture.device import Identity, load_assignment
from facestudio.capture.faulty_camera import Fault, FaultSwitch, FaultyCamera
from facestudio.capture.group import MakeCamera
from facestudio.errors import OutputError
from facestudio.library.layout import read_capture
from facestudio.pipeline import capture_triplet
from facestudio.types import ViewName
from tests.capture.scripted_camera import TickingCamera

IDS = {v: Identity(f"port {v}", "046d:082d", f"Cam {v}") for v in ViewName}


class NoFaceLooker:
    """Sees nobody: the page's own work is tested here, not the engine's."""

    def look(self, frame: Frame) -> sight.Sight | None:
        del frame
        return None

    def close(self) -> None: ...


@pytest.fixture
def switches(monkeypatch: pytest.MonkeyPatch) -> dict[str, FaultSwitch]:
    """Every assigned camera ticks; its faults by path."""
    found = {identity.path: FaultSwitch() for identity in IDS.values()}

    def maker(identity: Identity, *_: object) -> MakeCamera:
        return lambda: FaultyCamera(TickingCamera(0.03), found[identity.path])

    monkeypatch.setattr("facestudio.capture.source.identity_maker", maker)
    monkeypatch.setattr(sight, "FaceLooker", NoFaceLooker)
    return found


@pytest.fixture
def page(program: Application, switches: dict[str, FaultSwitch], qtbot: QtBot) -> Iterator[CapturePage]:
    program.navigator.open_page("capture")
    shown = program.window.stage.pages["capture"]
    assert isinstance(shown, CapturePage)
    assert shown.presenter.phase is Phase.EMPTY
    for view, identity in IDS.items():
        shown.presenter.assign(view, identity)
    shown.presenter.reconstruct_at_once = False
    shown.presenter.countdown = 0
    qtbot.waitUntil(lambda: all(shown.presenter.tile(v).picture is not None for v in ViewName), timeout=20_000)
    yield shown
    for switch in switches.values():
        switch.fault = Fault.NONE


def phase(page: CapturePage) -> Phase:
    """A function, so that a type checker does not believe that it stays what it was."""
    return page.presenter.phase


def until(qtbot: QtBot, condition: Callable[[], bool]) -> None:
    qtbot.waitUntil(condition, timeout=20_000)


def test_space_takes_enter_keeps_and_the_capture_is_in_the_library(
    page: CapturePage, program: Application, qtbot: QtBot
) -> None:
    page.details.subject.setText("Anna")
    page.details.notes.setPlainText("calm")
    qtbot.waitUntil(page.bar.shutter.isEnabled, timeout=5_000)
    page.bar.shutter.setFocus()
    QTest.keyClick(program.window, Qt.Key.Key_Space)
    assert phase(page) is Phase.COUNTING
    until(qtbot, lambda: page.presenter.phase is Phase.REVIEW)
    frozen = [page.presenter.tile(v).picture for v in ViewName]
    qtbot.wait(150)
    assert [page.presenter.tile(v).picture for v in ViewName] == frozen
    kept: list[Path] = []
    page.presenter.kept.connect(kept.append)
    QTest.keyClick(program.window, Qt.Key.Key_Return)
    assert not page.bar.keep.isEnabled()
    until(qtbot, lambda: bool(kept))
    record = read_capture(kept[0])
    assert record is not None
    assert (record.subject, record.notes, set(record.photos)) == ("Anna", "calm", set(ViewName))
    assert json.loads((kept[0] / "capture.json").read_text())["devices"]["left"]["path"] == "port left"
    assert phase(page) is Phase.LIVE
    assert page.details.notes.toPlainText() == ""
    assert [c.path for c in program.context.library.captures()] == kept


def test_backspace_takes_again_and_writes_nothing(page: CapturePage, program: Application, qtbot: QtBot) -> None:
    page.presenter.press()
    until(qtbot, lambda: page.presenter.phase is Phase.REVIEW)
    QTest.keyClick(program.window, Qt.Key.Key_Backspace)
    assert phase(page) is Phase.LIVE
    assert not program.context.library.captures()


def test_space_in_a_field_is_a_space(page: CapturePage, program: Application) -> None:
    page.details.subject.setFocus()
    QTest.keyClicks(page.details.subject, "Anna B")
    assert page.details.subject.text() == "Anna B"
    assert phase(page) is Phase.LIVE


def test_the_shutter_pressed_again_stops_the_countdown(page: CapturePage, qtbot: QtBot) -> None:
    page.presenter.countdown = 60
    page.presenter.press()
    assert phase(page) is Phase.COUNTING
    page.presenter.press()
    until(qtbot, lambda: page.presenter.phase is Phase.LIVE)
    assert page.presenter.shot is None


def test_a_full_disk_keeps_the_shot_so_that_it_can_be_kept_elsewhere(
    page: CapturePage, program: Application, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.presenter.press()
    until(qtbot, lambda: page.presenter.phase is Phase.REVIEW)

    def full(*_: object, **__: object) -> Path:
        raise OutputError("The disk is full.", "Free some space.")

    errors: list[object] = []
    program.navigator.error.connect(errors.append)
    with monkeypatch.context() as patch:
        patch.setattr(capture_triplet, "keep_in_library", full)
        page.presenter.keep("Anna", "", "")
        until(qtbot, lambda: bool(errors))
    assert phase(page) is Phase.REVIEW
    kept: list[Path] = []
    page.presenter.kept.connect(kept.append)
    page.presenter.keep("Anna", "", "")
    until(qtbot, lambda: bool(kept))


@pytest.mark.parametrize("fault", [Fault.UNPLUG, Fault.HANG])
def test_a_lost_camera_is_told_in_its_tile_and_the_others_can_shoot(
    page: CapturePage, qtbot: QtBot, switches: dict[str, FaultSwitch], fault: Fault
) -> None:
    switches["port left"].fault = fault
    until(qtbot, lambda: (h := page.presenter.tile(ViewName.LEFT).health) is not None and h.error is not None)
    page.presenter.press()
    until(qtbot, lambda: page.presenter.phase is Phase.REVIEW)
    assert page.presenter.shot is not None
    assert set(page.presenter.shot.frames) == {ViewName.FRONT, ViewName.RIGHT}
    page.presenter.retake()
    switches["port left"].fault = Fault.NONE
    until(qtbot, lambda: (h := page.presenter.tile(ViewName.LEFT).health) is not None and h.error is None and h.fps > 0)


def test_bad_checks_close_the_shutter_only_when_the_operator_wants_that(page: CapturePage, qtbot: QtBot) -> None:
    until(qtbot, lambda: page.presenter.tile(ViewName.FRONT).report is not None)
    assert not page.presenter.hindrances()
    page.details.block.setChecked(True)
    assert any("no face" in h for h in page.presenter.hindrances())
    page.presenter.press()
    assert phase(page) is Phase.LIVE


def test_cameras_are_swapped_remembered_and_never_used_twice(page: CapturePage, qtbot: QtBot) -> None:
    page.presenter.swap(ViewName.LEFT, ViewName.RIGHT)
    assert page.presenter.assignment[ViewName.LEFT] == IDS[ViewName.RIGHT]
    assert load_assignment() == page.presenter.assignment
    page.presenter.assign(ViewName.FRONT, IDS[ViewName.RIGHT])
    assert list(page.presenter.assignment.values()).count(IDS[ViewName.RIGHT]) == 1
    until(qtbot, lambda: page.presenter.tile(ViewName.FRONT).picture is not None)


def test_another_page_lets_the_cameras_go_and_coming_back_connects_them(
    page: CapturePage, program: Application, qtbot: QtBot
) -> None:
    program.navigator.open_page("settings")
    assert page.presenter.tile(ViewName.LEFT).health is None
    program.navigator.open_page("capture")
    until(qtbot, lambda: page.presenter.tile(ViewName.LEFT).picture is not None)


def test_a_window_that_closes_over_a_shot_asks_and_keeps_it(page: CapturePage, program: Application, qtbot: QtBot) -> None:
    page.presenter.press()
    until(qtbot, lambda: page.presenter.phase is Phase.REVIEW)
    assert not program.window.close()
    question = page._question
    assert question is not None
    next(b for b in question.buttons() if "Keep" in b.text()).click()
    until(qtbot, lambda: not program.window.isVisible())
    assert len(list(Path(program.context.library.root).rglob("left.jpg"))) == 1


def test_the_engine_that_cannot_start_leaves_a_shot_without_checks(
    page: CapturePage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> NoFaceLooker:
        raise RuntimeError("no engine")

    monkeypatch.setattr(sight, "FaceLooker", broken)
    page.presenter.press()
    until(qtbot, lambda: page.presenter.phase is Phase.REVIEW)
    assert page.presenter.shot is not None and not page.presenter.shot.reports
    page.presenter.retake()
