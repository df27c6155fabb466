"""The two flow estimators: DIS on a shifted picture, RAFT behind torchvision's door (a stand-in where torchvision is not installed)."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from facestudio.errors import DatasetError, FaceStudioError
from facestudio.training.checkpoint import save_checkpoint
from facestudio.training.mfnet.flow import dis_flow, raft_flow


class StandIn(nn.Module):
    """Takes the place of RAFT: its one weight times the difference of the pictures' brightness, in pixels of what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.zeros(()))
        self.given: list[tuple[int, ...]] = []

    def forward(self, first: Tensor, second: Tensor, num_flow_updates: int) -> list[Tensor]:
        self.given.append(tuple(first.shape[-2:]))
        off = self.gain * (second - first).mean(1, keepdim=True)
        return [off.repeat(1, 2, 1, 1) * step for step in range(1, num_flow_updates + 1)]


@pytest.fixture
def torchvision(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    net = StandIn()
    door = ModuleType("torchvision.models.optical_flow")
    for name in ("raft_large", "raft_small"):
        setattr(door, name, lambda weights, progress: net)
    for name in ("torchvision", "torchvision.models"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, door.__name__, door)
    return net


def test_raft_reads_local_weights_and_lets_gradients_through(torchvision: StandIn, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "raft.pth", {"gain": torch.tensor(3.0)})
    estimate = raft_flow(tmp_path / "raft.pth", steps=2)
    assert float(torchvision.gain.detach()) == 3.0
    assert not torchvision.gain.requires_grad  # frozen
    first, second = torch.full((1, 3, 96, 64), 0.25), torch.full((1, 3, 96, 64), 0.5, requires_grad=True)
    flow = estimate(first, second)
    assert torchvision.given == [(128, 128)]  # RAFT's smallest
    # 3 x twice the difference (pictures go from 0…1 to -1…1) x the second step, scaled back from 128 to 64 and 96 pixels
    np.testing.assert_allclose(flow[0, :, 40, 30].detach(), [3.0 * 0.5 * 2 * 64 / 128, 3.0 * 0.5 * 2 * 96 / 128], rtol=1e-5)
    flow.sum().backward()
    assert second.grad is not None
    assert float(second.grad.abs().min()) > 0


def test_weights_that_do_not_fit_are_refused(torchvision: StandIn, tmp_path: Path) -> None:
    (tmp_path / "raft.pth").write_bytes(b"nothing")
    with pytest.raises(DatasetError, match="cannot be read"):
        raft_flow(tmp_path / "raft.pth")


def test_a_missing_torchvision_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "raft.pth", {"gain": torch.tensor(3.0)})
    monkeypatch.setitem(sys.modules, "torchvision.models.optical_flow", None)
    with pytest.raises(FaceStudioError, match="RAFT cannot be used"):
        raft_flow(tmp_path / "raft.pth")


def test_dis_finds_a_shift_and_its_direction() -> None:
    rng = np.random.default_rng(0)
    noise = cv2.GaussianBlur(rng.random((96, 96, 3)).astype(np.float32), (0, 0), 2.0)
    noise = (noise - noise.min()) / np.ptp(noise)
    first = torch.from_numpy(noise).permute(2, 0, 1)[None]
    flow = dis_flow(first, torch.roll(first, 3, 3))  # everything three pixels further right
    inside = flow[0, :, 16:80, 16:80]
    assert abs(float(inside[0].median()) - 3.0) < 0.1
    assert abs(float(inside[1].median())) < 0.1
