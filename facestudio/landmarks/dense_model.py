"""The network of the dense landmarks: 800 points of the head, each with how sure the network is of it and whether it can be seen.

A ResNet-18 (the seventeen convolutions of the deep face SfM paper, section 3.1) looks at the crop. The points start where the detector's
own points place them (`dense_start`). The trunk's last map moves all of them at once, through a fully connected layer onto the principal
components of what the start gets wrong; then twice again from what lies under all points together, as supervised descent does (Xiong and
De la Torre 2013). From a pyramid over the trunk's maps (Lin et al. 2017) a map of places is read: which place of
the average head each pixel shows (as DensePose does, Güler et al. 2018). Each point then looks where it lies, compares the place it
finds there, and beside it, with its own, and moves; twice. A map of places is smooth, so it tells fractions of a pixel, and every
labelled point of every picture teaches it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from facestudio.landmarks.dense_start import StartNet, start_points
from facestudio.landmarks.resnet import ResNet, kaiming

PLACE_M = 0.05  # metres: the unit of places on the head
UNIT = 0.01  # sigmas and losses count in hundredths of the crop's side
_AROUND = ((0.0, 0.0), (1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0))  # where a point looks, in pixels of the map of places


@dataclass(frozen=True)
class DenseNetConfig:
    """Sizes of the network.

    points: landmarks. components: of the common moves. width: channels of the pyramid; fine: of its finest map. own: length of each
    point's vector; context: of what each point hears from the whole picture. read: numbers read under each point for a common move.
    moves: common moves after the first. rounds: how often a point looks and moves by itself.
    """

    points: int = 800
    components: int = 64
    width: int = 64
    fine: int = 32
    own: int = 32
    context: int = 32
    hidden: int = 128
    read: int = 12
    moves: int = 2
    rounds: int = 2


@dataclass(frozen=True)
class DenseOutput:
    """What the network says of N crops.

    stages: (N, P, 2) points after each common move and each round, the last one being the answer; crop coordinates in [-1, 1], the
    outer edges of the crop's first and last pixel. log_sigma: (N, P), natural logarithm of one standard deviation of each coordinate,
    in `UNIT`s of the crop's side. seen: (N, P) logits that the point is visible. places: (N, 3, S / 4, S / 4): the place of the average
    head, in `PLACE_M`s from its middle, that each pixel shows. last: (N, C, S / 32, S / 32), the trunk's last map, for networks that go
    on from it.
    """

    stages: tuple[Tensor, ...]
    log_sigma: Tensor
    seen: Tensor
    places: Tensor
    last: Tensor

    @property
    def points(self) -> Tensor:
        """(N, P, 2): the answer."""
        return self.stages[-1]


class DenseNet(nn.Module):
    """See the module."""

    basis: Tensor
    place: Tensor

    def __init__(self, config: DenseNetConfig | None = None) -> None:
        super().__init__()
        c = self.config = config or DenseNetConfig()
        self.trunk = ResNet(18)
        self.register_buffer(
            "basis", torch.zeros(c.components, c.points, 2)
        )  # times the components' deviations, in [-1, 1] units
        self.register_buffer("place", torch.zeros(c.points, 3))  # of each point on the average head
        channels = self.trunk.channels
        self.where = nn.Conv2d(channels, c.fine, 1)
        self.coefficients = nn.Linear(channels + 16 * c.fine, c.components)
        self.context = nn.Linear(channels, c.context)
        self.lateral = nn.ModuleList(nn.Conv2d(n, c.width, 1) for n in self.trunk.stage_channels[1:])
        self.smooth = nn.Conv2d(c.width, c.width, 3, padding=1)
        self.fine = nn.Conv2d(self.trunk.stage_channels[0], c.fine, 3, padding=1)
        self.read = nn.ModuleList(nn.Linear(c.width + c.fine, c.read) for _ in range(c.moves))
        self.moves = nn.ModuleList(nn.Linear(c.points * c.read, c.components) for _ in range(c.moves))
        self.own = nn.Parameter(torch.randn(c.points, c.own) * 0.3)
        self.to_place = nn.Sequential(nn.Conv2d(c.width, c.width, 3, padding=1), nn.ReLU(), nn.Conv2d(c.width, 3, 1))
        inputs = c.width + c.fine + c.own + c.context + 3 * len(_AROUND)
        self.looks = nn.ModuleList(
            nn.Sequential(
                nn.Linear(inputs, c.hidden), nn.ReLU(), nn.Linear(c.hidden, c.hidden), nn.ReLU(), nn.Linear(c.hidden, 4)
            )
            for _ in range(c.rounds)
        )
        for part in (self.where, self.context, self.lateral, self.smooth, self.fine, self.to_place, self.looks):
            kaiming(part)
        nn.init.normal_(self.coefficients.weight, std=0.01)
        nn.init.zeros_(self.coefficients.bias)
        for move in self.moves:
            nn.init.normal_(move.weight, std=0.001)  # type: ignore[arg-type]
            nn.init.zeros_(move.bias)  # type: ignore[arg-type]
        for look in self.looks:
            last = look[-1]  # type: ignore[index]
            nn.init.normal_(last.weight, std=0.01)

    def forward(self, pictures: Tensor, start: Tensor, rows: Tensor | None = None) -> DenseOutput:
        """(N, 3, S, S) float RGB in [0, 1], S a multiple of 16 (trained for 128 to 160).

        start: (N, P, 2) float, the points' places as far as known, in [-1, 1]. rows: (R,) int64, the points to look for; all when None.
        """
        place, vectors = self.place, self.own.view_as(self.own)
        if rows is not None:
            place, vectors = place[rows], vectors[rows]
        half, quarter, eighth, sixteenth, last = self.trunk.stages((pictures - 0.5) * 4.0)
        whole = last.mean((2, 3))
        spread = functional.adaptive_avg_pool2d(self.where(last), 4).flatten(1)
        coefficients = self.coefficients(torch.cat([whole, spread], 1)).float()
        stages = [start + torch.einsum("nk,kpc->npc", coefficients, self.basis)]
        maps = [lateral(stage) for lateral, stage in zip(self.lateral, (quarter, eighth, sixteenth, last), strict=True)]
        top = maps.pop()
        while maps:
            below = maps.pop()
            top = below + functional.interpolate(top, size=below.shape[2:], mode="nearest")
        pyramid = torch.relu(self.smooth(top))
        places = self.to_place(pyramid).float()
        # Converted here, and not at each of the readings below: it shows.
        pyramid, fine = pyramid.float(), torch.relu(self.fine(half)).float()
        step = 2.0 / places.shape[-1]
        context = self.context(whole)[:, None].expand(-1, len(vectors), -1)
        own = vectors[None].expand(len(pictures), -1, -1)
        for read, move in zip(self.read, self.moves, strict=True):
            at = stages[-1].detach()
            under = read(torch.cat([sample(pyramid, at), sample(fine, at)], 2)).flatten(1)
            stages.append(at + torch.einsum("nk,kpc->npc", move(under).float(), self.basis))
        if rows is not None:
            stages = [stage[:, rows] for stage in stages]
        log_sigma = seen = start.new_zeros(())
        for look in self.looks:
            at = stages[-1].detach()
            off = [place - sample(places, at + step * at.new_tensor(beside)) for beside in _AROUND]
            said = look(torch.cat([sample(pyramid, at), sample(fine, at), own, context, *off], 2)).float()
            # A move is of the order of a hundredth of the crop.
            stages.append(at + said[..., :2] * (2.0 * UNIT))
            log_sigma, seen = said[..., 2].clamp(-4.0, 4.0), said[..., 3]
        return DenseOutput(tuple(stages), log_sigma, seen, places, last)


def sample(features: Tensor, points: Tensor) -> Tensor:
    """Read maps (N, C, H, W) at points (N, P, 2) in [-1, 1], bilinearly; beyond the border its value goes on. (N, P, C)."""
    read = functional.grid_sample(features.float(), points[:, :, None].float(), padding_mode="border", align_corners=False)
    return read[..., 0].transpose(1, 2)


def to_unit(pixels: Tensor, size: int) -> Tensor:
    """Crop pixels (…, 2), pixel centres at integers, to [-1, 1] between the outer edges of the first and last pixel."""
    return (pixels + 0.5) * (2.0 / size) - 1.0


def to_pixels(points: Tensor, size: int) -> Tensor:
    """The inverse of `to_unit`."""
    return (points + 1.0) * (0.5 * size) - 0.5


class DenseLandmarker(nn.Module):
    """Start and picture network together: what ships in one weight file."""

    def __init__(self, start: StartNet, net: DenseNet) -> None:
        super().__init__()
        self.start, self.net = start, net

    def forward(self, pictures: Tensor, detected: Tensor) -> DenseOutput:
        """Crops (N, 3, S, S) in [0, 1] and the detector's points (N, D, 2) in their pixels."""
        said: DenseOutput = self.net(pictures, to_unit(start_points(self.start, detected), pictures.shape[-1]))
        return said
