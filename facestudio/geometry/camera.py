"""Perspective cameras: projection with and without lens distortion, and the viewing geometry around it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from facestudio.types import Camera, Float64Array


def to_camera(camera: Camera, points: Float64Array) -> Float64Array:
    """Points (…, 3) in the frame the camera maps from, metres, to the camera frame (…, 3), metres."""
    return np.asarray(points @ camera.R.T + camera.t)


def project(camera: Camera, points: Float64Array) -> Float64Array:
    """Points (…, 3), metres, to pixels (…, 2), pixel centres at integers, lens distortion included (Brown-Conrady)."""
    cam = to_camera(camera, points)
    xy = cam[..., :2] / cam[..., 2:3]
    if np.any(camera.distortion):
        xy = distort(camera.distortion, xy)
    return np.asarray(xy @ camera.K[:2, :2].T + camera.K[:2, 2])


def distort(coefficients: Float64Array, xy: Float64Array) -> Float64Array:
    """Ideal image-plane coordinates (…, 2) to distorted ones, OpenCV's order k1 k2 p1 p2 k3."""
    k1, k2, p1, p2, k3 = coefficients[:5]
    x, y = xy[..., 0], xy[..., 1]
    r2 = x * x + y * y
    radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))
    dx = 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
    dy = p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
    return np.stack([x * radial + dx, y * radial + dy], axis=-1)


def screen(camera: Camera, points: Float64Array) -> Float64Array:
    """Points (V, 3), metres, to (V, 3) float64: x px, y px, depth in metres: what the rasteriser takes."""
    cam = to_camera(camera, points)
    return np.concatenate([project(camera, points), cam[..., 2:3]], axis=-1)


def scaled(camera: Camera, scale: float) -> Camera:
    """The camera of the same picture with its sides scaled; pixel centres lie at integers."""
    K = camera.K.copy()
    K[:2] *= scale
    K[:2, 2] += 0.5 * scale - 0.5
    return replace(camera, K=K, width=round(camera.width * scale), height=round(camera.height * scale))


def default_focal_px(width: int, height: int) -> float:
    """The focal length, pixels, assumed for an unknown camera: 60 degrees across the longer side.

    Webcams lie between 55 and 78 degrees across the diagonal; 60 degrees across the width is the middle of that range.
    """
    return 0.5 * max(width, height) / float(np.tan(np.radians(30.0)))
