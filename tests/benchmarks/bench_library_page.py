"""How long the Library page takes to show 10,000 captures, and how long its event loop stands still while it is scrolled and searched.

xvfb-run -a .venv/bin/python -m tests.benchmarks.bench_library_page [--captures 10000]. Each photo is 1024 x 1024; thumbnails are made
meanwhile, as when the library is shown for the first time.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from PySide6.QtCore import QEventLoop, QObject, QTimer
from PySide6.QtWidgets import QApplication

from tests.benchmarks.bench_library import _age, make_library


def wait(milliseconds: int) -> None:
    """Run the event loop; QTest.qWait would keep Python's lock from the workers."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


class Worked(QObject):
    """The processor time the GUI thread took between two ticks: what its gaps would be on a machine with nothing else to do."""

    def __init__(self) -> None:
        super().__init__()
        self._spent: list[float] = []
        self._last = time.thread_time()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._tick)
        self._timer.start(5)

    def stop(self) -> tuple[float, float]:
        """(99th percentile, longest), milliseconds."""
        self._timer.stop()
        return float(np.percentile(self._spent or [0.0], 99)), max(self._spent, default=0.0)

    def _tick(self) -> None:
        now = time.thread_time()
        self._spent.append(1000 * (now - self._last))
        self._last = now


def with_pictures(root: Path) -> None:
    """Put a real picture in the place of each photo: one file under many names."""
    smooth = np.linspace(0, 255, 1024)[:, None, None] * np.ones((1, 1024, 3)) * 0.6
    noise = np.random.default_rng(0).normal(0, 6, (1024, 1024, 3))
    Image.fromarray(np.clip(smooth + noise + 40, 0, 255).astype(np.uint8)).save(root / ".picture.jpg", quality=92)
    for path in root.rglob("*.jpg"):
        if not path.name.startswith("."):
            path.unlink()
            os.link(root / ".picture.jpg", path)


def main() -> None:
    """Make a library, open the window on it, scroll and search."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--captures", type=int, default=10_000)
    captures = parser.parse_args().captures
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        root = Path(folder)
        for name, place in (("CONFIG_DIR", "config"), ("LIBRARY", "library"), ("DATA", "data")):
            os.environ[f"FACESTUDIO_{name}"] = str(root / place)
        make_library(root / "library", captures)
        with_pictures(root / "library")
        _age(root / "library")
        measure()


def measure() -> None:
    """Print what each step takes."""
    from facestudio.app.application import Application
    from facestudio.app.pages.library.page import LibraryPage
    from tests.gui.watchdog import Watchdog, gaps

    def watched(label: str, work: Callable[[], None]) -> None:
        dog, worked = Watchdog(), Worked()
        dog.start()
        work()
        dog.stop()
        busy, late = worked.stop(), gaps(dog.all)
        text = f"gaps p50 {late.p50:5.1f}  p99 {late.p99:5.1f}  longest {late.longest:6.1f} ms, above 50 ms: {late.above_50}"
        sys.stdout.write(f"{label:<44} {text}; of its own work: p99 {busy[0]:5.1f}  longest {busy[1]:5.1f} ms\n")

    app = QApplication(["facestudio"])
    program = Application(app)
    program.engine.start()
    started = QEventLoop()
    program.engine.when_ready(started.quit)
    started.exec()  # the viewer is made when the engine is ready, before anybody waits: bench_event_loop.py measures that
    program.context.library.refresh()
    program.window.resize(1440, 900)
    start = time.perf_counter()
    program.show()
    program.navigator.open_library()
    page = program.window.stage.pages["library"]
    assert isinstance(page, LibraryPage)
    page.grid.repaint()
    sys.stdout.write(
        f"{'window on ' + str(page.grid.captures.rowCount()) + ' captures, painted':<44} {1000 * (time.perf_counter() - start):.0f} ms\n"
    )
    watched("first 3 s: files looked at, thumbnails made", lambda: wait(3000))
    bar = page.grid.verticalScrollBar()

    def scroll() -> None:
        for step in range(150):
            bar.setValue(bar.value() + (40 if step < 100 else bar.maximum() // 60))
            wait(16)

    watched("scrolling, slowly and in leaps", scroll)

    def search() -> None:
        for text in ("1", "12", "12 ada", "12", "", "visit 3"):
            page.bar.search.setText(text)
            wait(400)

    watched("typing six searches", search)
    program.window.close()
    program.close()


if __name__ == "__main__":
    main()
