"""Non-rigid registration of one head topology onto another surface, and what follows from it: dense correspondence.

The method is optimal-step non-rigid ICP (Amberg, Romdhani, Vetter: "Optimal Step Nonrigid ICP Algorithms for Surface
Registration", CVPR 2007) with a thin-plate energy in place of per-vertex affine maps: a displacement field d over the template
minimises

    integral w |d - t|^2 dA  +  l^4 integral |laplace d|^2 dA  +  landmarks,

where t moves each vertex to its closest point of the target, mostly along the surface normal, and l is a length: detail below
it is smoothed away. l falls from stage to stage. One sparse factorisation serves the three coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import SuperLU, splu
from scipy.spatial import cKDTree

from facestudio.errors import HeadModelError
from facestudio.geometry.shading import vertex_normals
from facestudio.types import BoolArray, Float64Array, FloatArray, IntArray


@dataclass(frozen=True)
class RegistrationSettings:
    """How a template is bent onto a target.

    stiffness: smoothing lengths in metres, one stage each, falling. iterations: closest-point steps per stage.
    gate: farthest accepted closest point in metres, one per stage. normal_cosine: least agreement of the two normals.
    slide: share of the tangential part of a match that is followed; low, so that vertices may slide along the surface.
    landmark_sigma: metres; how far a landmark may be off, one per stage. robust: metres, scale of the Geman-McClure weight.
    """

    stiffness: tuple[float, ...] = (0.060, 0.035, 0.020, 0.012, 0.007, 0.005, 0.0035)
    iterations: int = 5
    gate: tuple[float, ...] = (0.030, 0.020, 0.015, 0.010, 0.008, 0.006, 0.005)
    normal_cosine: float = 0.6
    slide: float = 0.1
    landmark_sigma: tuple[float, ...] = (0.001, 0.001, 0.0015, 0.002, 0.003, 0.004, 0.006)
    robust: float = 0.004


@dataclass(frozen=True)
class SurfacePoints:
    """Points on a triangle mesh. faces: (N,) int32 triangle index. bary: (N, 3) float64, rows sum to 1.

    distance: (N,) float64, metres, from the query to the point. cosine: (N,) float64, agreement of the normals (1 when unknown).
    """

    faces: IntArray
    bary: Float64Array
    distance: Float64Array
    cosine: Float64Array

    def sample(self, field: FloatArray, faces: IntArray) -> Float64Array:
        """Interpolate a per-vertex field (V, ...) of the mesh with triangles `faces` at the points: (N, ...) float64."""
        corners = np.asarray(field, dtype=np.float64)[faces[self.faces]]
        return np.asarray(np.einsum("nk,nk...->n...", self.bary, corners))


def similarity(source: FloatArray, target: FloatArray, with_scale: bool = True) -> tuple[float, Float64Array, Float64Array]:
    """(s, R (3, 3), t (3,)) of the least-squares map target ~ s R source + t over rows (N, 3) (Umeyama 1991)."""
    a, b = np.asarray(source, dtype=np.float64), np.asarray(target, dtype=np.float64)
    ma, mb = a.mean(0), b.mean(0)
    u, sigma, vt = np.linalg.svd((b - mb).T @ (a - ma))
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = np.asarray((u * sign) @ vt)
    scale = float((sigma * sign).sum() / ((a - ma) ** 2).sum()) if with_scale else 1.0
    return scale, rotation, np.asarray(mb - scale * rotation @ ma)


def closest_points(
    points: FloatArray,
    vertices: FloatArray,
    faces: IntArray,
    normals: FloatArray | None = None,
    candidates: int = 24,
    keep: float = -1.0,
) -> SurfacePoints:
    """The nearest surface point of each query (N, 3), metres, among the `candidates` triangles whose centres are nearest.

    normals: (N, 3) of the queries; when given, triangles whose normal agrees less than `keep` are not considered unless no other
    is left (so that an upper lip does not match the lower one).
    """
    query = np.asarray(points, dtype=np.float64)
    corners = np.asarray(vertices, dtype=np.float64)[faces]
    count = min(candidates, len(faces))
    near = cKDTree(corners.mean(1)).query(query, k=count)[1].reshape(len(query), count)
    bary = _barycentric_of_closest(query[:, None], corners[near])
    nearest = np.einsum("nck,nckx->ncx", bary, corners[near])
    distance = np.linalg.norm(nearest - query[:, None], axis=2)
    cosine = np.ones_like(distance)
    if normals is not None:
        cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        cross /= np.maximum(np.linalg.norm(cross, axis=1, keepdims=True), 1e-30)
        cosine = np.einsum("ncx,nx->nc", cross[near], np.asarray(normals, dtype=np.float64))
    best = np.argmin(distance + np.where(cosine < keep, 1e3, 0.0), axis=1)
    row = np.arange(len(query))
    return SurfacePoints(near[row, best].astype(np.int32), bary[row, best], distance[row, best], cosine[row, best])


def _barycentric_of_closest(p: Float64Array, triangle: Float64Array) -> Float64Array:
    """Barycentric coordinates (..., 3) of the closest point to p (..., 3) on each triangle (..., 3, 3)."""
    a, b, c = triangle[..., 0, :], triangle[..., 1, :], triangle[..., 2, :]
    ab, ac, ap = b - a, c - a, p - a
    d00, d01, d11 = (ab * ab).sum(-1), (ab * ac).sum(-1), (ac * ac).sum(-1)
    d20, d21 = (ap * ab).sum(-1), (ap * ac).sum(-1)
    determinant = d00 * d11 - d01 * d01
    safe = np.where(determinant > 1e-30, determinant, 1.0)
    v, w = (d11 * d20 - d01 * d21) / safe, (d00 * d21 - d01 * d20) / safe
    inside = (determinant > 1e-30) & (v >= 0) & (w >= 0) & (v + w <= 1)
    best = np.stack([1 - v - w, v, w], axis=-1)
    best_distance = np.where(inside, 0.0, np.inf)
    for i, j in ((0, 1), (1, 2), (2, 0)):
        start, edge = triangle[..., i, :], triangle[..., j, :] - triangle[..., i, :]
        along = ((p - start) * edge).sum(-1) / np.maximum((edge * edge).sum(-1), 1e-30)
        along = np.clip(along, 0.0, 1.0)
        gap = start + along[..., None] * edge - p
        distance = (gap * gap).sum(-1)
        candidate = np.zeros_like(best)
        candidate[..., i], candidate[..., j] = 1 - along, along
        better = distance < best_distance
        best = np.where(better[..., None], candidate, best)
        best_distance = np.where(better, distance, best_distance)
    return np.asarray(best)


def thin_plate(vertices: FloatArray, faces: IntArray) -> tuple[sparse.csc_matrix, Float64Array]:
    """(B, area): B (V, V) with d' B d = integral |laplace d|^2 dA, and the vertex areas (V,) in m^2.

    Cotangent weights are clamped to be positive: obtuse triangles of a modelled head must not make the energy indefinite.
    """
    v = np.asarray(vertices, dtype=np.float64)
    corners = v[faces]
    doubled = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    rows, cols, weights = [], [], []
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        cotangent = ((corners[:, i] - corners[:, k]) * (corners[:, j] - corners[:, k])).sum(1) / np.maximum(doubled, 1e-12)
        weight = np.clip(0.5 * cotangent, 0.02, 5.0)
        rows += [faces[:, i], faces[:, j]]
        cols += [faces[:, j], faces[:, i]]
        weights += [weight, weight]
    shape = (len(v), len(v))
    off = sparse.coo_matrix((np.concatenate(weights), (np.concatenate(rows), np.concatenate(cols))), shape=shape).tocsr()
    laplace = off - sparse.diags(np.asarray(off.sum(1)).ravel())
    summed = np.bincount(faces.ravel(), np.repeat(doubled / 6.0, 3), minlength=len(v))
    area: Float64Array = np.maximum(summed, 0.05 * np.median(summed)).astype(np.float64)
    return (laplace.T @ sparse.diags(1.0 / area) @ laplace).tocsc(), area


def factorise(matrix: sparse.spmatrix) -> SuperLU:
    """Sparse factors of a symmetric positive definite matrix."""
    return splu(matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})


def extend_smoothly(
    values: FloatArray, known: FloatArray, vertices: FloatArray, faces: IntArray, length: float, pairs: IntArray | None = None
) -> Float64Array:
    """Continue a per-vertex field over the vertices where it is not known, as a thin plate would.

    values: (V, K). known: (V,) in [0, 1], the trust in each row. length: metres, smoothing length where trust is 1. Vertices that
    no edge path connects to a trusted one come out as zero. pairs: (P, 2) vertices that touch and must move together, as the two
    lips of a closed mouth; their own values do not count. Returns (V, K) float64.
    """
    bending, area = thin_plate(vertices, faces)
    weight = np.asarray(known, dtype=np.float64) * area
    if pairs is not None and len(pairs):
        weight[pairs.ravel()] = 0.0
        ends = sparse.coo_matrix(
            (np.tile([1.0, -1.0], len(pairs)), (np.repeat(np.arange(len(pairs)), 2), pairs.ravel())),
            shape=(len(pairs), len(area)),
        )
        bending = bending + (100.0 * area.mean() / length**4) * (ends.T @ ends)
    # The tiny ridge only decides about islands without any known vertex.
    system = sparse.diags(weight + 1e-9 * area) + length**4 * bending
    return np.asarray(factorise(system).solve(weight[:, None] * np.asarray(values, dtype=np.float64)))


def register(
    template: FloatArray,
    template_faces: IntArray,
    target: FloatArray,
    target_faces: IntArray,
    landmarks: tuple[IntArray, FloatArray] | None = None,
    weights: FloatArray | None = None,
    settings: RegistrationSettings | None = None,
) -> Float64Array:
    """Bend the template (V, 3) onto the target surface; both in metres. Returns the bent vertices (V, 3) float64.

    landmarks: ((N,) template vertices, (N, 3) points of the target): they fix the initial similarity and steer the early stages;
    without them the two heads must already lie on top of each other. weights: (V,) in [0, 1]: how far a vertex should look for
    the target; 0 for eyeballs, mouth interior and ear insides, which follow by stiffness alone (islands of zero weight follow
    by the similarity alone). Raises HeadModelError when nothing of the two surfaces comes within the gate.
    """
    config = settings or RegistrationSettings()
    start = np.asarray(template, dtype=np.float64)
    goal = np.asarray(target, dtype=np.float64)
    trust = np.ones(len(start)) if weights is None else np.asarray(weights, dtype=np.float64)
    ids, points = landmarks if landmarks is not None else (np.zeros(0, np.int64), np.zeros((0, 3)))
    if len(ids) >= 3:
        scale, rotation, shift = similarity(start[ids], points)
        start = scale * start @ rotation.T + shift
    bending, area = thin_plate(start, template_faces)
    edge = border_faces(target_faces)
    moved = start
    for stage, length in enumerate(config.stiffness):
        pull = np.zeros(len(start))
        # A landmark weighs as much as a patch of 1 cm^2 whose data term has a standard deviation of 1 mm.
        np.add.at(pull, ids, 1e-4 * (0.001 / config.landmark_sigma[stage]) ** 2)
        for step in range(config.iterations):
            # The very first step follows the landmarks alone: closest points of unaligned features would mislead.
            first = stage == 0 and step == 0 and len(ids) >= 3
            weight, wish = np.zeros(len(start)), moved
            if not first:
                weight, wish = _matches(moved, template_faces, goal, target_faces, edge, trust, stage, config)
            if not first and not weight.any():
                raise HeadModelError(
                    "The two heads do not overlap, so they cannot be registered.", "Check their units and landmarks."
                )
            weight = weight * area
            right = weight[:, None] * (wish - start)
            np.add.at(right, ids, pull[ids, None] * (points - start[ids]))
            system = sparse.diags(weight + pull + 1e-7 * area) + length**4 * bending
            moved = start + factorise(system).solve(right)
    return np.asarray(moved)


def border_faces(faces: IntArray) -> BoolArray:
    """(F,) bool: triangles with an edge that belongs to no other triangle. Matches there are where the target ends, not where it lies."""
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1).astype(np.int64)
    _, inverse, count = np.unique(edges[:, 0] * (faces.max() + 1) + edges[:, 1], return_inverse=True, return_counts=True)
    return np.asarray((count[inverse.ravel()] == 1).reshape(3, -1).any(0))


def _matches(
    moved: Float64Array,
    faces: IntArray,
    goal: Float64Array,
    goal_faces: IntArray,
    edge: BoolArray,
    trust: Float64Array,
    stage: int,
    config: RegistrationSettings,
) -> tuple[Float64Array, Float64Array]:
    """Weight (V,) and wished position (V, 3) of every template vertex from its closest target point."""
    normals = vertex_normals(moved, faces)
    hit = closest_points(moved, goal, goal_faces, normals, keep=config.normal_cosine)
    gap = hit.sample(goal, goal_faces) - moved
    along = (gap * normals).sum(1, keepdims=True) * normals
    wish = moved + along + config.slide * (gap - along)
    fits = (hit.distance < config.gate[stage]) & (hit.cosine > config.normal_cosine) & ~edge[hit.faces]
    robust = (config.robust**2 / (config.robust**2 + hit.distance**2)) ** 2
    return trust * fits * robust, wish
