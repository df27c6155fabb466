"""From codes to points, differentiably and only for the points that are asked for: landmarks, the face, or every vertex.

FLAME's equations (Li et al. 2017, eq. 2-4; MFNet eq. 1) with the jaw as the only joint that turns: within one capture the neck goes into
the pose, and the network does not say the gaze. The whole decoder is `head.decoder`; this one costs a hundredth of it for landmarks.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from facestudio.head.landmarks import embedding
from facestudio.head.model import JOINT_NAMES, HeadModel
from facestudio.reconstruct.mfnet.perspective import rotation
from facestudio.types import Float64Array, IntArray

_JAW = JOINT_NAMES.index("jaw")


class PointDecoder(nn.Module):
    """Decodes N points of a head model. Its buffers follow the network's device and are not part of its weights."""

    mean: Tensor
    basis: Tensor
    jaw_weight: Tensor
    jaw_mean: Tensor
    jaw_basis: Tensor

    def __init__(self, model: HeadModel, corners: IntArray, bary: Float64Array, identity: int, expression: int) -> None:
        """corners (N, 3) int: vertices; bary (N, 3): their weights. identity, expression: how many coefficients are used."""
        super().__init__()
        used = [model.identity_basis[..., :identity], model.expression_basis[..., :expression]]
        basis = np.concatenate(used, axis=2)
        mixed = np.einsum("nk,nkcs->ncs", bary, basis[corners].astype(np.float64))
        mean = np.einsum("nk,nkc->nc", bary, model.template[corners].astype(np.float64))
        weight = np.einsum("nk,nk->n", bary, model.skin_weights[corners, _JAW].astype(np.float64))
        regressor = model.joint_regressor[_JAW].astype(np.float64)
        joint_basis = np.einsum("v,vcs->cs", regressor, model.identity_basis[..., :identity].astype(np.float64))
        self.identity_count = identity
        for name, value in (
            ("mean", mean),
            ("basis", mixed.reshape(-1, basis.shape[2])),
            ("jaw_weight", weight),
            ("jaw_mean", regressor @ model.template),
            ("jaw_basis", joint_basis),
        ):
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(value, dtype=np.float32)), persistent=False)

    def forward(self, identity: Tensor, expression: Tensor, jaw: Tensor | None = None) -> Tensor:
        """Points (B, N, 3), metres, head frame, of identity (B, S), expression (B, E) and jaw (B, 3) axis-angle or None."""
        offsets = torch.cat([identity, expression], 1) @ self.basis.T
        points = self.mean + offsets.reshape(len(identity), -1, 3)
        if jaw is None:
            return points
        hinge = (self.jaw_mean + identity @ self.jaw_basis.T)[:, None]
        turned = (points - hinge) @ rotation(jaw).transpose(1, 2) + hinge
        return points + self.jaw_weight[:, None] * (turned - points)


def vertex_decoder(model: HeadModel, identity: int, expression: int, vertices: IntArray | None = None) -> PointDecoder:
    """A decoder of some vertices (N,) or of all."""
    ids = np.arange(model.vertex_count) if vertices is None else np.asarray(vertices)
    bary = np.tile([1.0, 0.0, 0.0], (len(ids), 1))
    return PointDecoder(model, np.repeat(ids[:, None], 3, 1), bary, identity, expression)


def landmark_decoder(
    model: HeadModel, identity: int, expression: int, scheme: str = "dense800"
) -> tuple[PointDecoder, IntArray]:
    """A decoder of a scheme's landmarks, and which landmarks (N,) they are. Raises HeadModelError for an unknown scheme."""
    e = embedding(model, scheme)
    return PointDecoder(model, model.faces[e.faces], e.bary.astype(np.float64), identity, expression), e.ids
