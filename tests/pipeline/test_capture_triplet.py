"""What is kept of a shot, and that nothing kept is ever half or lost: full disk, slow disk, kill -9 in the middle of a burst."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from facestudio.capture.calibration.rig_file import RigCalibration, load_rig, save_rig
from facestudio.capture.camera import CameraInfo, Frame
from facestudio.capture.channel import ChannelState, Health
from facestudio.capture.device import Identity
from facestudio.capture.group import CameraGroup
from facestudio.capture.shutter import Shot
from facestudio.capture.sync import Choice
from facestudio.errors import CalibrationError, OutputError
from facestudio.library import staging
from facestudio.library.layout import read_capture
from facestudio.pipeline.cameras_file import read_cameras
from facestudio.pipeline.capture_triplet import ShotContext, keep_in_folder, keep_in_library
from facestudio.types import Camera, ViewName
from tests.capture.scripted_camera import TickingCamera, eventually, textured

pytestmark = pytest.mark.realtime

IDS = {v: Identity(f"port {v}", "046d:082d", "C920") for v in ViewName}
HEALTH = Health(ChannelState.LIVE, 30.0, 0.01, 90, 1, 0, CameraInfo("C920", "V4L2", 64, 48, 30.0, "MJPG"), None)


def shot(size: tuple[int, int] = (48, 64)) -> Shot:
    frames = {v: Frame(textured(i, size), 1_000_000_000 + i * 4_000_000, i) for i, v in enumerate(ViewName)}
    return Shot(
        Choice(frames, 8.0, dict.fromkeys(ViewName, 1.0), True, True, 30, "Best of 30."),
        datetime(2026, 1, 2, 3, 4, 5),
        dict.fromkeys(ViewName, HEALTH),
    )


def rig(width: int = 64) -> RigCalibration:
    camera = Camera(np.array([[90.0, 0, 31.5], [0, 90.0, 23.5], [0, 0, 1]]), np.eye(3), np.zeros(3), width, 48)
    return RigCalibration(dict.fromkeys(ViewName, camera), IDS, datetime(2026, 1, 1), 0.2, 0.001, "our board")


def test_a_kept_shot_says_how_it_was_taken_and_is_a_capture_of_the_library(tmp_path: Path) -> None:
    context = ShotContext(IDS, {ViewName.LEFT: "Locked: exposure."}, rig())
    folder = keep_in_library(tmp_path, shot(), "Anna", "first", context, "calm")
    record = read_capture(folder)
    assert record is not None
    assert (record.subject, record.session, record.notes) == ("Anna", "first", "calm")
    assert set(record.photos) == set(ViewName)
    for i, view in enumerate(ViewName):
        difference = np.abs(cv2.imread(str(record.photos[view])).astype(int) - textured(i))
        assert difference.mean() < 6, "noise is the worst case for JPEG"
    sync = json.loads((folder / "sync.json").read_text())
    assert sync["spread_ms"] == 8.0
    assert sync["views"]["front"]["arrived_ms"] == 4.0
    assert sync["views"]["left"]["exposure"] == "Locked: exposure."
    assert sync["views"]["left"]["camera"]["fourcc"] == "MJPG"
    assert record.cameras is not None
    assert read_cameras(record.cameras)[ViewName.LEFT].K[0, 0] == 90.0
    facts = json.loads((folder / "capture.json").read_text())
    assert facts["devices"]["left"]["path"] == "port left"
    assert "metric" in facts["calibration"]


@pytest.mark.parametrize(
    ("calibration", "identities", "words"),
    [
        (None, IDS, "not calibrated"),
        (rig(width=1280), IDS, "gives 64 x 48"),
        (rig(), {**IDS, ViewName.LEFT: Identity("another port")}, "another one"),
        (RigCalibration({ViewName.LEFT: rig().cameras[ViewName.LEFT]}), IDS, "no front camera"),
    ],
)
def test_a_calibration_that_does_not_hold_is_not_used_and_that_is_said(
    tmp_path: Path, calibration: RigCalibration | None, identities: dict[ViewName, Identity], words: str
) -> None:
    folder = keep_in_folder(tmp_path / "shot", shot(), ShotContext(identities, {}, calibration))
    assert not (folder / "cameras.json").exists()
    assert words in json.loads((folder / "capture.json").read_text())["calibration"]


def test_a_calibration_survives_its_file_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    path = save_rig(rig(), tmp_path / "cameras.json")
    loaded = load_rig(path)
    assert loaded is not None
    assert loaded.identities == IDS
    assert (loaded.created, loaded.rmse_px, loaded.board) == (datetime(2026, 1, 1), 0.2, "our board")
    assert load_rig(tmp_path / "none.json") is None
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())  # as an editor on Windows saves it
    assert load_rig(path) is not None


_HOSTILE = {
    "no camera": '{"cameras": {"left": {}}}',
    "nested": "[" * 100_000 + "]" * 100_000,
    "endless": '{"left": {"K": [[1,0,0],[0,1,0],[0,0,1]], "R": [[1,0,0],[0,1,0],[0,0,1]], "t": [0,0,0], "width": Infinity, "height": 1}}',
    "list": "[1, 2]",
    "not text": "\0\ud800",
    "a stamp that is none": '{"cameras": {"left": 3}, "stamp": [1]}',
}


@pytest.mark.parametrize("content", _HOSTILE.values(), ids=_HOSTILE.keys())
def test_a_damaged_calibration_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "cameras.json"
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises(CalibrationError, match=r"cameras\.json is damaged"):
        load_rig(path)


def test_a_calibration_that_may_not_be_read_is_not_called_damaged(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="cannot be read"):
        load_rig(tmp_path)  # a folder


def test_a_folder_is_never_overwritten(tmp_path: Path) -> None:
    folder = keep_in_folder(tmp_path / "shot", shot())
    before = sorted(p.name for p in folder.iterdir())
    with pytest.raises(OutputError, match="exists already"):
        keep_in_folder(folder, shot())
    assert sorted(p.name for p in folder.iterdir()) == before
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


@pytest.mark.parametrize("place", ["folder", "library"])
def test_a_full_disk_leaves_nothing_half_and_loses_nothing_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    kept = keep_in_library(tmp_path, shot(), "Anna", "first")

    def full(_folder: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(staging, "flush_tree", full)
    with pytest.raises(OutputError, match="full"):
        if place == "folder":
            keep_in_folder(tmp_path / "Anna" / "first" / "shot", shot())
        else:
            keep_in_library(tmp_path, shot(), "Anna", "first")
    assert [p.name for p in (tmp_path / "Anna" / "first").iterdir() if p.is_dir()] == [kept.name]
    assert read_capture(kept) is not None


def test_a_slow_disk_holds_up_no_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = staging.flush_tree
    started, go_on = threading.Event(), threading.Event()

    def slow(folder: Path) -> None:
        started.set()
        go_on.wait(20)
        real(folder)

    monkeypatch.setattr(staging, "flush_tree", slow)
    with CameraGroup(dict.fromkeys(ViewName, TickingCamera)) as group:
        assert group.wait_live(10)
        writer = threading.Thread(target=keep_in_folder, args=(tmp_path / "shot", shot()))
        writer.start()
        assert started.wait(10)
        frames = group.health(ViewName.LEFT).frames
        assert eventually(lambda: group.health(ViewName.LEFT).frames > frames + 20)
        go_on.set()
        writer.join(20)
    assert (tmp_path / "shot" / "capture.json").is_file()


_SHOOTING = """
import sys
from pathlib import Path
from facestudio.capture.group import CameraGroup
from facestudio.capture.shutter import ShutterConfig, shoot
from facestudio.pipeline.capture_triplet import keep_in_library
from facestudio.types import ViewName
from tests.capture.scripted_camera import TickingCamera
with CameraGroup({v: TickingCamera for v in ViewName}) as group:
    group.wait_live(20)
    while True:
        sys.stdout.write(str(keep_in_library(Path(sys.argv[1]), shoot(group, ShutterConfig(burst_s=0.05)), "Anna", "first")) + chr(10))
        sys.stdout.flush()
"""


def test_a_kill_in_the_middle_of_it_all_loses_no_capture_and_leaves_none_half(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", _SHOOTING, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=root, env={**os.environ}
    )
    assert process.stdout is not None
    told = [Path(process.stdout.readline().strip()) for _ in range(4)]
    time.sleep(0.07)  # somewhere within the next burst or its writing
    process.send_signal(signal.SIGKILL)
    told += [Path(line.strip()) for line in process.communicate()[0].splitlines()]
    captures = [p for p in (tmp_path / "Anna" / "first").iterdir() if p.is_dir() and not p.name.startswith(".")]
    assert set(told) <= set(captures)
    for folder in captures:
        record = read_capture(folder)
        assert record is not None and len(record.photos) == 3
        assert all(cv2.imread(str(p)) is not None for p in record.photos.values())
        json.loads((folder / "sync.json").read_text())
