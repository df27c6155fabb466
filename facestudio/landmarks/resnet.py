"""Residual trunks (He et al. 2016): ResNet-18, 34 and 50, with the names that torchvision gives their weights.

So published weights load (`conv1`, `bn1`, `layer1.0.conv1`, …, `layer4.2.downsample.0`), without torchvision, whose operators do not
load beside a CPU build of torch. Of the ResNet-50 it is version 1.5: the stride sits in the 3 x 3 convolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Depth = Literal[18, 34, 50]
_LAYOUT: dict[int, tuple[int, ...]] = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}
STAGE_CHANNELS: dict[int, tuple[int, ...]] = {
    18: (64, 64, 128, 256, 512),
    34: (64, 64, 128, 256, 512),
    50: (64, 256, 512, 1024, 2048),
}


def _conv(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False)


class EveryOther(nn.Conv2d):
    """A strided 1 x 1 convolution, computed on the pixels that it keeps.

    oneDNN's own gradient of it, as torch 2.13 carries it, writes beyond its memory where two threads share the work (3 pictures of 8
    channels, 16 x 16, channels last: the process dies). Picking the pixels first is the same sum, and never strided.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        down, across = self.stride
        return functional.conv2d(x[:, :, ::down, ::across], self.weight, self.bias)


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut (He et al. 2016, fig. 5 left)."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv(inputs, width, 3, stride), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = _conv(width, width, 3), nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(inputs, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, width, H / stride, W / stride)."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3, 1 x 1 beside a shortcut (He et al. 2016, fig. 5 right)."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv(inputs, width, 1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = _conv(width, width, 3, stride), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = _conv(width, 4 * width, 1), nn.BatchNorm2d(4 * width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(inputs, 4 * width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, 4 width, H / stride, W / stride)."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and inputs == outputs:
        return None
    conv = EveryOther(inputs, outputs, 1, stride, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))


class ResNet(nn.Module):
    """A trunk without its classifier.

    depth: 18 (seventeen convolutions), 34 or 50. inputs: colour channels of the pictures. width: channels of the first stage,
    64 as published; fewer make a smaller trunk of the same form. `channels` is the length of its feature.
    """

    def __init__(self, depth: Depth = 18, inputs: int = 3, width: int = 64) -> None:
        super().__init__()
        block = Bottleneck if depth == 50 else BasicBlock
        self.channels = 8 * width * block.expansion
        self.stage_channels: Sequence[int] = tuple(width * published // 64 for published in STAGE_CHANNELS[depth])
        self.conv1, self.bn1 = nn.Conv2d(inputs, width, 7, 2, padding=3, bias=False), nn.BatchNorm2d(width)
        self.relu, self.maxpool = nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, padding=1)
        before = width
        for number, count in enumerate(_LAYOUT[depth]):
            wide = width << number
            blocks = []
            for index in range(count):
                blocks.append(block(before, wide, 2 if number and not index else 1))
                before = wide * block.expansion
            setattr(self, f"layer{number + 1}", nn.Sequential(*blocks))
        kaiming(self)

    def stages(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """(N, C, H, W) float to five maps at 1/2, 1/4, 1/8, 1/16 and 1/32 of the size, with `stage_channels` channels: for U-Nets."""
        half = self.relu(self.bn1(self.conv1(pictures)))
        quarter = self.get_submodule("layer1")(self.maxpool(half))
        eighth = self.get_submodule("layer2")(quarter)
        sixteenth = self.get_submodule("layer3")(eighth)
        return half, quarter, eighth, sixteenth, self.get_submodule("layer4")(sixteenth)

    def forward(self, pictures: Tensor) -> Tensor:
        """(N, C, H, W) float to features (N, channels): the mean over the last map."""
        return self.stages(pictures)[-1].mean((2, 3))

    def load_published(self, weights: dict[str, Tensor]) -> None:
        """Load a torchvision state dict; its classifier `fc` is left out. Raises RuntimeError when anything else does not fit."""
        self.load_state_dict({name: value for name, value in weights.items() if not name.startswith("fc.")})


def kaiming(net: nn.Module) -> nn.Module:
    """Initialise in place as He et al. 2015: normal weights with the fan-out's variance for convolutions, fan-in's for linear layers.

    Biases become zero, normalisations the identity. Returns the net.
    """
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    return net
