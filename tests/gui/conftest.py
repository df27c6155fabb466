"""A window on folders of its own for each test, and guards that fail a test which leaves something of it behind."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt, QThread, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from facestudio.app.application import Application
from facestudio.app.engine import Engine


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder opens windows."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.gui)


@pytest.fixture(scope="session")
def qapp(qapp_cls: type[QApplication], request: pytest.FixtureRequest) -> Iterator[QApplication]:
    """The application, or a skip where there is no screen; `run.py test` brings a virtual one."""
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        pytest.skip("needs a screen: run the tests by `python3 run.py test`, or under xvfb-run")
    os.environ["QT_QPA_PLATFORM"] = "xcb" if sys.platform.startswith("linux") else os.environ.get("QT_QPA_PLATFORM", "")
    app = QApplication.instance() or qapp_cls(["facestudio"])
    assert isinstance(app, QApplication)
    yield app


def settle() -> None:
    """Let Qt delete what asked for it."""
    for _ in range(3):
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
        QCoreApplication.processEvents()


def alive(kind: type) -> list[object]:
    """Instances of a class that Python knows of and Qt has not deleted."""
    from shiboken6 import isValid

    return [thing for thing in gc.get_objects() if isinstance(thing, kind) and isValid(thing)]


def open_plotters() -> list[object]:
    """Viewers of pyvista that were not closed."""
    plotter = sys.modules.get("pyvista.plotting.plotter")
    if plotter is None:
        return []
    return [
        thing
        for thing in gc.get_objects()
        if type(thing).__name__.endswith("Interactor") and not getattr(thing, "_closed", True)
    ]


@pytest.fixture(autouse=True)
def nothing_is_left_behind(qapp: QApplication) -> Iterator[None]:
    """Fail a test that leaves running threads, ticking timers, windows or open viewers."""
    threads, windows = set(threading.enumerate()), set(map(id, qapp.topLevelWidgets()))
    yield
    settle()
    gc.collect()
    settle()
    left = left_behind(qapp, threads, windows)
    assert not left, f"left behind: {left}"


def left_behind(qapp: QApplication, threads: set[threading.Thread], windows: set[int]) -> list[str]:
    """What lives that was not among these threads and (by id) windows: threads, ticking timers, windows, open viewers."""
    left = [f"thread {t.name}" for t in set(threading.enumerate()) - threads if t.is_alive() and not t.name.startswith("Dummy")]
    left += [f"QThread {t}" for t in alive(QThread) if isinstance(t, QThread) and t.isRunning() and t is not qapp.thread()]
    left += [f"timer {t} of {t.parent()}" for t in alive(QTimer) if isinstance(t, QTimer) and t.isActive()]
    left += [f"window {w}" for w in qapp.topLevelWidgets() if id(w) not in windows and _ours(w)]
    left += [f"viewer {p}" for p in open_plotters()]
    return left


def nameless(window: QWidget) -> list[str]:
    """What the keyboard reaches in a window and a screen reader has no name for."""
    return [
        f"{type(w).__name__} in {type(w.parent()).__name__}"
        for w in window.findChildren(QWidget)
        if w.isVisible()
        and w.focusPolicy() & Qt.FocusPolicy.TabFocus
        and not (w.accessibleName() or getattr(w, "text", lambda: "")())
    ]


def _ours(widget: QWidget) -> bool:
    """Not one of Qt's own private windows (tool tips, combo pop-ups of deleted boxes)."""
    return type(widget).__module__.startswith("facestudio") or widget.isVisible()


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings, library and data in folders of this test."""
    monkeypatch.setenv("FACESTUDIO_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("FACESTUDIO_LIBRARY", str(tmp_path / "library"))
    monkeypatch.setenv("FACESTUDIO_DATA", str(tmp_path / "data"))
    return tmp_path


@pytest.fixture
def program(folders: Path, qapp: QApplication) -> Iterator[Application]:
    """The whole program on empty folders, its window shown; the engine imports nothing, so that it is ready at once."""
    started = Application(qapp, Engine(modules=()))
    started.show()
    bring_to_front(started)
    yield started
    end(started)


@pytest.fixture
def whole_program(folders: Path, qapp: QApplication) -> Iterator[Application]:
    """The same with the real engine."""
    started = Application(qapp)
    started.show()
    bring_to_front(started)
    yield started
    end(started)


def bring_to_front(started: Application) -> None:
    """Give the window the keyboard: a virtual screen has no window manager that would."""
    started.window.activateWindow()
    assert QTest.qWaitForWindowActive(started.window)


def end(started: Application) -> None:
    """Close the window and let go of everything, as main.run does."""
    started.jobs.cancel_all()
    started.jobs.shut_down(30)
    settle()
    started.window.close()
    started.close()
    started.window.deleteLater()
    settle()
