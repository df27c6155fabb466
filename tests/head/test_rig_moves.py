"""Bones turn about the right points, and what hangs on them moves with them."""

from __future__ import annotations

import numpy as np
import pytest

from facestudio.head.decoder import Decoder
from facestudio.head.model import JOINT_NAMES, HeadModel
from facestudio.head.registration import similarity
from facestudio.head.retarget import ball_of
from facestudio.types import Float64Array

EYES = ("eye_left", "eye_right")


@pytest.fixture(params=["openhead", "flame"])
def model(request: pytest.FixtureRequest) -> HeadModel:
    found: HeadModel = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def person(model: HeadModel) -> Float64Array:
    return np.random.default_rng(8).normal(0, 0.8, model.identity_basis.shape[2])


def posed(model: HeadModel, person: Float64Array, joint: str, turn: tuple[float, float, float]) -> Float64Array:
    pose = np.zeros((5, 3))
    pose[JOINT_NAMES.index(joint)] = np.radians(turn)
    return Decoder(model).decode(person, pose=pose)


@pytest.mark.parametrize("eye", EYES)
def test_an_eye_turns_in_its_socket(eye: str, model: HeadModel, person: Float64Array) -> None:
    neutral = Decoder(model).shape(person)
    ball = model.part_vertices(eye)
    centre, radius = ball_of(neutral[ball])
    joint = Decoder(model).joints(neutral)[JOINT_NAMES.index(eye)]
    assert np.linalg.norm(joint - centre) < 0.0015  # FLAME's cornea bulges, which draws the sphere's middle forwards
    turned = posed(model, person, eye, (0.0, 25.0, 0.0))
    moved_centre, moved_radius = ball_of(turned[ball])
    assert np.linalg.norm(moved_centre - centre) < 0.0007
    assert moved_radius == pytest.approx(radius, abs=1e-4)
    assert np.linalg.norm(turned - neutral, axis=1)[~ball].max() < 0.003  # nothing else comes along but a little lid
    front = np.argmax(neutral[ball][:, 2])
    assert turned[ball][front, 0] - neutral[ball][front, 0] > 0.004  # turning about +Y looks to the subject's left


def test_the_jaw_hinges_before_the_ears(model: HeadModel, person: Float64Array) -> None:
    neutral = Decoder(model).shape(person)
    jaw = Decoder(model).joints(neutral)[JOINT_NAMES.index("jaw")]
    nose = neutral[np.argmax(neutral[:, 2])]
    eyes = Decoder(model).joints(neutral)[[3, 4]].mean(0)
    assert abs(jaw[0]) < 0.004
    assert 0.04 < nose[2] - jaw[2] < 0.14
    assert 0.01 < eyes[1] - jaw[1] < 0.07
    opened = posed(model, person, "jaw", (20.0, 0.0, 0.0))
    moved = np.linalg.norm(opened - neutral, axis=1)
    chin = model.embeddings["ibug68"]
    below = np.einsum("nk,nkx->nx", chin.bary, opened[model.faces[chin.faces]] - neutral[model.faces[chin.faces]])
    row = {int(i): k for k, i in enumerate(chin.ids)}
    assert below[row[57], 1] < -0.01  # the lower lip falls
    assert abs(below[row[51], 1]) < 0.006  # the upper one hardly
    assert moved[neutral[:, 1] > eyes[1] + 0.03].max() < 0.004  # the forehead does not


def test_the_neck_carries_the_whole_head(model: HeadModel, person: Float64Array) -> None:
    neutral = Decoder(model).shape(person)
    turned = posed(model, person, "neck", (0.0, 30.0, 0.0))
    top = neutral[:, 1] > Decoder(model).joints(neutral)[3, 1]
    scale, _, _ = similarity(neutral[top], turned[top])
    assert scale == pytest.approx(1.0, abs=2e-3)
    border = neutral[:, 1] < np.quantile(neutral[:, 1], 0.01)
    assert np.linalg.norm(turned - neutral, axis=1)[border].max() < 0.016  # the skin between chest and head gives way


def test_lower_teeth_and_tongue_follow_the_jaw_and_the_upper_teeth_stay(openhead: HeadModel) -> None:
    person = np.zeros(openhead.identity_basis.shape[2])
    neutral = Decoder(openhead).shape(person)
    opened = posed(openhead, person, "jaw", (18.0, 0.0, 0.0))
    teeth = openhead.part_vertices("teeth")
    weight = openhead.skin_weights[:, JOINT_NAMES.index("jaw")]
    lower, upper = teeth & (weight > 0.5), teeth & (weight <= 0.5)
    assert min(lower.sum(), upper.sum()) > 50
    assert np.linalg.norm(opened - neutral, axis=1)[upper].max() < 1e-6
    for part in (lower, openhead.part_vertices("tongue")):
        assert (opened - neutral)[part, 1].mean() < -0.008
    scale, _, _ = similarity(neutral[lower], opened[lower])
    assert scale == pytest.approx(1.0, abs=1e-6)  # teeth are bone
    opened_by_name = openhead.expression_basis[..., openhead.expression_names.index("jawOpen")]
    assert opened_by_name[lower, 1].max() < -0.004
    assert np.abs(opened_by_name[upper]).max() < 1e-3
    assert opened_by_name[openhead.part_vertices("tongue"), 1].mean() < -0.004
