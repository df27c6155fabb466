"""The paper's own objective (section 3.5): no truth, only photos of one moment and landmarks found in them.

For each pair of neighbouring views (a, b): take the texture off photo a, draw it with the pose of view b, and ask an optical flow estimator
what is still between the drawing and photo b (eq. 6). Were shape and poses right, nothing would be. In two forms:

* "through": the flow's length is the loss, differentiated through the estimator (RAFT), as in the paper;
* "targets": the flow says where each covisible vertex should have been drawn, and the vertex is pulled there. It is the distance the paper
  argues for (section 3.5.1), and works with any estimator.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from facestudio.head.model import HeadModel
from facestudio.reconstruct.mfnet.covisible import Mask, covisible_mask
from facestudio.reconstruct.mfnet.decode import landmark_decoder, vertex_decoder
from facestudio.reconstruct.mfnet.losses import (
    EYE_PAIRS,
    LIP_PAIRS,
    LossWeights,
    flow_loss,
    flow_target_loss,
    landmark_loss,
    offset_loss,
    prior_loss,
    weighted,
)
from facestudio.reconstruct.mfnet.network import MFNetConfig, Prediction
from facestudio.reconstruct.mfnet.perspective import project
from facestudio.reconstruct.mfnet.render import PosedView, extract, fuse, pose_view, render, surface_of
from facestudio.training.mfnet.batch import TripletBatch
from facestudio.training.mfnet.flow import FlowEstimator, dis_flow

PAIRS = ((0, 1), (1, 0), (1, 2), (2, 1))
TERMS = ("flow", "landmarks", "eyes", "lips", "prior")
_IBUG = 68  # the first dense landmarks are iBUG's, in its order


@dataclass(frozen=True)
class SelfSupervisionConfig:
    """form, mask: of the flow loss. texture: side of the texture, texels. weights: eq. 11. without: terms left out (the ablations).

    captures: of each batch, so many get the flow loss, which is the dear one. reference_px: the paper's losses are in pixels of a 224
    pixel crop; they are scaled to it, so that its lambdas keep their meaning at other sizes.
    """

    form: Literal["through", "targets"] = "targets"
    mask: Mask = "box"
    texture: int = 96
    captures: int = 4
    reference_px: float = 224.0
    weights: LossWeights = field(default_factory=LossWeights)
    without: tuple[str, ...] = ()


class SelfSupervision(nn.Module):
    """Eq. 11 for a batch of captures; call it with the network's prediction."""

    def __init__(
        self, model: HeadModel, net: MFNetConfig, config: SelfSupervisionConfig | None = None, flow: FlowEstimator = dis_flow
    ) -> None:
        super().__init__()
        self.net, self.config, self.flow = net, config or SelfSupervisionConfig(), flow
        unknown = set(self.config.without) - set(TERMS)
        if unknown:
            raise ValueError(f"no such term: {', '.join(sorted(unknown))}; there are {', '.join(TERMS)}")
        self.surface = surface_of(model, self.config.texture)
        # Mouth and eyes look different from every side and move by themselves: the paper masks them.
        self.allowed = torch.from_numpy(model.part_faces("face", "skin"))
        skin = torch.from_numpy(model.part_vertices("face", "skin"))
        self.vertices = vertex_decoder(model, net.identity, net.expression)
        self.skin = torch.nonzero(skin)[:, 0]
        points, ids = landmark_decoder(model, net.identity, net.expression)
        self.points = points
        self.rows = torch.tensor([list(ids).index(i) for i in range(_IBUG)])

    def forward(self, p: Prediction, batch: TripletBatch) -> dict[str, Tensor]:
        """The weighted terms of eq. 11 by name, each a scalar, those in `without` left out."""
        scale = self.config.reference_px / self.net.side
        losses: dict[str, Tensor] = {}
        marks = self.points(p.identity.repeat_interleave(3, 0), p.expression.repeat_interleave(3, 0), p.jaw.flatten(0, 1))
        K, R, t = batch.K.flatten(0, 1), p.R.flatten(0, 1), p.t.flatten(0, 1)
        drawn = project(marks[:, self.rows], K, R, t)[..., :2] * scale
        found = batch.landmarks[:, :, :_IBUG].flatten(0, 1) * scale
        visible = batch.visible[:, :, :_IBUG].flatten(0, 1).to(drawn.dtype)
        losses["landmarks"] = landmark_loss(found, drawn, visible)
        losses["eyes"] = offset_loss(found, drawn, EYE_PAIRS, visible)
        losses["lips"] = offset_loss(found, drawn, LIP_PAIRS, visible)
        losses["prior"] = prior_loss(p.identity, p.expression, p.texture)
        if "flow" not in self.config.without:
            losses["flow"] = scale * self._flow(p, batch)
        return weighted(losses, self.config.weights, self.config.without)

    def _flow(self, p: Prediction, batch: TripletBatch) -> Tensor:
        """Mean of eq. 6 over captures and pairs, pixels of the crop."""
        found = []
        for i in range(min(self.config.captures, len(batch))):
            views = []
            for v in range(3):
                vertices = self.vertices(p.identity[i : i + 1], p.expression[i : i + 1], p.jaw[i, v][None])[0]
                views.append(pose_view(vertices, batch.K[i, v], p.R[i, v], p.t[i, v], self.surface, self.net.side))
            found += [self._pair(a, b, views, batch.crops[i], batch.landmarks[i, b, :_IBUG]) for a, b in PAIRS]
        return torch.stack(found).mean()

    def _pair(self, a: int, b: int, views: list[PosedView], crops: Tensor, landmarks_b: Tensor) -> Tensor:
        of_a, of_b = views[a], views[b]
        texture, known = fuse([extract(crops[a], of_a, self.surface)], self.surface)
        drawing, textured = render(of_b, self.surface, texture, known)
        mask = covisible_mask(self.config.mask, a, b, of_a, of_b, self.surface, self.allowed, landmarks_b) & textured
        masked_photo, masked_drawing = mask * crops[b], mask * drawing
        if self.config.form == "through":
            return flow_loss(self.flow(masked_photo[None], masked_drawing[None]), mask[None].to(crops.dtype))
        with torch.no_grad():
            # From the drawing to the photo: where what the vertex shows really is.
            flow = self.flow(masked_drawing[None], masked_photo[None])[0]
            at = of_b.screen[self.skin]
            column, row = (at[:, k].round().long() for k in (0, 1))
            inside = (column >= 0) & (row >= 0) & (column < self.net.side) & (row < self.net.side)
            column, row = column.clamp(0, self.net.side - 1), row.clamp(0, self.net.side - 1)
            front = at[:, 2] < of_b.seen.depth[row, column] + 0.003
            weight = (inside & front & mask[row, column]).to(crops.dtype)
            target = at[:, :2] + flow[:, row, column].T
        return flow_target_loss(of_b.screen[self.skin][:, :2], target, weight)
