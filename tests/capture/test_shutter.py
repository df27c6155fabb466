from __future__ import annotations

import threading

import numpy as np
import pytest

from facestudio.capture.camera import Frame
from facestudio.capture.channel import GroupConfig
from facestudio.capture.checks import CheckName
from facestudio.capture.faulty_camera import Fault, FaultSwitch, FaultyCamera
from facestudio.capture.group import CameraGroup
from facestudio.capture.shutter import ShutterConfig, shoot
from facestudio.capture.sight import Sight
from facestudio.errors import CameraError, Cancelled
from facestudio.progress import CancelToken
from facestudio.types import ViewName
from tests.capture.scripted_camera import TickingCamera, eventually

pytestmark = pytest.mark.realtime

BRIEF = ShutterConfig(burst_s=0.3, tick_s=0.02)


class BlinkingLooker:
    """Sees closed eyes up to a moment, nanoseconds."""

    def __init__(self, open_from_ns: int) -> None:
        self.open_from_ns = open_from_ns

    def look(self, frame: Frame) -> Sight | None:
        return Sight(np.array([5.0, 5.0, 40.0, 40.0]), 0.0, 0.3 if frame.t_ns >= self.open_from_ns else 0.05, 0.0)

    def close(self) -> None: ...


def test_a_shot_holds_three_pictures_of_the_burst_their_checks_and_their_cameras() -> None:
    told: list[str] = []
    with CameraGroup(dict.fromkeys(ViewName, TickingCamera)) as group:
        assert group.wait_live(10)
        pressed = group.now_ns()
        config = ShutterConfig(burst_s=0.6, countdown_s=0.1, tick_s=0.02)
        opened = pressed + 350_000_000
        shot = shoot(group, config, BlinkingLooker(opened), lambda stage, _f, _m="": told.append(stage))
    assert set(shot.frames) == set(ViewName)
    assert all(f.t_ns >= pressed for f in shot.frames.values())
    assert shot.choice.eyes_open
    assert shot.frames[ViewName.FRONT].t_ns >= opened
    assert {c.name for c in shot.reports[ViewName.LEFT].checks} >= {CheckName.FACE, CheckName.EYES}
    assert shot.health[ViewName.LEFT].info is not None
    assert list(dict.fromkeys(told)) == ["countdown", "burst", "choose"]


@pytest.mark.parametrize("fault", [Fault.UNPLUG, Fault.HANG])
def test_a_dead_camera_never_blocks_the_shutter(fault: Fault) -> None:
    switch = FaultSwitch()
    quick = GroupConfig(stall_s=0.3, watch_s=0.02)
    cameras = dict.fromkeys(ViewName, TickingCamera)
    with CameraGroup({**cameras, ViewName.LEFT: lambda: FaultyCamera(TickingCamera(), switch)}, quick) as group:
        assert group.wait_live(10)
        switch.fault = fault
        assert eventually(lambda: group.health(ViewName.LEFT).error is not None)
        shot = shoot(group, BRIEF)
        assert set(shot.frames) == {ViewName.FRONT, ViewName.RIGHT}
        assert "Without left" in shot.choice.reason
        switch.fault = Fault.NONE


def test_without_any_camera_the_shutter_says_so() -> None:
    def none() -> TickingCamera:
        raise CameraError("gone")

    with CameraGroup(dict.fromkeys(ViewName, none)) as group, pytest.raises(CameraError, match="No camera"):
        shoot(group, BRIEF)


def test_a_countdown_can_be_cancelled() -> None:
    cancel = CancelToken()
    with CameraGroup(dict.fromkeys(ViewName, TickingCamera)) as group:
        threading.Timer(0.1, cancel.cancel).start()
        with pytest.raises(Cancelled):
            shoot(group, ShutterConfig(countdown_s=60.0), cancel=cancel)
