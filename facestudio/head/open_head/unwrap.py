"""Lays the head's skin out as one rectangle: seam up the back of the neck and head to the crown, border fixed, inside relaxed.

Floater's mean value coordinates (2003) with a convex border give a map without folds; the weights are then changed as Yoshizawa,
Belyaev and Seidel, "A fast and simple stretch-minimizing mesh parameterization" (2004) do, which keeps them positive, so folds stay
impossible. Their stretch is multiplied by a wanted density, so that the face gets more texels than scalp and neck.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix, diags
from scipy.sparse.linalg import spsolve

from facestudio.types import BoolArray, Float64Array, IntArray

_ROUNDS = 5  # more rounds even the areas out further but shear the triangles
_STEP = 0.4  # Yoshizawa's exponent; 1 overshoots on the first round
_MAX_RATIO = 4.0


@dataclass(frozen=True)
class Patch:
    """A disc of triangles cut from the head.

    points: (P, 3) float64. faces: (F, 3) int64 into points. border: (B,) int64, counter-clockwise. square: (B, 2) float64: its place.
    """

    points: Float64Array
    faces: IntArray
    border: IntArray
    square: Float64Array


def relax(patch: Patch, density: Float64Array) -> Float64Array:
    """(P, 2) float64: where each point of the patch lies. density: (P,) wanted resolution relative to others (2: twice as fine)."""
    weights = _mean_value_weights(patch.points, patch.faces)
    uv = _solve(weights, patch)
    for _ in range(_ROUNDS):
        stretch = _stretch(patch, uv, density)
        weights = csr_matrix(weights @ diags(np.clip(stretch / np.median(stretch), 1 / _MAX_RATIO, _MAX_RATIO) ** -_STEP))
        uv = _solve(weights, patch)
    return uv


def fill_holes(points: Float64Array, faces: IntArray, border: IntArray) -> tuple[Float64Array, IntArray]:
    """Close every hole but the one along `border` with a fan around a new point; returns points and faces with the fans appended."""
    loops = [loop for loop in boundary_loops(faces) if not np.isin(loop, border).any()]
    extra_points, extra_faces = [points], [faces]
    for number, loop in enumerate(loops):
        hub = len(points) + number
        extra_points.append(points[loop].mean(axis=0, keepdims=True))
        extra_faces.append(np.column_stack([np.roll(loop, -1), loop, np.full(len(loop), hub)]))
    return np.vstack(extra_points), np.vstack(extra_faces).astype(np.int64)


def boundary_loops(faces: IntArray) -> list[IntArray]:
    """The closed borders of a triangle mesh, each (L,) int64 in the direction of its faces' edges."""
    edges = np.vstack([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    directed = set(map(tuple, edges.tolist()))
    following = {a: b for a, b in directed if (b, a) not in directed}
    loops = []
    while following:
        start = min(following)
        loop = [start]
        while (after := following.pop(loop[-1])) != start:
            loop.append(after)
        loops.append(np.array(loop))
    return loops


def _solve(weights: csr_matrix, patch: Patch) -> Float64Array:
    """Tutte's system: border fixed, every other point the weighted mean of its neighbours."""
    count = len(patch.points)
    inside: BoolArray = np.ones(count, dtype=bool)
    inside[patch.border] = False
    uv = np.zeros((count, 2))
    uv[patch.border] = patch.square
    normal = diags(1.0 / np.asarray(weights.sum(axis=1)).ravel()) @ weights
    system = (diags(np.ones(int(inside.sum()))) - normal[inside][:, inside]).tocsc()
    uv[inside] = spsolve(system, normal[inside][:, ~inside] @ uv[~inside])
    return uv


def _mean_value_weights(points: Float64Array, faces: IntArray) -> csr_matrix:
    """(P, P) sparse: Floater's w_ij = (tan(a/2) + tan(b/2)) / |p_i - p_j|, a and b the angles beside edge ij at i."""
    rows, columns, values = [], [], []
    for k in range(3):
        i, j, m = faces[:, k], faces[:, (k + 1) % 3], faces[:, (k + 2) % 3]
        a, b = points[j] - points[i], points[m] - points[i]
        la, lb = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
        cosine = np.clip((a * b).sum(axis=1) / (la * lb), -0.99, 0.9999)
        half = np.sqrt((1 - cosine) / (1 + cosine))
        rows += [i, i]
        columns += [j, m]
        values += [half / la, half / lb]
    shape = (len(points),) * 2
    return csr_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape)


def _stretch(patch: Patch, uv: Float64Array, density: Float64Array) -> Float64Array:
    """(P,) the L2 stretch (Sander et al. 2001) around each point, times its density."""
    q = patch.points[patch.faces]
    s, t = uv[patch.faces][..., 0], uv[patch.faces][..., 1]
    area = 0.5 * ((s[:, 1] - s[:, 0]) * (t[:, 2] - t[:, 0]) - (s[:, 2] - s[:, 0]) * (t[:, 1] - t[:, 0]))
    area = np.maximum(area, 1e-12)[:, None]
    ds = sum(q[:, k] * (t[:, (k + 1) % 3] - t[:, (k + 2) % 3])[:, None] for k in range(3)) / (2 * area)
    dt = sum(q[:, k] * (s[:, (k + 2) % 3] - s[:, (k + 1) % 3])[:, None] for k in range(3)) / (2 * area)
    squared = 0.5 * ((ds**2).sum(axis=1) + (dt**2).sum(axis=1)) * density[patch.faces].mean(axis=1) ** 2
    size = 0.5 * np.linalg.norm(np.cross(q[:, 1] - q[:, 0], q[:, 2] - q[:, 0]), axis=1)
    total = np.bincount(patch.faces.ravel(), np.repeat(size * squared, 3), len(patch.points))
    weight = np.bincount(patch.faces.ravel(), np.repeat(size, 3), len(patch.points))
    return np.asarray(np.sqrt(total / np.maximum(weight, 1e-12)))
