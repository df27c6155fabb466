"""Each loss against a number computed by hand, its gradient against finite differences, and its refusal of empty masks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from facestudio.reconstruct.sfm import losses
from facestudio.reconstruct.sfm.losses import EmptyMaskError
from facestudio.reconstruct.sfm.warp import pose_of, relative_poses, reproject, synthesise

F64 = torch.float64


def number(seed: int, *shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=F64)


def camera(f: float, c: float) -> Tensor:
    return torch.tensor([[f, 0, c], [0, f, c], [0, 0, 1]], dtype=F64)


# --- landmark bundle adjustment -------------------------------------------------------------------------------------------------


def two_views() -> tuple[Tensor, Tensor, Tensor]:
    """Two cameras with f = 10 px side by side, 0.2 m apart, before a wall at 1 m: points move by 2 px."""
    K = camera(10.0, 4.0).expand(1, 2, 3, 3)
    poses = torch.eye(3, 4, dtype=F64).expand(1, 2, 3, 4).clone()
    poses[0, 1, 0, 3] = 0.2
    return K, relative_poses(poses), torch.ones(1, 2, 9, 9, dtype=F64)


def test_landmarks_that_agree_with_depth_and_motion_cost_nothing() -> None:
    K, relative, depth = two_views()
    marks = torch.tensor([[[[2.0, 3.0], [4.0, 5.0]], [[4.0, 3.0], [6.0, 5.0]]]], dtype=F64)
    seen = torch.ones(1, 2, 2, dtype=torch.bool)
    assert losses.landmark_bundle(depth, K, relative, marks, seen).item() == pytest.approx(0.0, abs=1e-12)


def test_landmark_distances_add_up_over_both_directions() -> None:
    K, relative, depth = two_views()
    # The first landmark is off by (3, 4) in view 1: 5 px there and 5 px on the way back. The second one agrees.
    marks = torch.tensor([[[[2.0, 1.0], [4.0, 5.0]], [[7.0, 5.0], [6.0, 5.0]]]], dtype=F64)
    seen = torch.ones(1, 2, 2, dtype=torch.bool)
    assert losses.landmark_bundle(depth, K, relative, marks, seen).item() == pytest.approx(10.0)
    assert losses.landmark_bundle(depth, K, relative, marks, seen, "mean").item() == pytest.approx(10.0 / 4)


def test_a_landmark_hidden_in_one_view_counts_in_no_pair() -> None:
    K, relative, depth = two_views()
    marks = torch.tensor([[[[2.0, 1.0], [4.0, 5.0]], [[7.0, 5.0], [6.0, 5.0]]]], dtype=F64)
    seen = torch.ones(1, 2, 2, dtype=torch.bool)
    seen[0, 1, 0] = False
    assert losses.landmark_bundle(depth, K, relative, marks, seen).item() == pytest.approx(0.0, abs=1e-12)


def test_all_ordered_pairs_of_three_views_are_used() -> None:
    K = camera(10.0, 4.0).expand(1, 3, 3, 3)
    relative = relative_poses(torch.eye(3, 4, dtype=F64).expand(1, 3, 3, 4))
    marks = torch.tensor([[[[4.0, 4.0]], [[4.0, 4.0]], [[7.0, 4.0]]]], dtype=F64)
    seen = torch.ones(1, 3, 1, dtype=torch.bool)
    # 0-1 agree, 0-2 and 1-2 differ by 3 px in both directions.
    assert losses.landmark_bundle(torch.ones(1, 3, 9, 9, dtype=F64), K, relative, marks, seen).item() == pytest.approx(12.0)


def test_the_landmark_gradient_is_right_for_depth_and_pose() -> None:
    K = camera(8.0, 2.0).expand(1, 3, 3, 3)
    marks = 0.6 + 2.8 * number(1, 1, 3, 4, 2)
    seen = number(2, 1, 3, 4) > 0.2

    def loss(depth: Tensor, six: Tensor) -> Tensor:
        return losses.landmark_bundle(depth, K, relative_poses(pose_of(six)), marks, seen)

    depth = (1 + 0.3 * number(3, 1, 3, 5, 5)).requires_grad_()
    six = (0.2 * number(4, 1, 3, 6)).requires_grad_()
    assert torch.autograd.gradcheck(loss, (depth, six))


# --- photometric ----------------------------------------------------------------------------------------------------------------


def test_the_same_picture_costs_nothing() -> None:
    picture = number(5, 1, 3, 6, 6)
    assert losses.photometric(picture, picture, torch.ones(1, 6, 6, dtype=torch.bool)).item() == pytest.approx(0.0, abs=1e-12)


def test_two_flat_pictures_cost_what_the_formula_says() -> None:
    a, b = torch.full((1, 3, 4, 4), 0.5, dtype=F64), torch.full((1, 3, 4, 4), 0.25, dtype=F64)
    # Flat pictures have no variance: SSIM = (2 * .5 * .25 + C1) / (.25 + .0625 + C1) = .2501 / .3126
    expected = 0.15 * 0.25 + 0.85 * (1 - 0.2501 / 0.3126) / 2
    assert losses.photometric(a, b, torch.ones(1, 4, 4, dtype=torch.bool)).item() == pytest.approx(expected, abs=1e-12)


def test_ssim_of_one_window_by_hand() -> None:
    # In the middle of a 3 x 3 picture the window is the picture. a: one bright pixel in nine; b: the opposite.
    a = torch.zeros(1, 1, 3, 3, dtype=F64)
    a[0, 0, 1, 1] = 1.0
    b = 1 - a
    variance, covariance = 1 / 9 - 1 / 81, 0 - (1 / 9) * (8 / 9)
    above = (2 * (1 / 9) * (8 / 9) + 1e-4) * (2 * covariance + 9e-4)
    below = ((1 / 9) ** 2 + (8 / 9) ** 2 + 1e-4) * (2 * variance + 9e-4)
    assert losses.ssim(a, b)[0, 0, 1, 1].item() == pytest.approx(above / below, abs=1e-12)


def test_pixels_outside_the_mask_do_not_count() -> None:
    a = torch.full((1, 3, 6, 6), 0.5, dtype=F64)
    b = a.clone()
    b[..., 4:] = 0.0
    mask = torch.ones(1, 6, 6, dtype=torch.bool)
    mask[..., 4:] = False
    assert losses.photometric(a, b, mask).item() > 0  # the windows at the mask's border look beyond it
    assert losses.photometric(a, b, losses.eroded(mask)).item() == pytest.approx(0.0, abs=1e-12)


def test_the_photometric_gradient_is_right_through_the_whole_warp() -> None:
    K = camera(9.0, 2.5)[None]
    a, b = number(6, 1, 1, 6, 6), number(7, 1, 1, 6, 6)
    mask = torch.zeros(1, 6, 6, dtype=torch.bool)
    mask[:, 2:4, 1:4] = True

    def loss(depth: Tensor, six: Tensor) -> Tensor:
        return losses.photometric(a, synthesise(b, reproject(depth, K, pose_of(six), K)), mask)

    depth = (1 + 0.2 * number(8, 1, 6, 6)).requires_grad_()
    six = (0.03 + 0.02 * number(9, 1, 6)).requires_grad_()
    assert torch.autograd.gradcheck(loss, (depth, six), eps=1e-7, atol=1e-5)


# --- depth consistency ----------------------------------------------------------------------------------------------------------


def test_depths_that_agree_cost_nothing() -> None:
    depth = 1 + number(10, 2, 4, 4)
    assert losses.depth_consistency(depth, depth, depth, torch.ones(2, 4, 4, dtype=torch.bool)).item() == pytest.approx(0.0)


def test_the_scale_ratio_is_that_of_the_paper() -> None:
    # D_t = 2, 4 and D_s = 1, 2 give eta = 6 / 3 = 2; D~_s = 1, 3: |2 - 1| and |6 - 2|, mean 2.5.
    target, source = torch.tensor([[[2.0, 4.0]]], dtype=F64), torch.tensor([[[1.0, 2.0]]], dtype=F64)
    computed = torch.tensor([[[1.0, 3.0]]], dtype=F64)
    mask = torch.ones(1, 1, 2, dtype=torch.bool)
    assert losses.depth_consistency(computed, source, target, mask).item() == pytest.approx(2.5)
    mask[0, 0, 1] = False  # now eta = 2 / 1, and only |2 - 1| is left
    assert losses.depth_consistency(computed, source, target, mask).item() == pytest.approx(1.0)


def test_the_depth_gradient_is_right() -> None:
    mask = number(11, 2, 5, 5) > 0.3
    depths = tuple((0.5 + number(12 + i, 2, 5, 5)).requires_grad_() for i in range(3))
    assert torch.autograd.gradcheck(lambda a, b, c: losses.depth_consistency(a, b, c, mask), depths)


# --- smoothness -----------------------------------------------------------------------------------------------------------------


def test_a_step_in_depth_is_cheap_where_the_picture_has_an_edge() -> None:
    # Inverse depth 1, 3 has the mean 2 and becomes 0.5, 1.5: a step of 1. Vertically there is none.
    inverse = torch.tensor([[[1.0, 3.0], [1.0, 3.0]]], dtype=F64)
    mask = torch.ones(1, 2, 2, dtype=torch.bool)
    flat = torch.zeros(1, 3, 2, 2, dtype=F64)
    edge = flat.clone()
    edge[..., 1] = 1.0
    assert losses.smoothness(inverse, flat, mask).item() == pytest.approx(1.0)
    assert losses.smoothness(inverse, edge, mask).item() == pytest.approx(torch.tensor(-1.0).exp().item())
    assert losses.smoothness(7 * inverse, flat, mask).item() == pytest.approx(1.0)  # not a matter of scale


def test_the_smoothness_gradient_is_right() -> None:
    picture, mask = number(20, 2, 3, 5, 6), number(21, 2, 5, 6) > 0.2
    inverse = (0.5 + number(22, 2, 5, 6)).requires_grad_()
    assert torch.autograd.gradcheck(lambda d: losses.smoothness(d, picture, mask), (inverse,))


# --- nothing is not zero --------------------------------------------------------------------------------------------------------


NOTHING = torch.zeros(1, 4, 4, dtype=torch.bool)
PICTURE = torch.rand(1, 3, 4, 4, dtype=F64)
DEPTH = torch.ones(1, 4, 4, dtype=F64)


@pytest.mark.parametrize(
    "loss",
    [
        lambda: losses.masked_mean(DEPTH, NOTHING),
        lambda: losses.photometric(PICTURE, PICTURE, NOTHING),
        lambda: losses.depth_consistency(DEPTH, DEPTH, DEPTH, NOTHING),
        lambda: losses.smoothness(DEPTH, PICTURE, NOTHING),
        lambda: losses.landmark_bundle(
            torch.ones(1, 2, 4, 4, dtype=F64),
            camera(4.0, 1.5).expand(1, 2, 3, 3),
            relative_poses(torch.eye(3, 4, dtype=F64).expand(1, 2, 3, 4)),
            torch.ones(1, 2, 3, 2, dtype=F64),
            torch.zeros(1, 2, 3, dtype=torch.bool),
        ),
    ],
)
def test_a_mean_over_nothing_is_an_error_and_not_zero(loss: Callable[[], Tensor]) -> None:
    with pytest.raises(EmptyMaskError):
        loss()


def test_one_picture_without_a_pixel_is_not_hidden_by_another_with_many() -> None:
    mask = torch.ones(2, 4, 4, dtype=torch.bool)
    mask[1] = False
    depth = torch.ones(2, 4, 4, dtype=F64)
    with pytest.raises(EmptyMaskError):
        losses.depth_consistency(depth, depth, depth, mask)
