"""The strip at the window's foot: what runs, how far it is, how long it still takes; what ended last; what it computes on."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QPushButton, QToolButton, QWidget

from facestudio.app.from_below import said
from facestudio.app.icons import icon
from facestudio.app.jobs import Job, Jobs, JobState
from facestudio.app.strings import mark, tr
from facestudio.app.theme import theme
from facestudio.app.widgets.elided_label import ElidedLabel
from facestudio.app.widgets.progress_line import ProgressLine

HEIGHT = 36
STAGES = {
    "read": mark("Reading the photos"),
    "landmarks": mark("Finding the face"),
    "masks": mark("Separating the person from the background"),
    "network": mark("Taking a first look"),
    "points": mark("Measuring points by depth"),
    "fit": mark("Fitting the head"),
    "quality": mark("Judging the fit"),
    "refine": mark("Matching the photos"),
    "texture": mark("Making the texture"),
    "export": mark("Writing the files"),
    "import": mark("Importing the photos"),
    "library": mark("Reading the library"),
    "open": mark("Opening the head"),
    "topology": mark("Carrying the head over to another head model"),
    "find the board": mark("Finding the board"),
    "lenses": mark("Measuring the lenses"),
    "positions": mark("Measuring where the cameras stand"),
}
_NAMED_BY_FILES = {"read", "landmarks", "export", "import"}  # whose messages are file names; the others' are the engine's notes


def stage_name(stage: str) -> str:
    """A stage of the pipeline in the operator's words."""
    return tr(STAGES[stage]) if stage in STAGES else stage


def time_left(seconds: float) -> str:
    """A time left as the operator says it; "" when it is unknown."""
    if seconds < 0:
        return ""
    if seconds < 1.5:
        return tr("nearly done")
    if seconds < 90:
        return tr("about {seconds} s left", seconds=round(seconds))
    return tr("about {minutes} min left", minutes=round(seconds / 60))


class JobStrip(QFrame):
    """log_wanted(): show or hide the log."""

    log_wanted = Signal()

    def __init__(self, jobs: Jobs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._job: Job | None = None
        self.setProperty("look", "panel")
        self.setFixedHeight(HEIGHT)
        self.setAccessibleName(tr("Jobs"))
        self.title = ElidedLabel(parent=self)
        self.stage = ElidedLabel(parent=self)
        self.stage.setProperty("look", "dim")
        self.bar = ProgressLine(self)
        self.bar.setFixedWidth(220)
        self.bar.setRange(0, 1000)
        self.bar.setAccessibleName(tr("Progress of the job"))
        self.left = QLabel(self)
        self.left.setMinimumWidth(110)  # so that Cancel stays where the hand is
        self.cancel = QPushButton(tr("Cancel"), self)
        self.cancel.setAccessibleName(tr("Cancel the job"))
        self.cancel.setFixedHeight(26)
        self.cancel.setStyleSheet("padding: 0 12px; min-height: 0;")
        self.queue = QToolButton(self)
        self.queue.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.queue.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.queue.setAccessibleName(tr("Waiting jobs"))
        self.queue.setMenu(QMenu(self.queue))
        self.result = ElidedLabel(parent=self)
        self.result.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.result.setAccessibleName(tr("Last result"))
        self.device = QLabel(self)
        self.device.setProperty("look", "dim")
        self.device.setAccessibleName(tr("Computing on"))
        self.log = QToolButton(self)
        self.log.setToolTip(tr("Show or hide the log (Ctrl+Shift+L)"))
        self.log.setAccessibleName(tr("Log"))
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 8, 0)
        row.setSpacing(12)
        for widget in (self.title, self.stage, self.bar, self.left, self.cancel, self.queue):
            row.addWidget(widget, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addStretch(1)
        for widget in (self.result, self.device, self.log):
            row.addWidget(widget, 0, Qt.AlignmentFlag.AlignVCenter)
        self.cancel.clicked.connect(self._cancel)
        self.log.clicked.connect(self.log_wanted)
        menu = self.queue.menu()
        menu.aboutToShow.connect(self._fill_queue)
        jobs.changed.connect(self._refresh)
        jobs.finished.connect(self._on_finished)
        theme().changed.connect(self._tint)
        self._tint()
        self._refresh()

    def say(self, sentence: str, look: str = "dim") -> None:
        """Show a sentence in the place of the last result. look: dim, ok, warn or bad."""
        self.result.setText(sentence)
        self.result.setProperty("look", look)
        self.result.style().unpolish(self.result)
        self.result.style().polish(self.result)

    def say_device(self, device: str) -> None:
        """Show what the engine computes on."""
        self.device.setText(device)

    def _tint(self) -> None:
        self.log.setIcon(icon("log"))
        self.queue.setIcon(icon("unfold"))

    def _cancel(self) -> None:
        if self._job is not None:
            self._job.cancel()

    def _refresh(self) -> None:
        job = self._jobs.running()
        if job is not self._job:
            if self._job is not None:
                self._job.progressed.disconnect(self._on_progress)
            self._job = job
            if job is not None:
                job.progressed.connect(self._on_progress)
        for widget in (self.title, self.stage, self.bar, self.left, self.cancel):
            widget.setVisible(job is not None)
        if job is not None:
            self.title.setText(job.title)
            cancelling = job.state is JobState.CANCELLING
            self.cancel.setEnabled(not cancelling)
            if cancelling:
                self.stage.setText(tr("Cancelling…"))
                self.left.setText("")
            else:
                self._show(job)
        waiting = sum(other.state is JobState.WAITING and not other.quiet for other in self._jobs.active())
        self.queue.setVisible(waiting > 0)
        self.queue.setText(tr("{count} waiting", count=waiting))

    def _on_progress(self) -> None:
        if self._job is not None:
            self._show(self._job)

    def _show(self, job: Job) -> None:
        name = stage_name(job.stage)
        self.stage.setText(f"{name}: {said(job.message)}" if job.message and job.stage in _NAMED_BY_FILES else name)
        self.bar.setValue(round(1000 * job.fraction))
        self.left.setText(time_left(job.seconds_left))

    def _on_finished(self, job: Job) -> None:
        if job.quiet and job.state is not JobState.FAILED:
            return
        if job.state is JobState.DONE:
            self.say(tr("Finished: {job}", job=job.title), "ok")
        elif job.state is JobState.CANCELLED:
            self.say(tr("Cancelled: {job}", job=job.title))
        else:
            self.say(tr("Failed: {job}", job=job.title), "bad")

    def _fill_queue(self) -> None:
        menu = self.queue.menu()
        menu.clear()
        for job in (job for job in self._jobs.active() if not job.quiet):
            menu.addAction(icon("close"), tr("Cancel “{job}”", job=job.title)).triggered.connect(job.cancel)
        menu.addSeparator()
        menu.addAction(tr("Cancel all")).triggered.connect(self._jobs.cancel_all)
