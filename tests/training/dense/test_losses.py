"""The losses of the dense landmarks: numbers by hand, gradients, and what each part is for."""

from __future__ import annotations

import math

import pytest
import torch

from facestudio.landmarks.dense_model import UNIT, DenseOutput
from facestudio.training.dense.losses import DenseLossConfig, beta_nll, dense_losses, gaussian_nll, huber

PLACE = torch.tensor([[0.0, 0.0, 0.1], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [5.0, 0.0, 0.0]])


def test_huber_by_hand() -> None:
    error = torch.tensor([[0.3, 0.0], [0.0, 2.0]])
    assert torch.allclose(huber(error, 0.5), torch.tensor([0.09, 1.75]), atol=1e-4)


def test_the_likelihood_by_hand() -> None:
    value = gaussian_nll(torch.tensor([[3.0, 4.0]]), torch.tensor([math.log(5.0)]))
    assert float(value) == pytest.approx(0.5 + 2 * math.log(5.0), rel=1e-6)


def test_the_best_sigma_is_the_scatter() -> None:
    torch.manual_seed(0)
    error = 0.7 * torch.randn(20000, 2)
    log_sigma = torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.Adam([log_sigma], 0.05)
    for _ in range(200):
        optimiser.zero_grad()
        gaussian_nll(error, log_sigma).mean().backward()
        optimiser.step()
    assert float(log_sigma.detach().exp()) == pytest.approx(0.7, rel=0.03)


def test_with_beta_a_half_the_pull_is_the_error_over_sigma() -> None:
    error = torch.tensor([[0.5, 0.0]], requires_grad=True)
    beta_nll(error, torch.tensor([math.log(0.25)]), 0.5).sum().backward()
    assert error.grad is not None
    assert float(error.grad[0, 0]) == pytest.approx(0.5 / 0.25)


def test_gradients() -> None:
    torch.manual_seed(1)
    error = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    log_sigma = torch.randn(3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda e: huber(e, 0.5), (error,))
    assert torch.autograd.gradcheck(gaussian_nll, (error, log_sigma))


def _output(offset: float, points: torch.Tensor) -> DenseOutput:
    moved = (points + offset).requires_grad_()
    flat = torch.zeros(points.shape[:2], requires_grad=True)
    return DenseOutput((moved, moved), flat, flat.detach(), torch.zeros(len(points), 3, 8, 8), torch.zeros(1))


@pytest.mark.parametrize("share", [0.0, 0.9])
def test_a_batch(share: float) -> None:
    points = torch.zeros(2, 4, 2)
    visible = torch.tensor([[True, True, False, False]] * 2)
    losses = dense_losses(_output(2 * UNIT, points), points, visible, PLACE[:4], share)
    assert float(losses["px"]) == pytest.approx(math.sqrt(2.0), rel=1e-5)
    assert not losses["px"].requires_grad
    assert ("sigma" in losses) is (share == 0.0)
    near = dense_losses(_output(0.2 * UNIT, points), points, visible, PLACE[:4], share)
    assert bool(near["last"] < losses["last"])


def test_hidden_points_count_less() -> None:
    points, visible = torch.zeros(1, 2, 2), torch.tensor([[True, False]])
    config = DenseLossConfig()
    output = _output(0.0, points)
    shifted = output.points.detach().clone()
    shifted[0, 1] = 2 * UNIT
    hidden = DenseOutput((shifted.requires_grad_(), output.points), output.log_sigma, output.seen, output.places, output.last)
    shifted = output.points.detach().clone()
    shifted[0, 0] = 2 * UNIT
    open_ = DenseOutput((shifted.requires_grad_(), output.points), output.log_sigma, output.seen, output.places, output.last)
    first, second = (dense_losses(o, points, visible, PLACE[:2], 0.9, None, config)["stage0"] for o in (hidden, open_))
    assert float((first / second).detach()) == pytest.approx(config.hidden, rel=0.01)


def test_the_map_of_places_is_judged_where_visible_points_lie() -> None:
    points, visible = torch.zeros(1, 4, 2), torch.tensor([[True, True, False, False]])
    losses = dense_losses(_output(0.0, points), points, visible, PLACE, 0.9)
    # The first is missed by 0.1 units, half a centimetre: Huber's 0.5; the last, far off, is hidden.
    assert float(losses["place"].detach()) == pytest.approx(0.25 * DenseLossConfig().place, rel=1e-3)
