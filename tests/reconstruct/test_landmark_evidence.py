"""Landmarks as terms of refinement: of whichever detector, of several at once, each with its own uncertainty."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facestudio.geometry.camera import project
from facestudio.head.landmarks import on_surface
from facestudio.head.model import HeadModel
from facestudio.head.store import load_head
from facestudio.landmarks.mediapipe_detector import POINTS
from facestudio.pipeline.evidence import Evidence, landmark_term
from facestudio.reconstruct.landmark_evidence import LandmarkTerm, landmark_information
from facestudio.reconstruct.refine import refine
from facestudio.reconstruct.solve import Unknowns, layout
from facestudio.types import Float64Array, Landmarks, View
from tests.reconstruct.refine_scene import QUICK, Capture, given_cameras, make_capture


@pytest.fixture(scope="module")
def model() -> HeadModel:
    """OpenHead with its dense landmarks."""
    return load_head("open")


@pytest.fixture(scope="module")
def capture(model: HeadModel) -> Capture:
    return make_capture(model)


def unbiased(term: LandmarkTerm) -> LandmarkTerm:
    """A detector that is right but for its noise."""
    e = term.error
    return replace(term, error=replace(e, bias=0.0 * e.bias, shared=0.0 * e.shared, single=0.0 * e.single))


def seen_by(terms: list[LandmarkTerm], model: HeadModel, capture: Capture, sigma_px: float = 0.0) -> tuple[View, ...]:
    """The capture's views with the true landmarks of the terms."""
    views = []
    for view in capture.views:
        assert view.camera is not None
        points = np.full((POINTS + 800, 2), np.nan)
        for term in terms:
            points[term.basis.ids] = project(view.camera, on_surface(capture.truth, model.faces, term.places))
        views.append(replace(view, landmarks=Landmarks(points, "true", np.full(len(points), sigma_px))))
    return tuple(views)


def information(
    term: LandmarkTerm, model: HeadModel, capture: Capture, sigma_px: float = 0.0, around: Float64Array | None = None
) -> tuple[Float64Array, Float64Array, Unknowns]:
    unknowns = layout(model.identity_basis.shape[2], model.expression_basis.shape[2], 3, calibrated=True)
    head = capture.truth if around is None else around
    A, g = landmark_information(
        term, seen_by([term], model, capture, sigma_px), given_cameras(capture), head, model.faces, unknowns
    )
    return A, g, unknowns


@pytest.mark.parametrize("evidence", ["mediapipe", "dense", "both"])
def test_the_true_head_has_nothing_left_to_explain(model: HeadModel, capture: Capture, evidence: Evidence) -> None:
    term = unbiased(landmark_term(model, evidence))
    A, g, _ = information(term, model, capture)
    assert np.abs(g).max() < 1e-6 * np.sqrt(np.diag(A)).max()
    assert np.linalg.eigvalsh(A).min() > -1e-6 * np.abs(A).max()


@pytest.mark.parametrize("evidence", ["mediapipe", "dense", "both"])
def test_a_head_in_the_wrong_place_is_told_the_way_back(model: HeadModel, capture: Capture, evidence: Evidence) -> None:
    shift = np.array([0.002, -0.001, 0.003])
    A, g, unknowns = information(unbiased(landmark_term(model, evidence)), model, capture, around=capture.truth + shift)
    body = unknowns.pose[0]
    step = np.linalg.solve(A[body, body], g[body])
    np.testing.assert_allclose(step[3:], -shift, atol=2e-4)  # the head's turn comes first, then its place
    assert np.abs(step[:3]).max() < 2e-3


def test_what_a_view_says_of_its_own_landmarks_counts(model: HeadModel, capture: Capture) -> None:
    term = unbiased(landmark_term(model, "dense"))
    sure, vague = (np.trace(information(term, model, capture, sigma)[0]) for sigma in (0.0, 20.0))
    assert vague < 0.1 * sure


def test_terms_of_two_detectors_join(model: HeadModel, capture: Capture) -> None:
    terms = [unbiased(landmark_term(model, e)) for e in ("mediapipe", "dense")]
    zero, none = np.zeros(model.identity_basis.shape[2]), np.zeros(model.expression_basis.shape[2])
    views, config = (
        seen_by(terms, model, capture, 0.1),
        replace(QUICK, robust_m=(0.004,), sweep_rounds=0, landmark_inflation=1.0),
    )

    def error(given: list[LandmarkTerm]) -> float:
        found = refine(views, given_cameras(capture), model, zero, none, [None] * 3, config, calibrated=True, landmarks=given)
        face = model.part_vertices("face")
        return float(np.median(np.linalg.norm(found.posed_vertices[face] - capture.truth[face], axis=1)))

    alone, both = [error([t]) for t in terms], error(terms)
    assert both < min(alone)
    assert max(alone) < 0.5 * error([])
