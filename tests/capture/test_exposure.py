from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from facestudio.capture.camera import CameraInfo, Control, Frame
from facestudio.capture.exposure import LockConfig, lock, unlock
from facestudio.capture.group import CameraGroup
from facestudio.types import ViewName
from tests.capture.scripted_camera import eventually

pytestmark = pytest.mark.realtime

QUICK = LockConfig(settle_s=1.5, look_s=0.06)


class ExposedCamera:
    """A camera whose pictures are as bright as its exposure says: in time units, or in stops when `log2`.

    dark_default: its manual mode ignores what is written and is black, as cheap ones are.
    """

    repeats = False

    def __init__(self, light: float, log2: bool = False, dark_default: bool = False, controls: bool = True) -> None:
        self.light, self.log2, self.dark_default, self.controls = light, log2, dark_default, controls
        self.automatic = True
        self.exposure = -6.0 if log2 else 150.0
        self._count = itertools.count()

    @property
    def name(self) -> str:
        return "exposed"

    def open(self) -> CameraInfo:
        return CameraInfo("exposed", "test", 64, 48, 50.0, "MJPG")

    def read(self) -> Frame:
        time.sleep(0.02)
        index = next(self._count)
        gain = 2.0 ** (self.exposure + 6.0) if self.log2 else self.exposure / 150.0
        level = 4.0 if self.dark_default and not self.automatic else np.clip(self.light * gain, 0, 250)
        noise = np.random.default_rng(index).integers(-2, 3, (48, 64, 3))
        return Frame(np.clip(level + noise, 0, 255).astype(np.uint8), time.perf_counter_ns(), index)

    def close(self) -> None: ...

    def set_control(self, control: Control, value: float) -> bool:
        if not self.controls:
            return False
        if control is Control.AUTO_EXPOSURE:
            self.automatic = value > 0
        elif control is Control.EXPOSURE:
            self.exposure = value
        return control in (Control.AUTO_EXPOSURE, Control.EXPOSURE)

    def control(self, control: Control) -> float | None:
        return self.exposure if self.controls and control is Control.EXPOSURE else None


@contextmanager
def running(*cameras: ExposedCamera) -> Iterator[CameraGroup]:
    with CameraGroup({v: (lambda c=c: c) for v, c in zip(ViewName, cameras, strict=True)}) as group:  # type: ignore[misc]
        assert group.wait_live(10)
        yield group


@pytest.mark.parametrize("log2", [False, True])
def test_cameras_are_locked_and_matched_to_the_front_one_in_whatever_unit_their_drivers_count(log2: bool) -> None:
    cameras = (ExposedCamera(60, log2), ExposedCamera(100, log2), ExposedCamera(140, log2))
    with running(*cameras) as group:
        reports = lock(group, QUICK)
        assert not any(c.automatic for c in cameras)
        assert all(Control.EXPOSURE in r.locked for r in reports.values())
        assert [r.brightness[1] for r in reports.values()] == pytest.approx([100, 100, 100], rel=0.07)
        assert "Matched to" in reports[ViewName.LEFT].note
        unlock(group)
        assert eventually(lambda: all(c.automatic for c in cameras))


def test_a_camera_whose_lock_is_black_is_set_back_and_the_operator_is_told() -> None:
    dark = ExposedCamera(100, dark_default=True)
    with running(dark, ExposedCamera(100), ExposedCamera(100)) as group:
        report = lock(group, QUICK)[ViewName.LEFT]
    assert dark.automatic
    assert report.locked == ()
    assert "set back to automatic" in report.note


def test_a_camera_without_controls_is_said_to_have_none() -> None:
    with running(ExposedCamera(100, controls=False), ExposedCamera(100), ExposedCamera(100)) as group:
        report = lock(group, QUICK)[ViewName.LEFT]
    assert report.locked == ()
    assert "no controls" in report.note
