from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facestudio.capture.calibration.board import BOARDS
from facestudio.capture.calibration.exchange import read_calibration, write_caliscope, write_opencv
from facestudio.capture.calibration.intrinsics import coverage
from facestudio.capture.calibration.rig_file import RigCalibration
from facestudio.errors import CalibrationError
from facestudio.types import Camera, ViewName
from tests.capture.calibration.board_scene import board_poses, exact, true_rig


def same(a: Camera, b: Camera) -> None:
    for x, y in ((a.K, b.K), (a.R, b.R), (a.t, b.t), (a.distortion, b.distortion)):
        np.testing.assert_allclose(x, y, atol=1e-9)
    assert (a.width, a.height) == (b.width, b.height)


@pytest.mark.parametrize("name", ["camera_array.toml", "rig.yml"])
def test_a_calibration_comes_back_as_it_went(tmp_path: Path, name: str) -> None:
    rig = RigCalibration(true_rig(), rmse_px=0.21)
    path = tmp_path / name
    (write_caliscope if path.suffix == ".toml" else write_opencv)(rig, path)
    back = read_calibration(path)
    assert back.created is not None
    for view in ViewName:
        same(back.cameras[view], rig.cameras[view])


def test_caliscope_s_own_file_is_read_with_its_numbers_and_vectors(tmp_path: Path) -> None:
    path = tmp_path / "camera_array.toml"
    block = """
[cameras.{0}]
cam_id = {0}
size = [1280, 720]
rotation_count = 0
error = 0.3
matrix = [[900.0, 0.0, 640.0], [0.0, 900.0, 360.0], [0.0, 0.0, 1.0]]
distortions = [0.1, -0.2, 0.0, 0.0, 0.05]
ignore = false
translation = [0.{0}, 0.0, 0.5]
rotation = [0.0, 0.1, 0.0]
fisheye = false
"""
    path.write_text("".join(block.format(k) for k in (4, 1, 2)))
    rig = read_calibration(path, [ViewName.RIGHT, ViewName.FRONT, ViewName.LEFT])
    assert rig.cameras[ViewName.RIGHT].t[0] == 0.1
    assert rig.cameras[ViewName.LEFT].t[0] == 0.4
    assert rig.cameras[ViewName.LEFT].distortion.tolist() == [0.1, -0.2, 0.0, 0.0, 0.05]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.toml", "not = [toml"),
        ("b.toml", "[cameras.0]\nsize=[1,2]"),
        ("c.yml", "no yaml at all"),
        ("d.yml", "%YAML:1.0\n---\nleft: {image_width: 3}\n"),
        ("e.toml", "[cameras.0]\nfisheye = true\nrotation = [0,0,0]\n[cameras.1]\nrotation=[0,0,0]\n"),
    ],
)
def test_a_file_that_is_none_is_refused_by_name(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(CalibrationError, match=name):
        read_calibration(tmp_path / name)
    with pytest.raises(CalibrationError, match="does not exist"):
        read_calibration(tmp_path / "none.toml")


def test_the_operator_is_led_from_the_first_view_of_the_board_to_enough() -> None:
    spec, camera = BOARDS["A4"], true_rig()[ViewName.FRONT]
    size = (camera.width, camera.height)
    assert "upper left" in coverage([], size, spec).advice
    views = [d for b in board_poses(60, spec, seed=1, near=0.3) if (d := exact(camera, b, spec)) is not None]
    one_place = [views[0]] * 20
    assert not coverage(one_place, size, spec).enough
    counts = [coverage(views[:n], size, spec) for n in range(1, len(views))]
    assert counts[-1].enough
    assert len({c.advice for c in counts}) >= 3
    first = next(c for c in counts if c.enough)
    assert first.tilted >= 5 and (first.cells == 0).sum() <= 1
