"""cameras.json is read exactly, resized with the photo, and refused by view and entry when it is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facestudio.errors import CameraFileError
from facestudio.geometry.camera import project
from facestudio.pipeline.cameras_file import fit_to_picture, read_cameras
from facestudio.types import Image, ViewName

GOOD: dict[str, Any] = {
    "K": [[900.0, 0, 639.5], [0, 900.0, 359.5], [0, 0, 1]],
    "R": [[1, 0, 0], [0, -1, 0], [0, 0, -1]],
    "t": [0, 0, 0.6],
    "width": 1280,
    "height": 720,
    "distortion": [0.1, 0, 0, 0, 0],
}


def write(folder: Path, content: object) -> Path:
    path = folder / "cameras.json"
    path.write_text(json.dumps(content))
    return path


def test_the_bench_format_is_read(tmp_path: Path) -> None:
    cameras = read_cameras(write(tmp_path, {"left": GOOD, "front": GOOD, "note": "ignored"}))
    assert set(cameras) == {ViewName.LEFT, ViewName.FRONT}
    camera = cameras[ViewName.FRONT]
    assert camera.K[0, 0] == 900.0
    assert np.allclose(camera.t, [0, 0, 0.6])
    assert np.allclose(camera.distortion, [0.1, 0, 0, 0, 0])


def test_our_own_head_files_are_read_too(tmp_path: Path) -> None:
    assert ViewName.LEFT in read_cameras(write(tmp_path, {"name": "x", "cameras": {"left": GOOD}}))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"K": [[1, 2], [3, 4]]}, "malformed"),
        ({"K": [[0, 0, 1], [0, 0, 1], [0, 0, 1]]}, "not positive"),
        ({"R": [[2, 0, 0], [0, 1, 0], [0, 0, 1]]}, "not a rotation"),
        ({"R": [[-1, 0, 0], [0, -1, 0], [0, 0, -1]]}, "not a rotation"),
        ({"t": [0, 0, float("nan")]}, "not a number"),
        ({"width": 0}, "not positive"),
        ({"width": float("inf")}, "malformed"),
        ({"K": [[0.7, 0, 0.5], [0, 0.7, 0.5], [0, 0, 1]]}, "does not belong to a picture of 1280 x 720"),
        ({"K": [[4.2, 0, 3.2], [0, 4.2, 1.8], [0, 0, 1]]}, "does not belong to a picture of 1280 x 720"),
        ({"K": [[1e300, 0, 0], [0, 1e300, 0], [0, 0, 1]]}, "does not belong to a picture of 1280 x 720"),
        ({"t": None}, "malformed"),
        ({"distortion": [0] * 7 + [1.0]}, "8 coefficients"),
    ],
)
def test_wrong_entries_are_named(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(CameraFileError, match=sentence) as caught:
        read_cameras(write(tmp_path, {"left": GOOD | change}))
    assert "left" in caught.value.what


def test_a_file_may_begin_with_the_mark_that_some_editors_write(tmp_path: Path) -> None:
    path = tmp_path / "cameras.json"
    path.write_text(json.dumps({"front": GOOD}), encoding="utf-8-sig")
    assert set(read_cameras(path)) == {ViewName.FRONT}


def test_brackets_without_end_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "cameras.json"
    path.write_text("[" * 100_000)
    with pytest.raises(CameraFileError, match="not a readable camera file"):
        read_cameras(path)


def test_files_that_are_no_camera_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CameraFileError, match="does not exist"):
        read_cameras(tmp_path / "none.json")
    contents: tuple[Any, ...] = ([], {}, {"up": GOOD}, "text", 3)
    for content in contents:
        with pytest.raises(CameraFileError, match="names no"):
            read_cameras(write(tmp_path, content))
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(CameraFileError, match="not a readable"):
        read_cameras(tmp_path / "bad.json")


def test_a_resized_photo_gets_a_resized_camera(tmp_path: Path) -> None:
    camera = read_cameras(write(tmp_path, {"left": GOOD}))[ViewName.LEFT]
    half = fit_to_picture(camera, Image(np.zeros((360, 640, 3), np.uint8)), "left")
    points = np.array([[0.05, 0.02, 0.01], [-0.1, 0.1, 0.0]])
    assert np.allclose(project(half, points), (project(camera, points) + 0.5) / 2 - 0.5)
    with pytest.raises(CameraFileError, match="uncropped"):
        fit_to_picture(camera, Image(np.zeros((480, 640, 3), np.uint8)), "left")
