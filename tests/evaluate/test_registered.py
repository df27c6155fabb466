"""A head registered to a scan of itself is itself; errors of landmarks are counted where they can be seen."""

from __future__ import annotations

import numpy as np
import pytest

from facestudio.evaluate.landmark_errors import landmark_errors, mean_distance, share_inside, true_landmarks
from facestudio.evaluate.registered import Registered, register_head
from facestudio.geometry.camera import project
from facestudio.geometry.rotations import exp_so3
from facestudio.head.dense import attach_dense, dense_ids, dense_on_face
from facestudio.head.landmarks import embedding, now_landmarks
from facestudio.head.model import HeadModel
from facestudio.types import Camera, Landmarks, Mesh


@pytest.fixture(scope="module")
def head(openhead: HeadModel) -> HeadModel:
    return attach_dense(openhead)


def test_a_scan_of_a_known_head_is_found_vertex_by_vertex(head: HeadModel) -> None:
    identity = np.random.default_rng(2).normal(size=head.identity_basis.shape[2]).astype(np.float32)
    truth = (head.template + head.identity_basis @ identity).astype(np.float64) @ exp_so3(np.array([0.0, 0.1, 0.05])).T + 0.02
    found = register_head(head, Mesh(truth, head.faces), now_landmarks(head, truth))
    face = dense_ids(head)[dense_on_face(head)]
    gap = np.linalg.norm(found.vertices[face] - truth[face], axis=1)
    assert np.median(gap) < 0.0008
    assert np.quantile(gap, 0.95) < 0.0025
    assert np.median(found.gap[face]) < 0.0002


def _camera(yaw: float) -> Camera:
    R = np.diag([1.0, -1.0, -1.0]) @ exp_so3(np.radians([0.0, -yaw, 0.0]))
    K = np.array([[900.0, 0, 320], [0, 900.0, 240], [0, 0, 1]])
    return Camera(K, R, np.array([0.0, 0.0, 0.6]), 640, 480)


def test_points_on_the_far_cheek_do_not_count(head: HeadModel) -> None:
    vertices = head.template.astype(np.float64)
    scan, known = Mesh(vertices, head.faces), Registered(vertices, np.zeros(len(vertices)))
    truth = true_landmarks(head, embedding(head, "dense800"), known, scan, _camera(60.0))
    x = vertices[dense_ids(head), 0]
    assert truth.visible[(x > 0.03) & dense_on_face(head)].mean() > 0.8  # the camera stands on the subject's left, which is +x
    assert truth.visible[x < -0.05].mean() < 0.1
    assert truth.yaw == pytest.approx(60.0)
    assert np.allclose(truth.points, project(_camera(60.0), vertices[dense_ids(head)]))


def test_errors_and_sigmas(head: HeadModel) -> None:
    vertices = head.template.astype(np.float64)
    scan, known = Mesh(vertices, head.faces), Registered(vertices, np.zeros(len(vertices)))
    truth = true_landmarks(head, embedding(head, "dense800"), known, scan, _camera(0.0))
    found = Landmarks(truth.points + np.array([3.0, 4.0]), "dense800", np.full(800, 3.5))
    errors = landmark_errors(found, truth)
    assert len(errors.ids) == truth.visible.sum()
    assert mean_distance([errors]) == pytest.approx(5.0)
    assert share_inside([errors]) == pytest.approx(0.5)
    assert len(landmark_errors(found, truth, np.array([0, 30])).ids) <= 2


def test_points_off_the_scan_do_not_count(head: HeadModel) -> None:
    vertices = head.template.astype(np.float64)
    scan, nowhere = Mesh(vertices, head.faces), Registered(vertices, np.full(len(vertices), 0.01))
    assert not true_landmarks(head, embedding(head, "dense800"), nowhere, scan, _camera(0.0)).visible.any()
