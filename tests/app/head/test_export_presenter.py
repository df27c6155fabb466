"""The Export page without a window."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from facestudio.app.pages.export.presenter import ExportPresenter, Stands
from facestudio.app.strings import languages, read_language
from facestudio.errors import OutputError
from facestudio.export.formats import DEFAULT, FORMATS
from tests.app.head.conftest import Desk, until


@pytest.fixture
def presenter(desk: Desk, tmp_path: Path) -> ExportPresenter:
    made = ExportPresenter(desk.context)
    made.choose_folder(tmp_path / "out")
    return made


def test_what_is_written_is_what_was_said(presenter: ExportPresenter, head_file: Path, tmp_path: Path) -> None:
    stood = [presenter.stands]
    presenter.offer(head_file)
    for key in set(DEFAULT) - {"glb"}:
        presenter.choose(key, False)
    presenter.choose("json", True)
    planned = presenter.planned()
    assert [(file.name, file.replaces) for file in planned] == [("anna.glb", False), ("anna.json", False)]
    presenter.start()
    stood.append(presenter.stands)
    assert stood == [Stands.NOTHING, Stands.WORKING]
    assert not presenter.can_start
    until(lambda: presenter.stands is Stands.DONE)
    assert len(presenter.checks) > 5  # Epic's requirements, which the page shows
    there = sorted(path.name for path in (tmp_path / "out" / "anna").iterdir())
    assert there == sorted(file.name for file in planned)
    assert all(file.replaces for file in presenter.planned())


def test_a_capture_is_marked_as_exported(presenter: ExportPresenter, desk: Desk, capture: Path, head_file: Path) -> None:
    (capture / "head").mkdir()
    shutil.copy(head_file, capture / "head" / "first.head.npz")
    presenter.offer(capture)
    assert presenter.name == "first"
    for key in set(DEFAULT) - {"json"}:
        presenter.choose(key, False)
    presenter.start()
    until(lambda: presenter.stands is Stands.DONE)
    assert desk.context.library.capture(capture).state == "exported"


def test_with_nothing_chosen_nothing_starts(presenter: ExportPresenter, head_file: Path) -> None:
    presenter.offer(head_file)
    for key in DEFAULT:
        presenter.choose(key, False)
    assert presenter.planned() == ()
    assert not presenter.can_start
    presenter.start()
    assert presenter.stands is Stands.READY


def test_a_folder_that_cannot_be_written_is_an_error_and_the_page_is_ready_again(
    presenter: ExportPresenter, desk: Desk, head_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("a file where a folder should be", encoding="utf-8")
    presenter.offer(head_file)
    errors: list[object] = []
    presenter.start()
    assert presenter.job is not None
    presenter.job.failed.connect(errors.append)
    until(lambda: presenter.stands is Stands.READY)
    until(lambda: bool(errors))
    assert isinstance(errors[0], OutputError)


def test_a_capture_without_a_head_is_refused_in_words(presenter: ExportPresenter, desk: Desk, capture: Path) -> None:
    presenter.offer(capture)
    assert presenter.stands is Stands.NOTHING
    assert "Reconstruct" in str(desk.said[0])


def test_the_folder_is_remembered(presenter: ExportPresenter, desk: Desk, tmp_path: Path) -> None:
    assert ExportPresenter(desk.context).folder == tmp_path / "out"


def test_cancelling_leaves_nothing_behind(presenter: ExportPresenter, head_file: Path, tmp_path: Path) -> None:
    presenter.offer(head_file)
    presenter.start()
    presenter.cancel()
    until(lambda: presenter.job is None)
    folder = tmp_path / "out" / "anna"
    assert presenter.stands is Stands.READY
    assert not folder.exists() or not list(folder.iterdir())


def test_with_flame_imported_a_head_can_be_written_in_its_topology(
    presenter: ExportPresenter, head_file: Path, flame_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert presenter.topologies() == ()
    monkeypatch.setattr("facestudio.head.store.user_models_dir", lambda: flame_file.parent)
    assert presenter.topologies() == ("open", "flame")
    presenter.offer(head_file)
    for key in set(DEFAULT) - {"json"}:
        presenter.choose(key, False)
    presenter.choose_topology("flame")
    presenter.start()
    until(lambda: presenter.job is None, 60.0)
    written = json.loads((tmp_path / "out" / "anna" / "anna.json").read_text(encoding="utf-8"))
    assert written["head_model"]["name"] == "flame"


@pytest.mark.parametrize("language", [language for language in languages() if language != "en"])
def test_every_format_says_what_it_is_for_in_every_language(language: str) -> None:
    known = read_language(language)
    assert not [choice.sentence for choice in FORMATS.values() if choice.sentence not in known]
