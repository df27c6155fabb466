"""Where the dense landmarks lie as far as another detector's points tell: the start of the dense network.

Mediapipe's points already know head turn, size and expression, and its errors are known in kind. A small network turns them into all
800 points, in the coefficients of a linear model; it is trained on geometry alone, so it costs no pictures. The picture network then
only has to move points by what it sees.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class StartConfig:
    """Sizes: points in and out, components in and out, width of the hidden layers."""

    inputs: int = 435
    points: int = 800
    components_in: int = 48
    components: int = 96
    hidden: int = 256


class StartNet(nn.Module):
    """Detected points to dense points, both in the detected points' own box: its centre 0, half its longer side 1."""

    mean_in: Tensor
    basis_in: Tensor
    mean: Tensor
    basis: Tensor

    def __init__(self, config: StartConfig | None = None) -> None:
        super().__init__()
        c = self.config = config or StartConfig()
        self.register_buffer("mean_in", torch.zeros(c.inputs, 2))
        self.register_buffer("basis_in", torch.zeros(c.inputs, 2, c.components_in))  # divided by the components' deviations
        self.register_buffer("mean", torch.zeros(c.points, 2))
        self.register_buffer("basis", torch.zeros(c.components, c.points, 2))  # times the components' deviations
        self.straight = nn.Linear(c.components_in, c.components)
        self.bent = nn.Sequential(
            nn.Linear(c.components_in, c.hidden),
            nn.SiLU(),
            nn.Linear(c.hidden, c.hidden),
            nn.SiLU(),
            nn.Linear(c.hidden, c.components),
        )
        nn.init.zeros_(self.bent[-1].weight)  # type: ignore[arg-type]

    def forward(self, detected: Tensor) -> Tensor:
        """(N, inputs, 2) to (N, points, 2) float32."""
        code = torch.einsum("npc,pck->nk", detected - self.mean_in, self.basis_in)
        return self.mean + torch.einsum("nk,kpc->npc", self.straight(code) + self.bent(code), self.basis)


def box_of(points: Tensor) -> tuple[Tensor, Tensor]:
    """Centre (N, 1, 2) and half of the longer side (N, 1, 1) of the boxes of points (N, P, 2)."""
    low, high = points.amin(1, keepdim=True), points.amax(1, keepdim=True)
    return (low + high) / 2.0, (high - low).amax(2, keepdim=True) / 2.0


def start_points(net: StartNet, detected: Tensor) -> Tensor:
    """Dense points (N, points, 2) from detected points (N, inputs, 2), in the same pixels."""
    centre, half = box_of(detected)
    points: Tensor = net((detected - centre) / half) * half + centre
    return points
