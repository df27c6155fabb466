"""How long the window's event loop stood still: the operator feels what is above 50 ms."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, QTimer

TICK_MS = 5


@dataclass(frozen=True)
class Gaps:
    """Gaps of the event loop in milliseconds."""

    p50: float
    p99: float
    longest: float
    above_50: int
    count: int


class Watchdog(QObject):
    """Ticks every 5 ms on the GUI thread while it is started, and notes by how much each tick came late.

    all: with the time that drawing took; undrawn: without; unqueued: also without the time that the thread was ready and waited for a
    processor, where the system tells it (Linux). frames: what each drawing took. All in milliseconds.
    """

    def __init__(self) -> None:
        super().__init__()
        self.all: list[float] = []
        self.undrawn: list[float] = []
        self.unqueued: list[float] = []
        self.frames: list[float] = []
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)
        self._last = self._drawing = self._queued = 0.0
        self._schedule = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")

    def start(self) -> None:
        """Begin to measure."""
        self._last, self._queued = time.perf_counter(), self._waited()
        self._timer.start()

    def stop(self) -> None:
        """End; the lists are complete."""
        self._timer.stop()

    def drew(self, seconds: float) -> None:
        """The window was drawn, which took so long."""
        self._drawing += seconds
        self.frames.append(1000 * seconds)

    def _tick(self) -> None:
        now, queued = time.perf_counter(), self._waited()
        late = 1000 * (now - self._last) - TICK_MS
        undrawn = late - 1000 * self._drawing
        self.all.append(max(late, 0.0))
        self.undrawn.append(max(undrawn, 0.0))
        self.unqueued.append(max(undrawn - 1000 * (queued - self._queued), 0.0))
        self._last, self._drawing, self._queued = now, 0.0, queued

    def _waited(self) -> float:
        """Seconds that this thread was ready to run and another one had the processor; 0 where nobody counts them."""
        try:
            return int(self._schedule.read_text().split()[1]) / 1e9
        except OSError:
            return 0.0


def gaps(late: Sequence[float]) -> Gaps:
    """What a list of delays amounts to."""
    found = np.array(late or [0.0])
    p50, p99 = np.percentile(found, (50, 99))
    return Gaps(float(p50), float(p99), float(found.max()), int((found > 50).sum()), len(found))
