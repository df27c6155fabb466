"""How wrong is a shape, in millimetres, once its place, turn and size do not count?

Coefficients are a poor measure: the first moves a face by millimetres, the hundredth by micrometres. What is measured after an alignment
(NoW's protocol) should be trained without the part that the alignment takes away. To first order that part is a fixed space: the seven
directions in which the average face moves, turns and grows. So the error is a fixed linear map of the coefficients' error.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from facestudio.geometry.shading import vertex_normals
from facestudio.head.model import HeadModel
from facestudio.types import Float64Array

TANGENTIAL = 0.5  # an error along the surface counts half: distances to a surface hardly see it


class ShapeError(nn.Module):
    """Root mean square over the face, millimetres, of the error of identity (and expression) coefficients."""

    factor: Tensor

    def __init__(self, model: HeadModel, identity: int, expression: int = 0, tangential: float = TANGENTIAL) -> None:
        """identity, expression: how many coefficients count; the expression's stand behind the identity's."""
        super().__init__()
        used = [model.identity_basis[..., :identity], model.expression_basis[..., :expression]]
        factor = error_map(model, np.concatenate(used, axis=2).astype(np.float64), tangential)
        self.register_buffer("factor", torch.from_numpy(factor.astype(np.float32)), persistent=False)

    def forward(self, difference: Tensor) -> Tensor:
        """(B,) millimetres for differences of coefficients (B, S + E)."""
        return ((difference @ self.factor.T).square().sum(1) + 1e-8).sqrt()


def error_map(model: HeadModel, basis: Float64Array, tangential: float = TANGENTIAL) -> Float64Array:
    """M (C, C) float64 with |M d| = the RMS error over the face, mm, of coefficients that are wrong by d (C,) in a basis (V, 3, C), metres.

    Errors along the surface count `tangential`; moving, turning and growing count nothing.
    """
    face = model.part_vertices("face", "lips", "eyelids", "skin") & ~model.part_vertices("ears", "scalp", "neck")
    points = model.template[face].astype(np.float64)
    normals = vertex_normals(model.template, model.faces)[face]
    centred = points - points.mean(0)
    spin = [np.cross(axis, centred) for axis in np.eye(3)]
    shift = [np.broadcast_to(axis, centred.shape) for axis in np.eye(3)]
    rigid = np.stack([*shift, *spin, centred], -1)

    def weighed(columns: Float64Array) -> Float64Array:
        along = np.einsum("vc,vcs->vs", normals, columns)
        return np.asarray(
            (tangential * columns + (1.0 - tangential) * normals[..., None] * along[:, None]).reshape(-1, columns.shape[2])
        )

    free, _ = np.linalg.qr(weighed(rigid))
    moved = weighed(basis[face])
    moved = moved - free @ (free.T @ moved)
    factor = np.asarray(np.linalg.qr(moved)[1])
    return np.asarray(factor * (1000.0 / np.sqrt(len(points))))
