"""How long the window stands still while it reconstructs the sample subject: python -m tests.benchmarks.bench_event_loop.

Where there is no screen: xvfb-run -a python -m tests.benchmarks.bench_event_loop. Without a graphics card the processor draws the
window and the head in it, with OpenGL in software: so the gaps are told with and without the time that drawing took, and what that was.
On a machine that has other work, too, the last line counts: it leaves out how long the window's thread waited for a processor.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QEvent, QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from facestudio.app.application import Application
from facestudio.app.jobs import Job, JobState
from facestudio.app.main_window import MainWindow
from facestudio.app.screen import check_screen
from tests.gui.watchdog import Watchdog, gaps

LIMIT_MS = 50.0


class Drawing:
    """Tells a watchdog how long each drawing took: of the window (its widgets, and putting them together), and of the head.

    Only the window and the head's widget are listened to: an ear at every event would ask for Python's lock each time, and the waiting
    would be ours.
    """

    def __init__(self) -> None:
        self.watchdog: Watchdog | None = None
        self._inside = False

    def listen(self, kind: type[Any], name: str, draws: Callable[..., bool]) -> None:
        """Time a method of a class of widgets whenever `draws`, given its arguments, says that it draws."""
        method = getattr(kind, name)

        def timed(*given: Any) -> Any:
            if self.watchdog is None or self._inside or not draws(*given):
                return method(*given)
            start, self._inside = time.perf_counter(), True
            done = method(*given)
            self._inside = False
            self.watchdog.drew(time.perf_counter() - start)
            return done

        setattr(kind, name, timed)


def listen_to_the_head(drawing: Drawing) -> None:
    """The widget in which VTK draws; its module is among what the engine imports."""
    from pyvistaqt.rwi import QVTKRenderWindowInteractor

    drawing.listen(QVTKRenderWindowInteractor, "paintGL", lambda _widget: True)


def wait_until(condition: Callable[[], bool]) -> None:
    """Run the event loop as the program does, until a condition holds."""
    loop, timer = QEventLoop(), QTimer()
    timer.timeout.connect(lambda: loop.quit() if condition() else None)
    timer.start(20)
    loop.exec()


def run(folder: str) -> tuple[Watchdog, Watchdog, float]:
    """Delays while the engine starts, delays while the sample is reconstructed, and how long that took in seconds."""
    os.environ["FACESTUDIO_CONFIG_DIR"], os.environ["FACESTUDIO_LIBRARY"] = f"{folder}/config", f"{folder}/library"
    check_screen()
    app, drawing = QApplication(["facestudio"]), Drawing()
    drawing.listen(MainWindow, "event", lambda _window, event: event.type() is QEvent.Type.UpdateRequest)
    program = Application(app)
    starting, working = Watchdog(), Watchdog()
    ended: list[Job] = []
    program.jobs.finished.connect(ended.append)
    program.show()
    drawing.watchdog = starting
    starting.start()
    wait_until(lambda: program.engine.ready)
    starting.stop()
    listen_to_the_head(drawing)
    drawing.watchdog = working
    working.start()
    began = time.perf_counter()
    program.navigator.try_sample()
    wait_until(lambda: any(job.capture is not None for job in ended) and not program.jobs.active())
    seconds = time.perf_counter() - began
    end = time.perf_counter() + 1.0
    wait_until(lambda: time.perf_counter() > end)
    working.stop()
    drawing.watchdog = None
    assert all(job.state is JobState.DONE for job in ended), [job.error for job in ended]
    program.window.close()
    program.close()
    return starting, working, seconds


def told(name: str, late: list[float]) -> str:
    """One line of the report."""
    found = gaps(late)
    return (
        f"{name:<44} p50 {found.p50:5.1f}  p99 {found.p99:5.1f}  longest {found.longest:6.1f} ms  "
        f"above {LIMIT_MS:.0f} ms: {found.above_50} of {found.count}\n"
    )


def main() -> None:
    """Run it once and report."""
    with tempfile.TemporaryDirectory() as folder:
        starting, working, seconds = run(folder)
    sys.stdout.write(told("engine starting", starting.all) + told("reconstructing", working.all))
    frames = sorted(working.frames) or [0.0]
    sys.stdout.write(f"drawings: {len(frames)}, median {frames[len(frames) // 2]:.0f} ms, longest {frames[-1]:.0f} ms\n")
    sys.stdout.write(told("reconstructing, without drawing", working.undrawn))
    sys.stdout.write(told("... and without waiting for a processor", working.unqueued))
    sys.stdout.write(f"the reconstruction took {seconds:.1f} s\n")


if __name__ == "__main__":
    main()
