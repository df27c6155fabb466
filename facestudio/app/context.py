"""What pages share, and the only thing they share: no page knows another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from facestudio.app.engine import Engine
from facestudio.app.jobs import Jobs
from facestudio.app.settings import SettingsStore
from facestudio.library.store import Library


class Navigator(QObject):
    """Where the operator may be taken. Any page emits; the window brings the page to the front, and that page shows what is meant.

    requested: a page by its key. capture_opened: a capture's folder, or a NAME.head.npz, to show on the Head page.
    export_opened: the same, on the Export page. photos_offered: picture files or folders to import, on the Library page.
    sample_wanted: import the sample subject and reconstruct it. error: an exception to show as a card in the window.
    said: a sentence for the job strip, for what needs no answer.
    """

    requested = Signal(str)
    capture_opened = Signal(object)
    export_opened = Signal(object)
    photos_offered = Signal(object)
    sample_wanted = Signal()
    welcome_wanted = Signal()
    error = Signal(object)
    said = Signal(str)

    def open_page(self, key: str) -> None:
        """Bring a page to the front."""
        self.requested.emit(key)

    def open_library(self) -> None:
        """Bring the library to the front."""
        self.requested.emit("library")

    def open_settings(self) -> None:
        """Bring the settings to the front."""
        self.requested.emit("settings")

    def open_capture(self, path: Path) -> None:
        """Show a capture's head: its folder, or a NAME.head.npz."""
        self.requested.emit("head")
        self.capture_opened.emit(path)

    def open_export(self, path: Path) -> None:
        """Offer a capture's head for export."""
        self.requested.emit("export")
        self.export_opened.emit(path)

    def offer_photos(self, paths: list[Path]) -> None:
        """Import photos or folders of photos into the library; [] opens the library's file dialog."""
        self.requested.emit("library")
        self.photos_offered.emit(paths)

    def try_sample(self) -> None:
        """Import the shipped sample subject, reconstruct it and show the head."""
        self.sample_wanted.emit()

    def welcome(self) -> None:
        """Show the first screen."""
        self.welcome_wanted.emit()

    def show_error(self, error: BaseException) -> None:
        """Show an error as a card: what happened, what to do, details folded."""
        self.error.emit(error)

    def say(self, sentence: str) -> None:
        """Say something in the job strip."""
        self.said.emit(sentence)


@dataclass(frozen=True)
class AppContext:
    """undo: one stack for the whole window (Ctrl+Z, Ctrl+Shift+Z)."""

    library: Library
    jobs: Jobs
    settings: SettingsStore
    navigator: Navigator
    undo: QUndoStack
    engine: Engine
