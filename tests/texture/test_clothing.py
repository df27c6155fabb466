"""A collar on the neck is not skin."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from facestudio.texture.clothing import skin_on_neck
from facestudio.texture.pyramid import Level
from facestudio.texture.unwrap import lay_out
from facestudio.types import Float32Array
from tests.texture.scene import ball

SIDE = 128
HEAD = ball()
HEIGHT = HEAD.template[HEAD.faces].mean(axis=1)[:, 1]
NECKED = replace(HEAD, face_parts=(HEIGHT < -0.03).astype(np.int32), part_names=("face", "neck"))
ATLAS = lay_out(HEAD.uv, HEAD.uv_faces, SIDE)
NECK = (ATLAS.face >= 0) & NECKED.part_faces("neck")[np.maximum(ATLAS.face, 0)]


def measured() -> Level:
    grain = np.random.default_rng(1).normal(0, 0.01, (SIDE, SIDE, 1))
    tones: Float32Array = (np.array([0.72, 0.55, 0.48]) + grain).astype(np.float32)
    return Level(tones, np.ones((SIDE, SIDE), np.float32))


def test_a_white_collar_is_rejected_and_the_neck_beside_it_kept() -> None:
    level = measured()
    level.tones[:, :60] = 0.85
    gate = skin_on_neck(NECKED, ATLAS, level)
    assert gate is not None
    columns = np.broadcast_to(np.arange(SIDE), (SIDE, SIDE))
    assert gate[NECK & (columns < 55)].max() < 0.05
    assert gate[NECK & (columns > 70)].min() > 0.95


def test_a_black_collar_is_rejected_but_a_shadow_is_kept() -> None:
    level = measured()
    columns = np.broadcast_to(np.arange(SIDE), (SIDE, SIDE))
    level.tones[NECK & (columns < 60)] = 0.1
    level.tones[NECK & (columns > 75)] *= 0.6
    gate = skin_on_neck(NECKED, ATLAS, level)
    assert gate is not None
    assert gate[NECK & (columns < 55)].max() < 0.05
    assert gate[NECK & (columns > 70)].min() > 0.95


def test_the_face_is_touched_only_where_it_meets_a_rejected_neck() -> None:
    level = measured()
    level.tones[:, :60] = 0.85
    gate = skin_on_neck(NECKED, ATLAS, level)
    assert gate is not None
    near = cv2.dilate(NECK.astype(np.uint8), np.ones((17, 17), np.uint8)) > 0
    assert gate[(ATLAS.face >= 0) & ~near].min() > 0.99
    border = (ATLAS.face >= 0) & ~NECK & near
    assert 0.3 < gate[border].mean() < 0.95  # it fades: the parts' border is a line of triangles


def test_grey_hair_in_shadow_is_no_skin() -> None:
    level = measured()
    columns = np.broadcast_to(np.arange(SIDE), (SIDE, SIDE))
    dark = NECK & (columns < 60)
    level.tones[dark] *= np.array([0.52, 0.58, 0.60], np.float32)
    gate = skin_on_neck(NECKED, ATLAS, level)
    assert gate is not None
    assert gate[NECK & (columns < 50)].max() < 0.1


def test_models_without_these_parts_are_left_alone() -> None:
    assert skin_on_neck(HEAD, ATLAS, measured()) is None
