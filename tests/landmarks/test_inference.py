"""A network made ready for use says what it said before."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from facestudio.landmarks.dense_model import DenseNet, DenseNetConfig
from facestudio.landmarks.inference import for_use, in_bfloat16
from facestudio.landmarks.resnet import Depth, ResNet


def lived_in(net: nn.Module) -> nn.Module:
    """The net in eval mode, with normalisations that are not the identity, as after a training."""
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            for values, low, high in (
                (part.weight, 0.5, 1.5),
                (part.bias, -0.5, 0.5),
                (part.running_mean, -0.5, 0.5),
                (part.running_var, 0.5, 2.0),
            ):
                assert isinstance(values, Tensor)
                nn.init.uniform_(values, low, high)
    return net.eval()


@pytest.mark.parametrize("depth", [18, 50])
def test_folded_trunks_answer_as_before(depth: Depth) -> None:
    torch.manual_seed(0)
    before = lived_in(ResNet(depth, width=16))
    after = for_use(copy.deepcopy(before))
    pictures = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        expected, found = before(pictures), after(pictures)
    assert torch.allclose(found, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))
    assert not any(isinstance(part, nn.BatchNorm2d) for part in after.modules())


def test_convolutions_without_a_normalisation_stay_as_they_are() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.BatchNorm2d(4)).eval()
    weights = net[0].weight.detach().clone()  # type: ignore[operator]
    for_use(net)
    assert isinstance(net[2], nn.BatchNorm2d)
    assert torch.equal(net[0].weight, weights)  # type: ignore[arg-type]


def test_rounded_beforehand_is_what_autocast_rounds_at_every_call() -> None:
    torch.manual_seed(1)
    net = for_use(lived_in(DenseNet(DenseNetConfig(points=6))))
    rounded = in_bfloat16(copy.deepcopy(net))
    pictures, start = torch.rand(1, 3, 64, 64), torch.rand(1, 6, 2) - 0.5
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(rounded(pictures, start).points, net(pictures, start).points)
