"""Landmarks in space: where the depth maps put what the detector saw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from facestudio.reconstruct.sfm.fuse import bilinear
from facestudio.reconstruct.sfm.infer import Measured
from facestudio.types import BoolArray, Float64Array


def marks_in_space(measured: Measured, visible: Sequence[BoolArray | None]) -> tuple[Float64Array, Float64Array]:
    """(N, 3) float64, metres, head frame: each landmark's mean over the frames that see it, and the trust (N,) in it: 1 from two on.

    visible: (N,) bool per frame; None: all. Landmarks that no frame sees are at the origin with trust 0.
    """
    count = len(measured.looks[0].landmarks)
    total, weight = np.zeros((count, 3)), np.zeros(count)
    for look, depth, seen in zip(measured.looks, measured.depths, visible, strict=True):
        camera, size = look.camera, len(depth)
        inside = (look.landmarks > 0).all(1) & (look.landmarks < size - 1).all(1)
        use = inside if seen is None else inside & seen
        z = bilinear(depth, look.landmarks)
        rays = np.column_stack([look.landmarks, np.ones(count)]) @ np.linalg.inv(camera.K).T
        points = (rays * z[:, None] - camera.t) @ camera.R
        total += np.where(use[:, None], points, 0.0)
        weight += use
    return total / np.maximum(weight, 1.0)[:, None], np.minimum(weight / 2.0, 1.0)
