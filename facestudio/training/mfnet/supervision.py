"""The warm-up: losses against the truth that only synthetic captures have. The paper trains without truth; we say where we do not.

A network that starts from noise has no use for optical flow between photo and rendering: they do not overlap. So the paper starts from
DECA's weights, which may not be shipped with a product; we start from synthetic truth instead.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from facestudio.head.model import HeadModel
from facestudio.reconstruct.mfnet.decode import landmark_decoder
from facestudio.reconstruct.mfnet.network import MFNet, Prediction
from facestudio.reconstruct.mfnet.perspective import camera_code, project
from facestudio.reconstruct.mfnet.shape_error import ShapeError
from facestudio.training.mfnet.batch import TripletBatch


@dataclass(frozen=True)
class SupervisionConfig:
    """Weights of the losses.

    Units make them comparable: shape and face in millimetres, landmarks and reprojection in per cent of the crop's side,
    turn in degrees / 2, place in per cent (log scale) and per cent of the crop's side, light in linear intensity.
    """

    shape: float = 1.0
    face: float = 0.5
    landmarks: float = 0.5
    reprojection: float = 0.3
    turn: float = 0.1
    place: float = 0.1
    light: float = 0.5
    codes: float = 0.002


class Supervision(nn.Module):
    """Losses of a batch of synthetic captures; call it with the network's prediction."""

    def __init__(self, model: HeadModel, net: MFNet, config: SupervisionConfig | None = None) -> None:
        super().__init__()
        self.net, self.config = net.config, config or SupervisionConfig()
        self.shape = ShapeError(model, self.net.identity)
        self.face = ShapeError(model, self.net.identity, self.net.expression)
        self.points, ids = landmark_decoder(model, self.net.identity, self.net.expression)
        self.ids: Tensor
        self.used: Tensor
        self.register_buffer("ids", torch.from_numpy(ids.astype("int64")), persistent=False)
        self.register_buffer("used", net.rows.clone(), persistent=False)

    def forward(self, p: Prediction, batch: TripletBatch) -> dict[str, Tensor]:
        """The weighted losses by name, each a scalar; their sum is the objective. Raises ValueError for captures without truth."""
        truth, side, c = batch.truth, self.net.side, self.config
        if truth is None:
            raise ValueError("supervision needs captures with truth")
        off = torch.cat([p.identity - truth.identity, p.expression - truth.expression], 1)
        losses = {
            "shape": c.shape * self.shape(off[:, : self.net.identity]).mean(),
            "face": c.face * self.face(off).mean(),
            "codes": c.codes * (p.identity.square().mean() + 4.0 * p.expression.square().mean()),
        }
        weight = batch.visible[:, :, self.ids].float()
        points = self.points(
            p.identity.repeat_interleave(3, 0), p.expression.repeat_interleave(3, 0), p.jaw.flatten(0, 1)
        ).unflatten(0, (-1, 3))
        drawn = project(points, batch.K, p.R, p.t)[..., :2]
        target = batch.landmarks[:, :, self.ids].float()
        percent = 100.0 / side
        losses["reprojection"] = c.reprojection * percent * _mean((drawn - target).abs().sum(-1).clamp_max(side), weight)
        if p.sight.landmarks is not None and p.sight.landmarks.requires_grad:
            losses["landmarks"] = c.landmarks * percent * landmark_loss(p.sight.landmarks, batch, self.used)
        losses["turn"] = c.turn * degrees_between(p.R, truth.R).mean() / 2.0
        place = (camera_code(p.t, batch.K, side) - camera_code(truth.t, batch.K, side)).abs().sum(-1)
        losses["place"] = c.place * 100.0 * place.clamp_max(1.0).mean()
        losses["light"] = c.light * (p.light - truth.light).abs().mean()
        return losses


def landmark_loss(points: Tensor, batch: TripletBatch, rows: Tensor) -> Tensor:
    """Mean distance, pixels, of the trunk's landmarks (3 B, U, 2), which are `rows` (U,), from the true ones where these are visible."""
    distance = (points.float() - batch.landmarks.flatten(0, 1)[:, rows].float()).norm(dim=-1)
    return _mean(distance.clamp_max(50.0), batch.visible.flatten(0, 1)[:, rows].float())


def degrees_between(a: Tensor, b: Tensor) -> Tensor:
    """Angle (…,) in degrees between rotations (…, 3, 3), by the chord: smooth everywhere (exact to 1 % below 30 degrees)."""
    return torch.rad2deg(((a - b).square().sum((-1, -2)) / 2.0 + 1e-8).sqrt())


@torch.no_grad()
def validation(net: MFNet, supervision: Supervision, batch: TripletBatch) -> dict[str, float]:
    """What counts on held-out captures: face_mm, the average head's face_mm, pixels of reprojection, degrees."""
    assert batch.truth is not None
    p = predict(net, batch)
    weight = batch.visible[:, :, supervision.ids].float()
    points = supervision.points(
        p.identity.repeat_interleave(3, 0), p.expression.repeat_interleave(3, 0), p.jaw.flatten(0, 1)
    ).unflatten(0, (-1, 3))
    drawn = project(points, batch.K, p.R, p.t)[..., :2]
    said = {
        "shape_mm": float(supervision.shape(p.identity - batch.truth.identity).mean()),
        "mean_head_mm": float(supervision.shape(-batch.truth.identity).mean()),
        "reprojection_px": float(_mean((drawn - batch.landmarks[:, :, supervision.ids]).norm(dim=-1), weight)),
        "turn_deg": float(degrees_between(p.R, batch.truth.R).mean()),
    }
    if p.sight.landmarks is not None:
        said["landmarks_px"] = float(landmark_loss(p.sight.landmarks, batch, net.rows))
    return said


def predict(net: MFNet, batch: TripletBatch) -> Prediction:
    """The network's answer to a batch, whether its pictures were looked at beforehand or not."""
    return net(batch.crops, batch.K, batch.detected) if batch.sight is None else net.say(batch.sight, batch.K)


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean; raises ValueError when nothing has weight, rather than say that nothing is wrong."""
    total = weight.sum()
    if not float(total) > 0.0:
        raise ValueError("no landmark of the batch is visible")
    return (values * weight).sum() / total
