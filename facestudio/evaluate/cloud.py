"""How far a point cloud is from a truth surface, after ICP: the deep SfM paper's measure (its section 5.5, tables 1 and 2).

The paper aligns by ICP and reports the mean distance from each reconstructed point to the nearest point of the truth. Its truth points
are a scan's vertices, so its number depends on how dense these are; distances to the surface do not. Both are given here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from facestudio.errors import DatasetError
from facestudio.evaluate.now import Similarity
from facestudio.evaluate.scan_to_mesh import Surface
from facestudio.geometry.rotations import exp_so3
from facestudio.types import Float64Array, FloatArray, Mesh

_ROUNDS = 20
_KEPT = 0.9  # share of the points, the nearest ones, that an alignment follows
_STILL_M = 1e-6  # mean movement of the points below which ICP has arrived
_FEWEST = 30


@dataclass(frozen=True)
class CloudErrors:
    """surface_mm: (N,) float64, distance of each point from the truth's surface. point_mm: (N,) from its nearest point of the truth.

    alignment: cloud to truth.
    """

    surface_mm: Float64Array
    point_mm: Float64Array
    alignment: Similarity


def cloud_errors(points: FloatArray, truth: Mesh, free_scale: bool = True, samples: int = 60_000) -> CloudErrors:
    """Distances of a cloud (N, 3), metres, from a truth mesh that it about lies on, after point-to-surface ICP.

    free_scale: let the scale vary, too. samples: points spread over the truth for the point-to-point distance. Raises DatasetError with
    fewer points than an alignment needs.
    """
    cloud = np.asarray(points, dtype=np.float64)
    if len(cloud) < _FEWEST:
        raise DatasetError(f"A cloud of {len(cloud)} points cannot be aligned.", "Use more or sharper frames.")
    surface = Surface(truth)
    found = Similarity(1.0, np.eye(3), np.zeros(3))
    guess = None
    for _ in range(_ROUNDS):
        moved = found.apply(cloud)
        nearest = surface.nearest(moved, guess)
        guess = nearest.faces
        kept = nearest.distances <= np.quantile(nearest.distances, _KEPT)
        normals, gap = surface.normals[nearest.faces[kept]], nearest.points[kept] - moved[kept]
        step = _plane_step(moved[kept], normals, (gap * normals).sum(1), free_scale)
        found = Similarity(step.scale * found.scale, step.R @ found.R, step.apply(found.t[None])[0])
        if float(np.linalg.norm(found.apply(cloud) - moved, axis=1).mean()) < _STILL_M:
            break
    moved = found.apply(cloud)
    on_surface = surface.nearest(moved, guess).distances
    to_points = cKDTree(spread_points(truth, samples)).query(moved)[0]
    return CloudErrors(1000.0 * on_surface, 1000.0 * to_points, found)


def _plane_step(points: Float64Array, normals: Float64Array, gap: Float64Array, free_scale: bool) -> Similarity:
    """The small motion that brings points (N, 3) onto planes, gap (N,) away along normals (N, 3) (Chen & Medioni 1992)."""
    middle = points.mean(0)
    arm = points - middle
    rows = np.concatenate([np.cross(arm, normals), normals, (arm * normals).sum(1, keepdims=True)], axis=1)
    if not free_scale:
        rows = rows[:, :6]
    x = np.linalg.lstsq(rows, gap, rcond=1e-9)[0]
    R, scale = exp_so3(x[:3]), float(np.exp(x[6])) if free_scale else 1.0
    return Similarity(scale, R, middle + x[3:6] - scale * R @ middle)


def spread_points(mesh: Mesh, count: int) -> Float64Array:
    """(count, 3) float64: points spread evenly at random over a mesh's surface, the same ones every time."""
    corners = np.asarray(mesh.vertices, dtype=np.float64)[mesh.faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    rng = np.random.default_rng(0)
    chosen = corners[rng.choice(len(area), count, p=area / area.sum())]
    u, v = np.sqrt(rng.random(count)), rng.random(count)
    bary = np.stack([1 - u, u * (1 - v), u * v], axis=1)
    return np.asarray(np.einsum("nk,nkc->nc", bary, chosen))
