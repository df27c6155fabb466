"""Synthetic captures as MFNet's training sees them: labels that stay true through every variation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from facestudio.errors import DatasetError
from facestudio.geometry.harmonics import shade
from facestudio.head.model import HeadModel
from facestudio.reconstruct.mfnet.decode import landmark_decoder
from facestudio.reconstruct.mfnet.mirror import Mirror, opposite
from facestudio.reconstruct.mfnet.perspective import project
from facestudio.training.mfnet.augment import AugmentConfig, augmented, mirrored
from facestudio.training.mfnet.batch import Sample, TripletBatch, Truth, collate
from facestudio.training.mfnet.triplets import SyntheticTriplets

CALM = AugmentConfig(mirror=0.0, uncalibrated=0.0, focal=0.0, single=0.0)


def samples(triplets: SyntheticTriplets) -> list[Sample]:
    return [triplets.sample(*place) for place in triplets._places(False)[:3]]


def truth_of(batch: TripletBatch) -> Truth:
    assert batch.truth is not None
    return batch.truth


def off_px(head: HeadModel, batch: TripletBatch) -> float:
    """How far the labels' own head and cameras put the landmarks from their labels, pixels, at most."""
    truth = truth_of(batch)
    points, ids = landmark_decoder(head, 150, 52)
    marks = points(*(c.repeat_interleave(3, 0) for c in (truth.identity, truth.expression, truth.jaw))).unflatten(0, (-1, 3))
    drawn = project(marks, batch.K, truth.R, truth.t)[..., :2]
    return float((drawn - batch.landmarks[:, :, torch.from_numpy(ids).long()]).abs().max())


def test_codes_cameras_and_the_neck_s_turn_put_the_landmarks_where_they_are_labelled(
    head: HeadModel, triplets: SyntheticTriplets
) -> None:
    truth = collate(samples(triplets))
    points, ids = landmark_decoder(head, 150, 52)
    t = truth_of(truth)
    marks = points(*(c.repeat_interleave(3, 0) for c in (t.identity, t.expression, t.jaw))).unflatten(0, (-1, 3))
    off = (project(marks, truth.K, t.R, t.t)[..., :2] - truth.landmarks[:, :, torch.from_numpy(ids).long()]).norm(dim=-1)
    assert float(off[..., :68].max()) < 0.02  # of the others, those low on the neck bend only half with it


def test_the_mirror_image_of_a_capture_is_a_capture(head: HeadModel, triplets: SyntheticTriplets, mirror: Mirror) -> None:
    given = samples(triplets)
    turned = [mirrored(s, mirror) for s in given]
    assert off_px(head, collate(turned)) < off_px(head, collate(given)) + 0.15  # the basis mirrors to half a millimetre
    assert np.array_equal(turned[0].crops[0], given[0].crops[2][:, ::-1])
    back = mirrored(turned[0], mirror)
    assert np.array_equal(back.crops, given[0].crops)
    for name in ("K", "landmarks", "R", "t", "light", "jaw", "detected"):
        np.testing.assert_allclose(getattr(back, name), getattr(given[0], name), atol=1e-4)


def test_light_is_mirrored_with_the_head(triplets: SyntheticTriplets, mirror: Mirror) -> None:
    sample = samples(triplets)[0]
    other = mirrored(sample, mirror)
    assert sample.light is not None
    assert other.light is not None
    normal, flip = np.array([0.6, 0.48, 0.64]), np.array([-1.0, 1.0, 1.0])
    there = shade(normal * flip, other.light[2].astype(np.float64))
    np.testing.assert_allclose(there, shade(normal, sample.light[0].astype(np.float64)), rtol=1e-5)


def test_a_wrong_focal_length_is_told_with_the_place_that_looks_the_same(
    head: HeadModel, triplets: SyntheticTriplets, mirror: Mirror
) -> None:
    sample = replace(samples(triplets)[0], guess=1.2)
    told = augmented(sample, mirror, np.random.default_rng(0), replace(CALM, uncalibrated=1.0))
    assert told.K[0, 0, 0] == pytest.approx(1.2 * sample.K[0, 0, 0], rel=1e-5)
    before = off_px(head, collate([sample]))
    assert off_px(head, collate([told])) < before + 1.5  # what is left is the perspective of a head 20 % farther away


def test_a_single_photo_three_times_is_one_of_the_variants(triplets: SyntheticTriplets, mirror: Mirror) -> None:
    told = augmented(samples(triplets)[0], mirror, np.random.default_rng(0), replace(CALM, single=1.0))
    assert np.array_equal(told.crops[0], told.crops[2])
    assert np.array_equal(told.landmarks[0], told.landmarks[1])
    assert told.R is not None
    assert np.array_equal(told.R[0], told.R[2])


def test_pictures_vary_and_labels_do_not(triplets: SyntheticTriplets, mirror: Mirror) -> None:
    sample = samples(triplets)[0]
    one, two = (augmented(sample, mirror, np.random.default_rng(seed), CALM) for seed in (1, 2))
    again = augmented(sample, mirror, np.random.default_rng(1), CALM)
    assert np.array_equal(one.crops, again.crops)
    assert not np.array_equal(one.crops, two.crops)
    assert np.array_equal(one.landmarks, two.landmarks)


def test_held_out_subjects_are_never_trained_on(triplets: SyntheticTriplets) -> None:
    held = {tuple(row[:3].tolist()) for b in triplets.held_out(2, 9) for row in truth_of(b).identity}
    seen = {tuple(row[:3].tolist()) for e in (0, 1) for b in triplets.batches(e, 1, 0, CALM) for row in truth_of(b).identity}
    assert held
    assert seen
    assert not held & seen


def test_an_epoch_is_the_same_again(triplets: SyntheticTriplets) -> None:
    one, two = next(triplets.batches(3, 2, 5)), next(triplets.batches(3, 2, 5))
    assert torch.equal(one.crops, two.crops)
    assert torch.equal(one.K, two.K)


def test_a_folder_of_orbits_is_refused(head: HeadModel, mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_text('{"schema": 1, "mode": "orbit"}')
    with pytest.raises(DatasetError, match="no triplets"):
        SyntheticTriplets([tmp_path], head, mirror, 64, 150, 52)


def test_expressions_know_their_other_side() -> None:
    assert opposite("mouthSmileLeft") == "mouthSmileRight"
    assert opposite("jawRight") == "jawLeft"
    assert opposite("jawOpen") == "jawOpen"
