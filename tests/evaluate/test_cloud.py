"""A cloud's distances do not depend on where it lies, only on its shape; and scale only where it is free."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from facestudio.errors import DatasetError
from facestudio.evaluate.cloud import cloud_errors, spread_points
from facestudio.evaluate.scan_to_mesh import Surface
from facestudio.geometry.rotations import exp_so3
from facestudio.types import Mesh


def egg() -> Mesh:
    ball = trimesh.creation.icosphere(subdivisions=2, radius=0.1)
    shape = ball.vertices * [1.0, 1.3, 0.8] + 0.02 * np.sin(25 * ball.vertices[:, [1, 2, 0]])
    return Mesh(shape, np.asarray(ball.faces))


def test_points_of_the_surface_come_back_from_where_they_were_moved() -> None:
    points = spread_points(egg(), 600)
    moved = 1.03 * points @ exp_so3(np.array([0.05, -0.04, 0.03])).T + [0.004, -0.003, 0.005]
    found = cloud_errors(moved, egg(), samples=8000)
    assert found.surface_mm.mean() < 0.05
    assert found.alignment.scale == pytest.approx(1 / 1.03, abs=0.002)
    held = cloud_errors(moved, egg(), free_scale=False, samples=8000)
    assert held.alignment.scale == 1.0
    assert held.surface_mm.mean() > 1.0


def test_noise_is_measured_as_what_it_is_and_points_are_farther_than_the_surface() -> None:
    rng = np.random.default_rng(1)
    points = spread_points(egg(), 800)
    surface = Surface(egg())
    normals = surface.normals[surface.nearest(points).faces]
    noisy = points + 0.002 * rng.standard_normal((800, 1)) * normals
    found = cloud_errors(noisy, egg(), samples=8000)
    assert found.surface_mm.mean() == pytest.approx(2.0 * np.sqrt(2 / np.pi), rel=0.1)
    assert (found.point_mm >= found.surface_mm - 1e-9).all()


def test_a_handful_of_points_is_refused() -> None:
    with pytest.raises(DatasetError):
        cloud_errors(np.zeros((5, 3)), egg())
