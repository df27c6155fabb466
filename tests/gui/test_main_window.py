"""The window around the pages: rail, error cards, job strip, log, closing, and what it remembers."""

from __future__ import annotations

import os
import re
import threading
import time
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, QSize, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication, QUndoCommand
from PySide6.QtWidgets import QApplication, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from facestudio.app import registry
from facestudio.app.application import Application
from facestudio.app.engine import Engine
from facestudio.app.jobs import JobState
from facestudio.app.stage import WELCOME
from facestudio.app.theme import tokens
from facestudio.errors import NoFaceError
from facestudio.progress import CancelToken, Partial, Progress
from tests.gui.conftest import end, nameless

ERROR = NoFaceError("No face was found in left.jpg.", "Take it again.")


def endless(progress: Progress, cancel: CancelToken, partial: Partial) -> None:
    """Work that goes on until it is cancelled."""
    while True:
        progress("fit", 0.25)
        cancel.check()
        time.sleep(0.01)


def test_an_empty_library_starts_with_the_welcome_screen(program: Application) -> None:
    assert program.window.stage.current == WELCOME
    welcome = program.window.stage.welcome
    assert welcome.sample.isVisible()
    assert welcome.photos.isVisible()
    assert welcome.cameras.isVisible() is ("capture" in [page.key for page in registry.page_classes()])


def test_only_pages_that_exist_are_in_the_rail_and_keys_bring_them_to_the_front(program: Application, qtbot: QtBot) -> None:
    keys = [page.key for page in registry.page_classes()]
    assert "settings" in keys
    window = program.window
    for number, key in enumerate(keys, start=1):
        qtbot.keyClick(window, Qt.Key(Qt.Key.Key_0 + number), Qt.KeyboardModifier.ControlModifier)
        assert window.stage.current == key
        assert window.rail.button(key).isChecked()


def test_a_click_in_the_rail_shows_the_page(program: Application, qtbot: QtBot) -> None:
    qtbot.mouseClick(program.window.rail.button("settings"), Qt.MouseButton.LeftButton)
    assert program.window.stage.stack.currentWidget() is program.window.stage.pages["settings"]


def test_an_error_is_a_card_with_what_happened_and_what_to_do(program: Application, qtbot: QtBot) -> None:
    program.navigator.show_error(ERROR)
    (card,) = program.window.stage.errors.cards()
    assert (card.what.text(), card.remedy.text()) == (ERROR.what, ERROR.remedy)
    assert card.details.isHidden()
    qtbot.mouseClick(card.fold, Qt.MouseButton.LeftButton)
    assert card.details.isVisible()
    assert "NoFaceError" in card.details.toPlainText()
    qtbot.mouseClick(card.copy, Qt.MouseButton.LeftButton)
    assert ERROR.what in QGuiApplication.clipboard().text()
    card.dismiss()
    assert not program.window.stage.errors.cards()


def test_the_same_error_again_is_not_a_second_card_and_many_do_not_fill_the_window(program: Application) -> None:
    shelf = program.window.stage.errors
    program.navigator.show_error(ERROR)
    program.navigator.show_error(ERROR)
    assert len(shelf.cards()) == 1
    for number in range(9):
        program.navigator.show_error(NoFaceError(f"No face in {number}.jpg."))
    assert [card.what.text() for card in shelf.cards()] == [f"No face in {number}.jpg." for number in (8, 7, 6)]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_exception_nobody_caught_is_shown_and_the_window_lives_on(program: Application, qtbot: QtBot) -> None:
    button = QPushButton(program.window)
    button.clicked.connect(lambda: 1 // 0)
    with qtbot.capture_exceptions() as caught:
        button.click()
    program.net._uncaught(*caught[0])
    thread = threading.Thread(target=os.environ.__getitem__, args=("NO_SUCH_VARIABLE",))
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: len(program.window.stage.errors.cards()) == 2)
    shown = " ".join(card.what.text() for card in program.window.stage.errors.cards())
    assert "ZeroDivisionError" in shown
    assert "KeyError" in shown
    assert "ZeroDivisionError" in (program.net.folder / "facestudio.log").read_text()


def test_a_failed_job_is_a_card_and_the_next_one_runs(program: Application, qtbot: QtBot) -> None:
    def fail(progress: Progress, cancel: CancelToken, partial: Partial) -> None:
        raise ERROR

    program.jobs.submit("first", fail)
    second = program.jobs.submit("second", lambda *_: None)
    qtbot.waitUntil(lambda: second.state is JobState.DONE)
    assert [card.what.text() for card in program.window.stage.errors.cards()] == [ERROR.what]
    assert "second" in program.window.strip.result.text()


def test_the_strip_shows_a_job_and_says_cancelling_at_once(program: Application, qtbot: QtBot) -> None:
    strip = program.window.strip
    job, waiting = program.jobs.submit("Anna", endless), program.jobs.submit("Ben", endless)
    qtbot.waitUntil(lambda: strip.bar.value() == 250)
    assert strip.title.text() == "Anna"
    assert "1" in strip.queue.text()
    asked = time.monotonic()
    qtbot.mouseClick(strip.cancel, Qt.MouseButton.LeftButton)
    assert strip.stage.text() == "Cancelling…"
    qtbot.waitUntil(lambda: job.state is JobState.CANCELLED)
    assert time.monotonic() - asked < 5
    qtbot.waitUntil(lambda: waiting.state is JobState.RUNNING)
    waiting.cancel()
    qtbot.waitUntil(lambda: not program.jobs.active())
    assert strip.bar.isHidden()


def test_the_strip_tells_the_time_left(program: Application, qtbot: QtBot) -> None:
    job = program.jobs.submit("Anna", endless, kind="reconstruct auto standard")
    qtbot.waitUntil(lambda: re.fullmatch(r"about \d+ (s|min) left", program.window.strip.left.text()) is not None)
    job.cancel()
    qtbot.waitUntil(lambda: not program.jobs.active())


def test_closing_while_a_job_runs_asks_once_and_then_stops_it(program: Application, qtbot: QtBot) -> None:
    job = program.jobs.submit("Anna", endless)
    qtbot.waitUntil(lambda: job.state is JobState.RUNNING)
    program.window.close()
    program.window.close()
    box = program.window._question
    assert box is not None
    assert program.window.isVisible()
    next(b for b in box.buttons() if "Keep" in b.text()).click()
    assert job.state is JobState.RUNNING
    program.window.close()
    assert program.window._question is not None
    stop = next(b for b in program.window._question.buttons() if "Stop" in b.text())
    stop.click()
    qtbot.waitUntil(lambda: not program.window.isVisible())
    assert [job.state] == [JobState.CANCELLED]


def test_the_window_is_where_it_was_left(folders: Path, qapp: QApplication) -> None:
    first = Application(qapp, Engine(modules=()))
    first.show()
    first.window.resize(1111, 777)
    qapp.processEvents()
    end(first)
    second = Application(qapp, Engine(modules=()))
    second.show()
    qapp.processEvents()
    assert second.window.size() == QSize(1111, 777)
    end(second)


def test_damaged_settings_are_said_and_kept(folders: Path, qapp: QApplication) -> None:
    (folders / "config").mkdir()
    (folders / "config" / "settings.toml").write_text("theme = [")
    started = Application(qapp, Engine(modules=()))
    started.show()
    shown = [card.remedy.text() for card in started.window.stage.errors.cards()]
    assert any("settings.damaged.toml" in text for text in shown)
    end(started)


def test_a_native_crash_of_the_last_run_is_said(folders: Path, qapp: QApplication) -> None:
    (folders / "config" / "log").mkdir(parents=True)
    (folders / "config" / "log" / "crash.txt").write_text("Fatal Python error: Segmentation fault")
    started = Application(qapp, Engine(modules=()))
    started.show()
    assert any("Segmentation fault" in card.problem.details for card in started.window.stage.errors.cards())
    end(started)


def test_an_engine_that_cannot_start_is_said(folders: Path, qapp: QApplication, qtbot: QtBot) -> None:
    started = Application(qapp, Engine(modules=("no_such_engine",)))
    started.show()
    qtbot.waitUntil(lambda: bool(started.window.stage.errors.cards()))
    assert "no_such_engine" in started.window.stage.errors.cards()[0].what.text()
    assert not started.engine.ready
    end(started)


def test_whatever_the_keyboard_reaches_has_a_name(program: Application) -> None:
    for page in registry.page_classes():
        program.navigator.open_page(page.key)
        assert not nameless(program.window), page.key


def test_every_inspector_has_the_colour_of_a_panel(program: Application, qtbot: QtBot) -> None:
    for page in registry.page_classes():
        program.navigator.open_page(page.key)
        inspector = program.window.stage.inspector
        if inspector.isVisible():
            qtbot.wait(50)
            image = inspector.grab().toImage()
            assert image.pixelColor(4, image.height() // 2).name() == tokens().surface_1.lower(), page.key


def test_tab_goes_from_the_rail_through_the_page_and_its_inspector_to_the_strip(program: Application) -> None:
    window = program.window
    for page in registry.page_classes():
        program.navigator.open_page(page.key)
        chain: list[QWidget] = []
        widget = window.nextInFocusChain()
        while widget is not window:
            assert widget is not None
            if widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
                chain.append(widget)
            widget = widget.nextInFocusChain()
        places = {
            "rail": [i for i, w in enumerate(chain) if window.rail.isAncestorOf(w)],
            "stage": [i for i, w in enumerate(chain) if window.stage.stack.isAncestorOf(w)],
            "strip": [i for i, w in enumerate(chain) if w in (window.strip.cancel, window.strip.queue, window.strip.log)],
        }
        assert max(places["rail"]) < min(places["stage"]), page.key
        assert max(places["stage"]) < min(places["strip"]), page.key


def test_photos_dropped_on_the_first_screen_are_taken_to_the_library(program: Application, tmp_path: Path) -> None:
    offered: list[list[Path]] = []
    program.navigator.photos_offered.connect(offered.append)
    photo = tmp_path / "left.txt"
    photo.touch()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(photo))])
    where = QPointF(program.window.rect().center())
    entered = QDragEnterEvent(
        where.toPoint(), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    QApplication.sendEvent(program.window, entered)
    assert entered.isAccepted()
    dropped = QDropEvent(where, Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(program.window, dropped)
    assert offered == [[photo]]
    assert program.window.stage.current == "library"


def test_what_is_taken_back_is_said(program: Application, qtbot: QtBot) -> None:
    program.context.undo.push(QUndoCommand("rename of Anna"))
    qtbot.keyClick(program.window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert program.window.strip.result.text() == "Taken back: rename of Anna"
    qtbot.keyClick(program.window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert program.window.strip.result.text() == "Done again: rename of Anna"
