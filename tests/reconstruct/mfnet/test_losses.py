"""Equations 6 to 11, each by hand and by its gradient."""

from __future__ import annotations

import pytest
import torch
from torch.autograd import gradcheck

from facestudio.reconstruct.mfnet.losses import (
    EYE_PAIRS,
    LIP_PAIRS,
    LossWeights,
    flow_loss,
    flow_target_loss,
    landmark_loss,
    offset_loss,
    prior_loss,
    weighted,
)


def rand(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape))) * 10


def test_the_flow_loss_is_the_mean_length_where_both_see() -> None:
    flow = torch.zeros(1, 2, 2, 2)
    flow[0, :, 0, 0] = torch.tensor([3.0, -4.0])  # |3| + |-4| = 7
    flow[0, :, 1, 1] = 100.0  # not covisible
    mask = torch.tensor([[[1.0, 1.0], [0.0, 0.0]]])
    assert float(flow_loss(flow, mask)) == pytest.approx(3.5)
    assert float(flow_loss(flow, torch.zeros(1, 2, 2))) == 0.0
    assert gradcheck(lambda f: flow_loss(f, rand(1, 2, 2) / 10), (rand(1, 2, 2, 2).requires_grad_(),))


def test_vertices_are_drawn_to_where_the_flow_saw_them_and_the_target_stands_still() -> None:
    projected = torch.tensor([[0.0, 0.0], [5.0, 5.0]], requires_grad=True)
    target = torch.tensor([[1.0, -2.0], [9.0, 9.0]], requires_grad=True)
    loss = flow_target_loss(projected, target, torch.tensor([1.0, 0.5]))
    assert float(loss.detach()) == pytest.approx((3.0 + 0.5 * 8.0) / 1.5)
    loss.backward()
    assert target.grad is None
    assert projected.grad is not None
    assert torch.equal(projected.grad.sign(), torch.tensor([[-1.0, 1.0], [-1.0, -1.0]]))
    assert gradcheck(lambda p: flow_target_loss(p, rand(4, 2) + 20, rand(4)), (rand(4, 2).requires_grad_(),))


def test_landmarks_are_summed_over_the_visible_and_averaged_over_views() -> None:
    found, projected = torch.zeros(2, 3, 2), torch.zeros(2, 3, 2)
    projected[0, 0] = torch.tensor([1.0, 2.0])  # 3, visible
    projected[0, 1] = torch.tensor([50.0, 50.0])  # hidden
    projected[1, 2] = torch.tensor([-1.0, 0.0])  # 1, visible
    visible = torch.tensor([[1.0, 0.0, 1.0], [1.0, 1.0, 1.0]])
    assert float(landmark_loss(found, projected, visible)) == pytest.approx((3.0 + 1.0) / 2)
    assert gradcheck(lambda p: landmark_loss(rand(1, 5, 2) + 30, p, rand(1, 5) / 10), (rand(1, 5, 2).requires_grad_(),))


@pytest.mark.parametrize("pairs", [EYE_PAIRS, LIP_PAIRS])
def test_an_opening_counts_wherever_the_face_was_put(pairs: tuple[tuple[int, int], ...]) -> None:
    found = rand(1, 68, 2)
    visible = torch.ones(1, 68, dtype=torch.float64)
    assert float(offset_loss(found, found + 7.0, pairs, visible)) == pytest.approx(0.0, abs=1e-9)
    opened = found.clone()
    opened[0, pairs[0][0]] -= torch.tensor([0.5, 2.0])  # the upper lid of one pair, 2.5 by L1
    assert float(offset_loss(found, opened, pairs, visible)) == pytest.approx(2.5)
    hidden = visible.clone()
    hidden[0, pairs[0][1]] = 0.0
    assert float(offset_loss(found, opened, pairs, hidden)) == pytest.approx(0.0, abs=1e-9)
    assert gradcheck(lambda p: offset_loss(rand(1, 68, 2) * 3, p, pairs, visible), (rand(1, 68, 2).requires_grad_(),))


def test_the_pairs_are_upper_and_lower_points_of_one_lid_or_lip() -> None:
    assert EYE_PAIRS == ((37, 41), (38, 40), (43, 47), (44, 46))
    assert LIP_PAIRS == ((61, 67), (62, 66), (63, 65))


def test_the_prior_sums_squares_per_capture() -> None:
    identity, expression = torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([[3.0], [0.0]])
    albedo = torch.full((2, 3, 1), 1.0)
    assert float(prior_loss(identity, expression, albedo)) == pytest.approx((1 + 4 + 9) / 2 + 3)
    assert gradcheck(lambda b: prior_loss(b, rand(2, 3), rand(2, 1)), (rand(2, 4).requires_grad_(),))


def test_the_terms_have_the_paper_s_weights_and_an_ablation_leaves_some_out() -> None:
    tens = {name: torch.tensor(10.0) for name in ("flow", "landmarks", "eyes", "lips", "prior")}
    terms = weighted(tens, LossWeights())
    assert {name: float(term) for name, term in terms.items()} == pytest.approx(
        {"flow": 10.0, "landmarks": 10.0, "eyes": 10.0, "lips": 5.0, "prior": 1e-3}
    )
    assert set(weighted(tens, LossWeights(), ("flow", "lips"))) == {"landmarks", "eyes", "prior"}
