"""Points go where the cameras say, to the exact pixel."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from facestudio.geometry.rotations import exp_so3
from facestudio.reconstruct.sfm import warp


def camera(f: float = 4.0, c: float = 2.0) -> torch.Tensor:
    return torch.tensor([[[f, 0, c], [0, f, c], [0, 0, 1]]], dtype=torch.float64)


def test_sampling_at_a_pixel_centre_returns_that_pixel() -> None:
    picture = torch.arange(5 * 7, dtype=torch.float64).reshape(1, 1, 5, 7)
    pixels = torch.tensor([[[0.0, 0.0], [6.0, 4.0], [3.0, 2.0], [6.0, 0.0]]], dtype=torch.float64)
    assert warp.sample(picture, pixels).tolist() == [[[0.0, 34.0, 17.0, 6.0]]]


def test_sampling_between_two_pixels_is_their_mean() -> None:
    picture = torch.tensor([[[[0.0, 1.0, 4.0], [0.0, 1.0, 4.0]]]], dtype=torch.float64)
    assert warp.sample(picture, torch.tensor([[[1.5, 0.5]]], dtype=torch.float64)).item() == pytest.approx(2.5)


def test_a_pixel_that_is_nowhere_has_no_value_and_does_not_end_the_program() -> None:
    picture = torch.ones(1, 2, 4, 4, requires_grad=True)
    found = warp.sample(picture, torch.tensor([[[1.0, 1.0], [math.nan, 1.0], [math.inf, 2.0], [1e30, 2.0]]]))
    assert torch.isnan(found[0, 0]).tolist() == [False, True, True, False]
    found[..., 0].sum().backward()


def test_without_motion_every_pixel_stays_and_the_picture_is_itself() -> None:
    depth = torch.rand(1, 6, 5, dtype=torch.float64) + 0.5
    still = torch.eye(3, 4, dtype=torch.float64)[None]
    moved = warp.reproject(depth, camera(), still, camera())
    assert torch.allclose(moved.pixels[0], warp.pixel_grid(6, 5, depth), atol=1e-12)
    assert bool(moved.inside[:, 1:-1, 1:-1].all())
    assert torch.allclose(moved.depth, depth)
    picture = torch.rand(1, 3, 6, 5, dtype=torch.float64)
    assert torch.allclose(warp.synthesise(picture, moved), picture, atol=1e-12)


def test_a_step_to_the_side_moves_pixels_by_focal_times_step_over_depth() -> None:
    step = torch.eye(3, 4, dtype=torch.float64)[None].clone()
    step[0, 0, 3] = 0.5
    moved = warp.reproject(torch.full((1, 5, 5), 2.0, dtype=torch.float64), camera(), step, camera())
    assert torch.allclose(moved.pixels[..., 0] - warp.pixel_grid(5, 5, step)[..., 0], torch.tensor(1.0, dtype=torch.float64))
    assert not bool(moved.inside[:, :, 4].any())  # the last column has left the picture


def test_each_camera_is_used_with_its_own_focal_length() -> None:
    still = torch.eye(3, 4, dtype=torch.float64)[None]
    moved = warp.reproject(torch.ones(1, 5, 5, dtype=torch.float64), camera(4.0), still, camera(8.0))
    assert moved.pixels[0, 2, 3].tolist() == [4.0, 2.0]


def test_points_behind_the_camera_are_not_inside() -> None:
    back = torch.eye(3, 4, dtype=torch.float64)[None].clone()
    back[0, 2, 3] = -5.0
    assert not bool(warp.reproject(torch.ones(1, 5, 5, dtype=torch.float64), camera(), back, camera()).inside.any())


@pytest.mark.parametrize("turn", [[0.0, 0.0, 0.0], [0.003, -0.002, 0.001], [0.4, -0.9, 0.2], [math.pi - 0.1, 0.0, 0.0]])
def test_rotations_are_those_of_the_geometry_room(turn: list[float]) -> None:
    R = warp.rotation(torch.tensor(turn, dtype=torch.float64))
    assert np.allclose(R.numpy(), exp_so3(np.array(turn)), atol=1e-12)


@pytest.mark.parametrize("scale", [0.0, 0.02, 1.0])
def test_the_gradient_of_a_rotation_is_right_at_zero_too(scale: float) -> None:
    turn = (scale * torch.tensor([0.3, -0.5, 0.8], dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(warp.rotation, (turn,))


def test_relative_poses_lead_from_each_camera_to_each_other() -> None:
    poses = warp.pose_of(torch.randn(2, 3, 6, dtype=torch.float64))
    relative = warp.relative_poses(poses)
    assert torch.allclose(warp.compose(relative[:, 0, 2], poses[:, 0]), poses[:, 2])
    assert torch.allclose(relative[:, 1, 1], torch.eye(3, 4, dtype=torch.float64).expand(2, 3, 4), atol=1e-12)
    assert torch.allclose(warp.compose(relative[:, 1, 2], relative[:, 0, 1]), relative[:, 0, 2])
