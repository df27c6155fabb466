"""Eyes that look aside in the photos are turned aside, as seen from all cameras."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from facestudio.geometry.camera import project
from facestudio.geometry.shading import portrait_camera
from facestudio.head.model import EYES, HeadModel
from facestudio.reconstruct.gaze import _IRIS, _aims, estimate_gaze, turned_eyes
from facestudio.types import Camera, Float64Array, Image, Landmarks, View, ViewName


def cameras(model: HeadModel) -> tuple[Camera, ...]:
    return tuple(portrait_camera(model.template, 1000, 1000, yaw, 2.0) for yaw in (35.0, 0.0, -35.0))


def seen(model: HeadModel, vertices: Float64Array, eyes: Sequence[Camera], noise_px: float = 0.0) -> list[View]:
    """Views whose iris landmarks are those of these vertices."""
    aims = _aims(model, vertices)
    assert aims is not None
    rng = np.random.default_rng(4)
    views = []
    for camera in eyes:
        points = np.zeros((478, 2))
        points[list(_IRIS)] = project(camera, aims[1]) + rng.normal(0.0, noise_px, (2, 2))
        blank = Image(np.zeros((camera.height, camera.width, 3), np.uint8))
        views.append(View(ViewName.FRONT, blank, camera, Landmarks(points, "mediapipe478", np.ones(478))))
    return views


@pytest.mark.parametrize("turn", [(0.0, 0.0), (0.12, -0.2), (-0.1, 0.25)])
@pytest.mark.parametrize("which", ["openhead", "flame"])
def test_the_turn_of_the_eyes_is_found(which: str, turn: tuple[float, float], request: pytest.FixtureRequest) -> None:
    model: HeadModel = request.getfixturevalue(which)
    straight = model.template.astype(np.float64)
    truth = turned_eyes(model, straight, np.array([[*turn, 0.0]] * 2))
    found = estimate_gaze(model, straight, cameras(model), seen(model, truth, cameras(model), 0.5))
    assert found is not None
    np.testing.assert_allclose(found[:, :2], [turn, turn], atol=np.radians(2.5))


def test_turning_moves_the_eyeballs_only_and_keeps_their_centres(openhead: HeadModel) -> None:
    straight = openhead.template.astype(np.float64)
    turned = turned_eyes(openhead, straight, np.array([[0.1, 0.2, 0.0], [0.0, 0.3, 0.0]]))
    balls = openhead.part_vertices(*EYES)
    assert np.array_equal(turned[~balls], straight[~balls])
    joints = openhead.joint_regressor.astype(np.float64)[3:]
    np.testing.assert_allclose(joints @ turned, joints @ straight, atol=2e-4)
    assert np.linalg.norm(turned - straight, axis=1)[balls].max() > 0.002


def test_photos_without_irises_say_nothing_about_the_gaze(openhead: HeadModel) -> None:
    straight = openhead.template.astype(np.float64)
    views = [replace(v, landmarks=None) for v in seen(openhead, straight, cameras(openhead))]
    assert estimate_gaze(openhead, straight, cameras(openhead), views) is None
