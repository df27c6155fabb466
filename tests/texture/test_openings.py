"""Eyes and open mouths are kept off the skin."""

from __future__ import annotations

import numpy as np

from facestudio.texture.openings import opening_polygons, without_openings
from facestudio.types import Image, Landmarks, View, ViewName

SCHEMES = {68: "ibug68", 478: "mediapipe478", 1278: "mediapipe478+dense800"}
PICTURE = Image(np.zeros((100, 100, 3), np.uint8))


def view_with(mouth_height: float, scheme_points: int = 478) -> View:
    points = np.zeros((scheme_points, 2))
    if scheme_points >= 478:
        points[78], points[308], points[13], points[14] = (
            (30, 60),
            (60, 60),
            (45, 60 - mouth_height / 2),
            (45, 60 + mouth_height / 2),
        )
    return View(ViewName.FRONT, PICTURE, landmarks=Landmarks(points, SCHEMES[scheme_points], np.ones(scheme_points)))


def test_a_shut_mouth_is_no_opening_and_an_open_one_is() -> None:
    assert len(opening_polygons(view_with(1.0))) == 2
    assert len(opening_polygons(view_with(8.0))) == 3


def test_landmarks_of_another_detector_behind_mediapipe_s_change_nothing() -> None:
    for alone, joined in zip(opening_polygons(view_with(8.0)), opening_polygons(view_with(8.0, 1278)), strict=True):
        assert np.array_equal(alone, joined)


def test_other_landmarks_or_none_give_no_polygons() -> None:
    assert opening_polygons(view_with(8.0, 68)) == []
    assert opening_polygons(View(ViewName.FRONT, PICTURE)) == []


def test_trust_is_gone_inside_and_untouched_outside() -> None:
    trust = np.ones((60, 60), np.float32)
    square = np.array([[20.0, 20.0], [40.0, 20.0], [40.0, 40.0], [20.0, 40.0]])
    result = without_openings(trust, [square], 0.001)
    assert result[25:35, 25:35].max() < 0.01
    assert result[:15].min() > 0.99
    assert without_openings(trust, [], 0.001).min() == 1.0
