"""The guards of conftest.py see what they are there for: a guard that cannot fail guards nothing."""

from __future__ import annotations

import threading

import pytest
from PySide6.QtCore import QThread, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from tests.gui.conftest import left_behind


@pytest.fixture
def before(qapp: QApplication) -> tuple[set[threading.Thread], set[int]]:
    """What lives before the test."""
    return set(threading.enumerate()), set(map(id, qapp.topLevelWidgets()))


def test_nothing_is_left_of_nothing(qapp: QApplication, before: tuple[set[threading.Thread], set[int]]) -> None:
    assert left_behind(qapp, *before) == []


def test_a_thread_is_seen(qapp: QApplication, before: tuple[set[threading.Thread], set[int]]) -> None:
    go = threading.Event()
    thread = threading.Thread(target=go.wait, name="forgotten")
    thread.start()
    assert left_behind(qapp, *before) == ["thread forgotten"]
    go.set()
    thread.join()


def test_a_qthread_is_seen(qapp: QApplication, before: tuple[set[threading.Thread], set[int]]) -> None:
    thread = QThread()
    thread.start()
    assert any(text.startswith("QThread") for text in left_behind(qapp, *before))
    thread.quit()
    assert thread.wait(5000)


def test_a_ticking_timer_is_seen(qapp: QApplication, before: tuple[set[threading.Thread], set[int]]) -> None:
    timer = QTimer()
    timer.start(1000)
    (found,) = left_behind(qapp, *before)
    assert found.startswith("timer")
    timer.stop()


def test_a_window_is_seen(qapp: QApplication, before: tuple[set[threading.Thread], set[int]]) -> None:
    window = QWidget()
    window.show()
    (found,) = left_behind(qapp, *before)
    assert found.startswith("window")
    window.close()


@pytest.mark.viewer
def test_a_viewer_that_was_not_closed_is_seen(qapp: QApplication, before: tuple[set[threading.Thread], set[int]]) -> None:
    from facestudio.app.viewer.vtk_viewer import VtkViewer

    parent = QWidget()
    viewer = VtkViewer(parent)
    assert any(text.startswith("viewer") for text in left_behind(qapp, *before))
    viewer.close()
    parent.deleteLater()
