"""The landmarks as evidence beside the dense matches, with what their detector is known to get wrong (`detector_error`).

Flow measures the shape that two photos share and knows nothing of cheeks that one photo alone sees, nor of where the eyes are. Landmarks
know both, roughly. Their common error modes are unknowns too and are eliminated here, so what is returned is a Gaussian on the head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facestudio.geometry.frames import yaw_degrees
from facestudio.head.landmarks import LandmarkBasis, on_surface
from facestudio.head.model import Embedding
from facestudio.reconstruct.detector_error import DetectorError
from facestudio.reconstruct.solve import Unknowns, pixels_of, projection
from facestudio.types import Camera, Float64Array, IntArray, View


@dataclass(frozen=True)
class LandmarkTerm:
    """Landmarks of one detector, or of several that err together, as evidence.

    basis: the N landmarks used; their ids are rows of `View.landmarks`. places: where each of them lies on the head, in the same order.
    error: what the detector is known to get wrong.
    """

    basis: LandmarkBasis
    places: Embedding
    error: DetectorError


def landmark_information(
    term: LandmarkTerm,
    views: Sequence[View],
    cameras: Sequence[Camera],
    vertices: Float64Array,
    faces: IntArray,
    unknowns: Unknowns,
    cauchy: float = 3.0,
    inflation: float = 1.0,
) -> tuple[Float64Array, Float64Array]:
    """(A (P, P), g (P,)): information about the next step from the current head, vertices (V, 3), metres, head frame, and faces (F, 3).

    cameras: without lens distortion, as are the landmarks. cauchy: residual, in sigmas, where a landmark starts to fade.
    inflation: factor on the detector's standard deviations.
    """
    basis, error, points = term.basis, term.error, on_surface(vertices, faces, term.places)
    P = unknowns.size
    A_shared = error.shared.shape[-1]
    A_single = error.single.shape[-1]
    Q = A_shared + len(views) * A_single
    A, g = np.zeros((P + Q, P + Q)), np.zeros(P + Q)
    A[range(P, P + Q), range(P, P + Q)] = 1.0
    linear = np.concatenate([basis.identity, basis.expression], axis=2)
    for i, (view, camera) in enumerate(zip(views, cameras, strict=True)):
        if view.landmarks is None:
            continue
        J, by_focal = projection(camera, points)
        pixels_per_metre = float(camera.K[0, 0] / np.median((points @ camera.R.T + camera.t)[:, 2]))
        e = error.at(yaw_degrees(camera), basis.ids).scaled(pixels_per_metre)
        rows = np.zeros((len(points), 2, P + Q))
        rows[:, :, : unknowns.expression.stop] = np.einsum("nij,njk->nik", J, linear)
        rows[:, :, unknowns.pose[i]] = np.concatenate([np.cross(points[:, None, :], J), J], -1)
        if unknowns.focal:
            rows[:, :, unknowns.focal[i]] = by_focal
        rows[:, :, P : P + A_shared] = inflation * e.shared
        start = P + A_shared + i * A_single
        rows[:, :, start : start + A_single] = inflation * e.single
        residual = view.landmarks.points[basis.ids] - e.bias - pixels_of(camera, points)
        sigma = inflation * np.hypot(e.sigma, view.landmarks.sigma[basis.ids][:, None])
        # The modes explain part of the residual; what an outlier is shows only in what they leave.
        modes = rows[:, :, P:].reshape(-1, Q)
        flat, scale = residual.ravel(), sigma.ravel()
        scaled = modes / scale[:, None]
        explained = np.linalg.solve(scaled.T @ scaled + np.eye(Q), scaled.T @ (flat / scale))
        left = (flat - modes @ explained) / scale
        weight = 1.0 / (1.0 + (left.reshape(-1, 2) ** 2).sum(1) / cauchy**2)
        root = np.sqrt(np.repeat(weight, 2)) / scale
        design = rows.reshape(-1, P + Q) * root[:, None]
        A += design.T @ design
        g += design.T @ (root * flat)
    cross = np.linalg.solve(A[P:, P:], np.column_stack([A[P:, :P], g[P:]]))
    return A[:P, :P] - A[:P, P:] @ cross[:, :-1], g[:P] - A[:P, P:] @ cross[:, -1]
