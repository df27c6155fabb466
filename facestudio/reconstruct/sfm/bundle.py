"""Where the cameras stood: PnP of the average head, then a bundle adjustment of its landmarks over all frames.

Views 40 degrees apart lie far outside the basin of a photometric loss, so the deep SfM starts from here. What is left for the pose
network is the part of the motion that the average head's shape got wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from facestudio.errors import FitError
from facestudio.geometry.camera import to_camera
from facestudio.geometry.rotations import exp_so3, skew
from facestudio.head.landmarks import LandmarkBasis
from facestudio.reconstruct.pose import head_pose
from facestudio.types import Camera, Float64Array, IntArray

FEWEST = 8  # landmarks from which a pose is taken


@dataclass(frozen=True)
class Sighting:
    """Landmarks that one frame shows.

    rows: (N,) int, which rows of the landmark basis they are. pixels: (N, 2) float64, lens distortion undone. sigma: (N,) pixels.
    """

    rows: IntArray
    pixels: Float64Array
    sigma: Float64Array


@dataclass(frozen=True)
class BundleConfig:
    """Constants of the adjustment.

    rounds: Gauss-Newton steps. cauchy: residual, in sigmas, from which a landmark fades. identity_sigma: prior of the coefficients.
    expression_sigma: prior of the expression weights. floor_px: no detector is surer than this.
    """

    rounds: int = 12
    cauchy: float = 3.0
    identity_sigma: float = 1.0
    expression_sigma: float = 0.15
    floor_px: float = 0.3


@dataclass(frozen=True)
class Bundled:
    """cameras: one per frame, from the head frame. identity (S,), expression (E,) float64. residual_px: (F,) median, per frame."""

    cameras: tuple[Camera, ...]
    identity: Float64Array
    expression: Float64Array
    residual_px: Float64Array


def pnp(cameras: Sequence[Camera], head_points: Float64Array, sightings: Sequence[Sighting]) -> tuple[Camera, ...]:
    """The cameras with the poses from which a head's landmarks (N, 3), metres, appear as sighted, frame by frame.

    Raises FitError when a frame shows fewer than `FEWEST` landmarks, or a face in no plausible place.
    """
    posed = []
    for i, (camera, seen) in enumerate(zip(cameras, sightings, strict=True)):
        if len(seen.rows) < FEWEST:
            raise FitError(f"Frame {i + 1} shows {len(seen.rows)} landmarks; {FEWEST} are needed.", "Leave it out.")
        posed.append(head_pose(camera, head_points[seen.rows], np.ascontiguousarray(seen.pixels), f"frame {i + 1}"))
    return tuple(posed)


def bundle(
    cameras: Sequence[Camera], basis: LandmarkBasis, sightings: Sequence[Sighting], config: BundleConfig | None = None
) -> Bundled:
    """Poses of all frames, one identity and one expression: PnP of the mean head, then Gauss-Newton on the reprojection error.

    cameras: intrinsics that stay as they are; their poses are not read. The size of the head is the prior's. Raises FitError as `pnp`.
    """
    config = config or BundleConfig()
    posed = pnp(cameras, basis.mean, sightings)
    count = basis.identity.shape[2]
    scale = np.repeat([config.identity_sigma, config.expression_sigma], [count, basis.expression.shape[2]])
    shapes = np.concatenate([basis.identity, basis.expression], axis=2) * scale  # unit priors
    shape = np.zeros(shapes.shape[2])
    size = len(shape)
    for _ in range(config.rounds):
        points = basis.mean + shapes @ shape
        total = size + 6 * len(posed)
        H, g = np.zeros((total, total)), np.zeros(total)
        H[:size, :size] = np.eye(size)
        g[:size] = -shape
        for i, (camera, seen) in enumerate(zip(posed, sightings, strict=True)):
            at, J = _linearised(camera, points[seen.rows])
            weight = _weights(seen.pixels - at, seen.sigma, config)
            by_shape = np.einsum("nij,njk->nik", J @ camera.R, shapes[seen.rows])
            turned = points[seen.rows] @ camera.R.T
            by_pose = np.concatenate([-J @ skew(turned), J], axis=2)
            rows = np.concatenate([by_shape, by_pose], axis=2).reshape(-1, size + 6)
            residual = (seen.pixels - at).reshape(-1)
            weighted = rows * np.repeat(weight, 2)[:, None]
            where = np.r_[np.arange(size), size + 6 * i + np.arange(6)]
            H[np.ix_(where, where)] += weighted.T @ rows
            g[where] += weighted.T @ residual
        step = np.linalg.solve(H + 1e-9 * np.eye(total), g)
        shape = shape + step[:size]
        posed = tuple(_moved(c, step[size + 6 * i : size + 6 * i + 6]) for i, c in enumerate(posed))
        if float(np.abs(step).max()) < 1e-6:
            break
    points = basis.mean + shapes @ shape
    gaps = [np.linalg.norm(_linearised(c, points[s.rows])[0] - s.pixels, axis=1) for c, s in zip(posed, sightings, strict=True)]
    found = shape * scale
    return Bundled(posed, found[:count], found[count:], np.array([float(np.median(gap)) for gap in gaps]))


def _linearised(camera: Camera, points: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Pixels (N, 2) of points (N, 3) and their derivative (N, 2, 3) by the point in the camera frame, without lens distortion."""
    X = to_camera(camera, points)
    z = np.maximum(X[:, 2], 0.02)
    fx, fy = camera.K[0, 0], camera.K[1, 1]
    pixels = np.stack([fx * X[:, 0] / z + camera.K[0, 2], fy * X[:, 1] / z + camera.K[1, 2]], axis=1)
    J = np.zeros((len(X), 2, 3))
    J[:, 0, 0], J[:, 1, 1] = fx / z, fy / z
    J[:, 0, 2], J[:, 1, 2] = -fx * X[:, 0] / z**2, -fy * X[:, 1] / z**2
    return pixels, J


def _weights(residual: Float64Array, sigma: Float64Array, config: BundleConfig) -> Float64Array:
    """(N,): inverse variance, faded by Cauchy's weight for what lies far off."""
    s = np.maximum(sigma, config.floor_px)
    squared = (residual**2).sum(1) / s**2
    return np.asarray(1.0 / (s**2 * (1.0 + squared / config.cauchy**2)))


def _moved(camera: Camera, six: Float64Array) -> Camera:
    """The camera after a small turn of the head about its origin and a shift, both in the camera's axes."""
    return replace(camera, R=exp_so3(six[:3]) @ camera.R, t=camera.t + six[3:])
