"""How long the window stands still while it reconstructs the sample subject: python -m tests.benchmarks.bench_event_loop.

Where there is no screen: xvfb-run -a python -m tests.benchmarks.bench_event_loop. Frames of the 3D viewer are drawn on the GUI thread;
without a graphics card they are drawn by the processor, so they are reported beside the other gaps.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from typing import Any

from PySide6.QtWidgets import QApplication, QWidget

from facestudio.app.application import Application
from facestudio.app.jobs import Job, JobState
from facestudio.app.main import check_screen
from facestudio.app.screenshots import wait_until
from tests.gui.watchdog import Gaps, Watchdog

LIMIT_MS = 50.0


class FrameTimer:
    """Times every frame that the viewer draws, as soon as there is a viewer."""

    def __init__(self, program: Application, watchdog: Watchdog) -> None:
        self._program, self._watchdog = program, watchdog
        self._start, self._found = 0.0, False

    def look(self) -> None:
        """Find the viewer; called now and then until it is there."""
        if self._found or "pyvistaqt" not in sys.modules:
            return
        for widget in self._program.window.findChildren(QWidget):
            window: Any = getattr(widget, "render_window", None)
            if window is not None:
                window.AddObserver("StartEvent", self._begin)
                window.AddObserver("EndEvent", self._end)
                self._found = True

    def _begin(self, *_: object) -> None:
        self._start = time.perf_counter()

    def _end(self, *_: object) -> None:
        self._watchdog.drew(time.perf_counter() - self._start)


def run(folder: str) -> tuple[Gaps, Gaps, float]:
    """Gaps while the engine starts, gaps while the sample is reconstructed, and how long that took in seconds."""
    os.environ["FACESTUDIO_CONFIG_DIR"], os.environ["FACESTUDIO_LIBRARY"] = f"{folder}/config", f"{folder}/library"
    check_screen()
    app = QApplication(["facestudio"])
    program = Application(app)
    starting, working = Watchdog(), Watchdog()
    ended: list[Job] = []
    program.jobs.finished.connect(ended.append)
    program.show()
    starting.start()
    wait_until(lambda: program.engine.ready)
    at_start = starting.stop()
    working.start()
    began = time.perf_counter()
    program.navigator.try_sample()
    frames = FrameTimer(program, working)

    def done() -> bool:
        frames.look()
        return any(job.capture is not None for job in ended)

    wait_until(done)
    seconds = time.perf_counter() - began
    gaps = working.stop()
    assert all(job.state is JobState.DONE for job in ended), [job.error for job in ended]
    program.window.close()
    program.close()
    return at_start, gaps, seconds


def told(name: str, gaps: Gaps) -> str:
    """One line of the report."""
    return (
        f"{name:<16} p50 {gaps.p50:5.1f}  p99 {gaps.p99:5.1f}  longest {gaps.longest:6.1f} ms  "
        f"above {LIMIT_MS:.0f} ms: {gaps.above_50} of {gaps.count}\n"
    )


def main() -> None:
    """Run it once and report."""
    with tempfile.TemporaryDirectory() as folder:
        at_start, gaps, seconds = run(folder)
    sys.stdout.write(told("engine starting", at_start) + told("reconstructing", gaps))
    sys.stdout.write(f"the reconstruction took {seconds:.1f} s\n")
    if gaps.drawn:
        drawn = sorted(gaps.drawn)
        sys.stdout.write(
            f"viewer frames, beside these: {len(drawn)}, median {drawn[len(drawn) // 2]:.0f} ms, longest {drawn[-1]:.0f} ms\n"
        )


if __name__ == "__main__":
    main()
