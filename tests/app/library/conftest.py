"""A library with a few captures, and everything a presenter needs beside a window."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtGui import QUndoStack

from facestudio.app.context import AppContext, Navigator
from facestudio.app.engine import Engine
from facestudio.app.jobs import Jobs
from facestudio.app.pages.library.import_presenter import ImportPresenter
from facestudio.app.pages.library.presenter import LibraryPresenter
from facestudio.app.settings import SettingsStore
from facestudio.library.add import NewCapture
from facestudio.library.store import Library
from facestudio.types import ViewName


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Run the event loop until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        QCoreApplication.processEvents()
        time.sleep(0.002)


@dataclass
class Desk:
    """A presenter with its surroundings. errors, said: what the navigator was told."""

    context: AppContext
    presenter: LibraryPresenter
    imports: ImportPresenter
    errors: list[BaseException]
    said: list[str]

    @property
    def library(self) -> Library:
        return self.context.library

    def settle(self) -> None:
        """Wait for the background."""
        until(lambda: not self.presenter.busy)


@pytest.fixture
def pictures(tmp_path: Path) -> dict[ViewName, Path]:
    """Three small pictures."""
    (tmp_path / "ann").mkdir()
    for k, view in enumerate(ViewName):
        Image.new("RGB", (48, 64), (80 * k, 100, 100)).save(tmp_path / "ann" / f"{view}.jpg")
    return {view: tmp_path / "ann" / f"{view}.jpg" for view in ViewName}


@pytest.fixture
def desk(qapp: QCoreApplication, tmp_path: Path, pictures: dict[ViewName, Path]) -> Iterator[Desk]:
    library = Library.open(tmp_path / "library")
    for subject, session in (("Ada", "visit 1"), ("Ada", "visit 1"), ("Bo", "visit 1")):
        library.add_capture(NewCapture(subject, session, pictures))
    navigator = Navigator()
    context = AppContext(library, Jobs(), SettingsStore(tmp_path / "config"), navigator, QUndoStack(), Engine(modules=()))
    errors: list[BaseException] = []
    said: list[str] = []
    navigator.error.connect(errors.append)
    navigator.said.connect(said.append)
    presenter = LibraryPresenter(context)
    presenter.reload()
    yield Desk(context, presenter, ImportPresenter(context), errors, said)
    presenter.shut_down()
    context.jobs.shut_down()
    QCoreApplication.processEvents()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    library.close()
