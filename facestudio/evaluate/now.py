"""The NoW protocol: how far a head is from a scan, after the best alignment of the two.

Sanyal et al., "Learning to Regress 3D Face Shape and Expression from an Image without 3D Supervision" (CVPR 2019). The head is
brought onto the scan by Procrustes' method on seven landmarks, the alignment is refined until the squared distances of the scan's
points from the head's surface are least, and every remaining distance counts. The direction is always scan point to surface.

Two variants. NOW: scale is free (7 degrees of freedom), so only shape is judged. METRIC: scale is held (6), so size is judged too.
Unlike the original's Procrustes, ours never mirrors: a head whose left and right are swapped is a wrong head.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from facestudio.errors import DatasetError
from facestudio.evaluate.scan_to_mesh import Nearest, Surface
from facestudio.geometry.rotations import exp_so3
from facestudio.types import BoolArray, Float64Array, FloatArray, Mesh

LANDMARK_NAMES = (
    "right eye outer corner",
    "right eye inner corner",
    "left eye inner corner",
    "left eye outer corner",
    "base of the nose",
    "right mouth corner",
    "left mouth corner",
)
_CROP_RADIUS = 1.4  # of the mean of eye width and bridge-to-nose length; NoW's own choice
_COARSE_POINTS = 3000  # the first iterations need no more than this many scan points
_ITERATIONS = 100
_TRIALS = 6  # damping is raised at most this often within one iteration
_COARSE_DECREASE, _FINE_DECREASE = 1e-4, 1e-7  # stop when the sum of squares falls by a smaller share, twice in a row
_TOUCHING = 1e-7  # of the scan's size: nearer points take the face's normal as the direction of their distance
_TINY = float(np.finfo(np.float64).tiny)
_MM = 1000.0


class Variant(StrEnum):
    """NOW: 7 degrees of freedom, scale free. METRIC: 6, scale held. ABSOLUTE: none; calibrated cameras fix the frame."""

    NOW = "now"
    METRIC = "metric"
    ABSOLUTE = "absolute"


@dataclass(frozen=True)
class Similarity:
    """y = scale * R x + t, from the head's frame to the scan's. R: (3, 3) float64 rotation. t: (3,) float64, metres."""

    scale: float
    R: Float64Array
    t: Float64Array

    def apply(self, points: FloatArray) -> Float64Array:
        """Points (P, 3) of the head's frame in the scan's frame."""
        return np.asarray(self.scale * np.asarray(points, dtype=np.float64) @ self.R.T + self.t)

    def undo(self, points: FloatArray) -> Float64Array:
        """Points (P, 3) of the scan's frame in the head's frame."""
        return np.asarray((np.asarray(points, dtype=np.float64) - self.t) @ self.R / self.scale)


@dataclass(frozen=True)
class Measurement:
    """What one protocol says about one head.

    distances_mm: (P,) float64: of every scan point from the head's surface. alignment: head to scan.
    landmark_rmse_mm: what the seven landmarks were apart after Procrustes, before the refinement.
    mirrored: the landmarks would agree better with the head mirrored: left and right are probably swapped.
    """

    distances_mm: Float64Array
    alignment: Similarity
    landmark_rmse_mm: float
    mirrored: bool


def measure(
    head: Mesh, head_landmarks: FloatArray, scan: FloatArray, scan_landmarks: FloatArray, variant: Variant
) -> Measurement:
    """Judge a head by a scan, under the NOW or the METRIC variant.

    head: any frame; any unit for NOW, metres for METRIC. head_landmarks: (7, 3) in the head's frame, order LANDMARK_NAMES.
    scan: (P, 3) the scan's points that count, metres. scan_landmarks: (7, 3), metres.
    Raises DatasetError for landmarks that are not seven finite points, and for a head without surface.
    """
    with_scale = {Variant.NOW: True, Variant.METRIC: False}[variant]
    start, mirrored = procrustes(head_landmarks, scan_landmarks, with_scale)
    apart = start.apply(head_landmarks) - scan_landmarks
    alignment, distances = refine(Surface(head), np.asarray(scan, dtype=np.float64), start, with_scale)
    return Measurement(distances * _MM, alignment, float(np.sqrt((apart**2).sum(1).mean())) * _MM, mirrored)


def measure_unaligned(head: Mesh, scan: FloatArray) -> Float64Array:
    """(P,) float64, millimetres: of every scan point (P, 3), metres, from a head (metres) given in the scan's own frame."""
    return Surface(head).nearest(scan).distances * _MM


def crop(scan: FloatArray, landmarks: FloatArray) -> BoolArray:
    """(P,) bool: the points of a whole scan (P, 3) that NoW counts: a ball about the nose, sized by eyes and nose.

    landmarks: (7, 3) of the scan. For data sets that mark no face region themselves.
    """
    eyes_nose = checked_landmarks(landmarks)
    bridge = (eyes_nose[1] + eyes_nose[2]) / 2.0
    nose = bridge - eyes_nose[4]
    centre = eyes_nose[4] + 0.3 * nose
    radius = _CROP_RADIUS * (np.linalg.norm(eyes_nose[0] - eyes_nose[3]) + np.linalg.norm(nose)) / 2.0
    return np.asarray(np.linalg.norm(np.asarray(scan) - centre, axis=1) <= radius)


def checked_landmarks(points: FloatArray) -> Float64Array:
    """The landmarks as (7, 3) float64. Raises DatasetError when they are not seven finite points that span a plane."""
    points = np.asarray(points, dtype=np.float64)
    if points.shape != (7, 3):
        raise DatasetError(
            f"The NoW protocol needs 7 landmarks of 3 numbers, not an array of shape {points.shape}.", _LANDMARK_REMEDY
        )
    if not np.isfinite(points).all():
        raise DatasetError("A NoW landmark is not a finite number.", _LANDMARK_REMEDY)
    spread = np.linalg.svd(points - points.mean(0), compute_uv=False)
    if spread[1] <= 1e-6 * spread[0]:
        raise DatasetError("The NoW landmarks all lie on one line or in one point; they cannot place a head.", _LANDMARK_REMEDY)
    return points


_LANDMARK_REMEDY = "Give eye corners, nose base and mouth corners as `now_landmarks`, the subject's right side first."


def procrustes(source: FloatArray, target: FloatArray, with_scale: bool) -> tuple[Similarity, bool]:
    """The similarity that brings landmarks (7, 3) onto landmarks (7, 3) with least squares, never a reflection.

    Umeyama, "Least-Squares Estimation of Transformation Parameters Between Two Point Patterns" (PAMI 1991), eq. 40-42.
    Returns it, and whether a reflection would have been better.
    """
    x, y = checked_landmarks(source), checked_landmarks(target)
    x_mean, y_mean = x.mean(0), y.mean(0)
    U, singular, Vt = np.linalg.svd((y - y_mean).T @ (x - x_mean))
    handed = np.array([1.0, 1.0, -1.0 if np.linalg.det(U @ Vt) < 0 else 1.0])
    R = np.asarray((U * handed) @ Vt)
    scale = float((singular * handed).sum() / ((x - x_mean) ** 2).sum()) if with_scale else 1.0
    return Similarity(scale, R, y_mean - scale * R @ x_mean), bool(handed[2] < 0)


def refine(surface: Surface, scan: Float64Array, start: Similarity, with_scale: bool) -> tuple[Similarity, Float64Array]:
    """Move a surface until the sum of squared distances of the scan's points from it is least (Levenberg-Marquardt).

    scan: (P, 3) float64, metres. start: head to scan. Returns the alignment and the distances (P,) float64, metres.
    """
    stride = len(scan) // _COARSE_POINTS
    if stride > 1:
        start, _ = _descend(surface, np.ascontiguousarray(scan[::stride]), start, with_scale, _COARSE_DECREASE)
    return _descend(surface, scan, start, with_scale, _FINE_DECREASE)


def _descend(
    surface: Surface, scan: Float64Array, start: Similarity, with_scale: bool, decrease: float
) -> tuple[Similarity, Float64Array]:
    centre = scan.mean(0)
    size2 = float(((scan - centre) ** 2).sum())
    now, found = start, surface.nearest(start.undo(scan))
    cost, damping, slow = _cost(now, found), 1e-4, 0
    for _ in range(_ITERATIONS):
        if slow >= 2 or cost <= 1e-16 * size2:
            break
        normal, gradient = _normal_equations(surface, scan, now, found, centre, with_scale)
        for _ in range(_TRIALS):
            trial = _moved(now, -np.linalg.solve(normal + damping * np.diag(np.diag(normal)), gradient), centre)
            answer = surface.nearest(trial.undo(scan), found.faces)
            if (trial_cost := _cost(trial, answer)) < cost:
                break
            damping = max(8.0 * damping, 1e-6)
        else:
            break
        slow = slow + 1 if cost - trial_cost < decrease * cost else 0
        now, found, cost, damping = trial, answer, trial_cost, 0.3 * damping
    return now, found.distances * now.scale


def _cost(alignment: Similarity, found: Nearest) -> float:
    return float(found.distances @ found.distances) * alignment.scale**2


def _normal_equations(
    surface: Surface, scan: Float64Array, alignment: Similarity, found: Nearest, centre: Float64Array, with_scale: bool
) -> tuple[Float64Array, Float64Array]:
    """J'J and J'd of the distances d by a small turn about the centre, a shift and (with_scale) the logarithm of the scale."""
    on_surface = alignment.apply(found.points)
    distances = found.distances * alignment.scale
    touching = distances <= _TOUCHING * float(np.abs(scan - centre).max())
    # Sliding along the surface does not change a distance to first order; only the motion along the shortest line counts.
    direction = (on_surface - scan) / np.where(touching, 1.0, distances)[:, None]
    direction[touching] = surface.normals[found.faces[touching]] @ alignment.R.T
    arm = on_surface - centre
    columns = [np.cross(arm, direction), direction]
    if with_scale:
        columns.append(np.einsum("ij,ij->i", arm, direction)[:, None])
    J = np.hstack(columns)
    normal = J.T @ J
    # A surface of revolution leaves a motion undetermined; the tiny ridge keeps the system solvable without a visible bias.
    normal[np.diag_indices_from(normal)] += 1e-12 * (float(np.trace(normal)) + _TINY)
    return normal, J.T @ distances


def _moved(alignment: Similarity, step: Float64Array, centre: Float64Array) -> Similarity:
    turn = exp_so3(step[:3])
    grow = float(np.exp(np.clip(step[6], -0.5, 0.5))) if len(step) == 7 else 1.0
    t = grow * turn @ (alignment.t - centre) + centre + step[3:6]
    return Similarity(alignment.scale * grow, turn @ alignment.R, t)
