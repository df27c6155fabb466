"""In a German window the floors below speak German, too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from facestudio.app.application import Application
from facestudio.app.engine import Engine
from facestudio.app.pages.library.page import LibraryPage
from facestudio.app.strings import install_language
from facestudio.errors import PictureError
from tests.gui.conftest import bring_to_front, end


@pytest.fixture
def german(folders: Path, qapp: QApplication) -> Iterator[Application]:
    """The program with its language set to German, on a library with one capture whose last job failed."""
    (folders / "config").mkdir()
    (folders / "config" / "settings.toml").write_text('schema = 1\nlanguage = "de"\n')
    capture = folders / "library" / "Ada" / "2026-01-01" / "capture 1"
    capture.mkdir(parents=True)
    Image.new("RGB", (64, 64)).save(capture / "front.jpg")
    (capture / "capture.json").write_text("{}")
    failure = {"what": "No face was found in the left photo.", "remedy": "Use a picture of at least 640 x 480."}
    (capture / "error.json").write_text(json.dumps(failure))
    started = Application(qapp, Engine(modules=()))
    started.show()
    bring_to_front(started)
    yield started
    end(started)
    install_language(qapp, "en")


def test_an_error_card_speaks_the_language_of_the_window(german: Application) -> None:
    german.navigator.show_error(PictureError("left.jpg is empty.", "Copy it again from the camera."))
    card = german.window.stage.errors.cards()[0]
    assert card.what.text() == "left.jpg ist leer."
    assert card.remedy.text() == "Kopieren Sie es noch einmal von der Kamera."


def test_what_an_earlier_start_wrote_down_in_english_is_shown_in_german(german: Application, qtbot: QtBot) -> None:
    german.navigator.open_library()
    page = german.window.stage.pages["library"]
    assert isinstance(page, LibraryPage)
    qtbot.waitUntil(lambda: page.grid.captures.rowCount() == 1)
    page.grid.setCurrentIndex(page.grid.captures.index(0, 0))
    qtbot.waitUntil(lambda: bool(page.inspected.attention.text()))
    said = page.inspected.attention.text()
    assert said == "In dem Foto links wurde kein Gesicht gefunden. Nehmen Sie ein Bild von mindestens 640 x 480."
