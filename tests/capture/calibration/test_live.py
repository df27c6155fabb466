from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from facestudio.capture.calibration.board import BOARDS
from facestudio.capture.calibration.detect import Detection
from facestudio.capture.calibration.live import BoardLoop, BoardSeen, StillTrigger
from facestudio.capture.camera import CameraInfo, Frame
from facestudio.capture.group import CameraGroup
from facestudio.types import ViewName
from tests.capture.calibration.board_scene import board_poses, render, true_rig
from tests.capture.scripted_camera import TickingCamera, eventually

IDS = np.arange(20, dtype=np.int32)


def seen(view: ViewName, x: float, jitter: float = 0.0) -> BoardSeen:
    pixels = np.stack([x + 10.0 * (IDS % 5), 100 + 10.0 * (IDS // 5)], axis=1) + jitter
    return BoardSeen(view, 0, Detection(IDS, pixels), (1280, 720))


def feed(trigger: StillTrigger, x: float, jitters: tuple[float, ...], views: tuple[ViewName, ...] = tuple(ViewName)) -> int:
    return sum(trigger.look(seen(v, x, j)) for j in jitters for v in views)


def test_a_board_held_still_is_taken_once_and_a_moving_one_never() -> None:
    trigger = StillTrigger()
    assert sum(feed(trigger, 300.0 + 40 * k, (0.0,)) for k in range(10)) == 0
    assert feed(trigger, 300.0, (0.0, 0.5, 0.2, 0.1, 0.3)) == 1
    assert feed(trigger, 305.0, (0.0, 0.5, 0.2, 0.1)) == 0, "the same place again"
    assert feed(trigger, 600.0, (0.0, 0.5, 0.2, 0.1)) == 1


def test_all_cameras_that_see_the_board_must_see_it_still() -> None:
    trigger = StillTrigger()
    shots = 0
    for k in range(6):
        shots += trigger.look(seen(ViewName.LEFT, 300.0))
        shots += trigger.look(seen(ViewName.FRONT, 300.0 + 30 * k))
    assert shots == 0
    trigger.look(replace(seen(ViewName.FRONT, 0.0), detection=None))
    assert feed(trigger, 300.0, (0.0, 0.1, 0.2), (ViewName.LEFT,)) == 1


class BoardCamera(TickingCamera):
    """Shows the board."""

    picture = cv2.cvtColor(
        render(true_rig((640, 360))[ViewName.FRONT], board_poses(1, BOARDS["A4"])[0], BOARDS["A4"]), cv2.COLOR_GRAY2BGR
    )

    def open(self) -> CameraInfo:
        super().open()
        return CameraInfo("board", "test", 640, 360, 50.0, "MJPG")

    def read(self) -> Frame:
        return replace(super().read(), bgr=np.asarray(self.picture, dtype=np.uint8))


def test_the_board_is_looked_for_in_every_camera() -> None:
    found: dict[ViewName, int] = {}

    def report(look: BoardSeen) -> None:
        if look.detection is not None:
            found[look.view] = len(look.detection.ids)

    with CameraGroup(dict.fromkeys(ViewName, BoardCamera)) as group:
        assert group.wait_live(10)
        loop = BoardLoop(group, BOARDS["A4"], report, per_second=50)
        loop.start()
        assert eventually(lambda: len(found) == 3)
        loop.stop()
    assert min(found.values()) > 15
