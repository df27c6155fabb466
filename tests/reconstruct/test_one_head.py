"""One head in all photos against a head in each: photos of one head cost nothing, a stranger's does, and moved cameras do not matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facestudio.geometry.camera import project
from facestudio.geometry.rotations import exp_so3
from facestudio.reconstruct.detector_error import ignorant
from facestudio.reconstruct.one_head import lens_only, one_head_cost
from facestudio.types import View
from tests.reconstruct.scene import Scene, make_scene


def cost(views: tuple[View, ...], scene: Scene) -> float:
    found = one_head_cost(views, scene.basis, ignorant(scene.basis.ids, 3e-4))
    assert found is not None
    return found


def with_stranger(scene: Scene, calibrated: bool) -> tuple[View, ...]:
    """The right photo shows another head of the same population, from the same camera."""
    head = scene.basis.points(-scene.identity, scene.expression)
    marks = scene.views[2].landmarks
    assert marks is not None
    alien = replace(scene.views[2], landmarks=replace(marks, points=project(scene.cameras[2], head)))
    views = (*scene.views[:2], alien)
    return views if calibrated else tuple(replace(v, camera=None) for v in views)


@pytest.mark.parametrize("calibrated", [True, False])
def test_a_stranger_costs_and_one_head_does_not(calibrated: bool) -> None:
    for seed in range(3):
        scene = make_scene(seed, noise_px=0.3)
        assert cost(scene.views if calibrated else scene.uncalibrated, scene) < 10.0
        assert cost(with_stranger(scene, calibrated), scene) > 100.0


def test_where_the_cameras_stood_does_not_matter(scene: Scene) -> None:
    first = scene.views[0]
    assert first.camera is not None
    moved = replace(first.camera, R=exp_so3(np.array([0.0, 0.2, 0.0])) @ first.camera.R, t=first.camera.t + 0.05)
    assert cost((replace(first, camera=moved), *scene.views[1:]), scene) == cost(scene.views, scene)


def test_a_lens_is_kept_and_its_distortion_undone(scene: Scene) -> None:
    view = scene.views[0]
    assert view.camera is not None
    K = view.camera.K.copy()
    K[:2, 2] += (12.0, -7.0)
    camera = replace(view.camera, K=K, distortion=np.array([-0.2, 0.05, 0.0, 0.0, 0.0]))
    assert view.landmarks is not None
    seen = replace(view, camera=camera, landmarks=replace(view.landmarks, points=project(camera, scene.truth)))
    free = lens_only(seen)
    assert free.landmarks is not None
    assert free.camera is None
    assert free.image.focal_px == camera.K[0, 0]
    assert np.allclose(free.landmarks.points, project(scene.cameras[0], scene.truth), atol=0.01)


def test_one_photo_is_one_head(scene: Scene) -> None:
    assert one_head_cost(scene.views[:1], scene.basis, ignorant(scene.basis.ids)) is None
