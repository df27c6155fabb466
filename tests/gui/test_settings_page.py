"""The Settings page: what is chosen takes effect, and FLAME is imported."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from facestudio.app.application import Application
from facestudio.app.jobs import JobState
from facestudio.app.pages.settings.page import SettingsPage
from facestudio.app.theme import DARK, LIGHT, tokens


@pytest.fixture
def page(program: Application) -> SettingsPage:
    program.navigator.open_settings()
    shown = program.window.stage.pages["settings"]
    assert isinstance(shown, SettingsPage)
    return shown


def pick(page: SettingsPage, name: str, value: object) -> None:
    """Choose in a box as a click does."""
    combo = page.combos[name]
    combo.setCurrentIndex(combo.findData(value))
    combo.activated.emit(combo.currentIndex())


def test_the_theme_changes_at_once(page: SettingsPage) -> None:
    pick(page, "theme", "light")
    assert tokens() == LIGHT
    pick(page, "theme", "dark")
    assert tokens() == DARK


def test_a_language_is_for_the_next_start_and_that_is_said(page: SettingsPage, program: Application) -> None:
    assert page.restart.isHidden()
    pick(page, "language", "de")
    assert not page.restart.isHidden()
    assert program.settings.value.language == "de"
    pick(page, "language", "system")
    assert page.restart.isHidden()


def test_quality_means_nothing_without_dense_matching(page: SettingsPage) -> None:
    pick(page, "engine", "fit")
    assert not page.combos["quality"].isEnabled()
    pick(page, "engine", "auto")
    assert page.combos["quality"].isEnabled()


def test_flame_is_imported_and_chosen(page: SettingsPage, program: Application, qtbot: QtBot, flame_source: Path) -> None:
    assert page.combos["head"].count() == 1
    job = page.presenter.import_flame(flame_source)
    assert not page.import_flame.isEnabled()
    qtbot.waitUntil(lambda: job.state.ended, timeout=60_000)
    assert job.state is JobState.DONE, job.error
    assert page.combos["head"].currentData() == program.settings.value.head == "flame"


def test_a_file_that_is_not_flame_is_a_card(page: SettingsPage, program: Application, qtbot: QtBot, tmp_path: Path) -> None:
    wrong = tmp_path / "holiday.pkl"
    wrong.write_bytes(b"not a model")
    job = page.presenter.import_flame(wrong)
    qtbot.waitUntil(lambda: job.state is JobState.FAILED, timeout=30_000)
    assert any("holiday.pkl" in card.what.text() for card in program.window.stage.errors.cards())
    assert program.settings.value.head == "open"


def test_a_disk_that_refuses_is_a_card_and_the_box_shows_what_holds(page: SettingsPage, program: Application) -> None:
    folder = program.settings.file.parent
    program.settings.file = folder / "window.ini" / "settings.toml"
    (folder / "window.ini").touch()
    pick(page, "quality", "full")
    assert program.window.stage.errors.cards()
    assert page.combos["quality"].currentData() == "standard"
