"""Points in space from their pictures in several cameras."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from facestudio.geometry.camera import project
from facestudio.types import Camera, Float64Array


def triangulate(cameras: Sequence[Camera], pixels: Sequence[Float64Array]) -> Float64Array:
    """(N, 3) float64, metres: the points nearest to the rays of N pixels (N, 2) in each of two or more cameras, lens distortion undone.

    Linear least squares on the normalised image planes (Hartley & Sturm 1997).
    """
    rows = []
    for camera, points in zip(cameras, pixels, strict=True):
        ideal = cv2.undistortPoints(np.asarray(points, dtype=np.float64)[:, None], camera.K, camera.distortion)[:, 0]
        P = np.concatenate([camera.R, camera.t[:, None]], axis=1)
        rows += [ideal[:, :1] * P[2] - P[0], ideal[:, 1:] * P[2] - P[1]]
    A = np.stack(rows, axis=1)  # (N, 2 C, 4)
    homogeneous = np.linalg.svd(A)[2][:, -1]
    return np.asarray(homogeneous[:, :3] / homogeneous[:, 3:])


def reprojection_error(cameras: Sequence[Camera], pixels: Sequence[Float64Array]) -> Float64Array:
    """(C, N) float64, pixels: how far each pixel is from the projection of its triangulated point."""
    points = triangulate(cameras, pixels)
    return np.stack([np.linalg.norm(project(c, points) - p, axis=1) for c, p in zip(cameras, pixels, strict=True)])
