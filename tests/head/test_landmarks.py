"""Landmarks lie on the head where they should, and move with it."""

from __future__ import annotations

import numpy as np
import pytest

from facestudio.errors import HeadModelError
from facestudio.geometry.frames import yaw_degrees
from facestudio.geometry.shading import portrait_camera
from facestudio.head.landmarks import NOW7_IBUG68, embedding, landmark_basis, now_landmarks, on_surface
from facestudio.head.model import HeadModel

MODELS = ("openhead", "flame")


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> HeadModel:
    """Each head model in turn."""
    found: HeadModel = request.getfixturevalue(request.param)
    return found


def test_the_basis_is_the_surface_of_the_moved_head(model: HeadModel) -> None:
    rng = np.random.default_rng(0)
    basis = landmark_basis(model, "mediapipe478")
    identity = rng.normal(size=model.identity_basis.shape[2])
    expression = 0.2 * rng.normal(size=len(model.expression_names))
    head = model.template + model.identity_basis @ identity + model.expression_basis @ expression
    there = on_surface(head, model.faces, embedding(model, "mediapipe478"))
    assert np.abs(basis.points(identity, expression) - there).max() < 1e-6


def test_most_of_mediapipe_is_embedded_and_all_of_the_other_schemes(model: HeadModel) -> None:
    assert len(embedding(model, "mediapipe478").ids) > 400
    assert np.array_equal(embedding(model, "ibug68").ids, np.arange(68))
    assert np.array_equal(embedding(model, "now7").ids, np.arange(7))


def test_eyes_nose_mouth_and_chin_are_where_a_face_has_them(model: HeadModel) -> None:
    p = on_surface(model.template, model.faces, embedding(model, "ibug68"))
    right_eye, left_eye, tip, chin = p[36:42].mean(0), p[42:48].mean(0), p[30], p[8]
    mouth = p[48:68].mean(0)
    assert right_eye[0] < -0.02 < 0.02 < left_eye[0]
    assert tip[2] == pytest.approx(p[:, 2].max(), abs=0.004)
    assert right_eye[1] > tip[1] > mouth[1] > chin[1]
    assert 0.05 < np.linalg.norm(right_eye - left_eye) < 0.075
    assert np.abs(p[[8, 27, 28, 29, 30, 33, 51, 57], 0]).max() < 0.004


def test_landmarks_are_symmetric(model: HeadModel) -> None:
    p = on_surface(model.template, model.faces, embedding(model, "now7"))
    for right, left in ((0, 3), (1, 2), (5, 6)):
        assert np.abs(p[right] * [-1, 1, 1] - p[left]).max() < 0.004


def test_now_points_are_the_ibug_points_of_their_definition(model: HeadModel) -> None:
    ibug = on_surface(model.template, model.faces, embedding(model, "ibug68"))
    assert np.abs(now_landmarks(model, model.template) - ibug[list(NOW7_IBUG68)]).max() < 1e-6


def test_the_jaw_line_slides_outwards_on_the_averted_side_only(model: HeadModel) -> None:
    frontal = int(np.flatnonzero(model.contour_yaws == 0)[0])
    for k, yaw in enumerate(model.contour_yaws):
        camera = portrait_camera(model.template, yaw_degrees=float(yaw))
        assert yaw_degrees(camera) == pytest.approx(float(yaw), abs=1e-3)
        corners = model.template[model.faces[model.contour_faces]].astype(np.float64)
        points = np.einsum("ynk,ynkc->ync", model.contour_bary.astype(np.float64), corners)
        across = points @ camera.R[0]
        averted = points[frontal, :, 0] * yaw < 0
        outward = -np.sign(yaw) if yaw else 1.0
        assert (outward * (across[k] - across[frontal]) >= -0.003)[averted].all()
        assert np.abs(points[k] - points[frontal])[~averted].max(initial=0) < 1e-6


def test_an_unknown_scheme_is_said(model: HeadModel) -> None:
    with pytest.raises(HeadModelError, match="no wflw98 landmarks"):
        embedding(model, "wflw98")
