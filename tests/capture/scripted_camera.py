"""A camera whose every picture is written down beforehand, and pictures for it."""

from __future__ import annotations

import itertools
import time

import numpy as np

from facestudio.capture.camera import CameraInfo, Control, Frame
from facestudio.types import ByteArray


def textured(seed: int, size: tuple[int, int] = (48, 64)) -> ByteArray:
    """(H, W, 3) noise: no two seeds look alike."""
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


class TickingCamera:
    """Sends a new picture every `period_s`; keeps count of how often it was opened and closed."""

    repeats = False

    def __init__(self, period_s: float = 0.02) -> None:
        self.period_s = period_s
        self.opened = self.closed = 0
        self._count = itertools.count()

    @property
    def name(self) -> str:
        return "ticking"

    def open(self) -> CameraInfo:
        self.opened += 1
        self._count = itertools.count()
        return CameraInfo("ticking", "test", 64, 48, 1 / self.period_s, "MJPG")

    def read(self) -> Frame:
        time.sleep(self.period_s)
        index = next(self._count)
        return Frame(textured(index), time.perf_counter_ns(), index)

    def close(self) -> None:
        self.closed += 1

    def set_control(self, control: Control, value: float) -> bool:
        del control, value
        return False

    def control(self, control: Control) -> float | None:
        del control
        return None


def eventually(condition: object, timeout_s: float = 10.0) -> bool:
    """Wait for a condition (a function without arguments) to become true."""
    assert callable(condition)
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return bool(condition())
