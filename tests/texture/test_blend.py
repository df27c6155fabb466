"""Two photos joined in the texture."""

from __future__ import annotations

import numpy as np

from facestudio.texture.blend import agreement, blend, choose
from facestudio.texture.pyramid import Level, pyramid
from facestudio.types import Float32Array


def level(tone: float, weight: Float32Array, seed: int = 0) -> Level:
    grain = np.random.default_rng(seed).normal(0, 0.02, (*weight.shape, 3)).astype(np.float32)
    return Level((tone + grain) * (weight > 0)[..., None], weight)


def halves(size: int = 256) -> tuple[Float32Array, Float32Array]:
    """Two photos that overlap by 40 %; each fades out where it ends, as trust in a photo does."""
    across = np.clip(np.linspace(1, 0, size, dtype=np.float32) - 0.3, 0.0, None)[None] / 0.7 * np.ones((size, 1), np.float32)
    return across.copy(), across[:, ::-1].copy()


def shares(levels: list[Level]) -> list[Float32Array]:
    whole = np.ones_like(levels[0].weight)
    return choose(levels, agreement(levels), [1.0, 1.0], np.zeros_like(whole), whole, 0)


def test_equal_photos_come_back_unchanged() -> None:
    left, right = halves()
    first, second = level(0.5, left), level(0.5, right)
    joined = blend([pyramid(first), pyramid(second)], shares([first, second]))
    expected = np.where(left[..., None] > 0, first.tones, second.tones)
    assert np.abs(joined - expected).max() < 2e-3  # half a step of eight bits


def test_a_step_between_photos_becomes_a_slope() -> None:
    left, right = halves()
    first, second = Level(np.full((256, 256, 3), 0.5, np.float32), left), Level(np.full((256, 256, 3), 0.56, np.float32), right)
    for photo in (first, second):
        photo.tones[photo.weight == 0] = 0.0
    line = blend([pyramid(first), pyramid(second)], shares([first, second]))[128, :, 0]
    assert np.abs(np.diff(line)).max() < 0.008
    assert abs(line[0] - 0.5) < 0.01
    assert abs(line[-1] - 0.56) < 0.01


def test_the_border_of_an_island_does_not_darken() -> None:
    left, right = halves()
    left[:40], right[:40] = 0.0, 0.0
    first, second = (Level(np.full((256, 256, 3), 0.5, np.float32) * (w > 0)[..., None], w) for w in (left, right))
    joined = blend([pyramid(first), pyramid(second)], shares([first, second]))
    assert np.allclose(joined[40:], 0.5, atol=1e-5)
    assert not joined[:40].any()


def test_what_the_better_photo_contradicts_is_left_out() -> None:
    weight = np.full((256, 256), 0.8, np.float32)
    good, bad = level(0.5, weight), level(0.5, weight * 0.4, seed=0)
    bad.tones[100:150, 100:150] = (0.1, 0.9, 0.1)
    agreed = agreement([good, bad])
    assert agreed[1][110:140, 110:140].max() < 0.01
    assert agreed[0].min() == 1.0
    assert agreed[1][:90].min() == 1.0


def test_features_stay_in_the_leading_photo() -> None:
    weight = np.full((64, 64), 0.4, np.float32)
    photos = [level(0.5, weight), level(0.5, weight * 1.5)]
    features = np.zeros((64, 64), np.float32)
    features[20:40, 20:40] = 1.0
    chosen = choose(photos, agreement(photos), [1.0, 1.0], features, np.ones((64, 64), np.float32), 0)
    assert chosen[0][30, 30, 0] > 0.9
    assert chosen[1][5, 5, 0] > 0.9
