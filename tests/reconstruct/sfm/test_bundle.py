"""Cameras from landmarks: PnP is close, and the adjustment of all frames together is closer."""

from __future__ import annotations

import numpy as np
import pytest

from facestudio.errors import FitError
from facestudio.geometry.rotations import log_so3
from facestudio.reconstruct.sfm.bundle import Bundled, Sighting, bundle, pnp
from facestudio.types import Camera
from tests.reconstruct.sfm.heads import basis, orbit_camera, sightings

YAWS = (-45.0, -15.0, 15.0, 45.0)


def turn_errors(found: tuple[Camera, ...], truth: list[Camera]) -> list[float]:
    """Degrees between the true and the found turn from the first camera to each other one."""
    return [
        float(np.degrees(np.linalg.norm(log_so3((f.R @ found[0].R.T) @ (t.R @ truth[0].R.T).T))))
        for f, t in zip(found[1:], truth[1:], strict=True)
    ]


def scene(noise_px: float = 0.0) -> tuple[Bundled, tuple[Camera, ...], list[Camera]]:
    marks = basis()
    rng = np.random.default_rng(3)
    identity = np.zeros(marks.identity.shape[2])
    identity[:20] = rng.standard_normal(20)
    cameras = [orbit_camera(yaw) for yaw in YAWS]
    seen = sightings(marks.mean + marks.identity @ identity, cameras, noise_px)
    return bundle(cameras, marks, seen), pnp(cameras, marks.mean, seen), cameras


def test_pnp_of_the_mean_head_itself_is_exact() -> None:
    marks = basis()
    cameras = [orbit_camera(yaw) for yaw in YAWS]
    found = pnp(cameras, marks.mean, sightings(marks.mean, cameras))
    assert max(turn_errors(found, cameras)) < 0.01
    assert found[2].t == pytest.approx(cameras[2].t, abs=1e-4)


def test_bundling_finds_the_motion_that_pnp_of_a_wrong_shape_misses() -> None:
    bundled, start, cameras = scene()
    before, after = max(turn_errors(start, cameras)), max(turn_errors(bundled.cameras, cameras))
    assert before < 10.0  # near enough to start from
    assert after < 0.35 * before
    assert float(bundled.residual_px.max()) < 0.1


def test_bundling_bears_the_noise_of_a_detector() -> None:
    bundled, start, cameras = scene(noise_px=0.7)
    assert max(turn_errors(bundled.cameras, cameras)) < max(turn_errors(start, cameras))


def test_a_frame_with_too_few_landmarks_is_named() -> None:
    marks, camera = basis(), orbit_camera(0.0)
    few = Sighting(np.arange(3), np.zeros((3, 2)), np.ones(3))
    with pytest.raises(FitError, match="Frame 1 shows 3 landmarks"):
        pnp([camera], marks.mean, [few])
