"""What a hand does to the eye."""

from __future__ import annotations

import numpy as np
import pytest

from facestudio.app.viewer.orbit import closer, orbited, panned
from facestudio.app.viewer.placement import Placement

EYE = Placement(np.array([0.0, 0.1, 1.0]), np.array([0.0, 0.1, 0.0]), np.array([0.0, 1.0, 0.0]), 24.0)


def distance(eye: Placement) -> float:
    return float(np.linalg.norm(eye.position - eye.focal_point))


def test_round_the_head_and_back_is_where_it_was() -> None:
    there = orbited(EYE, 70.0, 30.0)
    assert distance(there) == pytest.approx(distance(EYE))
    assert there.position[0] > 0.5
    assert there.position[1] > 0.5
    back = orbited(orbited(there, 0.0, -30.0), -70.0, 0.0)
    assert np.allclose(back.position, EYE.position)


@pytest.mark.parametrize("up", [200.0, -200.0])
def test_the_eye_never_goes_over_the_top(up: float) -> None:
    there = orbited(EYE, 0.0, up)
    assert there.position[2] > 0.0
    assert np.array_equal(there.up, [0.0, 1.0, 0.0])


def test_what_is_dragged_follows_the_hand() -> None:
    there = panned(EYE, 0.5, 0.25)
    height = 2 * np.tan(np.radians(12.0))
    assert np.allclose(there.focal_point - EYE.focal_point, [-0.5 * height, 0.25 * height, 0.0])
    assert np.allclose(there.position - there.focal_point, EYE.position - EYE.focal_point)


def test_coming_closer_has_ends() -> None:
    assert distance(closer(EYE, 2.0)) == pytest.approx(0.5)
    assert 0.05 < distance(closer(EYE, 1e6)) < 0.2
    assert distance(closer(EYE, 1e-6)) < 10.0
