"""A head model registered to a scan: where each of its vertices, and so each landmark, truly lies on a head whose surface is known.

Closest points alone let vertices slide along smooth skin. So the model's own shapes are fitted to the scan first, with its NoW points
where the scan's are; only what they cannot explain is bent (`head.registration`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from facestudio.geometry.shading import vertex_normals
from facestudio.head.landmarks import embedding, on_surface
from facestudio.head.model import HeadModel
from facestudio.head.open_head.scan_models import SKIN_PARTS
from facestudio.head.registration import RegistrationSettings, closest_points, register, similarity
from facestudio.types import Float64Array, Mesh


@dataclass(frozen=True)
class ShapeSettings:
    """Fitting the model's shapes.

    steps: at most. gate: farthest match, metres, falling to half. noise_m: a match's standard deviation; landmark_m: a NoW point's;
    patch: vertices that err together.
    """

    steps: int = 25
    gate: float = 0.012
    noise_m: float = 0.0015
    landmark_m: float = 0.001
    patch: float = 12.0


@dataclass(frozen=True)
class Registered:
    """vertices: (V, 3) float64, metres, the scan's frame. gap: (V,) float64, metres, to the scan's surface; infinite off the skin."""

    vertices: Float64Array
    gap: Float64Array


def register_head(model: HeadModel, scan: Mesh, now_points: Float64Array, settings: ShapeSettings | None = None) -> Registered:
    """The head model on a scan (metres) with its seven NoW points (7, 3). Raises HeadModelError when they do not overlap."""
    fitted = fit_shape(model, scan, now_points, settings or ShapeSettings())
    skin = model.part_vertices(*SKIN_PARTS)
    soft = RegistrationSettings(
        stiffness=(0.02, 0.012, 0.007, 0.005),
        gate=(0.010, 0.008, 0.006, 0.005),
        slide=0.05,
        iterations=3,
        landmark_sigma=(0.003,) * 4,
    )
    goal = np.asarray(scan.vertices, dtype=np.float64)
    # The vertices beside the NoW points keep their places beside them.
    now = embedding(model, "now7")
    beside = model.faces[now.faces][np.arange(len(now.faces)), now.bary.argmax(1)]
    wished = now_points + fitted[beside] - on_surface(fitted, model.faces, now)
    bent = register(fitted, model.faces, goal, scan.faces, (beside, wished), skin.astype(np.float64), soft)
    hit = closest_points(bent, goal, scan.faces, vertex_normals(bent, model.faces), keep=0.5)
    return Registered(bent, np.where(skin & (hit.cosine > 0.5), hit.distance, np.inf))


def fit_shape(model: HeadModel, scan: Mesh, now_points: Float64Array, settings: ShapeSettings) -> Float64Array:
    """(V, 3): the model's identity and place that explain the scan best: point-to-plane ICP over identity and a similarity."""
    skin = np.flatnonzero(model.part_vertices("face", "lips", "eyelids", "ears"))
    goal = np.asarray(scan.vertices, dtype=np.float64)
    basis = model.identity_basis.astype(np.float64)
    S = basis.shape[2]
    # The scan's vertices stand for its surface: along the normal, which is all that counts here, they do as well, in a tenth of the time.
    near, goal_normals = cKDTree(goal), vertex_normals(goal, scan.faces)
    now = embedding(model, "now7")
    now_basis = np.einsum("nk,nkxs->nxs", now.bary.astype(np.float64), basis[model.faces[now.faces]])
    identity = np.zeros(S)
    scale, turn, move = similarity(on_surface(model.template, model.faces, now), now_points)
    for step in range(settings.steps):
        shape = model.template + basis @ identity
        placed = scale * shape @ turn.T + move
        normals = vertex_normals(placed, model.faces)[skin]
        distance, hit = near.query(placed[skin])
        gate = settings.gate * (1.0 - 0.5 * step / settings.steps)
        fits = (distance < gate) & ((goal_normals[hit] * normals).sum(1) > 0.6)
        weight = fits / (1.0 + (distance / 0.003) ** 2)
        gap = ((goal[hit] - placed[skin]) * normals).sum(1)
        root = np.sqrt(weight / settings.patch) / settings.noise_m
        rows = _design(placed[skin], scale * np.einsum("ij,njs->nis", turn, basis[skin]))
        rows = np.einsum("nx,nxp->np", normals, rows) * root[:, None]
        at = on_surface(placed, model.faces, now)
        fixed = _design(at, scale * np.einsum("ij,njs->nis", turn, now_basis)).reshape(-1, S + 7) / settings.landmark_m
        A = rows.T @ rows + fixed.T @ fixed + np.diag([1.0] * S + [1e-9] * 7)
        g = rows.T @ (root * gap) + fixed.T @ (now_points - at).ravel() / settings.landmark_m
        g[:S] -= identity
        x = np.linalg.solve(A, g)
        identity = identity + x[:S]
        # The similarity is solved again from scratch: small turns stay rotations.
        wish = scale * (model.template + basis @ identity) @ turn.T + move
        wish = wish + np.cross(x[S : S + 3], wish) + x[S + 3 : S + 6] + x[S + 6] * (wish - wish.mean(0))
        scale, turn, move = similarity(model.template + basis @ identity, wish)
    return np.asarray(scale * (model.template + basis @ identity) @ turn.T + move)


def _design(points: Float64Array, shape: Float64Array) -> Float64Array:
    """(N, 3, S + 7): how points move with identity, turn, shift and size."""
    N = len(points)
    turns = np.stack([np.cross(axis, points) for axis in np.eye(3)], axis=2)
    shifts = np.broadcast_to(np.eye(3), (N, 3, 3))
    return np.concatenate([shape, turns, shifts, (points - points.mean(0))[:, :, None]], axis=2)
