"""The pairs RAFT learns from: their flow is the one that lays the photo onto the drawing, there and back."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from facestudio.head.model import HeadModel
from facestudio.training.raft.pairs import Pair, ShakeConfig, Subject, draw_pairs
from facestudio.types import BoolArray, Float32Array
from tests.reconstruct.refine_scene import given_cameras, make_capture

STILL = ShakeConfig(0.0, bump_m=0.0, turn=0.0, shift_m=0.0, depth_m=0.0, camera_turn=0.0, camera_shift_m=0.0)


@pytest.fixture(scope="module")
def subject(openhead: HeadModel) -> Subject:
    capture = make_capture(openhead, size=400)
    masks = tuple(np.ones((400, 400), np.float32) for _ in capture.views)
    return Subject(capture.views, tuple(given_cameras(capture)), capture.truth, masks)


def pairs(subject: Subject, model: HeadModel, shake: ShakeConfig, seed: int = 4) -> list[Pair]:
    return list(draw_pairs(subject, model, 192, np.random.default_rng(seed), shake))


def looked_up(picture: np.ndarray, flow: Float32Array) -> Float32Array:
    h, w = picture.shape
    x, y = np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32))
    at = (x + flow[..., 0], y + flow[..., 1])
    return np.asarray(cv2.remap(picture.astype(np.float32), *at, cv2.INTER_LINEAR, borderValue=(0.0,)), np.float32)


def alike(a: np.ndarray, b: np.ndarray, where: BoolArray) -> float:
    inner = where.copy()
    inner[:12] = inner[-12:] = inner[:, :12] = inner[:, -12:] = False  # what is looked up lies in the window
    return float(np.corrcoef(a[inner].astype(np.float64), b[inner].astype(np.float64))[0, 1])


def test_every_ordered_pair_within_reach_is_drawn(subject: Subject, openhead: HeadModel) -> None:
    found = pairs(subject, openhead, ShakeConfig())
    assert len(found) == 4  # left and front, front and right, either way; left and right are 80 degrees apart
    for pair in found:
        assert pair.drawn.shape == pair.photo.shape == (2, 192, 192)
        assert pair.there.shape == pair.back.shape == (192, 192, 2)
        assert (pair.there_weight > 0).mean() > 0.1


def test_the_true_head_has_no_flow(subject: Subject, openhead: HeadModel) -> None:
    for pair in pairs(subject, openhead, STILL):
        for flow, weight in ((pair.there, pair.there_weight), (pair.back, pair.back_weight)):
            assert (weight > 128).sum() > 1000
            assert np.percentile(np.abs(flow.astype(np.float32)[weight > 128]), 99) < 0.4


@pytest.mark.parametrize(
    "shake",
    [
        replace(STILL, identity=1.5),
        replace(STILL, bump_m=0.003),
        replace(STILL, turn=0.05, shift_m=0.003),
        replace(STILL, camera_turn=0.03, camera_shift_m=0.004),
    ],
    ids=["identity", "bumps", "pose", "cameras"],
)
def test_the_flow_lays_one_picture_onto_the_other(subject: Subject, openhead: HeadModel, shake: ShakeConfig) -> None:
    """Whatever is shaken: photo b where the flow leads to looks like the drawing, and the other way round."""
    before, after = [], []
    for seed in range(3):  # the share of the shake is random, and cameras are shaken for every second subject only
        for pair in pairs(subject, openhead, shake, seed):
            drawn, photo = pair.drawn[0], pair.photo[0]
            for first, second, flow, weight in (
                (drawn, photo, pair.there, pair.there_weight),
                (photo, drawn, pair.back, pair.back_weight),
            ):
                where, moved = weight > 128, flow.astype(np.float32)
                if where.sum() < 2000 or np.median(np.linalg.norm(moved[where], axis=-1)) < 1.0:
                    continue
                before.append(alike(first, second, where))
                after.append(alike(first, looked_up(second, moved), where))
    assert len(after) >= 4
    assert np.mean(after) > 0.8
    assert np.mean(after) > np.mean(before) + 0.2


def test_equal_seeds_draw_equal_pairs(subject: Subject, openhead: HeadModel) -> None:
    first, second = pairs(subject, openhead, ShakeConfig()), pairs(subject, openhead, ShakeConfig())
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.drawn, b.drawn)
        np.testing.assert_array_equal(a.there, b.there)
