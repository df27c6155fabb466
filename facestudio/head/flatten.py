"""Lay a patch of surface flat inside a given outline, without overlaps and with as little distortion as the outline allows.

Start: Tutte's embedding (1963), which cannot overlap. Then the symmetric Dirichlet energy (Smith & Schaefer 2015) is lowered by
Newton's method; steps that would turn a triangle over are cut short, so it never overlaps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.linalg import splu, spsolve

from facestudio.types import BoolArray, Float64Array, IntArray

_STEPS = 60
_ENOUGH = 1e-4  # stop when a step lowers the energy by less than this fraction
_HOLE_WEIGHT = 0.02  # how much the shape of the mouth's opening matters beside the skin's


@dataclass(frozen=True)
class Patch:
    """A surface to flatten.

    points (V, 3), metres. faces (F, 3). gains (F,): wanted length on the plane over length on the surface, up to a common factor.
    outline (N,): the outer border's vertices, counter-clockwise; rim (N, 2): where they go, on the sides of a convex polygon.
    Vertices inside a side may slide along it. hole (M,): the border of one hole, in the direction of its faces' edges.
    """

    points: Float64Array
    faces: IntArray
    gains: Float64Array
    outline: IntArray
    rim: Float64Array
    hole: IntArray


def flatten(patch: Patch) -> Float64Array:
    """Positions (V, 2) on the plane; every face counter-clockwise. Raises ValueError when the surface cannot be laid out."""
    faces, rest, weight = _rest_shapes(patch)
    start = _tutte(faces, len(patch.points) + 1, patch.outline, patch.rim)
    energy = _Energy(faces, rest, weight)
    if not energy.turned(start):
        raise ValueError("the surface folds over its outline")
    freedom = _freedom(patch, len(start))
    return _relax(energy, start, freedom)[: len(patch.points)]


def _rest_shapes(patch: Patch) -> tuple[IntArray, Float64Array, Float64Array]:
    """Faces with the hole closed by a fan, their wanted shapes (F, 2, 2: two edges as columns), and weights (F,) summing to 1."""
    hub = len(patch.points)
    fan = np.stack([patch.hole[np.r_[1 : len(patch.hole), 0]], patch.hole, np.full(len(patch.hole), hub)], axis=1)
    points = np.concatenate([patch.points, patch.points[patch.hole].mean(axis=0, keepdims=True)])
    faces = np.concatenate([patch.faces, fan])
    a, b = points[faces[:, 1]] - points[faces[:, 0]], points[faces[:, 2]] - points[faces[:, 0]]
    base = np.linalg.norm(a, axis=1)
    along = np.einsum("fi,fi->f", a, b) / base
    up = np.sqrt(np.maximum(np.einsum("fi,fi->f", b, b) - along**2, (1e-3 * base) ** 2))
    gains = np.concatenate([patch.gains, np.full(len(fan), float(np.median(patch.gains)))])
    rest = np.stack([np.stack([base, along], -1), np.stack([np.zeros_like(base), up], -1)], -2) * gains[:, None, None]
    area = 0.5 * np.linalg.det(rest)
    area[len(patch.faces) :] *= _HOLE_WEIGHT
    x, y = patch.rim.T
    room = 0.5 * abs(float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))))
    return faces, rest * np.sqrt(room / area.sum()), area / area.sum()


def _tutte(faces: IntArray, count: int, outline: IntArray, rim: Float64Array) -> Float64Array:
    """Each inner vertex at the mean of its neighbours."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = np.unique(np.sort(edges, axis=1), axis=0)
    graph = coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(count, count))
    graph = (graph + graph.T).tocsr()
    free = np.setdiff1d(np.arange(count), outline)
    degree = np.asarray(graph.sum(axis=1)).ravel()
    system = (coo_matrix((degree, (np.arange(count), np.arange(count)))).tocsr() - graph)[free]
    out = np.zeros((count, 2))
    out[outline] = rim
    out[free] = spsolve(system[:, free].tocsc(), -(system[:, outline] @ rim))
    return out


def _freedom(patch: Patch, count: int) -> csr_matrix:
    """(2 V', D): how the free parameters move the coordinates (x0, y0, x1, …): inner vertices freely, the rim's along its sides."""
    before, after = np.roll(patch.rim, 1, axis=0), np.roll(patch.rim, -1, axis=0)
    u, v = patch.rim - before, after - patch.rim
    straight = np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]) < 1e-9
    sliding, tangent = patch.outline[straight], (after - before)[straight]
    tangent = tangent / np.linalg.norm(tangent, axis=1, keepdims=True)
    inner = np.setdiff1d(np.arange(count), patch.outline)
    own = np.concatenate([2 * inner, 2 * inner + 1])
    slide = len(own) + np.arange(len(sliding))
    rows = np.concatenate([own, 2 * sliding, 2 * sliding + 1])
    columns = np.concatenate([np.arange(len(own)), slide, slide])
    values = np.concatenate([np.ones(len(own)), tangent[:, 0], tangent[:, 1]])
    return coo_matrix((values, (rows, columns)), shape=(2 * count, len(own) + len(sliding))).tocsr()


class _Energy:
    """sum_f w_f |J|^2 (1 + 1 / det(J)^2), J the map from a face's wanted shape to its place on the plane."""

    def __init__(self, faces: IntArray, rest: Float64Array, weight: Float64Array) -> None:
        self.faces = faces
        self.weight = weight
        inverse = np.linalg.inv(rest)
        # J = sum_k x_k g_k^T: the gradients g (F, 3, 2) of the three hat functions.
        self.hat = np.stack([-inverse.sum(axis=1), inverse[:, 0], inverse[:, 1]], axis=1)

    def jacobians(self, x: Float64Array) -> Float64Array:
        return np.asarray(np.einsum("fkc,fkd->fcd", x[self.faces], self.hat))

    def turned(self, x: Float64Array) -> bool:
        """True when every face is counter-clockwise."""
        return bool((np.linalg.det(self.jacobians(x)) > 0.0).all())

    def value(self, x: Float64Array) -> float:
        J = self.jacobians(x)
        det = J[:, 0, 0] * J[:, 1, 1] - J[:, 0, 1] * J[:, 1, 0]
        if not (det > 0.0).all():
            return float("inf")
        return float(self.weight @ (np.einsum("fcd,fcd->f", J, J) * (1.0 + det**-2)))

    def gradient(self, x: Float64Array) -> Float64Array:
        J = self.jacobians(x)
        det = np.linalg.det(J)[:, None, None]
        square = np.einsum("fcd,fcd->f", J, J)[:, None, None]
        cofactor = np.stack([np.stack([J[:, 1, 1], -J[:, 1, 0]], -1), np.stack([-J[:, 0, 1], J[:, 0, 0]], -1)], -2)
        slope = (2.0 * J * (1.0 + det**-2) - 2.0 * square * det**-3 * cofactor) * self.weight[:, None, None]
        corners = np.einsum("fcd,fkd->fkc", slope, self.hat)
        out = [np.bincount(self.faces.ravel(), corners[..., axis].ravel(), len(x)) for axis in range(2)]
        return np.stack(out, axis=1)

    def curvature(self, x: Float64Array) -> csr_matrix:
        """The energy's Hessian (2 V', 2 V') with its negative part cut off, face by face.

        With J = U diag(s) V^T the four eigenvectors of a face's 4x4 Hessian are U e V^T for the four matrices e below, and their
        eigenvalues have a closed form (Smith, de Goes & Kim 2019, section 5).
        """
        U, s, Vt = np.linalg.svd(self.jacobians(x))
        slope = 2.0 * s - 2.0 * s**-3.0
        stretch = 2.0 + 6.0 * s**-4.0
        flip = 2.0 + 2.0 * (s[:, 0] ** 2 + s[:, 0] * s[:, 1] + s[:, 1] ** 2) / (s[:, 0] * s[:, 1]) ** 3
        twist = np.maximum(slope.sum(axis=1) / s.sum(axis=1), 0.0)
        values = np.stack([stretch[:, 0], stretch[:, 1], flip, twist], axis=1) * self.weight[:, None]
        half = np.sqrt(0.5)
        modes = np.array([[[1, 0], [0, 0]], [[0, 0], [0, 1]], [[0, half], [half, 0]], [[0, -half], [half, 0]]])
        vectors = np.einsum("fab,mbc,fcd->fmad", U, modes, Vt)
        moved = np.einsum("fmcd,fkd->fmkc", vectors, self.hat).reshape(len(values), 4, 6)
        blocks = np.einsum("fm,fmi,fmj->fij", values, moved, moved)
        index = (2 * self.faces[:, :, None] + np.arange(2)).reshape(-1, 6)
        rows, columns = np.repeat(index, 6, axis=1).ravel(), np.tile(index, 6).ravel()
        return coo_matrix((blocks.ravel(), (rows, columns)), shape=(2 * len(x), 2 * len(x))).tocsr()

    def longest_step(self, x: Float64Array, d: Float64Array) -> float:
        """The step along d at which the first face loses its area: the smallest positive root of det(J + t D) = 0."""
        J, D = self.jacobians(x), self.jacobians(d)
        a = np.linalg.det(D)
        b = J[:, 0, 0] * D[:, 1, 1] + D[:, 0, 0] * J[:, 1, 1] - J[:, 0, 1] * D[:, 1, 0] - D[:, 0, 1] * J[:, 1, 0]
        c = np.linalg.det(J)
        inside = b * b - 4.0 * a * c
        # 2c / (-b ± root) stays accurate when a is next to nothing.
        root = np.sqrt(np.maximum(inside, 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            roots = np.stack([2.0 * c / (-b + root), 2.0 * c / (-b - root)])
        possible: BoolArray = (inside >= 0.0) & (roots > 0.0)
        return float(np.min(roots, where=possible, initial=np.inf))


def _relax(energy: _Energy, start: Float64Array, freedom: csr_matrix) -> Float64Array:
    """Newton's method with line search in the free parameters."""
    x, value = start, energy.value(start)
    for _ in range(_STEPS):
        slope = freedom.T @ energy.gradient(x).ravel()
        system = (freedom.T @ energy.curvature(x) @ freedom).tocsc()
        direction = -splu(system, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}).solve(slope)
        moved = (freedom @ direction).reshape(-1, 2)
        step = min(1.0, 0.9 * energy.longest_step(x, moved))
        while (reached := energy.value(x + step * moved)) > value + 1e-4 * step * float(direction @ slope) and step > 1e-9:
            step *= 0.5
        if reached > value:
            break
        x, gained, value = x + step * moved, value - reached, reached
        if gained < _ENOUGH * value:
            break
    return x
