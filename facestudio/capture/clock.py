"""The clock that live cameras are read by, and one for tests and demonstrations that moves only when told."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """A monotonic clock."""

    def now_ns(self) -> int:
        """Nanoseconds since some fixed moment."""

    def sleep_until(self, t_ns: int) -> None:
        """Return when `now_ns` has reached t_ns."""


class RealClock:
    """`time.perf_counter_ns`."""

    def now_ns(self) -> int:
        """Nanoseconds."""
        return time.perf_counter_ns()

    def sleep_until(self, t_ns: int) -> None:
        """Sleep in one piece."""
        time.sleep(max(0.0, (t_ns - time.perf_counter_ns()) / 1e9))


class ManualClock:
    """Stands still until `advance`: what reads by it is repeatable to the nanosecond."""

    def __init__(self) -> None:
        self._now = 0
        self._moved = threading.Condition()

    def now_ns(self) -> int:
        """Nanoseconds moved so far."""
        with self._moved:
            return self._now

    def advance(self, nanoseconds: int) -> None:
        """Move on and wake all sleepers."""
        with self._moved:
            self._now += nanoseconds
            self._moved.notify_all()

    def sleep_until(self, t_ns: int) -> None:
        """Wait for `advance` to get there."""
        with self._moved:
            self._moved.wait_for(lambda: self._now >= t_ns)
