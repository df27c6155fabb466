"""Jobs: order, cancelling, errors, and on which thread the window hears of them. No widget and no display needed."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent

from facestudio.app.jobs import Job, Jobs, JobState
from facestudio.errors import FaceStudioError
from facestudio.progress import CancelToken, Partial, Progress

pytestmark = pytest.mark.realtime


@pytest.fixture
def jobs(qapp: QCoreApplication) -> Iterator[Jobs]:
    queue = Jobs()
    yield queue
    assert queue.shut_down()
    qapp.processEvents()


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Run the event loop until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        QCoreApplication.processEvents()
        time.sleep(0.002)


def test_a_job_tells_its_progress_and_its_value_on_the_gui_thread(jobs: Jobs) -> None:
    heard: list[tuple[str, object, int]] = []

    def work(progress: Progress, cancel: CancelToken, partial: Partial) -> str:
        progress("fit", 0.5, "half")
        partial("clay")
        return f"worked beside {threading.get_ident()}"

    job = jobs.submit("a head", work)
    job.progressed.connect(lambda stage, fraction, message, left: heard.append((stage, fraction, threading.get_ident())))
    job.partial.connect(lambda result: heard.append(("partial", result, threading.get_ident())))
    job.done.connect(lambda value: heard.append(("done", value, threading.get_ident())))
    until(lambda: job.state is JobState.DONE)
    here = threading.get_ident()
    assert heard[:2] == [("fit", 0.5, here), ("partial", "clay", here)]
    assert heard[2][2] == here
    assert str(here) not in str(heard[2][1])


def test_an_error_in_one_job_leaves_the_others_to_run(jobs: Jobs) -> None:
    def fail(progress: Progress, cancel: CancelToken, partial: Partial) -> None:
        raise FaceStudioError("anna.jpg shows no face.", "Take it again.")

    first, second = jobs.submit("first", fail), jobs.submit("second", lambda *_: 7)
    errors: list[object] = []
    values: list[object] = []
    first.failed.connect(errors.append)
    second.done.connect(values.append)
    until(lambda: not jobs.active())
    assert [str(error) for error in errors] == ["anna.jpg shows no face. Take it again."]
    assert values == [7]


def test_computing_jobs_run_one_at_a_time_in_order(jobs: Jobs) -> None:
    going: list[int] = []
    most: list[int] = []

    def work(progress: Progress, cancel: CancelToken, partial: Partial) -> None:
        going.append(1)
        most.append(len(going))
        time.sleep(0.02)
        going.pop()

    ended: list[str] = []
    jobs.finished.connect(lambda job: ended.append(job.title))
    for name in "abcd":
        jobs.submit(name, work)
    until(lambda: len(ended) == 4)
    assert ended == list("abcd")
    assert max(most) == 1


def test_cancelling_says_so_at_once_and_ends_running_and_waiting_jobs(jobs: Jobs) -> None:
    begun = threading.Event()

    def work(progress: Progress, cancel: CancelToken, partial: Partial) -> None:
        begun.set()
        while True:
            cancel.check()
            time.sleep(0.01)

    running, waiting = jobs.submit("running", work), jobs.submit("waiting", work)
    until(lambda: begun.is_set() and running.state is JobState.RUNNING)
    heard: list[str] = []
    running.cancelled.connect(lambda: heard.append("running"))
    waiting.cancelled.connect(lambda: heard.append("waiting"))
    running.progressed.connect(lambda *_: heard.append("progress after cancel"))
    waiting.cancel()
    running.cancel()
    assert [running.state, waiting.state] == [JobState.CANCELLING] * 2
    until(lambda: not jobs.active())
    assert heard == ["running", "waiting"]
    assert [running.state, waiting.state] == [JobState.CANCELLED] * 2


class Photo:
    """Something a job works with."""


def test_ended_jobs_and_what_they_worked_with_are_let_go(jobs: Jobs) -> None:
    photo = Photo()
    seen = weakref.ref(photo)
    for _ in range(40):
        jobs.submit("a head", lambda *_, held=photo: None)
    del photo
    until(lambda: not jobs.active())
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    assert len(jobs.findChildren(Job)) < 20
    until(lambda: gc.collect() >= 0 and seen() is None)


def test_files_are_copied_while_something_is_computed(jobs: Jobs) -> None:
    free = threading.Event()
    computing = jobs.submit("computing", lambda *_: free.wait(10))
    copying = jobs.submit("copying", lambda *_: None, lane="files")
    until(lambda: copying.state is JobState.DONE)
    assert not computing.state.ended
    free.set()
    until(lambda: computing.state is JobState.DONE)
