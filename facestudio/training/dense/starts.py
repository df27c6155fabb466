"""Training the start of the dense landmarks, on geometry alone: subjects of the data set, seen as mediapipe would see them.

What mediapipe says of a head is drawn from its error model (`reconstruct.detector_error`, learned from other synthetic subjects): bias,
the errors a head keeps, those of one view, and noise. So no detector runs over the training pictures, and each draw is a new one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from facestudio.geometry.camera import project, to_camera
from facestudio.head.landmarks import embedding, on_surface
from facestudio.head.model import HeadModel
from facestudio.head.posing import PosedHead
from facestudio.landmarks.dense_start import StartConfig, StartNet, box_of
from facestudio.landmarks.mirror_map import MEDIAPIPE_MIRROR
from facestudio.reconstruct.detector_error import DetectorError
from facestudio.training.detector_study import ErrorStudyConfig
from facestudio.training.synth.shard import Shard
from facestudio.types import Camera, Float32Array, Float64Array, IntArray

DETECTED = "mediapipe478"


@dataclass(frozen=True)
class StartTraining:
    """How the start is trained: rounds over the data, batch, highest rate, weight decay, weight of points that cannot be seen."""

    rounds: int = 30
    batch: int = 256
    rate: float = 2e-3
    decay: float = 1e-4
    hidden: float = 0.3


def true_points(shard: Shard, model: HeadModel, size: int) -> Float32Array:
    """(N, 435, 2) float32 crop pixels: where mediapipe's landmarks truly lie on the shard's heads."""
    e = embedding(model, DETECTED)
    rest: PosedHead | None = None
    out = np.zeros((len(shard), len(e.ids), 2), np.float32)
    before: tuple[int, Float64Array] | None = None
    for i in range(len(shard)):
        if before is None or before[0] != shard.subject[i]:
            vertices = model.template + model.identity_basis @ shard.identity[i]
            rest = PosedHead(model, vertices) if rest is None else rest.reshaped(vertices)
            posed = rest.vertices(shard.expression[i], shard.pose[i])
            before = int(shard.subject[i]), on_surface(posed, model.faces, e)
        out[i] = project(crop_camera(shard, i, size), before[1])
    return out


def crop_camera(shard: Shard, i: int, size: int = 1) -> Camera:
    """The camera of picture i's crop of size x size pixels."""
    return Camera(shard.K[i], shard.R[i], shard.t[i], size, size, shard.distortion[i].astype(np.float64))


def simulate(
    shard: Shard, points: Float32Array, ids: IntArray, error: DetectorError, rng: np.random.Generator, spread: float = 1.6
) -> Float32Array:
    """One draw of what mediapipe says: true points (N, D, 2), crop pixels, plus its error. A head's error is the same in its views.

    spread: factor on the scatter as it was measured (before the error model's caution). The subjects it was measured on were calm and
    wore no glasses; on these ones mediapipe's real error is about so much larger.
    """
    out = np.zeros_like(points)
    own = np.zeros(0)
    subject = -1
    for i in range(len(shard)):
        if shard.subject[i] != subject:
            subject, own = int(shard.subject[i]), rng.standard_normal(error.shared.shape[-1])
        depth = float(to_camera(crop_camera(shard, i), np.zeros(3))[2])
        e = error.at(float(shard.yaw_deg[i]), ids).scaled(float(shard.K[i, 0, 0]) / depth)
        grain = e.sigma / ErrorStudyConfig.caution * rng.standard_normal(e.sigma.shape)
        scatter = e.shared @ own + e.single @ rng.standard_normal(error.single.shape[-1]) + grain
        out[i] = points[i] + e.bias + spread * scatter
    return out


def detector_mirror(ids: IntArray) -> IntArray:
    """(D,) int64: for each row of the embedding the row of its mirrored landmark (itself where that one is not embedded)."""
    row = {int(k): i for i, k in enumerate(ids)}
    return np.array([row.get(int(MEDIAPIPE_MIRROR[k]), i) for i, k in enumerate(ids)], np.int64)


def train_start(
    detected: Float32Array,
    dense: Float32Array,
    visible: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
    mirrors: tuple[IntArray, IntArray],
    config: StartTraining | None = None,
    sizes: StartConfig | None = None,
    seed: int = 0,
) -> StartNet:
    """Fit a start: detected (M, D, 2) to dense (M, P, 2), pixels, visible (M, P) bool. mirrors: partners of both kinds of points."""
    c = config or StartTraining()
    torch.manual_seed(seed)
    x, y = torch.from_numpy(detected), torch.from_numpy(dense)
    centre, half = box_of(x)
    x, y = (x - centre) / half, (y - centre) / half
    flip = torch.tensor([-1.0, 1.0])
    x = torch.cat([x, x[:, torch.from_numpy(mirrors[0]).long()] * flip])
    y = torch.cat([y, y[:, torch.from_numpy(mirrors[1]).long()] * flip])
    seen = torch.from_numpy(visible)
    seen = torch.cat([seen, seen[:, torch.from_numpy(mirrors[1]).long()]])
    weight = torch.where(seen, 1.0, c.hidden)[..., None]
    net = StartNet(sizes or StartConfig(inputs=x.shape[1], points=y.shape[1]))
    net.mean_in, basis, deviation = components(x, net.config.components_in)
    net.basis_in = (basis / deviation[:, None, None]).permute(1, 2, 0).contiguous()
    net.mean, basis, deviation = components(y, net.config.components)
    net.basis = (basis * deviation[:, None, None]).contiguous()
    optimiser = torch.optim.AdamW(net.parameters(), c.rate, weight_decay=c.decay)
    steps = c.rounds * (-(-len(x) // c.batch))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, c.rate, total_steps=steps + 1)
    for _ in range(c.rounds):
        for rows in torch.randperm(len(x)).split(c.batch):
            optimiser.zero_grad()
            error = net(x[rows]) - y[rows]
            loss = (weight[rows] * (error**2 + 1e-6).sqrt()).mean()
            loss.backward()
            optimiser.step()
            schedule.step()
    return net.eval()


def components(points: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Mean (P, 2), orthonormal principal components (count, P, 2) and their standard deviations (count,) of points (M, P, 2)."""
    mean = points.mean(0)
    flat = (points - mean).flatten(1)
    _, values, basis = torch.svd_lowrank(flat, q=min(count + 8, *flat.shape), niter=4)
    found = min(count, basis.shape[1])
    full = torch.zeros(count, flat.shape[1])
    full[:found] = basis[:, :found].T
    deviation = torch.ones(count)
    deviation[:found] = (values[:found] / len(flat) ** 0.5).clamp(min=1e-4)
    return mean, full.view(count, -1, 2), deviation
