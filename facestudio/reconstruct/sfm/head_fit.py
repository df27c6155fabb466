"""A head model fitted to a point cloud: closest points, landmarks in space, and the model's own prior.

Gauss-Newton on identity, expression and a similarity: each point wants to lie on the surface (point to plane, Chen & Medioni 1992), each
landmark of the head wants to be where the cloud shows it, and the coefficients want to be those of an average head.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facestudio.errors import FitError
from facestudio.geometry.rotations import exp_so3, skew
from facestudio.geometry.shading import vertex_normals
from facestudio.head.landmarks import LandmarkBasis
from facestudio.head.model import HeadModel
from facestudio.head.registration import closest_points
from facestudio.progress import CancelToken
from facestudio.types import Float64Array, PointCloud

SKIN = ("face", "skin", "lips", "eyelids", "ears", "neck", "scalp")


@dataclass(frozen=True)
class HeadFitConfig:
    """Constants of the fit.

    points: of the cloud that are used. rounds: Gauss-Newton steps. sigma_m: how far a point may lie off the surface; worth: neighbouring
    points share their error, so all together count as so many independent ones. gates_m: farthest accepted match, first and last round.
    agree: least cosine between the normals of a match. mark_sigma_m: how far a landmark may be off; mark_worth: as `worth`, for landmarks.
    expression_sigma: prior of the expression weights. size_sigma: prior of the relative size, where size is free.

    The networks' points are off by about 4 mm, smoothly, so that a whole cloud knows little more than some dozens of points would.
    """

    points: int = 4000
    rounds: int = 10
    sigma_m: float = 0.004
    worth: float = 40.0
    gates_m: tuple[float, float] = (0.02, 0.008)
    agree: float = 0.5
    mark_sigma_m: float = 0.006
    mark_worth: float = 20.0
    expression_sigma: float = 0.10
    size_sigma: float = 0.05


@dataclass(frozen=True)
class FittedHead:
    """identity (S,), expression (E,) float64. The head stands at x = scale * R v + t in the cloud's frame; R (3, 3), t (3,) metres.

    posed: (V, 3) float64, in the model's own frame, expression applied. gap_m: mean distance of the used points from the surface.
    """

    identity: Float64Array
    expression: Float64Array
    posed: Float64Array
    scale: float
    R: Float64Array
    t: Float64Array
    gap_m: float


def fit_head(
    cloud: PointCloud,
    model: HeadModel,
    basis: LandmarkBasis,
    marks: Float64Array,
    known: Float64Array,
    free_size: bool,
    config: HeadFitConfig | None = None,
    expected: tuple[Float64Array, Float64Array] | None = None,
    cancel: CancelToken | None = None,
) -> FittedHead:
    """Fit the model to a cloud that lies about where the model is.

    marks: (N, 3) float64, metres: the basis' landmarks in the cloud's frame. known: (N,) in [0, 1], the trust in each. free_size: let the
    size vary, for clouds that say nothing about it. expected: identity (S,) and expression (E,) that other evidence says, about which the
    priors lie; None: the average head. Raises FitError when no point comes near the surface, Cancelled.
    """
    config, cancel = config or HeadFitConfig(), cancel or CancelToken()
    rng = np.random.default_rng(0)
    chosen = rng.permutation(len(cloud.points))[: config.points]
    points, normals = cloud.points[chosen].astype(np.float64), cloud.normals[chosen].astype(np.float64)
    skin = model.faces[model.part_faces(*SKIN)]
    bases = np.concatenate([model.identity_basis, config.expression_sigma * model.expression_basis], axis=2).astype(np.float64)
    mark_bases = np.concatenate([basis.identity, config.expression_sigma * basis.expression], axis=2)
    count = bases.shape[2]
    middle = np.zeros(count)
    if expected is not None:
        middle = np.concatenate([expected[0], expected[1] / config.expression_sigma])
    theta, scale, R, t = middle.copy(), 1.0, np.eye(3), np.zeros(3)
    gap = np.inf
    for step in range(config.rounds):
        cancel.check()
        vertices = model.template + bases @ theta
        # The cloud is brought into the model's frame, where the bases live.
        local, turned = (points - t) @ R / scale, normals @ R
        outward = vertex_normals(vertices, model.faces)
        hit = closest_points(local, vertices, skin, turned, candidates=12, keep=config.agree)
        gate = config.gates_m[0] + (config.gates_m[1] - config.gates_m[0]) * step / max(config.rounds - 1, 1)
        fits = (hit.distance < gate) & (hit.cosine > config.agree)
        if fits.sum() < 50:
            raise FitError("The points do not lie on a head.", "Check that all frames show the same face.")
        corners, bary = skin[hit.faces[fits]], hit.bary[fits]
        n = np.einsum("nk,nkc->nc", bary, outward[corners])
        n /= np.maximum(np.linalg.norm(n, axis=1, keepdims=True), 1e-12)
        foot = np.einsum("nk,nkc->nc", bary, vertices[corners])
        moves = np.einsum("nk,nkcs,nc->ns", bary, bases[corners], n)
        residual = ((local[fits] - foot) * n).sum(1)
        rows = np.concatenate([moves, _rigid(foot, n)], axis=1)
        weight = np.full(len(rows), min(1.0, config.worth / len(rows))) / config.sigma_m**2
        weight /= (1 + (residual / (2 * config.sigma_m)) ** 2) ** 2  # Geman-McClure
        H, g = (rows * weight[:, None]).T @ rows, rows.T @ (weight * residual)
        H_marks, g_marks = _mark_rows(basis.mean + mark_bases @ theta, mark_bases, (marks - t) @ R / scale, known, config)
        H, g = H + H_marks, g + g_marks
        H[:count, :count] += np.eye(count)
        g[:count] -= theta - middle
        stiff = 1.0 / config.size_sigma**2 if free_size else 1e12
        H[-1, -1] += stiff
        g[-1] -= stiff * np.log(scale)
        delta = np.linalg.solve(H + 1e-9 * np.eye(len(H)), g)
        theta = theta + delta[:count]
        w, d, s = delta[count : count + 3], delta[count + 3 : count + 6], float(np.exp(delta[-1])) if free_size else 1.0
        t = t + scale * R @ d
        R, scale = R @ exp_so3(w), scale * s
        gap = float(np.abs(residual).mean())
    identities = model.identity_basis.shape[2]
    expression = config.expression_sigma * theta[identities:]
    return FittedHead(theta[:identities], expression, model.template + bases @ theta, scale, R, t, gap)


def _rigid(foot: Float64Array, n: Float64Array) -> Float64Array:
    """(N, 7): how turning, moving and growing the model moves its points (N, 3) along directions (N, 3)."""
    return np.concatenate([np.cross(foot, n), n, (foot * n).sum(1, keepdims=True)], axis=1)


def _mark_rows(
    points: Float64Array, bases: Float64Array, wish: Float64Array, known: Float64Array, config: HeadFitConfig
) -> tuple[Float64Array, Float64Array]:
    """Normal equations of the landmarks (N, 3) that want to be at `wish` (N, 3)."""
    use = known > 0
    p, gap = points[use], wish[use] - points[use]
    motion = np.concatenate([-skew(p), np.broadcast_to(np.eye(3), (len(p), 3, 3)), p[:, :, None]], axis=2)
    rows = np.concatenate([bases[use], motion], axis=2)
    weight = known[use] * min(1.0, config.mark_worth / max(float(known.sum()), 1.0)) / config.mark_sigma_m**2
    weight = weight / (1 + (gap**2).sum(1) / (3 * config.mark_sigma_m) ** 2) ** 2
    flat = rows.reshape(-1, rows.shape[2])
    repeated = np.repeat(weight, 3)
    return (flat * repeated[:, None]).T @ flat, flat.T @ (repeated * gap.reshape(-1))
