"""What the dense landmark network is trained to say."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from facestudio.landmarks.dense_model import UNIT, DenseOutput, sample


@dataclass(frozen=True)
class DenseLossConfig:
    """Weights of the losses.

    hidden: weight of a point that cannot be seen. first: weight of the stages before the last. warmup: share of the training that
    pulls the last stage by its distance alone, before its sigma counts. beta: exponent of the beta-NLL (0: plain likelihood).
    huber: distance, in hundredths of the crop, from which on the pull is constant. seen: weight of the visibility. place: weight of
    the map of places, whose error counts in half centimetres.
    """

    hidden: float = 0.3
    first: float = 0.4
    warmup: float = 0.08
    beta: float = 0.5
    huber: float = 0.5
    seen: float = 0.2
    place: float = 2.0


def dense_losses(
    output: DenseOutput,
    points: Tensor,
    visible: Tensor,
    place: Tensor,
    share: float,
    rows: Tensor | None = None,
    config: DenseLossConfig | None = None,
) -> dict[str, Tensor]:
    """Losses of a batch.

    points: (N, P, 2) truth in [-1, 1]; visible: (N, P) bool; place: (P, 3) of the points on the average head, in `PLACE_M`s; share: of
    the training, in [0, 1]; rows: (R,) int64, the points that `output` is about, all when None.

    The last stage is judged by the beta-NLL (Seitzer et al. 2022, eq. 5) of an isotropic Gaussian: a plain likelihood would leave
    alone what it first finds hard. "px" and "px_hidden", without gradient: mean distances in hundredths of the crop's side.
    """
    c = config or DenseLossConfig()
    missed = (sample(output.places, points) - place) * 10.0
    losses = {"place": c.place * (visible * huber(missed, 1.0)).sum() / visible.sum().clamp(min=1)}
    if rows is not None:
        points, visible = points[:, rows], visible[:, rows]
    weight = torch.where(visible, 1.0, c.hidden)
    weight = weight / weight.sum()
    scale = 0.5 / UNIT  # [-1, 1] spans the crop's side
    for number, stage in enumerate(output.stages[:-1]):
        losses[f"stage{number}"] = c.first * (weight * huber((stage - points) * scale, c.huber)).sum()
    error = (output.points - points) * scale
    if share < c.warmup:
        losses["last"] = (weight * huber(error, c.huber)).sum()
        # Sigma learns from the start, from distances it must not influence yet.
        losses["sigma"] = 0.1 * (weight * gaussian_nll(error.detach(), output.log_sigma)).sum()
    else:
        losses["last"] = (weight * beta_nll(error, output.log_sigma, c.beta)).sum()
    losses["seen"] = c.seen * functional.binary_cross_entropy_with_logits(output.seen, visible.float())
    distance = error.detach().norm(dim=-1)
    losses["px"] = (distance * visible).sum() / visible.sum().clamp(min=1)
    losses["px_hidden"] = (distance * ~visible).sum() / (~visible).sum().clamp(min=1)
    return losses


def huber(error: Tensor, knee: float) -> Tensor:
    """(…, C) to (…): the distance, rounded off to a parabola below the knee (Huber 1964), divided so that its slope ends at 1."""
    distance = torch.sqrt((error * error).sum(-1) + 1e-12)
    return torch.where(distance < knee, distance * distance / (2.0 * knee), distance - 0.5 * knee)


def gaussian_nll(error: Tensor, log_sigma: Tensor) -> Tensor:
    """(…, 2) and (…) to (…): minus the log likelihood of an isotropic 2D Gaussian, without its constant."""
    return 0.5 * (error * error).sum(-1) * torch.exp(-2.0 * log_sigma) + 2.0 * log_sigma


def beta_nll(error: Tensor, log_sigma: Tensor, beta: float) -> Tensor:
    """`gaussian_nll` times sigma^(2 beta) as a constant (Seitzer et al. 2022): with beta 1/2 every point pulls as a distance does."""
    return gaussian_nll(error, log_sigma) * torch.exp(2.0 * beta * log_sigma.detach())
