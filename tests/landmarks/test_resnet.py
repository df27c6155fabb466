"""The trunks: torchvision's names, the right sizes, He's initialisation."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from facestudio.landmarks.resnet import Depth, EveryOther, ResNet, kaiming

PUBLISHED = {  # parameters of torchvision's networks without fc
    18: 11_689_512 - 513_000,
    34: 21_797_672 - 513_000,
    50: 25_557_032 - 2_049_000,
}


@pytest.mark.parametrize("depth", [18, 34, 50])
def test_as_many_parameters_as_the_published_network(depth: Depth) -> None:
    assert sum(p.numel() for p in ResNet(depth).parameters()) == PUBLISHED[depth]


@pytest.mark.parametrize("depth", [18, 50])
def test_features_and_stages_have_the_sizes_that_networks_build_on(depth: Depth) -> None:
    net = ResNet(depth).eval()
    with torch.no_grad():
        assert net(torch.zeros(2, 3, 64, 64)).shape == (2, net.channels)
        stages = net.stages(torch.zeros(1, 3, 64, 96))
    assert [s.shape[1] for s in stages] == list(net.stage_channels)
    assert [s.shape[2:] for s in stages] == [(32, 48), (16, 24), (8, 12), (4, 6), (2, 3)]


def test_names_are_torchvisions() -> None:
    names = set(ResNet(50).state_dict())
    assert {"conv1.weight", "bn1.running_mean", "layer1.0.downsample.0.weight", "layer3.5.conv3.weight"} <= names
    assert "layer1.0.downsample.0.weight" not in ResNet(18).state_dict()
    assert not any(name.startswith("fc") for name in names)


def test_published_weights_load_without_their_classifier() -> None:
    source, net = ResNet(18), ResNet(18)
    published = dict(source.state_dict()) | {"fc.weight": torch.zeros(1000, 512), "fc.bias": torch.zeros(1000)}
    net.load_published(published)
    assert torch.equal(net.conv1.weight, source.conv1.weight)
    with pytest.raises(RuntimeError):
        net.load_published({"conv1.weight": source.conv1.weight})


def test_kaiming_keeps_the_signal_s_size() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Conv2d(64, 64, 3, padding=1)
    kaiming(layer)
    assert float(layer.weight.detach().var()) == pytest.approx(2.0 / (64 * 9), rel=0.05)
    assert layer.bias is not None
    assert not layer.bias.any()


def test_every_parameter_gets_a_gradient() -> None:
    net = ResNet(18)
    net(torch.randn(2, 3, 32, 32)).square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in net.parameters())


def test_a_narrow_trunk_has_the_same_form_with_fewer_channels() -> None:
    stages = ResNet(18, 6, width=16).stages(torch.zeros(1, 6, 64, 64))
    assert [tuple(stage.shape[1:]) for stage in stages] == [(16, 32, 32), (16, 16, 16), (32, 8, 8), (64, 4, 4), (128, 2, 2)]


def test_the_shortcut_is_a_strided_convolution() -> None:
    torch.manual_seed(0)
    mine, theirs = EveryOther(8, 16, 1, 2, bias=False), torch.nn.Conv2d(8, 16, 1, 2, bias=False)
    theirs.load_state_dict(mine.state_dict())
    for size in (16, 15):
        pictures = torch.randn(2, 8, size, size)
        torch.testing.assert_close(mine(pictures), theirs(pictures))


def test_two_threads_may_share_its_gradient() -> None:
    """In a process of its own: with torch's strided convolution it dies on processors with AVX-512."""
    program = (
        "import torch; from facestudio.landmarks.resnet import EveryOther; torch.set_num_threads(2)\n"
        "for _ in range(60):\n"
        "    x = torch.randn(3, 8, 16, 16).contiguous(memory_format=torch.channels_last).requires_grad_(True)\n"
        "    y = EveryOther(8, 16, 1, 2, bias=False)(x)\n"
        "    y.backward(torch.randn_like(y))\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=120).returncode == 0
