"""A camera that fails on command: every way a real one was seen to fail, so that each has a test."""

from __future__ import annotations

import threading
from dataclasses import replace
from enum import StrEnum

import numpy as np

from facestudio.capture.camera import CameraInfo, Control, Frame, LiveCamera
from facestudio.errors import CameraError


class Fault(StrEnum):
    """NONE: works. DROP: loses two of three pictures. FREEZE: repeats the last one. UNPLUG: errors at once. HANG: `read` never returns.

    DELAY: pictures come late. GARBAGE: pictures of a wrong size and content.
    """

    NONE = "none"
    DROP = "drop"
    FREEZE = "freeze"
    UNPLUG = "unplug"
    HANG = "hang"
    DELAY = "delay"
    GARBAGE = "garbage"


class FaultSwitch:
    """The fault that is on now; shared by all cameras that stand for one device, however often it is reopened."""

    def __init__(self, delay_s: float = 0.2) -> None:
        self.delay_s = delay_s
        self._fault = Fault.NONE
        self._changed = threading.Condition()

    @property
    def fault(self) -> Fault:
        """The current fault."""
        with self._changed:
            return self._fault

    @fault.setter
    def fault(self, fault: Fault) -> None:
        with self._changed:
            self._fault = fault
            self._changed.notify_all()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the fault changes, or the time is over."""
        with self._changed:
            before = self._fault
            self._changed.wait_for(lambda: self._fault is not before, seconds)


class FaultyCamera:
    """`LiveCamera` around another."""

    def __init__(self, inner: LiveCamera, switch: FaultSwitch) -> None:
        self._inner = inner
        self._switch = switch
        self._last: Frame | None = None

    @property
    def name(self) -> str:
        """The inner camera's."""
        return self._inner.name

    @property
    def repeats(self) -> bool:
        """The inner camera's."""
        return self._inner.repeats

    def open(self) -> CameraInfo:
        """Open the inner camera, unless it is unplugged."""
        self._fail_if_unplugged()
        return self._inner.open()

    def read(self) -> Frame:
        """The inner camera's next picture, or what the fault makes of it."""
        fault = self._switch.fault
        self._fail_if_unplugged()
        if fault is Fault.HANG:
            self._switch.wait()
        if fault is Fault.DELAY:
            self._switch.wait(self._switch.delay_s)
        frame = self._inner.read()
        if fault is Fault.DROP:
            self._inner.read()
            frame = self._inner.read()
        if fault is Fault.GARBAGE:
            return replace(frame, bgr=np.random.default_rng(frame.index).integers(0, 256, (37, 53, 3), dtype=np.uint8))
        if fault is Fault.FREEZE and self._last is not None:
            return replace(frame, bgr=self._last.bgr)
        self._last = frame
        return frame

    def close(self) -> None:
        """Close the inner camera."""
        self._inner.close()

    def set_control(self, control: Control, value: float) -> bool:
        """The inner camera's."""
        return self._inner.set_control(control, value)

    def control(self, control: Control) -> float | None:
        """The inner camera's."""
        return self._inner.control(control)

    def _fail_if_unplugged(self) -> None:
        if self._switch.fault is Fault.UNPLUG:
            raise CameraError(f"The camera {self.name} was unplugged.", "Plug it in again.")
