"""How long the window's event loop stood still: the operator feels what is above 50 ms."""

from __future__ import annotations

import sys
import time
import traceback
from dataclasses import dataclass, field
from types import FrameType

import numpy as np
from PySide6.QtCore import QObject, QTimer

TICK_MS = 5


@dataclass(frozen=True)
class Gaps:
    """Gaps of the event loop in milliseconds. drawn: of them, what the viewer's frames took."""

    p50: float
    p99: float
    longest: float
    above_50: int
    count: int
    drawn: tuple[float, ...] = ()


@dataclass
class Watchdog(QObject):
    """Ticks every 5 ms on the GUI thread while it is started, and notes by how much each tick came late."""

    late: list[float] = field(default_factory=list)
    frames: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)
        self._last = 0.0
        self._drawing = 0.0

    def start(self) -> None:
        """Begin to measure."""
        self._last = time.perf_counter()
        self._timer.start()

    def stop(self) -> Gaps:
        """End, and say what was measured."""
        self._timer.stop()
        late = np.array(self.late or [0.0])
        return Gaps(
            p50=float(np.percentile(late, 50)),
            p99=float(np.percentile(late, 99)),
            longest=float(late.max()),
            above_50=int((late > 50).sum()),
            count=len(late),
            drawn=tuple(self.frames),
        )

    def drew(self, seconds: float) -> None:
        """A frame of the viewer took so long; it is taken out of the gap it fell into and kept beside."""
        self._drawing += seconds
        self.frames.append(1000 * seconds)

    def _tick(self) -> None:
        now = time.perf_counter()
        self.late.append(max(1000 * (now - self._last - self._drawing) - TICK_MS, 0.0))
        self._last, self._drawing = now, 0.0


def stack_of(thread: int) -> str:
    """What a thread is doing now, for finding what blocks."""
    frame: FrameType | None = sys._current_frames().get(thread)
    return "".join(traceback.format_stack(frame)) if frame else ""
