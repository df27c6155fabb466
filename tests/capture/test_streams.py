"""The app's own OpenCV reader on three network cameras over loopback. Small pictures: rates are for bench_capture.py."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from facestudio.capture.channel import ChannelState, GroupConfig
from facestudio.capture.group import CameraGroup
from facestudio.capture.source import camera_maker
from facestudio.capture.sync import best_triplet
from facestudio.types import ViewName
from tests.capture.mjpeg_server import Streams, read_counter, streaming
from tests.capture.scripted_camera import eventually

pytestmark = pytest.mark.realtime

CONFIG = GroupConfig(stall_s=1.0, freeze_s=1.0)


@pytest.fixture(scope="module")
def server() -> Iterator[Streams]:
    with streaming() as streams:
        yield streams


@pytest.fixture
def streams(server: Streams) -> Iterator[Streams]:
    yield server
    for view in ViewName:
        server.fault(view, "none")


def group_of(streams: Streams) -> CameraGroup:
    return CameraGroup({v: camera_maker(streams.url(v)) for v in ViewName}, CONFIG)


def test_the_chosen_pictures_belong_together_by_the_counters_in_their_pixels(streams: Streams) -> None:
    with group_of(streams) as group:
        assert group.wait_live(30)
        time.sleep(1.2)
        now = group.now_ns()
        choice = best_triplet(group.rings(), (now - 1_000_000_000, now))
        assert choice is not None
        assert set(choice.frames) == set(ViewName)
        times = [streams.true_ns(v, read_counter(f.bgr), f.t_ns) for v, f in choice.frames.items()]
        if choice.certain:  # on a computer too busy to tell, it says so
            assert (max(times) - min(times)) / 1e6 <= 1e3 / streams.fps + 1.0
        assert "apart" in choice.reason
        assert group.spread() is not None


@pytest.mark.parametrize("fault", ["stall", "gone", "freeze", "garbage"])
def test_a_faulty_stream_is_told_and_comes_back_when_it_returns(streams: Streams, fault: str) -> None:
    with group_of(streams) as group:
        assert group.wait_live(30)
        time.sleep(0.5)
        streams.fault("left", fault)
        assert eventually(lambda: group.health(ViewName.LEFT).error is not None, 20)
        assert group.health(ViewName.FRONT).state is ChannelState.LIVE
        streams.fault("left", "none")
        assert eventually(lambda: group.health(ViewName.LEFT).state is ChannelState.LIVE, 20)
        assert group.health(ViewName.FRONT).reconnects == 0
