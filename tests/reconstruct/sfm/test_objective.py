"""The losses as one: the truth costs least, and what no pair can speak for is left out."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from facestudio.reconstruct.sfm.losses import EmptyMaskError
from facestudio.reconstruct.sfm.networks import REACH, NetworkConfig, SfmNet, metric_inverse_depth
from facestudio.reconstruct.sfm.objective import Estimate, LossConfig, Sequences, estimate, near_pairs, objective
from facestudio.reconstruct.sfm.warp import compose, pose_of, relative_poses
from tests.reconstruct.sfm.heads import orbit, sequences

YAWS = (-24.0, 0.0, 24.0)
TINY = NetworkConfig(width=8, decoder=(16, 12, 8, 8, 8), pose_shrink=2)


def truth(data: Sequences) -> Estimate:
    assert data.truth is not None
    return Estimate(1.0 / torch.where(data.mask, data.truth, torch.ones_like(data.truth)), data.start)


def costs(found: Estimate, data: Sequences) -> dict[str, float]:
    return {name: float(value) for name, value in objective(found, data, LossConfig()).items()}


def test_true_depth_and_true_poses_cost_little_in_every_loss() -> None:
    data = sequences(orbit(YAWS))
    found = costs(truth(data), data)
    assert set(found) == {"landmark", "photometric", "depth", "smooth"}
    assert found["landmark"] < 1.0  # per cent of the picture's width, with landmarks at silhouettes
    assert found["photometric"] < 0.12


@pytest.mark.parametrize(
    ("six", "losses"),
    [
        ([0.0, 0.05, 0.0, 0.0, 0.0, 0.0], ("landmark", "photometric")),
        ([0.0, 0.0, 0.0, 0.0, 0.0, 0.02], ("landmark", "photometric", "depth")),
    ],
)
def test_a_wrong_pose_costs_more(six: list[float], losses: tuple[str, ...]) -> None:
    data = sequences(orbit(YAWS))
    right = truth(data)
    poses = right.poses.clone()
    poses[:, 2] = compose(poses[:, 2], pose_of(torch.tensor(six)))
    before, after = costs(right, data), costs(replace(right, poses=poses), data)
    assert all(after[name] > 1.2 * before[name] for name in losses)


def test_flat_depth_costs_more_than_the_true_one() -> None:
    data = sequences(orbit(YAWS))
    right = truth(data)
    flat = torch.full_like(right.inverse_depth, 1 / 0.5)
    before, after = costs(right, data), costs(replace(right, inverse_depth=flat), data)
    assert after["landmark"] > 2 * before["landmark"]
    assert after["photometric"] > before["photometric"]


def test_only_pairs_within_the_basin_enter_the_losses_over_pixels() -> None:
    data = sequences(orbit((-40.0, 0.0, 40.0)))
    _, target, source = near_pairs(relative_poses(data.start), 45.0)
    assert list(zip(target.tolist(), source.tolist(), strict=True)) == [(0, 1), (1, 0), (1, 2), (2, 1)]
    assert set(costs(truth(data), data)) == {"landmark", "smooth"}  # 40 degrees is beyond the default


def test_frames_that_share_nothing_are_an_error() -> None:
    data = sequences(orbit(YAWS))
    nothing = replace(data, visible=torch.zeros_like(data.visible), mask=torch.zeros_like(data.mask))
    with pytest.raises(EmptyMaskError):
        objective(truth(data), nothing, LossConfig())


def test_an_untrained_network_says_a_plane_through_the_head_and_the_poses_as_they_were() -> None:
    data = sequences(orbit(YAWS))
    net = SfmNet(TINY).eval()
    found = estimate(net, data)
    assert found.inverse_depth.shape == (1, 3, 96, 96)
    assert torch.allclose(found.depth, data.start[..., 2, 3, None, None].expand_as(found.depth), rtol=0.05)
    assert torch.allclose(found.poses, data.start, atol=0.01)
    assert torch.equal(estimate(net, data, corrected=False).poses, data.start)


def test_depth_follows_distance_and_focal_length_of_the_crop() -> None:
    q = torch.full((1, 96, 96), REACH)
    K = torch.tensor([[[125.0, 0, 47.5], [0, 125.0, 47.5], [0, 0, 1]]])
    near = 1 / metric_inverse_depth(q, K, torch.tensor([0.5]))
    assert near[0, 0, 0].item() == pytest.approx(0.5 / (1 + REACH * 96 / 125))
    zoomed = K.clone()
    zoomed[:, :2] *= 2
    far = 1 / metric_inverse_depth(q, zoomed, torch.tensor([1.0]))  # the same crop width at twice the distance
    assert (1.0 / far[0, 0, 0] - 1.0).item() == pytest.approx((0.5 / near[0, 0, 0] - 1.0).item() / 2)


def test_minimising_the_losses_brings_depth_nearer_to_the_truth() -> None:
    torch.manual_seed(0)
    data = sequences(orbit(YAWS))
    assert data.truth is not None
    net = SfmNet(TINY)
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3, betas=(0.9, 0.99))

    def gap() -> float:
        assert data.truth is not None
        with torch.no_grad():
            return float((estimate(net, data).depth - data.truth)[data.mask].abs().mean())

    before = gap()
    for _ in range(25):
        optimiser.zero_grad()
        torch.stack(list(objective(estimate(net, data), data, LossConfig()).values())).sum().backward()
        optimiser.step()
    assert gap() < 0.7 * before


def test_mixed_precision_in_the_networks_does_not_blur_the_geometry() -> None:
    data = sequences(orbit(YAWS))
    net = SfmNet(TINY).eval()
    plain = objective(estimate(net, data), data, LossConfig())
    with torch.autocast("cpu", torch.bfloat16):
        mixed = objective(estimate(net, data), data, LossConfig())
    assert mixed["landmark"].dtype == torch.float32
    assert float(mixed["landmark"]) == pytest.approx(float(plain["landmark"]), rel=0.02)
