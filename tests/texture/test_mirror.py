"""The other half of the head."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from facestudio.texture.mirror import mirror_corners, mirror_gain
from facestudio.texture.pyramid import Level
from facestudio.texture.unwrap import lay_out
from tests.texture.scene import ball

HEAD = ball()


def test_each_corner_finds_its_counterpart() -> None:
    corners = mirror_corners(HEAD)
    own = HEAD.uv[HEAD.uv_faces]
    assert np.isfinite(corners).all()
    assert np.allclose(corners[..., 0], 1.0 - own[..., 0], atol=1e-5)
    assert np.allclose(corners[..., 1], own[..., 1], atol=1e-5)


def test_faces_without_a_counterpart_say_so() -> None:
    mirror = HEAD.mirror.copy()
    lonely = HEAD.faces[100, 0]
    mirror[lonely] = lonely
    corners = mirror_corners(replace(HEAD, mirror=mirror))
    missing = np.isnan(corners).any(axis=(1, 2))
    assert missing[100]
    assert missing.sum() < 0.02 * len(missing)


def test_side_light_is_measured_where_both_halves_are_known() -> None:
    atlas = lay_out(HEAD.uv, HEAD.uv_faces, 64)
    line = np.linspace(0.4, 0.6, 64, dtype=np.float32)
    tones = np.ones((64, 64, 3), np.float32) * line[None, :, None]
    gain = mirror_gain(atlas, Level(tones, np.ones((64, 64), np.float32)), mirror_corners(HEAD))
    inside = atlas.face >= 0
    expected = (line / line[::-1])[None, :, None] * np.ones((64, 64, 3))
    assert np.abs(gain[inside] / expected[inside] - 1.0).max() < 0.02


def test_with_nothing_known_nothing_is_changed() -> None:
    atlas = lay_out(HEAD.uv, HEAD.uv_faces, 64)
    blank = Level(np.zeros((64, 64, 3), np.float32), np.zeros((64, 64), np.float32))
    assert (mirror_gain(atlas, blank, mirror_corners(HEAD)) == 1.0).all()
