"""How long the window stands still while it reconstructs the sample subject: python -m tests.benchmarks.bench_event_loop.

Where there is no screen: xvfb-run -a python -m tests.benchmarks.bench_event_loop. Without a graphics card the processor draws the
window and the head in it, with OpenGL in software: so the gaps are told with and without the time that drawing took, and what that was.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication

from facestudio.app.application import Application
from facestudio.app.jobs import Job, JobState
from facestudio.app.screen import check_screen
from facestudio.app.screenshots import rest, wait_until
from tests.gui.watchdog import Watchdog, gaps

LIMIT_MS = 50.0
DRAWING = (QEvent.Type.UpdateRequest, QEvent.Type.Expose, QEvent.Type.Paint)


class TimedApplication(QApplication):
    """Tells a watchdog how long each drawing of the window took: its own widgets, the head, and putting them together."""

    watchdog: Watchdog | None = None
    drawing = False

    def notify(self, receiver: QObject, event: QEvent) -> bool:
        """Every event passes here. A new size draws an OpenGL widget at once, inside whatever event brought it."""
        if self.watchdog is None or self.drawing or event.type() not in DRAWING:
            return super().notify(receiver, event)
        start, self.drawing = time.perf_counter(), True
        done = super().notify(receiver, event)
        self.drawing = False
        self.watchdog.drew(time.perf_counter() - start)
        return done


def run(folder: str) -> tuple[Watchdog, Watchdog, float]:
    """Delays while the engine starts, delays while the sample is reconstructed, and how long that took in seconds."""
    os.environ["FACESTUDIO_CONFIG_DIR"], os.environ["FACESTUDIO_LIBRARY"] = f"{folder}/config", f"{folder}/library"
    check_screen()
    app = TimedApplication(["facestudio"])
    program = Application(app)
    starting, working = Watchdog(), Watchdog()
    ended: list[Job] = []
    program.jobs.finished.connect(ended.append)
    program.show()
    app.watchdog = starting
    starting.start()
    wait_until(lambda: program.engine.ready)
    starting.stop()
    app.watchdog = working
    working.start()
    began = time.perf_counter()
    program.navigator.try_sample()
    wait_until(lambda: any(job.capture is not None for job in ended) and not program.jobs.active())
    seconds = time.perf_counter() - began
    rest(1.0)
    working.stop()
    app.watchdog = None
    assert all(job.state is JobState.DONE for job in ended), [job.error for job in ended]
    program.window.close()
    program.close()
    return starting, working, seconds


def told(name: str, late: list[float]) -> str:
    """One line of the report."""
    found = gaps(late)
    return (
        f"{name:<32} p50 {found.p50:5.1f}  p99 {found.p99:5.1f}  longest {found.longest:6.1f} ms  "
        f"above {LIMIT_MS:.0f} ms: {found.above_50} of {found.count}\n"
    )


def main() -> None:
    """Run it once and report."""
    with tempfile.TemporaryDirectory() as folder:
        starting, working, seconds = run(folder)
    sys.stdout.write(told("engine starting", starting.all))
    sys.stdout.write(told("reconstructing, without drawing", working.undrawn) + told("reconstructing", working.all))
    frames = sorted(working.frames) or [0.0]
    sys.stdout.write(f"drawings: {len(frames)}, median {frames[len(frames) // 2]:.0f} ms, longest {frames[-1]:.0f} ms\n")
    sys.stdout.write(f"the reconstruction took {seconds:.1f} s\n")


if __name__ == "__main__":
    main()
