"""Pyramids of partly known pictures."""

from __future__ import annotations

import numpy as np

from facestudio.texture.pyramid import Level, dilate, magnified, push_pull, pyramid, reduce


def test_unknown_texels_do_not_darken_their_neighbours() -> None:
    tones = np.zeros((64, 64, 3), np.float32)
    weight = np.zeros((64, 64), np.float32)
    tones[10:31, 7:40], weight[10:31, 7:40] = 0.7, 1.0
    for level in pyramid(Level(tones, weight), 4):
        assert np.allclose(level.tones[level.weight > 0], 0.7)


def test_levels_halve_and_stop() -> None:
    level = Level(np.ones((192, 192, 3), np.float32), np.ones((192, 192), np.float32))
    assert [len(x.weight) for x in pyramid(level, 64)] == [192, 96, 48]
    assert np.allclose(reduce(level).weight, 1.0)


def test_push_pull_keeps_the_known_and_continues_it_smoothly() -> None:
    rng = np.random.default_rng(0)
    ramp = np.linspace(0.2, 0.8, 64, dtype=np.float32)[None, :, None] * np.ones((64, 1, 3), np.float32)
    weight = (rng.random((64, 64)) < 0.2).astype(np.float32)
    filled = push_pull(Level(ramp * weight[..., None], weight))
    assert np.allclose(filled[weight > 0], ramp[weight > 0])
    assert np.abs(filled - ramp).max() < 0.08


def test_dilating_fills_only_outside() -> None:
    face = np.full((64, 64), -1, np.int32)
    face[20:40, 20:40] = 5
    tones = np.zeros((64, 64, 3), np.float32)
    tones[20:40, 20:40] = (0.5, 0.4, 0.3)
    dilate(tones, face)
    assert np.allclose(tones, (0.5, 0.4, 0.3), atol=1e-6)


def test_magnifying_is_bilinear_with_texel_centres_in_place() -> None:
    small = np.zeros((2, 2, 1), np.float32)
    small[:, 1] = 1.0
    values = [float(magnified(small, 3, x, 8, 0)) for x in range(8)]
    assert np.allclose(values, [0.0, 0.0, 0.125, 0.375, 0.625, 0.875, 1.0, 1.0])
