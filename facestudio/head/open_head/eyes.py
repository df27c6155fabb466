"""Eyeballs: true spheres in place of MakeHuman's 70-quad helper eyes.

A ball is a polar grid around the gaze: the pupil is a pole, so that iris and sclera are discs around one point in the UV square too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facestudio.types import Float64Array, IntArray

SEGMENTS = 20
IRIS_ANGLE = 24.2  # degrees from the gaze axis: the human iris' half-width, 5.85 mm, on OpenHead's ball of 14.3 mm
# Degrees from the pupil; the rear pole at 180 is added. Dense where a camera sees it, with rings at the pupil's and iris' edge.
RINGS = (4.5, 9.0, 14.0, 19.0, IRIS_ANGLE, 30.0, 38.0, 49.0, 64.0, 83.0, 108.0, 142.0)
# MakeHuman's helper ball (16.4 mm) is too big; ours keeps its foremost point and is this much smaller, which is as small as it can be
# with the rims of both lids still inside it (2.1 mm less than the helper; 14.3 mm in all).
SHRINK = 0.02  # decimetres
_FRONT_SHARE = 0.88  # of the UV disc's radius goes to the front hemisphere


@dataclass(frozen=True)
class Ball:
    """An eyeball of radius 1 around the origin, looking along +Z.

    directions: (N, 3) float64 unit vectors. faces: (F, 3) int64. disc: (T, 2) float64 in the unit disc, the pupil at (0, 0).
    disc_faces: (F, 3) int64 into disc. mirror: (N,) int64, the vertex with x negated.
    """

    directions: Float64Array
    faces: IntArray
    disc: Float64Array
    disc_faces: IntArray
    mirror: IntArray


def disc_radius(angle_degrees: Float64Array | float) -> Float64Array:
    """Angle from the pupil (degrees) to the radius in the unit disc: linear to the equator, then squeezed."""
    angle = np.asarray(angle_degrees, dtype=np.float64)
    return np.where(angle <= 90.0, angle / 90.0 * _FRONT_SHARE, _FRONT_SHARE + (angle - 90.0) / 90.0 * (1.0 - _FRONT_SHARE))


def eyeball() -> Ball:
    """The unit eyeball: 2 + 12 x 20 vertices, 480 triangles."""
    n = SEGMENTS
    turn = 2.0 * np.pi * np.arange(n) / n
    directions, disc = [np.array([[0.0, 0.0, 1.0]])], [np.zeros((1, 2))]
    for ring in RINGS:
        around = np.column_stack([np.cos(turn), np.sin(turn)])
        polar = np.radians(ring)
        directions.append(np.column_stack([np.sin(polar) * around, np.full(n, np.cos(polar))]))
        disc.append(around * disc_radius(ring))
    directions.append(np.array([[0.0, 0.0, -1.0]]))
    rear = 1 + len(RINGS) * n
    # On the disc the rear pole is the whole rim: each of its triangles gets a rim point of its own.
    middle = turn + np.pi / n
    disc.append(np.column_stack([np.cos(middle), np.sin(middle)]))
    faces, disc_faces = [], []
    for s in range(n):
        t = (s + 1) % n
        faces.append([0, 1 + s, 1 + t])
        disc_faces.append([0, 1 + s, 1 + t])
        for ring in range(len(RINGS) - 1):
            a, b = 1 + ring * n + s, 1 + ring * n + t
            # Alternate diagonals, so that the ball is its own mirror image.
            split = [[a, a + n, b + n], [a, b + n, b]] if _leans(s) else [[a, a + n, b], [b, a + n, b + n]]
            faces += split
            disc_faces += split
        a, b = rear - n + s, rear - n + t
        faces.append([a, rear, b])
        disc_faces.append([a, rear + s, b])
    points = np.vstack(directions)
    flipped = points * (-1.0, 1.0, 1.0)
    mirror = np.linalg.norm(points[None] - flipped[:, None], axis=2).argmin(axis=1)
    return Ball(points, np.array(faces), np.vstack(disc), np.array(disc_faces), mirror)


def fit_sphere(points: Float64Array) -> tuple[Float64Array, float]:
    """Centre (3,) float64 and radius of the sphere nearest to points (N, 3) in the algebraic least-squares sense."""
    system = np.column_stack([2.0 * points, np.ones(len(points))])
    x = np.linalg.lstsq(system, (points**2).sum(axis=1), rcond=None)[0]
    return x[:3], float(np.sqrt(x[3] + x[:3] @ x[:3]))


def _leans(segment: int) -> bool:
    """Which diagonal the quads of a segment use: opposite for the two halves left and right of the vertical."""
    return SEGMENTS // 4 <= segment < 3 * SEGMENTS // 4
