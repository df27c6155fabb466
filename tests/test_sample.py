"""The shipped sample triplet is complete, sane, and says what it is."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from facestudio.geometry.frames import yaw_degrees
from facestudio.head.landmarks import now_landmarks
from facestudio.head.model import load
from facestudio.types import Camera, ViewName

SAMPLE = Path(__file__).resolve().parents[1] / "resources" / "sample"
VIEWS = [view.value for view in ViewName]
YAW = {"left": 40.0, "front": 0.0, "right": -40.0}


def _camera(view: str) -> Camera:
    spec = json.loads((SAMPLE / "cameras.json").read_text())[view]
    K, R, t, distortion = (np.array(spec[k], dtype=np.float64) for k in ("K", "R", "t", "distortion"))
    return Camera(K, R, t, spec["width"], spec["height"], distortion)


@pytest.mark.parametrize("view", VIEWS)
def test_picture_is_hd_colour_and_small_enough_to_ship(view: str) -> None:
    path = SAMPLE / f"{view}.jpg"
    picture = cv2.imread(str(path))
    assert picture.shape == (720, 1280, 3)
    assert 40_000 < path.stat().st_size < 500_000
    assert 40 < picture.mean() < 200
    assert picture.std() > 25
    assert np.abs(picture[..., 2].astype(int) - picture[..., 0]).mean() > 3  # a colour picture


@pytest.mark.parametrize("view", VIEWS)
def test_camera_is_a_rotation_and_a_plausible_webcam(view: str) -> None:
    camera = _camera(view)
    assert np.allclose(camera.R @ camera.R.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(camera.R) == pytest.approx(1.0)
    assert (camera.width, camera.height) == (1280, 720)
    assert 50 < np.degrees(2 * np.arctan(640 / camera.K[0, 0])) < 65
    assert 0.5 < np.linalg.norm(camera.centre) < 0.75


@pytest.mark.parametrize("view", VIEWS)
def test_left_is_taken_from_the_subjects_left(view: str) -> None:
    assert yaw_degrees(_camera(view)) == pytest.approx(YAW[view], abs=10)


def test_truth_names_the_head_model_and_projects_into_the_pictures() -> None:
    truth = json.loads((SAMPLE / "truth.json").read_text())
    assert len(truth["head_model_sha256"]) == 64
    assert np.isfinite(truth["identity"]).all()
    points = np.array(truth["now_landmarks"])
    assert points.shape == (7, 3)
    for view in VIEWS:
        camera = _camera(view)
        x = (points @ camera.R.T + camera.t) @ camera.K.T
        pixels = x[:, :2] / x[:, 2:]
        assert (np.abs(pixels - (640, 360)) < (200, 200)).all()


def test_truth_belongs_to_the_shipped_head_model() -> None:
    truth = json.loads((SAMPLE / "truth.json").read_text())
    model = load(SAMPLE.parents[1] / "models" / "openhead.npz")
    assert len(truth["identity"]) == model.identity_basis.shape[2]
    head = model.template + model.identity_basis @ np.array(truth["identity"], dtype=np.float32)
    assert np.abs(now_landmarks(model, head) - np.array(truth["now_landmarks"])).max() < 2e-4


def test_licence_is_stated() -> None:
    text = (SAMPLE / "README.md").read_text()
    assert "CC0 1.0" in text
    assert "MakeHuman" in text
