"""Long work beside the window: what runs, what waits, how far it is, and how it ended.

A job is one of the pipeline's functions with its arguments bound: `work(progress, cancel, partial) -> value`. It runs on a thread of
a lane: "compute" takes one at a time (the engines use every core by themselves), "files" two (copying, exporting). All signals arrive
on the GUI thread. Workers share no arrays with the window: what they hand over is frozen.
"""

from __future__ import annotations

import enum
import logging
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QRunnable, Qt, QThreadPool, Signal

from facestudio.app.time_left import TimeLeft
from facestudio.errors import Cancelled
from facestudio.progress import CancelToken, Partial, Progress

Work = Callable[[Progress, CancelToken, Partial], Any]
LANES = {"compute": 1, "files": 2}
_PROGRESS_SECONDS = 0.05  # more often than this nobody can see, and the event loop has other things to do
_KEPT = 16  # ended jobs that may still be looked at
_log = logging.getLogger(__name__)


class JobState(enum.Enum):
    """Where a job is in its life."""

    WAITING = "waiting"
    RUNNING = "running"
    CANCELLING = "cancelling"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """True for the last three."""
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


class Job(QObject):
    """One piece of work. Made by `Jobs.submit` only.

    progressed(stage, fraction of the whole job in [0, 1], message, seconds left or -1). partial(object): a result on the way.
    done(value), failed(exception), cancelled(): exactly one of these, once. changed(): the state is another.
    """

    progressed = Signal(str, float, str, float)
    partial = Signal(object)
    done = Signal(object)
    failed = Signal(object)
    cancelled = Signal()
    changed = Signal()

    _told = Signal(str, float, str)
    _handed = Signal(object)
    _began = Signal()
    _ended = Signal(object, object)

    def __init__(self, title: str, work: Work, capture: Path | None, lane: str, estimate: TimeLeft, parent: QObject) -> None:
        super().__init__(parent)
        self.title, self.capture, self.lane, self.quiet = title, capture, lane, False
        self.state = JobState.WAITING
        self.stage, self.fraction, self.message, self.seconds_left = "", 0.0, "", -1.0
        self.error: BaseException | None = None
        self.work, self.token, self.estimate = work, CancelToken(), estimate
        for signal, slot in (
            (self._told, self._on_told),
            (self._handed, self._on_handed),
            (self._began, self._on_began),
            (self._ended, self._on_ended),
        ):
            signal.connect(slot, Qt.ConnectionType.QueuedConnection)

    def cancel(self) -> None:
        """Ask the job to stop. It says "cancelling" at once and ends at the work's next check, at most 200 ms later."""
        self.token.cancel()
        if self.state in (JobState.WAITING, JobState.RUNNING):
            self._become(JobState.CANCELLING)

    def _become(self, state: JobState) -> None:
        self.state = state
        self.changed.emit()

    def _on_told(self, stage: str, fraction: float, message: str) -> None:
        if self.state is not JobState.RUNNING:
            return
        self.fraction, self.seconds_left = self.estimate.at(stage, fraction, time.monotonic())
        self.stage, self.message = stage, message
        self.progressed.emit(stage, self.fraction, message, self.seconds_left)

    def _on_handed(self, result: object) -> None:
        if self.state is JobState.RUNNING:
            self.partial.emit(result)

    def _on_began(self) -> None:
        if self.state is JobState.WAITING:
            self._become(JobState.RUNNING)

    def _on_ended(self, value: object, error: BaseException | None) -> None:
        if isinstance(error, Cancelled):
            self._become(JobState.CANCELLED)
            self.cancelled.emit()
        elif error is not None:
            self.error = error
            self._become(JobState.FAILED)
            self.failed.emit(error)
        else:
            self.fraction = 1.0
            self.estimate.finish(time.monotonic())
            self._become(JobState.DONE)
            self.done.emit(value)


def _nothing(progress: Progress, cancel: CancelToken, partial: Partial) -> None:
    """The work of a job that has ended."""


class _Runner(QRunnable):
    """Runs a job's work on a pool's thread and turns what happens there into the job's signals."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self._job = job
        self._last = ("", 0.0)

    def run(self) -> None:
        """Called by the pool."""
        job, value, problem = self._job, None, None
        try:
            job.token.check()
            job._began.emit()
            value = job.work(self._progress, job.token, self._partial)
        except BaseException as error:
            problem = error
            if not isinstance(error, Cancelled):
                _log.exception("Job %r failed", job.title)
        try:
            job._ended.emit(value, problem)
        except RuntimeError:
            _log.warning("Job %r ended after its window", job.title)

    def _partial(self, result: object) -> None:
        self._job._handed.emit(result)

    def _progress(self, stage: str, fraction: float, message: str = "") -> None:
        last_stage, last_time = self._last
        now = time.monotonic()
        if stage == last_stage and fraction < 1.0 and now - last_time < _PROGRESS_SECONDS:
            return
        self._last = (stage, now)
        self._job._told.emit(stage, float(fraction), message)


class Jobs(QObject):
    """All work of the window. started(Job), finished(Job): as a job begins and ends. changed(): anything in the list is different."""

    started = Signal(object)
    finished = Signal(object)
    changed = Signal()

    def __init__(self, parent: QObject | None = None, timings: Path | None = None) -> None:
        """timings: the file that remembers how long each stage took, for the time left; None: remembered for this session only."""
        super().__init__(parent)
        self._timings = timings
        self._pools = {lane: QThreadPool(self) for lane in LANES}
        for lane, threads in LANES.items():
            self._pools[lane].setMaxThreadCount(threads)
            self._pools[lane].setObjectName(lane)
        self._jobs: list[Job] = []
        self._ended: deque[Job] = deque()

    def submit(
        self,
        title: str,
        work: Work,
        *,
        capture: Path | None = None,
        lane: str = "compute",
        kind: str = "reconstruct",
        quiet: bool = False,
    ) -> Job:
        """Put work in a lane's queue. kind: jobs of one kind take about equally long, and their times are remembered together.

        quiet: the window shows the job only if it fails; for what the operator did not ask for, such as opening a file to show it.
        """
        job = Job(title, work, capture, lane, TimeLeft(kind, self._timings), self)
        job.quiet = quiet
        self._jobs.append(job)
        job.changed.connect(self._on_changed)
        self._pools[lane].start(_Runner(job))
        self.changed.emit()
        return job

    def active(self) -> tuple[Job, ...]:
        """Jobs that wait or run, oldest first."""
        return tuple(job for job in self._jobs if not job.state.ended)

    def running(self) -> Job | None:
        """The job to show: the oldest that runs, compute before files; None when nothing does."""
        going = [job for job in self._jobs if job.state in (JobState.RUNNING, JobState.CANCELLING) and not job.quiet]
        return min(going, key=lambda job: job.lane != "compute", default=None)

    def job_for(self, capture: Path) -> Job | None:
        """The job that works on a capture or waits to."""
        return next((job for job in self.active() if job.capture == capture), None)

    def cancel_all(self) -> None:
        """Ask every job to stop."""
        for job in self.active():
            job.cancel()

    def shut_down(self, seconds: float = 5.0) -> bool:
        """Stop everything and wait for the threads; False when one did not come back in time."""
        self.cancel_all()
        until = time.monotonic() + seconds
        return all(pool.waitForDone(max(0, int(1000 * (until - time.monotonic())))) for pool in self._pools.values())

    def _retire(self, job: Job) -> None:
        """Forget what an ended job worked with, and, a few jobs later, when nobody looks at it any more, the job."""
        job.work = _nothing
        self._ended.append(job)
        while len(self._ended) > _KEPT:
            self._ended.popleft().deleteLater()

    def _log(self, job: Job) -> None:
        if job.state in (JobState.RUNNING, JobState.DONE, JobState.CANCELLED) and not job.quiet:
            _log.info("%s: %s", job.title, job.state.value)

    def _on_changed(self) -> None:
        job = self.sender()
        if isinstance(job, Job):
            self._log(job)
            if job.state is JobState.RUNNING:
                self.started.emit(job)
            elif job.state.ended:
                self._jobs.remove(job)
                self.finished.emit(job)
                self._retire(job)
        self.changed.emit()
