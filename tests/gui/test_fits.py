"""Everything that is written in the smallest window can be read whole, in both languages and from 100 to 200 % scaling."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest
from PySide6.QtCore import QRect
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from facestudio.app.application import Application
from facestudio.app.engine import Engine
from facestudio.app.pages.head.page import HeadPage
from facestudio.app.pages.head.presenter import Shows
from facestudio.app.registry import page_classes
from facestudio.app.strings import install_language
from facestudio.app.widgets.elided_label import ElidedLabel
from facestudio.errors import PictureError
from tests.app.head.conftest import capture, head_file, reconstruction, texture, until
from tests.gui.conftest import bring_to_front, end

__all__ = ["capture", "head_file", "reconstruction", "texture"]  # fixtures of the presenters' tests
SIZE = (1280, 720)
SCALES = ("1.25", "1.5", "2")


@pytest.fixture(params=["en", "de"])
def spoken(folders: Path, qapp: QApplication, request: pytest.FixtureRequest) -> Iterator[Application]:
    """The program in one of its languages, in its smallest window."""
    (folders / "config").mkdir()
    (folders / "config" / "settings.toml").write_text(f'schema = 1\nlanguage = "{request.param}"\n')
    started = Application(qapp, Engine(modules=()))
    started.window.resize(*SIZE)
    started.show()
    bring_to_front(started)
    yield started
    end(started)
    install_language(qapp, "en")


def cut_off(root: QWidget) -> list[str]:
    """What of the texts under a widget is not seen whole, and which of them lie over each other."""
    found = []
    shown = [w for w in root.findChildren(QWidget) if w.isVisible() and isinstance(w, QLabel | QAbstractButton | QComboBox)]
    for widget in shown:
        text = widget.currentText() if isinstance(widget, QComboBox) else widget.text()
        if text and not _has_room(widget, text):
            found.append(f"{type(widget).__name__} {text!r} in {widget.width()} x {widget.height()}")
    for one, other in combinations(shown, 2):
        if one.parentWidget() is other.parentWidget() and not _inner(one).intersected(_inner(other)).isEmpty():
            found.append(f"{one} lies over {other}")
    return found


def _has_room(widget: QWidget, text: str) -> bool:
    if isinstance(widget, ElidedLabel):
        return widget.fontMetrics().horizontalAdvance(text) <= widget.width()
    if isinstance(widget, QComboBox):
        return widget.fontMetrics().horizontalAdvance(text) + 34 <= widget.width()  # its frame and its arrow
    if isinstance(widget, QLabel) and widget.wordWrap():
        return widget.heightForWidth(widget.width()) <= widget.height()
    if widget.property("look") == "rail":  # of a set width
        return widget.fontMetrics().horizontalAdvance(text) + 4 <= widget.width()
    hint = widget.sizeHint()
    return hint.width() <= widget.width() and hint.height() <= widget.height()


def _inner(widget: QWidget) -> QRect:
    return widget.geometry().adjusted(1, 1, -1, -1)


def test_on_every_page_every_text_is_whole(spoken: Application, head_file: Path, qtbot: QtBot) -> None:
    window = spoken.window
    qtbot.wait(50)
    assert not cut_off(window), "welcome"
    for page in page_classes():
        spoken.navigator.open_page(page.key)
        qtbot.wait(50)
        assert not cut_off(window), page.key
    spoken.navigator.open_export(head_file)
    qtbot.wait(200)
    assert not cut_off(window), "export of a head"


@pytest.mark.viewer
def test_with_a_head_open_every_text_is_whole(spoken: Application, head_file: Path, qtbot: QtBot) -> None:
    spoken.navigator.open_capture(head_file)
    page = spoken.window.stage.pages["head"]
    assert isinstance(page, HeadPage)
    until(lambda: page.presenter.shows is Shows.HEAD)
    for number in range(page.tabs.count()):
        page.tabs.setCurrentIndex(number)
        qtbot.wait(50)
        assert not cut_off(spoken.window), page.tabs.tabText(number)


@pytest.mark.viewer
def test_no_edge_of_the_viewer_is_left_unpainted(spoken: Application, head_file: Path, qtbot: QtBot) -> None:
    spoken.theme.choose("light")
    spoken.navigator.open_capture(head_file)
    page = spoken.window.stage.pages["head"]
    assert isinstance(page, HeadPage)
    until(lambda: page.presenter.shows is Shows.HEAD)
    qtbot.wait(100)
    for height in (720, 721, 722, 723):
        spoken.window.resize(SIZE[0] + height % 4, height)
        qtbot.wait(100)
        image = spoken.window.grab().toImage()
        ratio = image.devicePixelRatio()
        corner = page.view.mapTo(spoken.window, page.view.rect().topLeft())
        x, top = int((corner.x() + 20) * ratio), int((corner.y() - 1) * ratio)
        column = [image.pixelColor(x, y).lightness() for y in range(top, top + int((page.view.height() + 2) * ratio))]
        y, left = int((corner.y() + 20) * ratio), int((corner.x() - 1) * ratio)
        row = [image.pixelColor(x, y).lightness() for x in range(left, left + int((page.view.width() + 2) * ratio))]
        assert min(column) > 150, height
        assert min(row) > 150, height


def test_a_long_error_is_whole(spoken: Application, qtbot: QtBot) -> None:
    where = "/data/anna/a folder with a long name/and another one in it/a photo with a name that is long, too.jpg"
    spoken.navigator.show_error(PictureError(f"{where} is empty.", "Copy it again from the camera."))
    (card,) = spoken.window.stage.errors.cards()
    card.fold.click()
    qtbot.wait(50)
    assert not cut_off(card)


def test_the_check_sees_what_is_cut_off_and_what_lies_over_something(qtbot: QtBot) -> None:
    root = QWidget()
    qtbot.addWidget(root)
    for left, width in ((0, 40), (100, 300), (300, 300)):
        QPushButton("a button with a long text", root).setGeometry(left, 0, width, 40)
    root.show()
    found = cut_off(root)
    assert len(found) == 2
    assert "in 40 x 40" in found[0]
    assert "lies over" in found[1]
    root.close()


@pytest.mark.slow
@pytest.mark.parametrize("scale", SCALES)
def test_the_same_where_the_screen_is_scaled(qapp: QApplication, scale: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", __file__]
    done = subprocess.run(command, env={**os.environ, "QT_SCALE_FACTOR": scale}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
