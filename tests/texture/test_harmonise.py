"""Photos of different exposure are brought to agree."""

from __future__ import annotations

import numpy as np

from facestudio.texture.harmonise import apply_gain, gain_maps
from facestudio.texture.pyramid import Level


def photos() -> list[Level]:
    rng = np.random.default_rng(3)
    scene = rng.uniform(0.3, 0.6, (128, 128, 3)).astype(np.float32)
    left, right = np.zeros((128, 128), np.float32), np.zeros((128, 128), np.float32)
    left[:, :90], right[:, 40:] = 0.8, 0.8
    return [Level(scene * (left > 0)[..., None], left), Level(scene * (right > 0)[..., None], right)]


def test_a_gain_per_channel_is_found_despite_outliers() -> None:
    first, second = photos()
    second.tones[..., 0] *= 0.8
    second.tones[..., 2] *= 1.1
    second.tones[:40, 40:60] = (0.1, 0.9, 0.1)  # something else stands there
    gains = gain_maps([first, second])
    both = [gain[30:, 22:44].mean((0, 1)) for gain in gains]  # the overlap, without what stands there
    assert np.allclose(both[1] / both[0], [1 / 0.8, 1.0, 1 / 1.1], rtol=0.03)


def test_the_middle_exposure_is_taken_over() -> None:
    first, second = photos()
    dark, bright = (Level(second.tones * f, second.weight.copy()) for f in (0.7, 1.2))
    gains = [np.median(g) for g in gain_maps([dark, first, bright])]
    assert np.allclose(gains, [1 / 0.7, 1.0, 1 / 1.2], rtol=0.03)


def test_without_overlap_nothing_is_changed() -> None:
    first, second = photos()
    second.weight[:, :100] = 0.0
    second.tones[..., 1] *= 0.5
    for gain in gain_maps([first, second]):
        assert np.allclose(gain, 1.0, atol=1e-6)


def test_applying_a_gain_leaves_unknown_texels_alone() -> None:
    level = photos()[0]
    before = level.tones.copy()
    apply_gain(level, np.full((64, 64, 3), 1.5, np.float32))
    assert np.allclose(level.tones, before * 1.5)
    assert not level.tones[level.weight == 0].any()
