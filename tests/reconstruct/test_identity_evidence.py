"""What a network says of the identity, weighed as a measurement."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facestudio.errors import HeadModelError
from facestudio.head.model import HeadModel
from facestudio.reconstruct.identity_evidence import IdentityError, IdentityEvidence, load_error, save_error, without_prior
from facestudio.reconstruct.refine import refine
from tests.reconstruct.refine_scene import QUICK, given_cameras, make_capture


def test_with_the_prior_it_gives_the_answer_and_its_error_back() -> None:
    answer, error, spread = np.array([0.7, -1.2, 0.4]), np.array([0.5, 0.9, 1.2]), np.full(3, 1.2)
    found = without_prior(answer, IdentityError(error, spread))
    precision = spread**-2 + found.precision
    np.testing.assert_allclose((found.precision * found.value / precision)[:2], answer[:2])
    np.testing.assert_allclose(precision[:2] ** -0.5, error[:2])
    assert found.precision[2] == 0.0  # as wrong as whoever always says "average": no evidence
    assert np.isfinite(found.value).all()


def test_the_mean_of_many_people_s_measurements_is_right_and_not_shrunk() -> None:
    rng = np.random.default_rng(0)
    truth = 1.1 * rng.normal(size=20_000)
    measured = truth + 0.8 * rng.normal(size=truth.shape)
    shrink = 1.1**2 / (1.1**2 + 0.8**2)
    answer = shrink * measured  # the best answer on the average
    error = np.sqrt(np.mean((answer - truth) ** 2))
    found = without_prior(answer, IdentityError(np.full(truth.shape, error), np.full(truth.shape, 1.1)))
    assert np.polyfit(truth, found.value, 1)[0] == pytest.approx(1.0, abs=0.02)
    assert found.precision[0] ** -0.5 == pytest.approx(0.8, rel=0.02)


def test_the_error_is_kept_in_a_file_and_a_damaged_one_is_said(tmp_path: Path) -> None:
    path = tmp_path / "error.npz"
    save_error(IdentityError(np.array([0.5, 1.0]), np.array([1.0, 1.0])), path)
    np.testing.assert_allclose(load_error(path).error, [0.5, 1.0])
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(HeadModelError, match="cannot be read"):
        load_error(path)


def test_refinement_weighs_it(openhead: HeadModel) -> None:
    capture = make_capture(openhead)
    size = openhead.identity_basis.shape[2]
    value = np.zeros(10)
    value[4] = 1.5

    def identity(measured: IdentityEvidence | None) -> float:
        zero, none, masks = np.zeros(size), np.zeros(openhead.expression_basis.shape[2]), [None] * 3
        config = replace(QUICK, robust_m=(0.004,), sweep_rounds=0)
        cameras = given_cameras(capture)
        found = refine(capture.views, cameras, openhead, zero, none, masks, config, calibrated=True, measured=measured)
        return float(found.identity[4])

    alone, sure = identity(None), identity(IdentityEvidence(value, np.full(10, 1e8)))
    assert sure == pytest.approx(1.5, abs=0.05)
    assert abs(alone - 1.5) > 0.2
    between = identity(IdentityEvidence(value, np.full(10, 30.0)))
    assert min(alone, sure) < between < max(alone, sure)
