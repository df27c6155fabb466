"""How long the window's event loop stood still: the operator feels what is above 50 ms."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType

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

    all: with the time that drawing took; undrawn: without. frames: what each drawing took. All in milliseconds.
    """

    def __init__(self) -> None:
        super().__init__()
        self.all: list[float] = []
        self.undrawn: list[float] = []
        self.frames: list[float] = []
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)
        self._last = self._drawing = 0.0

    def start(self) -> None:
        """Begin to measure."""
        self._last = time.perf_counter()
        self._timer.start()

    def stop(self) -> None:
        """End; the lists are complete."""
        self._timer.stop()

    def drew(self, seconds: float) -> None:
        """The window was drawn, which took so long."""
        self._drawing += seconds
        self.frames.append(1000 * seconds)

    def _tick(self) -> None:
        now = time.perf_counter()
        self.all.append(max(1000 * (now - self._last) - TICK_MS, 0.0))
        self.undrawn.append(max(1000 * (now - self._last - self._drawing) - TICK_MS, 0.0))
        self._last, self._drawing = now, 0.0


def gaps(late: Sequence[float]) -> Gaps:
    """What a list of delays amounts to."""
    found = np.array(late or [0.0])
    p50, p99 = np.percentile(found, (50, 99))
    return Gaps(float(p50), float(p99), float(found.max()), int((found > 50).sum()), len(found))


def stack_of(thread: int) -> str:
    """What a thread is doing now, for finding what blocks."""
    frame: FrameType | None = sys._current_frames().get(thread)
    return "".join(traceback.format_stack(frame)) if frame else ""
