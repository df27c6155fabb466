"""The whole way on a few small pictures: from shards to weights that the detector reads."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from facestudio.errors import DatasetError
from facestudio.head.dense import COUNT, dense_mirror
from facestudio.head.landmarks import embedding, on_surface
from facestudio.head.store import load_head
from facestudio.landmarks.dense_net import DenseConfig, dense_landmarks
from facestudio.landmarks.dense_start import StartConfig, StartNet
from facestudio.paths import models_dir
from facestudio.reconstruct import detector_error
from facestudio.training.dense.detected import detected_path, read_detected, write_detected
from facestudio.training.dense.examples import Examples, batches, usable
from facestudio.training.dense.starts import crop_camera, detector_mirror, simulate, true_points
from facestudio.training.dense.study import fit_error, honest_factor
from facestudio.training.dense.train import LOOP, WEIGHTS, DenseTraining, displaced, train_landmarks
from facestudio.training.synth.factory import FactoryConfig, make_subject, pack, wearer_for
from facestudio.training.synth.shard import read_shard, shard_path, write_description, write_shard
from facestudio.types import Image, Landmarks

SMALL = FactoryConfig(seed=3, subjects=3, size=64, per_shard=3)
CONFIG = DenseTraining(
    loop=replace(LOOP, row_steps=1, keep_minutes=9.0),
    sizes=((0.0, 64),),
    batch=2,
    epoch_batches=3,
    start_shards=1,
    held_out=4,
    points=64,
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three subjects in our own skins, one shard."""
    folder = tmp_path_factory.mktemp("triplets")
    taken = [photo for n in range(SMALL.subjects) for photo in make_subject(wearer_for("open", ""), SMALL, n)]
    write_shard(shard_path(folder, 0), pack(taken))
    write_description(folder, asdict(SMALL))
    return folder


def test_the_true_places_of_mediapipe_landmarks_agree_with_the_labels(data: Path) -> None:
    model, shard = load_head("open"), read_shard(shard_path(data, 0))
    truth = true_points(shard, model, 64)
    e = embedding(model, "mediapipe478")
    template = on_surface(model.template, model.faces, e)
    dense = on_surface(model.template, model.faces, embedding(model, "dense800"))
    near = np.linalg.norm(template[:, None] - dense[None], axis=2)
    pairs = np.flatnonzero(near.min(1) < 0.001)
    assert len(pairs) > 10
    gap = np.linalg.norm(truth[:, pairs] - shard.landmarks[:, near[pairs].argmin(1)], axis=2)
    assert np.median(gap) < 0.4  # pixels of 64: the pairs are up to a millimetre apart
    assert crop_camera(shard, 0, 64).width == 64


def test_a_simulated_detector_errs_as_its_model_says(data: Path) -> None:
    model, shard = load_head("open"), read_shard(shard_path(data, 0))
    ids, truth = embedding(model, "mediapipe478").ids, true_points(shard, model, 64)
    error = detector_error.load(models_dir() / "mediapipe_error.npz")
    draws = np.stack([simulate(shard, truth, ids, error, np.random.default_rng(s), 1.0) for s in range(12)])
    off = np.linalg.norm(draws - truth, axis=-1)
    assert 0.1 < np.median(off) < 2.0
    assert np.abs(draws - draws.mean(0)).max() > 0.05
    exact = simulate(shard, truth, ids, error, np.random.default_rng(0), 0.0)
    assert np.allclose(exact, simulate(shard, truth, ids, error, np.random.default_rng(1), 0.0))


def test_batches_are_the_same_for_the_same_seed_and_their_thread_ends(data: Path) -> None:
    model, mirror = load_head("open"), dense_mirror()
    error = detector_error.load(models_dir() / "mediapipe_error.npz")
    examples = Examples(data, model, error, StartNet(StartConfig()), draws=1)
    assert examples.refresh() == 9
    assert examples.refresh() == 9  # nothing is read twice

    def run(seed: int) -> list[np.ndarray]:
        made = batches(examples, examples.places(), 64, 4, mirror, (0, seed), CONFIG.augment)
        return [b.pictures.numpy().copy() for b in made]

    first, again, other = run(1), run(1), run(2)
    assert len(first) == 2
    assert first[0].shape == (4, 3, 64, 64)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_what_was_detected_is_kept_and_anything_else_is_said(data: Path, tmp_path: Path) -> None:
    shard = tmp_path / shard_path(data, 0).name
    assert read_detected(shard, 2, 3) is None
    points = np.array([[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], np.full((3, 2), np.nan)], np.float32)
    write_detected(detected_path(shard), points)
    found = read_detected(shard, 2, 3)
    assert found is not None
    assert np.array_equal(found, points, equal_nan=True)
    with pytest.raises(DatasetError, match="does not belong"):
        read_detected(shard, 4, 3)
    detected_path(shard).write_bytes(b"nothing")
    with pytest.raises(DatasetError, match="cannot be read"):
        read_detected(shard, 2, 3)


def test_training_starts_from_what_mediapipe_really_said_where_it_found_the_face(data: Path) -> None:
    model, shard = load_head("open"), read_shard(shard_path(data, 0))
    truth = true_points(shard, model, 64)
    said = truth + np.float32(0.5)
    said[1], said[2] = np.nan, said[2] + 20.0  # not found; another face
    assert usable(said, truth, 64).tolist() == [True, False, False] + [True] * 6
    path = detected_path(shard_path(data, 0))
    write_detected(path, said)
    try:
        error = detector_error.load(models_dir() / "mediapipe_error.npz")
        examples = Examples(data, model, error, StartNet(StartConfig()), draws=1)
        examples.refresh()
    finally:
        path.unlink()
    held = examples.held[0]
    assert held.real.tolist() == [True, False, False] + [True] * 6
    assert np.allclose(held.detected[-1][held.real], said[held.real], atol=0.04)  # kept as float16
    assert np.isfinite(held.detected).all()
    # Judged as it was detected: the crop is the one around those points.
    box = np.concatenate([held.detected[-1, 0].min(0), held.detected[-1, 0].max(0)])
    assert np.allclose(held.boxes[-1, 0], box)


def test_a_training_ends_in_weights_that_the_detector_reads_and_goes_on(data: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, loop=replace(CONFIG.loop, steps=3))
    done = train_landmarks(data, data, tmp_path, 60.0, config=config)
    assert done.steps == 3
    assert {"val/px", "val/start", "val/inside", "val/px_other"} <= set(done.last)
    found = Landmarks(np.random.default_rng(0).uniform(60, 140, (478, 2)), "mediapipe478", np.ones(478))
    picture = Image(np.full((200, 200, 3), 90, np.uint8))
    dense = dense_landmarks([picture], [found], tmp_path / WEIGHTS, DenseConfig(size=64))[0]
    assert dense.points.shape == (COUNT, 2)
    assert np.isfinite(dense.points).all()
    assert (dense.sigma > 0).all()
    assert (tmp_path / WEIGHTS).stat().st_size < 25_000_000
    longer = train_landmarks(
        data, None, tmp_path, 60.0, config=replace(config, loop=replace(CONFIG.loop, steps=4)), begin=tmp_path / WEIGHTS
    )
    assert longer.steps == 4


def test_an_empty_folder_is_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(DatasetError):
        train_landmarks(tmp_path, None, tmp_path / "out", 1.0)


def test_starts_are_displaced_as_much_as_asked() -> None:
    import torch

    torch.manual_seed(0)
    start = torch.rand(64, 10, 2) - 0.5
    assert torch.allclose(displaced(start, 0.0), start)
    assert 0.03 < float((displaced(start, 1.0) - start).norm(dim=-1).mean()) < 0.2


def test_the_error_model_of_both_detectors_finds_what_was_put_in() -> None:
    ids = embedding(load_head("open"), "mediapipe478").ids
    rng, yaws = np.random.default_rng(0), (-30.0, 0.0, 30.0)
    samples = rng.normal(0.0, 0.001, (40, 3, len(ids) + COUNT, 2))
    samples[:, :, len(ids) :, 1] += 0.002  # dense points lie too low everywhere
    model = fit_error(samples, yaws, ids)
    partner = detector_mirror(ids)
    assert np.allclose(model.bias[:, len(ids) :, 1], 0.002, atol=0.0006)
    assert np.allclose(model.bias[1, partner][:, 0], -model.bias[1, : len(ids), 0], atol=0.0006)
    assert model.ids[len(ids)] == 478
    assert honest_factor(np.abs(rng.normal(size=20000)) / 0.5) == pytest.approx(2.0, rel=0.05)
