"""Two detectors' landmarks as one body of evidence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facestudio.head.dense import attach_dense, dense_ids, dense_on_face
from facestudio.head.model import HeadModel
from facestudio.pipeline import evidence
from facestudio.pipeline.evidence import best_evidence, evidence_basis, evidence_points, joined
from facestudio.types import Landmarks


@pytest.fixture(scope="module")
def head(openhead: HeadModel) -> HeadModel:
    return attach_dense(openhead)


def test_dense_landmarks_follow_mediapipes(head: HeadModel) -> None:
    both, dense, plain = (evidence_basis(head, kind) for kind in ("both", "dense", "mediapipe"))
    face = dense_on_face(head)
    assert len(both.ids) == len(plain.ids) + face.sum()
    assert np.array_equal(both.ids[len(plain.ids) :], dense.ids)
    assert plain.ids.max() < 468
    assert np.array_equal(dense.ids - 478, np.flatnonzero(face))
    assert np.allclose(dense.mean, head.template[dense_ids(head)[face]])


def test_points_of_a_head_are_those_of_the_basis(head: HeadModel) -> None:
    basis = evidence_basis(head, "both")
    identity = np.random.default_rng(0).normal(size=basis.identity.shape[2])
    vertices = head.template + head.identity_basis @ identity
    expected = basis.points(identity, np.zeros(basis.expression.shape[2]))
    assert np.allclose(evidence_points(head, vertices, basis), expected, atol=1e-6)


def test_joined_landmarks_keep_everything() -> None:
    a = Landmarks(np.zeros((478, 2)), "mediapipe478", np.ones(478), ("two faces",))
    b = Landmarks(np.ones((800, 2)), "dense800", np.full(800, 3.0), seen=np.full(800, 0.25))
    both = joined(a, b)
    assert both.points.shape == (1278, 2)
    assert both.sigma[477:479].tolist() == [1.0, 3.0]
    assert both.notes == ("two faces",)
    assert both.seen is not None
    assert both.seen[[0, 478]].tolist() == [1.0, 0.25]


def test_mediapipe_s_mesh_is_found_in_joined_landmarks() -> None:
    a = Landmarks(np.random.default_rng(0).normal(size=(478, 2)), "mediapipe478", np.ones(478))
    b = Landmarks(np.ones((800, 2)), "dense800", np.full(800, 3.0))
    for landmarks in (a, joined(a, b)):
        mesh = landmarks.mediapipe()
        assert mesh is not None
        assert np.array_equal(mesh, a.points)
    assert b.mediapipe() is None


def test_without_shipped_weights_mediapipe_alone_is_the_evidence(
    head: HeadModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "dense_weights", lambda: tmp_path / "none.npz")
    assert best_evidence(head) == "mediapipe"


def test_a_model_without_dense_landmarks_uses_mediapipe(openhead: HeadModel) -> None:
    assert best_evidence(openhead) == "mediapipe"
