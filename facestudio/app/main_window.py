"""The window: rail, stage, inspector, job strip. It brings pages to the front and knows nothing of what they do."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QKeySequence, QPaintEvent, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QMessageBox, QPushButton, QSplitter, QVBoxLayout, QWidget

from facestudio.app.context import AppContext
from facestudio.app.gl_window import stand_in
from facestudio.app.icons import pixmap
from facestudio.app.jobs import Job, JobState
from facestudio.app.page import Page
from facestudio.app.report import problem
from facestudio.app.stage import Stage
from facestudio.app.strings import tr
from facestudio.app.theme import tokens
from facestudio.app.widgets.job_strip import JobStrip
from facestudio.app.widgets.log_pane import LogPane
from facestudio.app.widgets.pieces import line
from facestudio.app.widgets.rail import Rail

SIZE = (1440, 900)
MINIMUM = (960, 600)
_log = logging.getLogger(__name__)


class MainWindow(QMainWindow):
    """painted(): once, after the first paint; heavy things may begin now. closed(): the window is gone."""

    painted = Signal()
    closed = Signal()

    def __init__(self, context: AppContext, pages: Sequence[type[Page]], state: QSettings) -> None:
        """state: where the window keeps its size and the panes theirs."""
        super().__init__()
        self.context, self._state = context, state
        self._was_painted = self._closing = False
        self._pending: dict[str, object] = {}
        self._question: QMessageBox | None = None
        self.setWindowTitle("FaceStudio")
        self.setMinimumSize(*MINIMUM)
        self.setAcceptDrops(True)
        self._stand_in = stand_in(self)
        self.rail = Rail(pages, self)
        self.stage = Stage(context, pages, self)
        self.strip = JobStrip(context.jobs, self)
        self.log = LogPane(self)
        self.log.hide()
        self._build()
        self._connect()
        self._restore()

    # --- what the operator sees ---------------------------------------------------------------------------------------

    def show_first(self, empty: bool) -> None:
        """The first page: the welcome screen when the library is empty, else the library."""
        if empty or not self.stage.has("library"):
            self.stage.show_welcome()
        else:
            self.stage.show_page("library")

    def show_error(self, error: BaseException) -> None:
        """Show an error as a card."""
        self.stage.errors.add(problem(error))

    def toggle_log(self) -> None:
        """Show or hide the log."""
        self.log.setVisible(self.log.isHidden())
        if self.log.isVisible():
            self.log.setFocus()

    # --- how it is put together ---------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.middle = QSplitter(Qt.Orientation.Vertical, self)
        self.middle.setHandleWidth(1)
        self.middle.addWidget(self.stage)
        self.middle.addWidget(self.log)
        self.middle.setStretchFactor(0, 1)
        self.middle.setSizes([700, 180])
        top = QHBoxLayout()
        top.setSpacing(0)
        top.addWidget(self.rail)
        top.addWidget(line(self, vertical=True))
        top.addWidget(self.middle, 1)
        body = QWidget(self)
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top, 1)
        column.addWidget(line(self, vertical=False))
        column.addWidget(self.strip)
        self.setCentralWidget(body)

    def _connect(self) -> None:
        navigator, jobs = self.context.navigator, self.context.jobs
        self.rail.chosen.connect(self.stage.show_page)
        self.stage.shown.connect(self.rail.show_current)
        self.stage.shown.connect(self._order_tabs)
        navigator.requested.connect(self.stage.show_page)
        navigator.welcome_wanted.connect(self.stage.show_welcome)
        navigator.error.connect(self.show_error)
        navigator.said.connect(self.strip.say)
        jobs.finished.connect(self._job_finished)
        jobs.changed.connect(self._finish_closing)
        self.strip.log_wanted.connect(self.toggle_log)
        self.context.engine.failed.connect(self.show_error)
        for keys, action in (
            (QKeySequence(QKeySequence.StandardKey.Undo), self._undo),
            (QKeySequence(QKeySequence.StandardKey.Redo), self._redo),
            (QKeySequence("Ctrl+Shift+L"), self.toggle_log),
            (QKeySequence(QKeySequence.StandardKey.Quit), self.close),
            (QKeySequence("F11"), self._toggle_full_screen),
        ):
            QShortcut(keys, self).activated.connect(action)
        dismiss = QShortcut(QKeySequence(Qt.Key.Key_Escape), self.stage)
        dismiss.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        dismiss.activated.connect(self.stage.errors.dismiss_newest)

    def _order_tabs(self) -> None:
        """The Tab key goes as one reads: rail, page, inspector, strip. A page made later stands after the strip until told otherwise."""
        ours = (self.strip.cancel, self.strip.queue, self.strip.log)
        last = self.previousInFocusChain()
        while last is not None and (last.focusPolicy() == Qt.FocusPolicy.NoFocus or last in ours):
            last = last.previousInFocusChain()
        for widget in ours:
            if last is not None:
                QWidget.setTabOrder(last, widget)
            last = widget

    def _undo(self) -> None:
        """Take back, and say what: it may be on a page that is not in front."""
        text = self.context.undo.undoText()
        if self.context.undo.canUndo():
            self.context.undo.undo()
            self.strip.say(tr("Taken back: {what}", what=text))

    def _redo(self) -> None:
        text = self.context.undo.redoText()
        if self.context.undo.canRedo():
            self.context.undo.redo()
            self.strip.say(tr("Done again: {what}", what=text))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Photos may be dropped on any page that has no use of its own for them."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Take them to the library."""
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.context.navigator.offer_photos(paths)

    def _toggle_full_screen(self) -> None:
        self.showNormal() if self.isFullScreen() else self.showFullScreen()

    def _job_finished(self, job: Job) -> None:
        if job.state is JobState.FAILED and job.error is not None:
            self.show_error(job.error)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Tell once that the operator sees the window."""
        super().paintEvent(event)
        if not self._was_painted:
            self._was_painted = True
            QTimer.singleShot(0, self, self.painted.emit)

    # --- closing ------------------------------------------------------------------------------------------------------

    def closeEvent(self, event: QCloseEvent) -> None:
        """Close, after asking once when work would be stopped; a stopped capture keeps its photos and can be run again."""
        if not self._closing and not all(page.may_close() for page in self.stage.pages.values()):
            event.ignore()
            return
        if any(not job.quiet for job in self.context.jobs.active()) and not self._closing:
            event.ignore()
            self._ask()
            return
        self._save()
        self.log.shut_down()
        for key, page in self.stage.pages.items():
            try:
                page.shut_down()
            except Exception:  # one page's trouble must not keep the window open
                _log.exception("Page %s did not shut down", key)
        self.context.jobs.shut_down()
        event.accept()
        self.closed.emit()

    def _ask(self) -> None:
        if self._question is not None:
            self._question.raise_()
            return
        box = QMessageBox(self)
        box.setIconPixmap(pixmap("warning", 32, tokens().warn))
        box.setText(tr("Work is still going on."))
        box.setInformativeText(tr("Photos are safe. What is stopped now can be run again."))
        stop = QPushButton(tr("Stop it and close"), box)
        stay = QPushButton(tr("Keep working"), box)
        box.addButton(stop, QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(stay, QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(stay)
        box.setEscapeButton(stay)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        stop.clicked.connect(self.stop_and_close)
        box.finished.connect(self._answered)
        self._question = box
        box.open()

    def _answered(self) -> None:
        self._question = None

    def stop_and_close(self) -> None:
        """Cancel what runs, and close as soon as it has stopped, without a question."""
        self._closing = True
        self.context.jobs.cancel_all()
        self._finish_closing()

    def _finish_closing(self) -> None:
        if self._closing and not self.context.jobs.active() and self.isVisible():
            QTimer.singleShot(0, self, self.close)

    # --- its place on the screen --------------------------------------------------------------------------------------

    def _restore(self) -> None:
        self.resize(*SIZE)
        for key, restore in {
            "geometry": self.restoreGeometry,
            "stage": self.stage.restoreState,
            "log": self.middle.restoreState,
        }.items():
            value = self._state.value(key)
            if isinstance(value, QByteArray):
                restore(value)

    def _save(self) -> None:
        self._state.setValue("geometry", self.saveGeometry())
        self._state.setValue("stage", self.stage.saveState())
        self._state.setValue("log", self.middle.saveState())
        self._state.sync()
