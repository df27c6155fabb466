"""A head is found in points sampled on it, whoever it is and however it is turned and scaled."""

from __future__ import annotations

import numpy as np
import pytest

from facestudio.errors import FitError
from facestudio.geometry.rotations import exp_so3
from facestudio.geometry.shading import vertex_normals
from facestudio.head.landmarks import landmark_basis
from facestudio.head.store import load_head
from facestudio.reconstruct.sfm.head_fit import FittedHead, HeadFitConfig, fit_head
from facestudio.types import Float64Array, PointCloud

MODEL = load_head("open")
BASIS = landmark_basis(MODEL, "mediapipe478")
QUICK = HeadFitConfig(points=1200, rounds=6, sigma_m=0.002, worth=500.0, mark_sigma_m=0.004, mark_worth=120.0)
TURN, SHIFT = exp_so3(np.array([0.03, -0.05, 0.02])), np.array([0.003, -0.004, 0.006])


def truth() -> tuple[Float64Array, Float64Array]:
    rng = np.random.default_rng(5)
    identity = np.zeros(MODEL.identity_basis.shape[2])
    identity[:25] = 0.9 * rng.standard_normal(25)
    return identity, MODEL.template + MODEL.identity_basis @ identity


def fitted(
    scale: float,
    free_size: bool,
    noise_m: float = 0.0005,
    config: HeadFitConfig = QUICK,
    expected: tuple[Float64Array, Float64Array] | None = None,
) -> FittedHead:
    identity, vertices = truth()
    rng = np.random.default_rng(1)
    placed = scale * vertices @ TURN.T + SHIFT
    face = MODEL.faces[MODEL.part_faces("face", "lips", "skin")]
    face = face[vertices[face].mean(1)[:, 2] > 0.0]
    bary = rng.dirichlet(np.ones(3), 2000)
    chosen = face[rng.integers(len(face), size=2000)]
    normals = np.einsum("nk,nkc->nc", bary, vertex_normals(placed, MODEL.faces)[chosen])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    points = np.einsum("nk,nkc->nc", bary, placed[chosen]) + noise_m * rng.standard_normal((2000, 1)) * normals
    cloud = PointCloud(
        points.astype(np.float32), np.zeros((2000, 3), np.uint8), normals.astype(np.float32), np.ones(2000, np.uint8)
    )
    marks = scale * BASIS.points(identity, np.zeros(len(MODEL.expression_names))) @ TURN.T + SHIFT
    return fit_head(
        cloud, MODEL, BASIS, marks + 0.001 * rng.standard_normal(marks.shape), np.ones(len(marks)), free_size, config, expected
    )


def face_error(found: FittedHead, scale: float) -> float:
    _, vertices = truth()
    placed = found.scale * found.posed @ found.R.T + found.t
    return float(
        np.linalg.norm(placed - (scale * vertices @ TURN.T + SHIFT), axis=1)[MODEL.part_vertices("face", "lips")].mean()
    )


def test_identity_and_place_are_found() -> None:
    found = fitted(1.0, free_size=False)
    mean_error = np.linalg.norm(truth()[1] - MODEL.template, axis=1)[MODEL.part_vertices("face", "lips")].mean()
    assert found.scale == 1.0
    assert face_error(found, 1.0) < 0.4 * mean_error
    assert face_error(found, 1.0) < 0.0012
    assert found.gap_m < 0.001


def test_size_is_found_where_it_is_free() -> None:
    found = fitted(1.06, free_size=True)
    assert found.scale == pytest.approx(1.06, abs=0.025)
    assert face_error(found, 1.06) < 0.0015


def test_points_far_from_any_head_are_refused() -> None:
    far = PointCloud(
        np.full((100, 3), 1.0, np.float32),
        np.zeros((100, 3), np.uint8),
        np.tile([0, 0, 1.0], (100, 1)).astype(np.float32),
        np.ones(100, np.uint8),
    )
    with pytest.raises(FitError):
        fit_head(far, MODEL, BASIS, BASIS.mean, np.zeros(len(BASIS.mean)), False)


def test_what_other_evidence_says_is_kept_where_points_are_worth_little() -> None:
    identity, _ = truth()
    known = (identity, np.zeros(len(MODEL.expression_names)))
    doubtful = HeadFitConfig(points=1200, rounds=6)
    assert face_error(fitted(1.0, False, 0.004, doubtful, known), 1.0) < face_error(fitted(1.0, False, 0.004, doubtful), 1.0)
