"""Augmented crops: points stay on their pixels, mirrored faces swap their sides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facestudio.landmarks.crop import Crop
from facestudio.training.dense.augment import AugmentConfig, another_look, augment

CALM = AugmentConfig(grey=0, tint=0, blur=0, coarse=0, detail=0, noise=0, jpeg=0, cover=0, stain=0, shade=0, shadow=0)
POINTS = np.array([[70.0, 60.0], [120.0, 64.0], [96.0, 110.0]])
MIRROR = np.array([1, 0, 2])


def _blobs() -> np.ndarray:
    y, x = np.mgrid[:192, :192]
    channels = [np.exp(-((x - px) ** 2 + (y - py) ** 2) / 24.0) for px, py in POINTS]
    return (255 * np.stack(channels, -1)).astype(np.uint8)


@pytest.mark.parametrize("seed", range(8))
def test_points_stay_on_their_pixels(seed: int) -> None:
    crop = Crop(np.array([96.0, 90.0]), 150.0, 128)
    rng = np.random.default_rng(seed)
    picture, moved, order = augment(_blobs(), POINTS, crop, MIRROR, rng, CALM)
    assert picture.shape == (128, 128, 3)
    v, u = np.mgrid[:128, :128]
    for channel in range(3):
        weight = picture[..., channel].astype(float)
        weight = np.clip(weight - 0.5 * weight.max(), 0.0, None)
        found = np.array([(u * weight).sum(), (v * weight).sum()]) / weight.sum()
        assert np.allclose(found, moved[channel], atol=0.7)
    assert order.tolist() in ([0, 1, 2], [1, 0, 2])
    # Read in the returned order, the first landmark is on the left of the picture, mirrored or not.
    assert moved[order][0, 0] < moved[order][1, 0]


def test_without_augmentation_the_crop_is_the_crop() -> None:
    crop = Crop(np.array([96.0, 90.0]), 150.0, 128)
    _, moved, order = augment(_blobs(), POINTS, crop, MIRROR, np.random.default_rng(0), None)
    assert np.allclose(moved, crop.to_crop(POINTS), atol=1e-4)
    assert order.tolist() == [0, 1, 2]


def test_the_same_seed_gives_the_same_crop_and_another_one_another() -> None:
    crop = Crop(np.array([96.0, 90.0]), 150.0, 64)
    first, again, other = (
        augment(_blobs(), POINTS, crop, MIRROR, np.random.default_rng(s), AugmentConfig())[0] for s in (3, 3, 4)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    "change", ["grey", "tint", "blur", "coarse", "detail", "noise", "jpeg", "cover", "stain", "shade", "shadow"]
)
def test_each_change_of_looks_changes_the_picture_and_moves_no_point(change: str) -> None:
    crop = Crop(np.array([96.0, 90.0]), 150.0, 64)
    picture = np.random.default_rng(0).integers(0, 256, (192, 192, 3), dtype=np.uint8)

    def made(config: AugmentConfig) -> tuple[np.ndarray, np.ndarray]:
        return augment(picture, POINTS, crop, MIRROR, np.random.default_rng(7), config)[:2]

    calm, changed = made(CALM), made(replace(CALM, **{change: 1.0}))
    assert np.array_equal(calm[1], changed[1])
    assert not np.array_equal(calm[0], changed[0])


def test_detail_keeps_what_is_coarse() -> None:
    crop = Crop(np.array([95.5, 95.5]), 192.0, 192)
    y, x = np.mgrid[:192, :192]
    slope = np.repeat((40.0 + 0.5 * x + 0.3 * y)[..., None], 3, axis=2).astype(np.uint8)
    # The table of gains is drawn from the same seed with and without the change.
    calm = augment(slope, POINTS, crop, MIRROR, np.random.default_rng(2), CALM)[0].astype(int)
    detailed = augment(slope, POINTS, crop, MIRROR, np.random.default_rng(2), replace(CALM, detail=1.0))[0].astype(int)
    assert np.abs(detailed - calm)[20:-20, 20:-20].max() <= 3


def test_another_look_is_the_same_face_in_other_colours() -> None:
    picture = (_blobs() // 2 + 60).astype(np.uint8)
    seen = another_look(picture, np.random.default_rng(1))
    assert seen.shape == picture.shape
    assert not np.array_equal(seen, picture)
    assert np.array_equal(seen, another_look(picture, np.random.default_rng(1)))
    v, u = np.mgrid[:192, :192]
    grey, before = seen.astype(float).sum(2), picture.astype(float).sum(2)
    for px, py in POINTS:
        near = np.hypot(u - px, v - py) < 8
        for values in (grey, before):
            weight = np.where(near, values - values[near].min(), 0.0) ** 4
            assert np.allclose([(u * weight).sum() / weight.sum(), (v * weight).sum() / weight.sum()], [px, py], atol=0.6)
