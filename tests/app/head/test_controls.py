"""Which sliders there are, and what their values mean for the head."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facestudio.app.pages.head.controls import IDENTITY_GROUP, controls, expression_of, pose_of, spoken, values_of
from facestudio.app.pages.head.expression_names import EXPRESSIONS
from facestudio.head.model import HeadModel
from facestudio.head.posing import PosedHead
from facestudio.types import Float64Array


def moved(model: HeadModel, values: dict[str, float]) -> Float64Array:
    """How far each vertex moves (V, 3), metres."""
    head = PosedHead(model, model.template)
    return (head.vertices(expression_of(values, 52), pose_of(values)) - model.template).astype(np.float64)


def test_every_named_expression_has_a_slider_with_words_from_off_to_full(openhead: HeadModel) -> None:
    named = [control for control in controls(openhead) if control.key.startswith("expression:")]
    assert {int(control.key.split(":")[1]) for control in named} == set(range(52))
    assert all((control.low, control.high) == (0.0, 1.0) for control in named)
    assert len({control.label for control in named}) == 52
    groups = list(dict.fromkeys(control.group for control in controls(openhead)))
    assert groups == ["Jaw, gaze and neck", "Brows", "Eyes", "Cheeks and nose", "Jaw", "Mouth", IDENTITY_GROUP]


def test_every_expression_of_openhead_has_a_name_that_can_be_translated(openhead: HeadModel) -> None:
    assert set(EXPRESSIONS) == set(openhead.expression_names)


def test_components_without_a_meaning_go_both_ways(openhead: HeadModel) -> None:
    flame_like = replace(openhead, expression_names=tuple(f"component{i}" for i in range(52)))
    named = [control for control in controls(flame_like) if control.key.startswith("expression:")]
    assert all((control.low, control.high) == (-3.0, 3.0) for control in named)


@pytest.mark.parametrize(
    ("name", "words"), [("mouthSmileLeft", "Mouth smile left"), ("tongueOut", "Tongue out"), ("e_12", "E 12")]
)
def test_names_are_spoken(name: str, words: str) -> None:
    assert spoken(name) == words


def test_the_jaw_opens_downwards_and_turns_to_the_subject_s_left(openhead: HeadModel) -> None:
    tongue = openhead.part_vertices("tongue")
    assert moved(openhead, {"pose:jaw_open": 15.0})[tongue, 1].mean() < -0.005
    assert moved(openhead, {"pose:jaw_side": 8.0})[tongue, 0].mean() > 0.002


def test_the_gaze_follows_its_words(openhead: HeadModel) -> None:
    for part in ("eye_left", "eye_right"):
        eye = openhead.part_vertices(part)
        front = eye & (openhead.template[:, 2] > np.percentile(openhead.template[eye, 2], 90))
        assert moved(openhead, {"pose:gaze_up": 15.0})[front, 1].min() > 0.001
        assert moved(openhead, {"pose:gaze_side": 15.0})[front, 0].min() > 0.001


def test_the_neck_turns_nods_and_tilts(openhead: HeadModel) -> None:
    nose = int(np.argmax(openhead.template[:, 2]))
    crown = int(np.argmax(openhead.template[:, 1]))
    assert moved(openhead, {"pose:neck_turn": 20.0})[nose, 0] > 0.01
    assert moved(openhead, {"pose:neck_nod": 20.0})[nose, 1] < -0.01
    assert moved(openhead, {"pose:neck_tilt": 20.0})[crown, 0] > 0.01


def test_an_expression_becomes_slider_values_and_back() -> None:
    expression = np.zeros(52)
    expression[[3, 40]] = 0.25, -0.1
    assert np.array_equal(expression_of(values_of(expression), 52), expression)
