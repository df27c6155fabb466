"""Painted eyes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facestudio.head.model import HeadModel
from facestudio.texture.eyes import EyeTones, draw_eye, has_eyes, measure_eyes, paint_eyes
from facestudio.texture.openings import _EYES
from facestudio.texture.unwrap import Unwrapped, lay_out
from facestudio.types import Image, Landmarks, View, ViewName
from tests.texture.scene import ball

IRIS, SCLERA = np.array([0.25, 0.35, 0.5]), np.array([0.75, 0.74, 0.72])


@pytest.fixture(scope="module")
def head() -> HeadModel:
    """The ball, with two discs cut out of its layout as eyes."""
    model = ball()
    centre = model.uv[model.uv_faces].mean(axis=1)
    parts = np.zeros(len(model.faces), np.int32)
    for number, u in ((1, 0.7), (2, 0.3)):
        parts[np.hypot(centre[:, 0] - u, centre[:, 1] - 0.4) < 0.12] = number
    islands = np.array([[0.7, 0.4, 0.03, 0.12], [0.3, 0.4, 0.03, 0.12]], np.float32)
    return replace(model, face_parts=parts, part_names=("face", "eye_left", "eye_right"), eye_islands=islands)


def test_an_eye_has_pupil_iris_and_white_in_their_places() -> None:
    line = np.linspace(-4, 4, 401)
    x, y = np.meshgrid(line, line)
    eye = draw_eye(x, y, 4.2, IRIS, SCLERA)
    r = np.hypot(x, y)
    assert eye[r < 0.25].max() < 0.06
    ring = eye[(r > 0.5) & (r < 0.8) & (y < 0.2)].mean(axis=0)
    assert np.argmax(ring) == 2
    assert abs(ring.mean() - IRIS.mean()) < 0.1
    white = eye[(r > 1.2) & (r < 1.6) & (np.abs(y) < 0.3)].mean(axis=0)
    assert np.abs(white - SCLERA).max() < 0.08
    assert eye.min() >= 0.0
    assert eye.max() <= 1.0


def test_painting_touches_the_eyeballs_only(head: HeadModel) -> None:
    atlas = lay_out(head.uv, head.uv_faces, 256)
    tones = np.full((256, 256, 3), 0.5, np.float32)
    paint_eyes(head, atlas, EyeTones(np.stack([IRIS, IRIS]), SCLERA), tones)
    on_eye = (atlas.face >= 0) & head.part_faces("eye_left", "eye_right")[np.maximum(atlas.face, 0)]
    assert (tones[~on_eye] == 0.5).all()
    assert (tones[on_eye] != 0.5).any(axis=-1).mean() > 0.99
    assert tones[round(0.6 * 256), round(0.7 * 256)].max() < 0.1  # the pupil


def test_iris_colour_comes_from_the_photos_landmarks(head: HeadModel) -> None:
    pixels = np.full((120, 200, 3), 190, np.uint8)
    points = np.zeros((478, 2))
    y, x = np.mgrid[:120, :200]
    for first, cx in ((468, 60.0), (473, 140.0)):
        points[first : first + 5] = [(cx, 60), (cx + 10, 60), (cx, 50), (cx - 10, 60), (cx, 70)]
        pixels[np.hypot(x - cx, y - 60) < 10] = (60, 90, 130)
        pixels[np.hypot(x - cx - 3, y - 57) < 2] = 255  # a catchlight
    view = View(ViewName.FRONT, Image(pixels), landmarks=Landmarks(points, "mediapipe478", np.ones(478)))
    atlas = lay_out(head.uv, head.uv_faces, 256)
    blank = Unwrapped(np.zeros((256, 256, 3), np.float32), np.zeros((256, 256), np.float32))
    eyes = measure_eyes(head, atlas, [blank], [view], [0], np.full(3, 0.6))
    assert (np.argmax(eyes.iris, axis=1) == 2).all()
    assert np.allclose(eyes.iris[:, 2] / eyes.iris[:, 0], 130 / 60, rtol=0.25)


def test_the_white_is_read_beside_the_iris_between_the_lids(head: HeadModel) -> None:
    """Skin, a shaded half and a highlight lie there, too: the white is the brighter part without the brightest."""
    pixels = np.full((120, 240, 3), (150, 90, 70), np.uint8)
    points = np.zeros((1278, 2))
    y, x = np.mgrid[:120, :240]
    for lids, first, cx in ((_EYES[1], 468, 70.0), (_EYES[0], 473, 170.0)):
        turn = np.linspace(0, 2 * np.pi, len(lids), endpoint=False)
        points[list(lids)] = np.stack([cx + 30 * np.cos(turn), 60 + 14 * np.sin(turn)], axis=1)
        points[first : first + 5] = [(cx, 60), (cx + 12, 60), (cx, 48), (cx - 12, 60), (cx, 72)]
        eye = ((x - cx) / 30) ** 2 + ((y - 60) / 14) ** 2 < 1
        pixels[eye] = (215, 205, 200)
        pixels[eye & (y < 57)] = (150, 140, 135)
        pixels[np.hypot(x - cx, y - 60) < 12] = (50, 30, 25)
        pixels[np.hypot(x - cx - 17, y - 60) < 1.5] = 255
    view = View(ViewName.FRONT, Image(pixels), landmarks=Landmarks(points, "mediapipe478+dense800", np.ones(1278)))
    atlas = lay_out(head.uv, head.uv_faces, 256)
    blank = Unwrapped(np.zeros((256, 256, 3), np.float32), np.zeros((256, 256), np.float32))
    eyes = measure_eyes(head, atlas, [blank], [view], [0], np.full(3, 0.6))
    assert np.abs(eyes.sclera - np.array([215, 205, 200]) / 255).max() < 0.04


def test_without_evidence_eyes_are_neutral_and_follow_the_photos_brightness(head: HeadModel) -> None:
    atlas = lay_out(head.uv, head.uv_faces, 256)
    bright, dark = (measure_eyes(head, atlas, [], [], [], np.full(3, tone)) for tone in (0.65, 0.4))
    assert (bright.iris[:, 0] > bright.iris[:, 2]).all()  # brown
    assert np.ptp(bright.sclera) < 0.06
    assert dark.sclera.mean() < bright.sclera.mean()


def test_a_model_without_islands_has_no_eyes_to_paint(head: HeadModel) -> None:
    assert has_eyes(head)
    assert not has_eyes(ball())
