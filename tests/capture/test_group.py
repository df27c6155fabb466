"""Every fault that cameras were seen to have, with the group running."""

from __future__ import annotations

import threading
import time
from itertools import pairwise
from pathlib import Path

import cv2
import pytest

from facestudio.capture.camera import Control, LiveCamera
from facestudio.capture.channel import Channel, ChannelState, GroupConfig
from facestudio.capture.clock import ManualClock
from facestudio.capture.faulty_camera import Fault, FaultSwitch, FaultyCamera
from facestudio.capture.group import CameraGroup
from facestudio.capture.replay_camera import ReplayCamera
from facestudio.errors import CameraError
from facestudio.types import ViewName
from tests.capture.scripted_camera import TickingCamera, eventually, textured

pytestmark = pytest.mark.realtime

QUICK = GroupConfig(stall_s=0.4, freeze_s=0.4, backoff_s=(0.02, 0.2), watch_s=0.02, healthy_s=0.2, abandoned=2)


class Rig:
    """Three ticking cameras, each with a switch for faults."""

    def __init__(self, config: GroupConfig = QUICK) -> None:
        self.switches = {v: FaultSwitch() for v in ViewName}
        self.made: dict[ViewName, list[TickingCamera]] = {v: [] for v in ViewName}
        self.group = CameraGroup({v: lambda v=v: self._make(v) for v in ViewName}, config)  # type: ignore[misc]

    def _make(self, view: ViewName) -> LiveCamera:
        self.made[view].append(TickingCamera())
        return FaultyCamera(self.made[view][-1], self.switches[view])

    def live(self, view: ViewName) -> bool:
        health = self.group.health(view)
        return health.state is ChannelState.LIVE and health.age_s is not None and health.age_s < 0.3


def test_three_cameras_are_read_at_once_and_their_health_is_told() -> None:
    rig = Rig()
    with rig.group as group:
        assert group.wait_live(10)
        assert eventually(lambda: all(len(r) > 15 for r in group.rings().values()))
        health = group.health(ViewName.LEFT)
        assert 5 < health.fps < 60
        assert health.info is not None and health.info.width == 64
        assert group.spread() is not None
        assert group.preview(ViewName.RIGHT) is not None
    assert all(c.closed for cameras in rig.made.values() for c in cameras)
    assert group.health(ViewName.LEFT).state is ChannelState.STOPPED


@pytest.mark.parametrize("fault", [Fault.UNPLUG, Fault.HANG, Fault.FREEZE, Fault.GARBAGE])
def test_a_fault_of_one_camera_is_seen_told_and_healed_while_the_others_go_on(fault: Fault) -> None:
    rig = Rig()
    with rig.group as group:
        assert group.wait_live(10)
        rig.switches[ViewName.LEFT].fault = fault
        assert eventually(lambda: group.health(ViewName.LEFT).error is not None)
        error = group.health(ViewName.LEFT).error
        assert error is not None and error.remedy
        assert rig.live(ViewName.FRONT) and rig.live(ViewName.RIGHT)
        rig.switches[ViewName.LEFT].fault = Fault.NONE
        assert eventually(lambda: rig.live(ViewName.LEFT))
        assert group.health(ViewName.LEFT).reconnects >= 1
        assert group.health(ViewName.LEFT).error is None
        assert group.health(ViewName.FRONT).reconnects == 0


def test_two_cameras_lost_at_once_both_come_back() -> None:
    rig = Rig()
    with rig.group as group:
        assert group.wait_live(10)
        rig.switches[ViewName.LEFT].fault = Fault.UNPLUG
        rig.switches[ViewName.RIGHT].fault = Fault.HANG
        assert eventually(
            lambda: group.health(ViewName.LEFT).error is not None and group.health(ViewName.RIGHT).error is not None
        )
        for view in (ViewName.LEFT, ViewName.RIGHT):
            rig.switches[view].fault = Fault.NONE
        assert eventually(lambda: rig.live(ViewName.LEFT) and rig.live(ViewName.RIGHT))


def test_hanging_drivers_do_not_collect_threads_and_stopping_waits_for_none() -> None:
    rig = Rig()
    with rig.group as group:
        assert group.wait_live(10)
        before = threading.active_count()
        rig.switches[ViewName.FRONT].fault = Fault.HANG
        time.sleep(3.0)  # several rounds of the watchdog
        assert threading.active_count() <= before + QUICK.abandoned + 1
        group.stop(timeout_s=0.2)
        rig.switches[ViewName.FRONT].fault = Fault.NONE
        cameras = rig.made[ViewName.FRONT]
        assert eventually(lambda: all(c.closed for c in cameras)), "abandoned readers close their cameras when they wake"


def test_a_camera_that_never_comes_is_tried_again_and_again_but_not_in_haste() -> None:
    tries = []

    def make() -> LiveCamera:
        tries.append(time.monotonic())
        raise CameraError("The camera is not plugged in.", "Plug it in.")

    with CameraGroup({ViewName.LEFT: make}, QUICK) as group:
        assert eventually(lambda: len(tries) >= 6)
        assert group.health(ViewName.LEFT).state is not ChannelState.LIVE
        assert group.latest(ViewName.LEFT) is None
    gaps = [b - a for a, b in pairwise(tries)]
    assert max(gaps[3:]) > 0.15


def test_dropped_pictures_are_counted() -> None:
    rig = Rig()
    with rig.group as group:
        assert group.wait_live(10)
        rig.switches[ViewName.LEFT].fault = Fault.DROP
        assert eventually(lambda: group.health(ViewName.LEFT).dropped > 10)


def test_a_dark_lens_and_a_still_picture_are_no_frozen_cameras(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "face.png"), textured(1))
    with CameraGroup({ViewName.FRONT: lambda: ReplayCamera(tmp_path / "face.png")}, QUICK) as group:
        assert group.wait_live(10)
        time.sleep(1.0)
        assert group.health(ViewName.FRONT).reconnects == 0


def test_what_is_asked_of_a_camera_runs_in_its_own_reader() -> None:
    rig = Rig()
    with rig.group as group:
        assert group.wait_live(10)
        name = group.call(ViewName.LEFT, lambda _camera: threading.current_thread().name).result(5)
        assert name.startswith("left camera")
        assert group.call(ViewName.LEFT, lambda c: c.control(Control.EXPOSURE)).result(5) is None
        with pytest.raises(ZeroDivisionError):
            group.call(ViewName.LEFT, lambda _camera: 1 / 0).result(5)
        assert rig.live(ViewName.LEFT)


def test_the_ring_is_bounded_in_time_and_in_memory() -> None:
    from facestudio.capture.camera import CameraInfo, Frame

    channel = Channel(GroupConfig(ring_s=1.0, ring_bytes=10 * 48 * 64 * 3))
    channel.opened(CameraInfo("x", "test", 64, 48, 30, ""), False, 0)
    for k in range(100):
        assert channel.push(Frame(textured(k), k * 33_000_000, k))
    assert len(channel.ring()) == 10
    assert not channel.push(Frame(textured(1, (10, 10)), 10**12, 100)), "a picture of another size is damaged"
    wide = Channel(GroupConfig(ring_s=1.0))
    wide.opened(CameraInfo("x", "test", 64, 48, 30, ""), False, 0)
    for k in range(100):
        wide.push(Frame(textured(k), k * 33_000_000, k))
    assert 30 <= len(wide.ring()) <= 32


def test_a_replayed_folder_keeps_the_time_of_its_clock_exactly(tmp_path: Path) -> None:
    for k in range(3):
        cv2.imwrite(str(tmp_path / f"{k}.png"), textured(k))
    clock = ManualClock()
    camera = ReplayCamera(tmp_path, fps=100.0, phase_ns=3_000_000, clock=clock)
    camera.open()
    clock.advance(33_000_000)
    frames = [camera.read() for _ in range(2)]
    assert [f.t_ns for f in frames] == [23_000_000, 33_000_000], "what is overdue is dropped"
    assert (frames[0].bgr == textured(2)).all()
    camera.close()
    with pytest.raises(CameraError):
        camera.read()
