"""The parts of the program and their order of birth and death. One per process; tests make it on folders of their own."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from PySide6.QtCore import QSettings
from PySide6.QtGui import QUndoStack
from PySide6.QtWidgets import QApplication

from facestudio import __version__
from facestudio.app.collector import Collector
from facestudio.app.context import AppContext, Navigator
from facestudio.app.crash import CrashNet
from facestudio.app.engine import Engine
from facestudio.app.gl_window import set_surface_format
from facestudio.app.icons import pixmap
from facestudio.app.interrupted import InterruptedWork
from facestudio.app.jobs import Jobs
from facestudio.app.main_window import MainWindow
from facestudio.app.registry import page_classes
from facestudio.app.report import Problem
from facestudio.app.sample import SampleSubject
from facestudio.app.settings import Settings, SettingsStore, config_dir
from facestudio.app.strings import install_language, tr
from facestudio.app.theme import install_theme
from facestudio.errors import FaceStudioError
from facestudio.library.store import Library

_IMPORT_SECONDS = 20.0
_log = logging.getLogger(__name__)


class Application:
    """Everything that lives as long as the window. `show` opens it; `close` after the event loop ended."""

    def __init__(self, app: QApplication, engine: Engine | None = None) -> None:
        """engine: another than the usual, in tests. Raises OutputError when the library's folder cannot be made or written."""
        self._app = app
        folder = config_dir()
        set_surface_format()
        app.setApplicationName("FaceStudio")
        app.setDesktopFileName("facestudio")
        self.settings = SettingsStore(folder)
        chosen = self.settings.value
        if chosen.device == "cpu":
            os.environ["CUDA_VISIBLE_DEVICES"] = ""  # before torch is imported, or it has no effect
        self.theme = install_theme(app, chosen.theme)
        install_language(app, chosen.language)
        app.setWindowIcon(pixmap("head", 64, self.theme.tokens.accent))
        self.collector = Collector()
        self.navigator = Navigator()
        self.net = CrashNet(folder / "log", self.navigator.show_error)
        library = self._open_library(chosen)
        _log.info("FaceStudio %s, library %s", __version__, library.root)
        self.engine = engine or Engine()
        self.jobs = Jobs(timings=folder / "timings.json")
        self.context = AppContext(library, self.jobs, self.settings, self.navigator, QUndoStack(), self.engine)
        state = QSettings(str(folder / "window.ini"), QSettings.Format.IniFormat)
        self.window = MainWindow(self.context, page_classes(), state)
        self.sample = SampleSubject(self.context)
        self.interrupted = InterruptedWork(self.context, self.window.stage.errors)
        self.settings.changed.connect(self._settings_changed)
        self.engine.became_ready.connect(self._say_device)
        self.engine.became_ready.connect(self.collector.settle)
        self.window.painted.connect(self._painted)

    def show(self, path: Path | None = None) -> None:
        """Open the window, on a head file or result folder if one is named, and say what went wrong the last time."""
        self.window.show_first(empty=path is None and self._library_is_empty())
        self.window.show()
        if path is not None:
            self.navigator.open_capture(path)
        if self.settings.kept_aside is not None:
            what = tr("The settings could not be read; they are the usual ones now.")
            remedy = tr("The old file is kept as {file}.", file=self.settings.kept_aside)
            self.window.show_error(FaceStudioError(what, remedy))
        if self._library_problem is not None:
            self.window.show_error(self._library_problem)
        if self.net.last_crash:
            what = tr("FaceStudio ended unexpectedly the last time.")
            remedy = tr("Your captures are safe. Copy the report and send it to us.")
            self.window.stage.errors.add(Problem(what, remedy, self.net.last_crash, expected=False))

    def _library_is_empty(self) -> bool:
        library = self.context.library
        return not library.subjects() and not library.stale  # a lost index says nothing about the files

    def close(self) -> None:
        """Let go of everything."""
        self.jobs.shut_down()
        self.interrupted.close()
        self.engine.close(_IMPORT_SECONDS)
        self.context.library.close()
        self.collector.close()
        self.net.close()

    def _open_library(self, chosen: Settings) -> Library:
        """The library, or, when its folder cannot be used (a disk that is not there), the usual one, with a card that says so."""
        self._library_problem: FaceStudioError | None = None
        try:
            return Library.open(chosen.library_folder)
        except FaceStudioError as error:
            usual = Settings().library_folder
            if usual == chosen.library_folder:
                raise
            self._library_problem = error
            return Library.open(usual)

    def _painted(self) -> None:
        self.engine.start()
        self.interrupted.look()

    def _settings_changed(self, chosen: Settings) -> None:
        self.theme.choose(chosen.theme)

    def _say_device(self) -> None:
        self.window.strip.say_device(self.engine.device)
