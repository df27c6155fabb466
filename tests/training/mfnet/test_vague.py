"""Smooth landmark errors: what they move, how much, and that a training with a number of steps is the same again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from facestudio.head.model import HeadModel
from facestudio.reconstruct.mfnet.network import SMALL, Sight, mfnet_for
from facestudio.reconstruct.mfnet.perspective import project
from facestudio.training.mfnet.batch import TripletBatch, collate
from facestudio.training.mfnet.cache import JitterConfig, varied
from facestudio.training.mfnet.straight import solve_straight
from facestudio.training.mfnet.train import MFNetTrainer, MFNetTraining
from facestudio.training.mfnet.triplets import SyntheticTriplets
from facestudio.training.mfnet.vague import VagueError

TINY = replace(SMALL, side=64, hidden=16, map_channels=2)


def seen(triplets: SyntheticTriplets, points: torch.Tensor, sigma_mm: float) -> TripletBatch:
    """Two captures whose sights show the average head where the truth has it, each point this uncertain."""
    batch = collate([triplets.sample(*p) for p in triplets._places(False)[:2]])
    truth = batch.truth
    assert truth is not None
    K, R, t = batch.K.flatten(0, 1), truth.R.flatten(0, 1), truth.t.flatten(0, 1)
    per_mm = K[:, 0, 0] / (1000.0 * t[:, 2])
    log_sigma = torch.log(sigma_mm * per_mm)[:, None].expand(-1, len(points))
    marks = project(points.expand(len(K), -1, -1), K, R, t)[..., :2]
    return replace(batch, sight=Sight(torch.ones(6, 4), torch.zeros(6, 4, 2, 2), marks, log_sigma, torch.ones(6, len(points))))


def test_a_point_moves_by_the_square_of_its_deviation_and_neighbours_move_together(
    head: HeadModel, triplets: SyntheticTriplets
) -> None:
    points = mfnet_for(head, TINY).points
    assert points is not None
    vague, rng = VagueError(points.mean), torch.Generator().manual_seed(0)
    sure, unsure = (seen(triplets, points.mean, sigma) for sigma in (1.0, 2.0))
    assert unsure.truth is not None
    K, t = unsure.K.flatten(0, 1), unsure.truth.t.flatten(0, 1)
    mm = (1000.0 * t[:, 2] / K[:, 0, 0])[:, None, None]
    drawn = torch.stack([vague.draw(sure, rng) * mm for _ in range(200)])
    assert float(drawn.square().mean().sqrt()) == pytest.approx(1.0, abs=0.08)
    again = [vague.draw(b, torch.Generator().manual_seed(3)) for b in (sure, unsure)]
    torch.testing.assert_close(again[1], 4.0 * again[0], rtol=1e-3, atol=1e-5)
    places = points.mean.numpy()
    gaps = np.linalg.norm(places[:, None] - places[None], axis=2)
    x = drawn[:, 1, :, 0].numpy()
    together = np.corrcoef(x.T)
    assert together[(gaps > 0) & (gaps < 0.015)].mean() > 0.9
    assert abs(together[gaps > 0.13].mean()) < 0.35


def test_all_views_see_one_error(head: HeadModel, triplets: SyntheticTriplets) -> None:
    points = mfnet_for(head, TINY).points
    assert points is not None
    batch = seen(triplets, points.mean, 1.0)
    assert batch.truth is not None
    same = replace(batch, truth=replace(batch.truth, R=batch.truth.R[:, :1].expand(-1, 3, -1, -1)))
    moved = VagueError(points.mean).draw(same, torch.Generator().manual_seed(1)).unflatten(0, (2, 3))
    mm = 1000.0 * batch.truth.t[:, :, 2] / batch.K[:, :, 0, 0]
    torch.testing.assert_close(moved[:, 0] * mm[:, 0, None, None], moved[:, 2] * mm[:, 2, None, None], rtol=1e-3, atol=1e-4)


def test_no_vague_error_without_a_share_and_none_without_truth(head: HeadModel, triplets: SyntheticTriplets) -> None:
    points = mfnet_for(head, TINY).points
    assert points is not None
    batch, vague = seen(triplets, points.mean, 1.0), VagueError(points.mean)
    quiet = JitterConfig(landmarks=0.0, vague=0.0, focal=0.0, features=0.0)
    still = varied(batch, quiet, torch.Generator().manual_seed(0), vague)
    assert still.sight is not None and batch.sight is not None and batch.sight.landmarks is not None
    torch.testing.assert_close(still.sight.landmarks, batch.sight.landmarks)
    shaken = varied(batch, replace(quiet, vague=1.0), torch.Generator().manual_seed(0), vague)
    assert shaken.sight is not None and shaken.sight.landmarks is not None
    assert float((shaken.sight.landmarks - batch.sight.landmarks).abs().mean()) > 0.1
    with pytest.raises(ValueError, match="with truth"):
        vague.draw(replace(batch, truth=None), torch.Generator())


def test_so_many_steps_give_the_same_weights_again(head: HeadModel, data: Path, tmp_path: Path) -> None:
    weights = []
    for name in ("a", "b"):
        torch.manual_seed(0)
        training = MFNetTraining(
            minutes=1.0, stages=("look", "fusion"), fusion_steps=3, fusion_batch=2, variants=1, captures=4, validate=2, batch=2
        )
        net = mfnet_for(head, TINY)
        MFNetTrainer(head, net, [data], tmp_path / name, training, held_out=data).run()
        weights.append(net.straight.weight.detach().clone())
    torch.testing.assert_close(weights[0], weights[1])
    assert float(weights[0].abs().max()) > 0.0


def test_the_straight_answer_is_the_least_squares_one(head: HeadModel, triplets: SyntheticTriplets) -> None:
    net = mfnet_for(head, TINY).eval()
    points = net.points
    assert points is not None
    batch = seen(triplets, points.mean, 1.0)
    batches = [varied(batch, JitterConfig(landmarks=2.0, vague=0.0), torch.Generator().manual_seed(i)) for i in range(8)]
    assert solve_straight(net, batches, ridge=1e-6) == 16
    sights, K = zip(*((b.sight, b.K.flatten(0, 1)) for b in batches), strict=True)
    x = torch.cat([net.unexplained(s, k)[1].reshape(2, -1) for s, k in zip(sights, K, strict=True) if s is not None])
    y = torch.cat([torch.cat([b.truth.identity, b.truth.expression], 1) for b in batches if b.truth is not None])
    said = net.straight(x) + net.last_layer.bias
    # More residuals than captures: these are told exactly, and so is their mean.
    torch.testing.assert_close(said, y, atol=0.02, rtol=0.02)
    with pytest.raises(ValueError, match="nothing to explain"):
        solve_straight(net, [])
