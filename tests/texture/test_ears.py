"""An ear under hanging hair gets the face's colour, an ear in shade keeps its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facestudio.texture.ears import bare, hidden_ears
from facestudio.texture.pyramid import Level
from facestudio.texture.unwrap import lay_out
from tests.texture.scene import ball

SIDE = 128
HEAD = ball()
MIDDLE = HEAD.template[HEAD.faces].mean(axis=1)
EARS = np.abs(MIDDLE[:, 0]) > 0.6 * np.abs(MIDDLE[:, 0]).max()
EARED = replace(HEAD, face_parts=EARS.astype(np.int32), part_names=("face", "ears"))
ATLAS = lay_out(HEAD.uv, HEAD.uv_faces, SIDE)
LEFT = (ATLAS.face >= 0) & (EARS & (MIDDLE[:, 0] > 0))[np.maximum(ATLAS.face, 0)]


def measured(left_ear: float) -> Level:
    """Skin everywhere, darker on the left ear by a factor."""
    tones = np.full((SIDE, SIDE, 3), (0.72, 0.55, 0.48), np.float32)
    tones[LEFT] *= left_ear
    return Level(tones, np.ones((SIDE, SIDE), np.float32))


@pytest.mark.parametrize(("factor", "hidden"), [(0.3, True), (0.6, False), (1.0, False)])
def test_only_an_ear_as_dark_as_hair_is_hidden(factor: float, hidden: bool) -> None:
    found = hidden_ears(EARED, measured(factor))
    assert found[EARS & (MIDDLE[:, 0] > 0.02)].all() == hidden
    assert not found[MIDDLE[:, 0] < 0].any()
    assert not found[~EARS].any()


def test_an_ear_that_no_photo_shows_is_not_judged() -> None:
    level = measured(0.3)
    level.weight[LEFT] = 0.0
    assert not hidden_ears(EARED, level).any()


def test_the_gate_shuts_on_the_ear_and_a_little_beside_it() -> None:
    gate = bare(ATLAS, hidden_ears(EARED, measured(0.3)))
    assert gate[LEFT].max() < 0.05
    assert gate[(ATLAS.face >= 0) & (MIDDLE[np.maximum(ATLAS.face, 0), 0] < 0)].min() > 0.99


def test_models_without_ears_are_left_alone() -> None:
    assert not hidden_ears(HEAD, measured(0.3)).any()
