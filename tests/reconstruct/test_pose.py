"""The first guess of where the head is refuses what cannot be one."""

from __future__ import annotations

import numpy as np
import pytest

from facestudio.errors import FitError
from facestudio.reconstruct.pose import head_pose
from facestudio.types import Camera


def test_points_that_coincide_have_no_position() -> None:
    points = np.random.default_rng(0).normal(0.0, 0.05, (40, 3))
    camera = Camera(np.array([[1e300, 0.0, 0.0], [0.0, 1e300, 0.0], [0.0, 0.0, 1.0]]), np.eye(3), np.zeros(3), 640, 480)
    with pytest.raises(FitError, match="no plausible position"):
        head_pose(camera, points, np.full((40, 2), 200.0), "front photo")
