"""Automatic, settled, locked: exposure, white balance and focus fixed where the cameras' own automatics left them, and checked in pixels.

Drivers claim much. So a lock counts only when the pictures after it look as before: a camera that goes black or jumps is set back to
automatic, and the operator is told. Then the cameras are matched: each one's exposure is moved until the middle of its picture is as bright
as the front camera's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import TimeoutError as Timeout
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

from facestudio.capture.camera import Control, Frame, LiveCamera
from facestudio.capture.group import CameraGroup
from facestudio.errors import CameraError
from facestudio.progress import CancelToken
from facestudio.types import ViewName

T = TypeVar("T")


@dataclass(frozen=True)
class LockConfig:
    """settle_s: longest wait for the automatics. steady: change of brightness between looks, as a share, that counts as settled.

    look_s: time between looks. same: change at the lock, as a share, that counts as none. matched: the same for matching. rounds: of
    matching. darkest: brightness of 255 below which a picture is black.
    """

    settle_s: float = 4.0
    steady: float = 0.02
    look_s: float = 0.25
    same: float = 0.12
    matched: float = 0.06
    rounds: int = 4
    darkest: float = 12.0
    answer_s: float = 2.0


@dataclass(frozen=True)
class LockReport:
    """What became of one camera. locked: which controls are fixed now. brightness: of 255, before and after. note: for the operator."""

    locked: tuple[Control, ...]
    brightness: tuple[float, float]
    note: str


_PAIRS = (
    (Control.AUTO_EXPOSURE, Control.EXPOSURE),
    (Control.AUTO_WHITE_BALANCE, Control.WHITE_BALANCE),
    (Control.AUTO_FOCUS, Control.FOCUS),
)


def lock(group: CameraGroup, config: LockConfig | None = None, cancel: CancelToken | None = None) -> dict[ViewName, LockReport]:
    """Lock all cameras of a running group and match their brightness. Never raises for one camera's sake; raises Cancelled."""
    work = _Lock(group, config or LockConfig(), cancel or CancelToken())
    reports = {view: work.lock(view) for view in group.views}
    reference = ViewName.FRONT if ViewName.FRONT in reports else next(iter(reports))
    target = reports[reference].brightness[1]
    for view, report in reports.items():
        if view != reference and Control.EXPOSURE in report.locked and target > work.config.darkest:
            reports[view] = work.match(view, report, target)
    return reports


def unlock(group: CameraGroup) -> None:
    """Back to automatic, as far as the cameras are reachable."""
    for view in group.views:
        group.call(view, lambda camera: [camera.set_control(auto, 1.0) for auto, _ in _PAIRS])


def brightness(frame: Frame) -> float:
    """Mean of the middle of a picture, of 255: where the subject is."""
    h, w = frame.bgr.shape[:2]
    return float(frame.bgr[h // 4 : 3 * h // 4 : 4, w // 3 : 2 * w // 3 : 4].mean())


class _Lock:
    def __init__(self, group: CameraGroup, config: LockConfig, cancel: CancelToken) -> None:
        self.group, self.config, self._cancel = group, config, cancel
        self._pause = threading.Event()

    def lock(self, view: ViewName) -> LockReport:
        try:
            before = self._settle(view)
            locked = tuple(self._ask(view, _fix))
            if not locked:
                return LockReport((), (before, before), "This camera has no controls that could be locked.")
            after = self._settle(view)
            if after < self.config.darkest or abs(after - before) > self.config.same * max(before, 1.0):
                self._ask(view, _release)
                note = f"The lock changed the picture's brightness from {before:.0f} to {after:.0f}; set back to automatic."
                return LockReport((), (before, self._settle(view)), note)
        except (CameraError, Timeout):
            return LockReport((), (0.0, 0.0), "The camera was not reachable.")
        return LockReport(locked, (before, after), f"Locked: {', '.join(c.value for c in locked)}.")

    def match(self, view: ViewName, report: LockReport, target: float) -> LockReport:
        """Move the exposure by secant steps: its unit differs from driver to driver (seconds, their logarithm, lines)."""
        try:
            first = self._ask(view, lambda camera: camera.control(Control.EXPOSURE))
            if first is None:
                return report
            tried = [(first, report.brightness[1])]
            for _ in range(self.config.rounds):
                value, got = min(tried, key=lambda t: abs(t[1] - target))
                if abs(got - target) <= self.config.matched * target:
                    break
                step = _next_exposure(tried, target)
                self._ask(view, partial(_expose, step))
                tried.append((step, self._settle(view)))
            value, got = min(tried, key=lambda t: abs(t[1] - target))
            self._ask(view, partial(_expose, value))
        except (CameraError, Timeout):
            return LockReport(report.locked, report.brightness, f"{report.note} " + "The camera was lost while it was matched.")
        matched = f"Matched to the front camera ({got:.0f}, {target:.0f})."
        if abs(got - target) > self.config.matched * target:
            matched = f"Could not be matched to the front camera ({got:.0f}, {target:.0f})."
        return LockReport(report.locked, (report.brightness[0], got), f"{report.note} {matched}")

    def _settle(self, view: ViewName) -> float:
        """The brightness once two looks agree, or after `settle_s`."""
        last = -1.0
        for _ in range(max(2, round(self.config.settle_s / self.config.look_s))):
            self._cancel.check()
            self._pause.wait(self.config.look_s)
            frame = self.group.latest(view)
            if frame is None:
                raise CameraError(f"The {view} camera sends no pictures.", "Check its cable.")
            now = brightness(frame)
            if last >= 0 and abs(now - last) <= self.config.steady * max(now, 1.0):
                return now
            last = now
        return last

    def _ask(self, view: ViewName, action: Callable[[LiveCamera], T]) -> T:
        return self.group.call(view, action).result(self.config.answer_s)


def _fix(camera: LiveCamera) -> list[Control]:
    """Turn each automatic off and write the value that it had found; the controls for which both worked."""
    fixed = []
    for auto, control in _PAIRS:
        value = camera.control(control)
        if value is not None and camera.set_control(auto, 0.0) and camera.set_control(control, value):
            fixed.append(control)
    return fixed


def _expose(value: float, camera: LiveCamera) -> bool:
    return camera.set_control(Control.EXPOSURE, value)


def _release(camera: LiveCamera) -> None:
    for auto, _ in _PAIRS:
        camera.set_control(auto, 1.0)


def _next_exposure(tried: list[tuple[float, float]], target: float) -> float:
    """Where the line through the two tries nearest to the target reaches it; a small probe when there is but one try."""
    nearest = sorted(tried, key=lambda t: abs(t[1] - target))
    (x0, y0) = nearest[0]
    if len(nearest) < 2 or abs(nearest[1][1] - y0) < 1e-3:
        # A positive exposure is a time, proportional to brightness; a negative one counts stops.
        return x0 * float(np.clip(target / max(y0, 1.0), 0.5, 2.0)) if x0 > 0 else x0 + float(np.sign(target - y0))
    (x1, y1) = nearest[1]
    step = (target - y0) * (x1 - x0) / (y1 - y0)
    limit = max(abs(x0), 1.0)
    return x0 + float(np.clip(step, -limit, limit))
