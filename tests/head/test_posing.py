"""Live posing: the decoder's vertices without its torch."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from facestudio.head.decoder import Decoder
from facestudio.head.model import HeadModel
from facestudio.head.posing import EYE_LEFT, EYE_RIGHT, JAW, NECK, PosedHead
from facestudio.types import Float64Array
from tests.test_house import run_python

MICROMETRE = 1e-6


def random_face(model: HeadModel, seed: int) -> tuple[Float64Array, Float64Array, Float64Array]:
    rng = np.random.default_rng(seed)
    identity = rng.normal(0, 1, model.identity_basis.shape[2])
    return identity, rng.normal(0, 0.4, model.expression_basis.shape[2]), rng.normal(0, 0.3, (5, 3))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("which", ["openhead", "flame"])
def test_agrees_with_the_decoder_to_a_micrometre(which: str, seed: int, request: pytest.FixtureRequest) -> None:
    model: HeadModel = request.getfixturevalue(which)
    identity, expression, pose = random_face(model, seed)
    decoder = Decoder(model)
    head = PosedHead(model, decoder.shape(identity))
    for shown, turned in ((expression, None), (0 * expression, pose), (expression, pose)):
        expected = decoder.decode(identity, shown, turned)
        assert np.abs(head.vertices(shown, turned) - expected).max() < MICROMETRE


def test_a_displacement_outside_the_model_s_span_survives(openhead: HeadModel) -> None:
    identity, expression, _ = random_face(openhead, 0)
    shape = Decoder(openhead).shape(identity)
    bump = np.random.default_rng(1).normal(0, 0.002, shape.shape)
    moved = PosedHead(openhead, shape + bump).vertices(expression) - PosedHead(openhead, shape).vertices(expression)
    assert np.abs(moved - bump).max() < MICROMETRE


def test_at_rest_it_is_the_head_and_never_hands_out_its_own_array(openhead: HeadModel) -> None:
    head = PosedHead(openhead, openhead.template)
    first = head.vertices(np.zeros(52), np.zeros((5, 3)))
    assert np.array_equal(first, openhead.template)
    first += 1.0
    assert np.array_equal(head.vertices(np.zeros(52)), openhead.template)


def test_each_joint_moves_its_own_part(openhead: HeadModel) -> None:
    head = PosedHead(openhead, openhead.template)

    def moved(joint: int, angles: tuple[float, float, float]) -> Float64Array:
        pose = np.zeros((5, 3))
        pose[joint] = angles
        return np.linalg.norm(head.vertices(np.zeros(52), pose) - openhead.template, axis=1)

    for joint, part in ((EYE_LEFT, "eye_left"), (EYE_RIGHT, "eye_right")):
        distance = moved(joint, (0.0, 0.3, 0.0))
        assert distance[openhead.part_vertices(part)].max() > 0.002
        assert distance[openhead.part_vertices("scalp")].max() < 1e-5
    assert moved(JAW, (0.3, 0.0, 0.0))[openhead.part_vertices("tongue")].min() > 0.002
    assert moved(NECK, (0.0, 0.3, 0.0))[openhead.part_vertices("ears")].min() > 0.01


def test_vertices_of_another_model_are_refused(openhead: HeadModel) -> None:
    with pytest.raises(ValueError, match="openhead has"):
        PosedHead(openhead, openhead.template[:-1])


def test_posing_needs_no_torch() -> None:
    code = "import sys\nfrom facestudio.head.posing import PosedHead\nprint([n for n in ('torch', 'scipy', 'cv2') if n in sys.modules])"
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]", sys.version
