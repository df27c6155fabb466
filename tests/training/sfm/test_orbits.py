"""What the networks get to see of a data set: the right pixels, cameras, landmarks and poses, at any size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from facestudio.errors import DatasetError
from facestudio.head.store import load_head
from facestudio.reconstruct.sfm.objective import Estimate, LossConfig, objective
from facestudio.training.sfm.errors import depth_errors, turn_errors
from facestudio.training.sfm.orbits import OrbitConfig, Orbits, mean_points, prepare, stacked, subset, varied
from facestudio.training.synth.shard import write_description
from tests.training.sfm.made import made_orbits, made_shard

CONFIG = OrbitConfig(size=64, frames=3, landmarks=200)


def test_the_true_poses_project_the_true_points_onto_the_landmarks_at_every_size() -> None:
    points = mean_points(load_head("open"))
    shard = made_shard((7,), mean_head=True)
    for size in (64, 96):
        head = prepare(shard, 7, points, replace(CONFIG, size=size, noise=0.0))
        assert head.pictures.shape == (6, size, size, 3)
        for K, pose, marks in zip(head.K, head.truth_pose, head.landmarks, strict=True):
            cam = points.basis.mean @ pose[:, :3].T + pose[:, 3]
            pixels = cam @ K.T
            assert pixels[:, :2] / pixels[:, 2:] == pytest.approx(marks, abs=0.01)
        # The average head is what PnP assumes: its poses are the true ones.
        assert turn_errors(torch.from_numpy(head.start)[None], torch.from_numpy(head.truth_pose)[None]) < 0.1


def test_bundled_cameras_are_nearer_to_the_truth_than_pnp_of_the_average_head() -> None:
    points, shard = mean_points(load_head("open")), made_shard((3,))
    errors = {}
    for start in ("pnp", "bundle"):
        head = prepare(shard, 3, points, replace(CONFIG, start=start, landmarks=568))
        errors[start] = turn_errors(torch.from_numpy(head.start)[None], torch.from_numpy(head.truth_pose)[None])
    assert errors["bundle"] < 0.5 * errors["pnp"]


def test_true_depth_and_poses_satisfy_the_losses() -> None:
    head = prepare(made_shard((3,)), 3, mean_points(load_head("open")), replace(CONFIG, size=96, jitter=0.0, noise=0.0))
    data = stacked([subset(head, np.array([1, 2, 3]))])
    truth = data.truth
    assert truth is not None
    known = truth > 0
    data = replace(data, mask=data.mask & known)
    poses = torch.from_numpy(head.truth_pose[[2, 1, 3]])[None].float()
    found = Estimate(1 / torch.where(known, truth, torch.ones_like(truth)), poses)
    costs = {name: float(value) for name, value in objective(found, data, LossConfig()).items()}
    assert costs["landmark"] < 1.2  # landmarks on the outline read some background
    assert costs["photometric"] < 0.12
    assert depth_errors(2.0 * found.depth, data).mean_mm == pytest.approx(0.0, abs=0.01)
    assert depth_errors(2.0 * found.depth, data).scale == pytest.approx(0.5)


def test_the_middle_frame_comes_first() -> None:
    head = prepare(made_shard((3,)), 3, mean_points(load_head("open")), CONFIG)
    few = subset(head, np.array([0, 2, 5]))
    assert np.array_equal(few.pictures, head.pictures[[2, 0, 5]])


def test_an_epoch_shows_every_head_once_and_processes_share_it(tmp_path: Path) -> None:
    orbits = Orbits(made_orbits(tmp_path), CONFIG, load_head("open"))
    assert len(orbits) == 4
    batches = list(orbits.batches(2, np.random.default_rng(0)))
    assert [tuple(b.pictures.shape) for b in batches] == [(2, 3, 3, 64, 64)] * 2
    assert batches[0].landmarks.shape == (2, 3, 200, 2)
    shares = [list(orbits.batches(1, np.random.default_rng(0), rank, 2)) for rank in (0, 1)]
    assert len(shares[0]) == len(shares[1]) == 2
    K = {float(b.K[0, 0, 0, 0]) for share in shares for b in share}
    assert len(K) == 4  # every head once, none twice


def test_memory_is_bounded(tmp_path: Path) -> None:
    orbits = Orbits(made_orbits(tmp_path), replace(CONFIG, keep=1), load_head("open"))
    first = orbits.head(0).pictures
    assert not np.array_equal(orbits.head(3).pictures, first)
    assert np.array_equal(orbits.head(0).pictures, first)
    assert len(orbits._ready) == 1


def test_noise_and_colour_change_what_they_should() -> None:
    head = prepare(made_shard((3,)), 3, mean_points(load_head("open")), CONFIG)
    exact = prepare(made_shard((3,)), 3, mean_points(load_head("open")), replace(CONFIG, noise=0.0, jitter=0.0))
    noisy = prepare(made_shard((3,)), 3, mean_points(load_head("open")), replace(CONFIG, noise=0.01, jitter=0.0))
    assert np.std(noisy.landmarks - exact.landmarks) == pytest.approx(0.64, rel=0.05)
    other = varied(head, CONFIG, np.random.default_rng(0))
    assert np.array_equal(other.landmarks, head.landmarks)
    assert np.array_equal(other.visible, head.visible)
    change = other.pictures.astype(float).mean((1, 2)) - head.pictures.astype(float).mean((1, 2))
    assert np.ptp(change, axis=0).max() < 6  # the same change in all frames, up to clipping


def test_a_data_set_of_another_kind_is_refused(tmp_path: Path) -> None:
    write_description(tmp_path, {"mode": "triplets"})
    with pytest.raises(DatasetError, match="does not hold orbits"):
        Orbits(tmp_path, CONFIG, load_head("open"))
