"""MFNet's losses, each a pure function of tensors (equations 6 to 11). What they compare is made in `flow`, `covisible` and `render`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

# Upper and lower points of the same lid or lip, iBUG's 68 counted from zero.
EYE_PAIRS = ((37, 41), (38, 40), (43, 47), (44, 46))
LIP_PAIRS = ((61, 67), (62, 66), (63, 65))


@dataclass(frozen=True)
class LossWeights:
    """Eq. 11: lambda 1 to 5 in the paper's order."""

    flow: float = 1.0
    landmarks: float = 1.0
    eyes: float = 1.0
    lips: float = 0.5
    prior: float = 1e-4


def flow_loss(flow: Tensor, mask: Tensor) -> Tensor:
    """Eq. 6, |F(M * I_b, M * I_ab)|: mean over the covisible pixels of the flow's L1 length, pixels; zero where none is covisible.

    flow (B, 2, H, W), mask (B, H, W) in [0, 1]. The sum of the paper grows with the face's size in the picture; the mean does not.
    """
    length = flow.abs().sum(1)
    return (length * mask).sum() / mask.sum().clamp_min(1.0)


def flow_target_loss(projected: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Eq. 6 without a gradient through the estimator: mean L1 distance, pixels, of vertices from where the flow saw them.

    projected (N, 2): the vertices' pictures, with gradient. target (N, 2): the same plus the flow there; taken as fixed. weight (N,).
    """
    distance = (projected - target.detach()).abs().sum(-1)
    return (distance * weight).sum() / weight.sum().clamp_min(1.0)


def landmark_loss(found: Tensor, projected: Tensor, visible: Tensor) -> Tensor:
    """Eq. 7: sum over the landmarks on the visible face of |k - k'|_1, averaged over views. (V, N, 2), (V, N, 2), (V, N) in [0, 1]."""
    return ((found - projected).abs().sum(-1) * visible).sum(-1).mean()


def offset_loss(found: Tensor, projected: Tensor, pairs: Sequence[tuple[int, int]], visible: Tensor) -> Tensor:
    """Eq. 8 and 9: sum over pairs of |(k_i - k_j) - (k'_i - k'_j)|_1, averaged over views; pairs of which a point is hidden do not count.

    found, projected (V, 68, 2), visible (V, 68). With EYE_PAIRS it is the eye loss, with LIP_PAIRS the lip loss: how far they
    open, wherever the whole face was put.
    """
    i, j = torch.tensor(pairs, device=found.device).T
    off = (found[:, i] - found[:, j]) - (projected[:, i] - projected[:, j])
    return (off.abs().sum(-1) * visible[:, i] * visible[:, j]).sum(-1).mean()


def prior_loss(identity: Tensor, expression: Tensor, albedo: Tensor) -> Tensor:
    """Eq. 10: |beta|^2 + |psi|^2 + |alpha|^2, averaged over captures. Each (B, …)."""
    return sum((code.flatten(1).square().sum(1).mean() for code in (identity, expression, albedo)), torch.zeros(()))


def weighted(losses: Mapping[str, Tensor], weights: LossWeights, without: Collection[str] = ()) -> dict[str, Tensor]:
    """The terms of eq. 11, whose sum is the loss: losses named as `LossWeights`' fields; without: terms left out (the ablations)."""
    known: Mapping[str, float] = vars(weights)
    return {name: known[name] * value for name, value in losses.items() if name not in without}
