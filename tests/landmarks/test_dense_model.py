"""The dense network: shapes, where points look, and that they follow their start."""

from __future__ import annotations

import torch

from facestudio.landmarks.dense_model import DenseLandmarker, DenseNet, DenseNetConfig, to_pixels, to_unit
from facestudio.landmarks.dense_start import StartConfig, StartNet, start_points

SMALL = DenseNetConfig(points=6, components=4, width=8, fine=4, own=4, context=4, hidden=16)


def _net() -> DenseNet:
    torch.manual_seed(0)
    return DenseNet(SMALL)


def test_stages_sigmas_and_visibility_have_their_shapes() -> None:
    said = _net()(torch.rand(2, 3, 128, 128), torch.zeros(2, 6, 2))
    assert [s.shape for s in said.stages] == [(2, 6, 2)] * 5
    assert said.points is said.stages[-1]
    assert said.places.shape == (2, 3, 32, 32)
    assert said.log_sigma.shape == said.seen.shape == (2, 6)


def test_everything_learns() -> None:
    net = _net()
    net.basis.normal_()
    said = net(torch.rand(2, 3, 64, 64), torch.zeros(2, 6, 2))
    (sum(s.square().sum() for s in said.stages) + said.log_sigma.sum() + said.seen.sum() + said.places.sum()).backward()
    assert all(p.grad is not None for p in net.parameters())


def test_pixels_and_units_are_inverse_and_meet_at_the_middle() -> None:
    pixels = torch.tensor([[-0.5, -0.5], [63.5, 63.5], [127.5, 127.5]])
    assert torch.allclose(to_unit(pixels, 128), torch.tensor([[-1.0, -1.0], [0.0, 0.0], [1.0, 1.0]]))
    assert torch.allclose(to_pixels(to_unit(pixels, 128), 128), pixels)


def test_the_start_moves_and_grows_with_the_detected_points() -> None:
    torch.manual_seed(0)
    net = StartNet(StartConfig(inputs=10, points=6, components_in=4, components=3, hidden=8))
    net.mean.normal_()
    net.basis.normal_()
    net.basis_in.normal_()
    detected = torch.rand(2, 10, 2) * 50
    first = start_points(net, detected)
    assert torch.allclose(start_points(net, detected * 2 + 7), first * 2 + 7, atol=1e-3)


def test_start_and_network_ship_together() -> None:
    start = StartNet(StartConfig(inputs=10, points=6, components_in=4, components=3, hidden=8))
    both = DenseLandmarker(start, _net()).eval()
    assert both(torch.rand(1, 3, 64, 64), torch.rand(1, 10, 2) * 64).points.shape == (1, 6, 2)
    assert any(name.startswith("start.") for name in both.state_dict())


def test_points_asked_for_alone_get_the_same_answer() -> None:
    net, rows = _net().eval(), torch.tensor([4, 1])
    net.basis.normal_(std=0.1)
    picture, start = torch.rand(1, 3, 64, 64), torch.rand(1, 6, 2) - 0.5
    assert torch.allclose(net(picture, start, rows).points, net(picture, start).points[:, rows], atol=1e-6)
