"""The Settings page without its page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QUndoStack

from facestudio.app.context import AppContext, Navigator
from facestudio.app.engine import Engine
from facestudio.app.jobs import Jobs
from facestudio.app.pages.settings.presenter import SettingsPresenter
from facestudio.app.settings import SettingsStore
from facestudio.library.store import Library
from facestudio.pipeline.engines import ENGINES


@pytest.fixture
def presenter(qapp: QCoreApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SettingsPresenter]:
    monkeypatch.setenv("FACESTUDIO_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("FACESTUDIO_LIBRARY", raising=False)
    library, jobs = Library.open(tmp_path / "library"), Jobs()
    store = SettingsStore(tmp_path / "config")
    yield SettingsPresenter(AppContext(library, jobs, store, Navigator(), QUndoStack(), Engine(modules=())))
    jobs.shut_down()
    library.close()


def test_flame_can_be_chosen_once_it_was_imported(presenter: SettingsPresenter, tmp_path: Path) -> None:
    assert [choice.value for choice in presenter.heads()] == ["open"]
    (tmp_path / "data" / "models").mkdir(parents=True)
    (tmp_path / "data" / "models" / "flame.npz").touch()
    assert [choice.value for choice in presenter.heads()] == ["open", "flame"]


def test_a_model_file_from_the_settings_file_is_shown_by_its_name(presenter: SettingsPresenter) -> None:
    presenter.choose(head="/models/mine.npz")
    assert ("/models/mine.npz", "mine.npz") in [(choice.value, choice.label) for choice in presenter.heads()]


@pytest.mark.parametrize(
    ("changes", "restart"),
    [({"language": "de"}, True), ({"device": "cpu"}, True), ({"library": "/elsewhere"}, True), ({"quality": "full"}, False)],
)
def test_what_holds_from_the_next_start_on_is_known(
    presenter: SettingsPresenter, changes: dict[str, str], restart: bool
) -> None:
    assert not presenter.needs_restart()
    presenter.choose(**changes)
    assert presenter.needs_restart() is restart


def test_what_the_disk_refuses_is_shown_and_not_chosen(presenter: SettingsPresenter, tmp_path: Path) -> None:
    (tmp_path / "config").touch()  # a file where the folder should be
    errors: list[object] = []
    presenter._context.navigator.error.connect(errors.append)
    presenter.choose(theme="light")
    assert len(errors) == 1
    assert presenter.value.theme == "system"


def test_the_device_is_unknown_until_the_engine_has_started(presenter: SettingsPresenter) -> None:
    assert presenter.device() == ""


def test_every_choice_has_a_value_that_the_settings_accept(presenter: SettingsPresenter) -> None:
    for name, choices in (
        ("engine", presenter.engines()),
        ("quality", presenter.qualities()),
        ("texture_size", presenter.texture_sizes()),
        ("theme", presenter.themes()),
        ("device", presenter.devices()),
        ("language", presenter.languages()),
    ):
        for choice in choices:
            presenter.choose(**{name: choice.value})
            assert getattr(SettingsStore(presenter._context.settings.file.parent).value, name) == choice.value


def test_every_engine_can_be_chosen_in_the_window(presenter: SettingsPresenter) -> None:
    assert tuple(choice.value for choice in presenter.engines()) == ENGINES
