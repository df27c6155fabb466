"""The viewer's eye at a photo's camera, and on the way there."""

from __future__ import annotations

import numpy as np
import pytest

from facestudio.app.viewer.placement import Placement, at_camera, between, home, photo_corners
from facestudio.geometry.camera import project
from facestudio.geometry.rotations import exp_so3
from facestudio.types import Camera, Float64Array


def camera(turn: tuple[float, float, float] = (0.1, 0.6, 0.05)) -> Camera:
    K = np.array([[1085.0, 0, 642.5], [0, 1085.0, 357.5], [0, 0, 1]])
    R = np.diag([1.0, -1.0, -1.0]) @ exp_so3(np.array(turn))
    return Camera(K, R, np.array([0.01, -0.02, 0.6]), 1280, 720)


def test_the_photo_s_corners_project_onto_the_photo_s_corners() -> None:
    c = camera()
    expected = [[-0.5, -0.5], [1279.5, -0.5], [1279.5, 719.5], [-0.5, 719.5]]
    for depth in (0.3, 2.0):
        assert np.allclose(project(c, photo_corners(c, depth)), expected, atol=1e-9)


@pytest.mark.parametrize("part", [0.0, 0.3, 0.7, 1.0])
def test_a_flight_keeps_its_distance_and_stays_upright(part: float) -> None:
    first = home(np.array([[-0.1, -0.15, -0.1], [0.1, 0.15, 0.1]]), 800, 600)
    last = at_camera(camera(), 800, 600, about=np.zeros(3))
    here = between(first, last, part)
    ends = [float(np.linalg.norm(p.position - p.focal_point)) for p in (first, last)]
    assert min(ends) - 1e-9 <= float(np.linalg.norm(here.position - here.focal_point)) <= max(ends) + 1e-9
    assert np.isclose(np.linalg.norm(here.up), 1.0)
    assert here.up[1] > 0.8


def test_a_flight_begins_and_ends_where_it_should() -> None:
    def eye(p: Placement) -> Float64Array:
        return np.concatenate([p.position, p.focal_point, [p.angle, *p.centre, p.stretch]])

    first, last = (at_camera(camera(turn), 900, 500, about=np.zeros(3)) for turn in ((0.0, -0.7, 0.0), (0.0, 0.8, 0.0)))
    assert np.allclose(eye(between(first, last, 0.0)), eye(first), atol=1e-9)
    assert np.allclose(eye(between(first, last, 1.0)), eye(last))


def test_home_shows_the_whole_head_in_any_window() -> None:
    head = np.array([[x, y, z] for x in (-0.08, 0.08) for y in (-0.17, 0.14) for z in (-0.1, 0.1)])
    for width, height in ((640, 480), (300, 900), (1600, 400)):
        p = home(head, width, height)
        forward = (p.focal_point - p.position) / np.linalg.norm(p.focal_point - p.position)
        side = np.cross(forward, p.up)
        up = np.cross(side, forward)
        rel = head - p.position
        limit = np.tan(np.radians(p.angle / 2))
        assert np.abs(rel @ up / (rel @ forward)).max() < limit
        assert np.abs(rel @ side / np.linalg.norm(side) / (rel @ forward)).max() < limit * width / height
