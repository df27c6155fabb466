"""The two networks of the deep SfM paper (its section 4.1): depth from one picture, camera motion from two.

Both read with the seventeen convolutions of a ResNet-18. Depth is decoded through skip connections (Godard et al. 2019 lay the decoder
out); motion is six numbers.

What the depth network says is dimensionless: how far the surface lies from the head's origin, in widths of the picture at the head's
distance. Pictures are crops, and a crop of a far head by a long lens looks like one of a near head by a short lens: no network can tell
how far away it is. The distance z0 comes with the pose (`bundle.pnp`), the width of the crop at that distance is z0 S / f, and

    1 / D(u) = (1 + q(u) S / f) / z0,        q = REACH (2 sigmoid(o) - 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from facestudio.landmarks.resnet import ResNet, kaiming

REACH = 0.6  # crop widths that the surface may lie before or behind the head's origin
_SIX_SCALE = 0.05  # radians and metres per unit of the pose network's last layer: it starts out small


@dataclass(frozen=True)
class NetworkConfig:
    """Sizes. width: channels of the trunk's first layer (ResNet-18 has 64). decoder: channels at 1/16, 1/8, 1/4, 1/2, 1/1.

    pose_shrink: the pose network sees pictures so many times smaller: it judges motion, not detail.
    """

    width: int = 64
    decoder: tuple[int, ...] = (256, 128, 64, 32, 16)
    pose_shrink: int = 1


class DepthNet(nn.Module):
    """A picture to its inverse depth, in crop widths about the head's origin."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.encoder = ResNet(18, 3, config.width)
        skips = (*reversed(self.encoder.stage_channels[:-1]), 0)  # at 1/16, 1/8, 1/4, 1/2; nothing at full size
        channels = (self.encoder.channels, *config.decoder)
        self.up = nn.ModuleList(_block(a, b) for a, b in pairwise(channels))
        self.join = nn.ModuleList(_block(b + s, b) for b, s in zip(config.decoder, skips, strict=True))
        self.out = nn.Conv2d(config.decoder[-1], 1, 3, padding=1, padding_mode="reflect")

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, H, W) q in (-REACH, REACH) of pictures (B, 3, H, W) in [0, 1]; H and W are multiples of 32."""
        stages: Sequence[Tensor] = self.encoder.stages(_centred(pictures))
        x = stages[-1]
        skips = [*reversed(stages[:-1]), None]
        for up, join, skip in zip(self.up, self.join, skips, strict=True):
            x = functional.interpolate(up(x), scale_factor=2.0, mode="nearest")
            x = join(x if skip is None else torch.cat([x, skip], 1))
        q: Tensor = REACH * torch.tanh(0.5 * self.out(x).float())
        return q[:, 0]


class PoseNet(nn.Module):
    """Two pictures to the six numbers by which the second camera's start pose has to move."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.shrink = config.pose_shrink
        self.encoder = ResNet(18, 6, config.width)
        self.out = nn.Linear(self.encoder.channels, 6)

    def forward(self, reference: Tensor, other: Tensor) -> Tensor:
        """(B, 6): axis-angle in radians, translation in metres, of pictures (B, 3, H, W) and (B, 3, H, W) in [0, 1]."""
        pair = _centred(torch.cat([reference, other], 1))
        if self.shrink > 1:
            pair = functional.avg_pool2d(pair, self.shrink)
        six: Tensor = _SIX_SCALE * self.out(self.encoder(pair)).float()
        return six


class SfmNet(nn.Module):
    """Both networks as one: what is trained, stored and shipped. Starts from Kaiming's initialisation, as in the paper."""

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config or NetworkConfig()
        self.depth = DepthNet(self.config)
        self.pose = PoseNet(self.config)
        kaiming(self)
        # Training starts from a plane through the head, and from the poses as they are.
        for layer in (self.depth.out, self.pose.out):
            nn.init.normal_(layer.weight, std=1e-3)

    def forward(self, pictures: Tensor, pairs: Tensor) -> tuple[Tensor, Tensor]:
        """q (B, H, W) of pictures (B, 3, H, W), and the motions (P, 6) of pairs (P, 2) int64 of rows of them: reference, other."""
        return self.depth(pictures), self.pose(pictures[pairs[:, 0]], pictures[pairs[:, 1]])


def metric_inverse_depth(q: Tensor, K: Tensor, distance: Tensor) -> Tensor:
    """Inverse depth (…, H, W), 1/metres, of the depth network's q (…, H, W) under cameras K (…, 3, 3), head `distance` (…), metres."""
    width = q.shape[-1] / K[..., 0, 0]
    return (1 + q * width[..., None, None]) / distance[..., None, None]


def _centred(pictures: Tensor) -> Tensor:
    return (pictures - 0.45) / 0.225


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="reflect"), nn.ReLU(inplace=True))
