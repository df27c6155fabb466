"""The assumed size follows the hints it is given; quality numbers mean what they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facestudio.geometry.camera import project
from facestudio.progress import CancelToken
from facestudio.reconstruct.detector_error import ignorant
from facestudio.reconstruct.fit import FitConfig, fit_landmarks
from facestudio.reconstruct.quality import held_out_residual, mean_head_reprojection, view_qualities
from facestudio.reconstruct.scale import ScaleConfig, assumed_scale
from facestudio.types import Landmarks, View
from tests.reconstruct.scene import Scene, camera_at, make_scene

EYES = np.array([[-0.0315, 0.0, 0.08], [0.0315, 0.0, 0.08]])


def view_with_iris(scene: Scene, width: float) -> View:
    """A frontal view whose detected irises are `width` metres wide."""
    camera = camera_at(0.0)
    points = np.zeros((478, 2))
    for centre, ends in zip(EYES, ((471, 469), (474, 476)), strict=True):
        for end, side in zip(ends, (-0.5, 0.5), strict=True):
            points[end] = project(camera, centre + np.array([side * width, 0, 0]))
    return replace(scene.views[1], landmarks=Landmarks(points, "mediapipe478", np.ones(478)))


def test_average_anatomy_keeps_its_size(scene: Scene) -> None:
    view = view_with_iris(scene, 0.0117)
    assert assumed_scale([view], [camera_at(0.0)], EYES, [0.0]) == pytest.approx(1.0, abs=1e-6)


def test_a_head_fitted_too_small_grows_but_the_prior_holds_it_back(scene: Scene) -> None:
    small = EYES * 0.9
    view = replace(scene.views[1], landmarks=None)
    factor = assumed_scale([view], [camera_at(0.0)], small, [0.0])
    assert 1.0 < factor < 1 / 0.9


def test_hints_are_weighted_by_their_precision(scene: Scene) -> None:
    view = view_with_iris(scene, 0.0117 / 1.1)
    config = ScaleConfig(iris_sigma=1e-6)
    assert assumed_scale([view], [camera_at(0.0)], EYES, [0.0], config) == pytest.approx(1.1, rel=1e-3)
    assert assumed_scale([view], [camera_at(0.0)], EYES, [60.0], config) == pytest.approx(1.0, rel=1e-3)


@pytest.mark.parametrize("calibrated", [True, False])
def test_a_view_left_out_is_predicted_by_the_others(calibrated: bool) -> None:
    scene = make_scene(2, noise_px=0.2)
    views = scene.views if calibrated else scene.uncalibrated
    config = FitConfig(iterations=60)
    error = ignorant(scene.basis.ids, 3e-4)
    held_out = held_out_residual(views, scene.basis, error, 1, config)
    assert held_out is not None
    assert held_out < 2.0
    assert held_out < mean_head_reprojection(views, scene.basis, error)


def test_a_view_of_another_head_is_not_predicted() -> None:
    scene, other = make_scene(2), make_scene(9)
    alien = replace(scene.views[2], landmarks=other.views[2].landmarks)
    views = (*scene.views[:2], alien)
    own = held_out_residual(scene.views, scene.basis, ignorant(scene.basis.ids, 3e-4), 2, FitConfig())
    strange = held_out_residual(views, scene.basis, ignorant(scene.basis.ids, 3e-4), 2, FitConfig())
    assert own is not None
    assert strange is not None
    assert strange > 3 * own


def test_one_view_has_nothing_to_be_predicted_from(scene: Scene) -> None:
    views, error = scene.uncalibrated[:1], ignorant(scene.basis.ids)
    fit = fit_landmarks(views, scene.basis, error)
    assert view_qualities(views, fit, scene.basis, error, FitConfig(), CancelToken())[0].held_out_px is None
