"""The network itself: the paper's configuration and ours, on OpenHead and on FLAME."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from facestudio.head.dense import attach_dense
from facestudio.head.model import HeadModel
from facestudio.head.store import load_head
from facestudio.reconstruct.mfnet.network import PAPER, SMALL, MFNet, mfnet_for


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return load_head("open")


def cameras(side: int, batch: int = 1) -> Tensor:
    middle = (side - 1) / 2.0
    K = torch.tensor([[2.0 * side, 0, middle], [0, 2.0 * side, middle], [0, 0, 1]])
    return K.expand(batch, 3, 3, 3)


def test_the_papers_network_is_a_resnet_50_with_single_layers(head: HeadModel) -> None:
    torch.manual_seed(0)
    net = mfnet_for(head, PAPER).eval()
    assert isinstance(net.fusion, torch.nn.Linear)
    assert net.fusion.in_features == 3 * 2048
    assert net.fusion.out_features == 100 + 50
    assert "layer3.5.conv3.weight" in net.trunk.state_dict()  # a ResNet-50's, by torchvision's names
    assert sum(p.numel() for p in net.trunk.parameters()) == 25_557_032 - 2_049_000  # without the classifier
    with torch.no_grad():
        said = net(torch.rand(1, 3, 3, 224, 224), cameras(224))
    assert said.identity.shape == (1, 100)
    assert said.expression.shape == (1, 50)
    assert said.texture.shape == (1, 3, 50)
    assert said.light.shape == (1, 3, 9, 3)
    assert (said.R @ said.R.transpose(-1, -2) - torch.eye(3)).abs().max() < 1e-5
    assert 0.3 < float(said.t[0, 0, 2]) < 1.0  # before the camera, about where a face of this size is


def test_identity_hears_all_views_and_a_pose_only_its_own(head: HeadModel) -> None:
    torch.manual_seed(0)
    net = mfnet_for(head, replace(PAPER, depth=18, side=64)).eval()
    torch.nn.init.normal_(net.fusion.weight, std=0.1)  # type: ignore[arg-type]
    torch.nn.init.normal_(net.view.weight, std=0.1)
    crops = torch.rand(1, 3, 3, 64, 64)
    other = crops.clone()
    other[:, 0] = torch.rand(3, 64, 64)
    with torch.no_grad():
        a, b = net(crops, cameras(64)), net(other, cameras(64))
    assert float((a.identity - b.identity).abs().max()) > 1e-3
    assert float((a.jaw[:, 0] - b.jaw[:, 0]).abs().max()) > 1e-4
    torch.testing.assert_close(a.R[:, 1:], b.R[:, 1:])
    torch.testing.assert_close(a.light[:, 1:], b.light[:, 1:])


@pytest.mark.parametrize("config", [replace(SMALL, hidden=16), replace(PAPER, depth=18, side=64)], ids=["small", "paper"])
def test_flame_works_as_openhead_does(flame: HeadModel, config: object) -> None:
    torch.manual_seed(0)
    flame = attach_dense(flame)
    net: MFNet = mfnet_for(flame, config)  # type: ignore[arg-type]
    side, detected = net.config.side, torch.rand(2, 3, 435, 2)
    said = net(torch.rand(2, 3, 3, side, side), cameras(side, 2), detected * side)
    assert said.identity.shape == (2, min(net.config.identity, flame.identity_basis.shape[2]))
    (said.identity.square().sum() + said.t.sum()).backward()
    last = net.view.weight.grad
    assert last is not None
    assert torch.isfinite(last).all()
