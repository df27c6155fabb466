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
from facestudio.app.library_question import Answer, ask_for_library
from facestudio.app.main_window import MainWindow
from facestudio.app.registry import page_classes
from facestudio.app.report import Problem
from facestudio.app.sample import SampleSubject
from facestudio.app.settings import Settings, SettingsStore, config_dir
from facestudio.app.strings import install_language, tr
from facestudio.app.theme import install_theme
from facestudio.errors import FaceStudioError, OutputError
from facestudio.library.store import Library

_IMPORT_SECONDS = 20.0
_log = logging.getLogger(__name__)


class Application:
    """Everything that lives as long as the window. `show` opens it; `close` after the event loop ended."""

    def __init__(self, app: QApplication, engine: Engine | None = None) -> None:
        """engine: another than the usual, in tests.

        Raises OutputError when no folder for the library can be used and the operator gives up looking for one.
        """
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
        try:
            library = self._open_library(chosen)
        except FaceStudioError:
            self.net.close()
            self.collector.close()
            raise
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
        self.engine.failed.connect(lambda _problem: self.collector.settle())
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
        """The library, or, when its folder cannot be used (a disk that is not there), the usual one, with a card that says so.

        When that cannot be used either, the operator is asked until a folder can be, or gives up: then the error is raised.
        """
        self._library_problem: FaceStudioError | None = None
        try:
            return Library.open(chosen.library_folder)
        except FaceStudioError as error:
            usual, problem = Settings().library_folder, error
            if usual != chosen.library_folder:
                self._library_problem = error
                try:
                    return Library.open(usual)
                except FaceStudioError as next_error:
                    problem = next_error
        return self._asked_for(usual, problem)

    def _asked_for(self, folder: Path, problem: FaceStudioError) -> Library:
        while True:
            _log.warning("%s: asking for another folder", problem.what)
            answer = ask_for_library(problem, folder, self.theme)
            if answer is Answer.QUIT:
                raise problem
            folder = answer if isinstance(answer, Path) else folder
            try:
                library = Library.open(folder)
            except FaceStudioError as error:
                problem = error
                continue
            if isinstance(answer, Path):
                self._remember(folder)
            return library

    def _remember(self, folder: Path) -> None:
        """Keep the folder for the next start; where the settings cannot be written, it holds for this one."""
        try:
            self.settings.update(library=str(folder))
        except OutputError as error:
            self._library_problem = error

    def _painted(self) -> None:
        self.engine.start()
        self.interrupted.look()

    def _settings_changed(self, chosen: Settings) -> None:
        self.theme.choose(chosen.theme)

    def _say_device(self) -> None:
        self.window.strip.say_device(self.engine.device)
