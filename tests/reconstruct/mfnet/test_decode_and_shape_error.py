"""Codes to points, and what an error of codes means in millimetres."""

from __future__ import annotations

import numpy as np
import torch

from facestudio.geometry.rotations import exp_so3
from facestudio.head.landmarks import embedding, on_surface
from facestudio.head.posing import JAW, PosedHead
from facestudio.head.store import load_head
from facestudio.reconstruct.mfnet.decode import landmark_decoder, vertex_decoder
from facestudio.reconstruct.mfnet.shape_error import ShapeError, error_map


def test_points_are_those_of_the_head_s_own_decoder_with_its_jaw() -> None:
    model, rng = load_head("open"), np.random.default_rng(3)
    identity, expression, pose = rng.normal(size=150), np.zeros(52), np.zeros((5, 3))
    expression[[24, 40]], pose[JAW] = [0.5, 0.3], [0.2, 0.05, 0.0]
    rest = model.template + model.identity_basis @ identity
    expected = PosedHead(model, rest).vertices(expression, pose)
    codes = [torch.from_numpy(c[None]).float() for c in (identity, expression, pose[JAW])]
    assert np.abs(vertex_decoder(model, 150, 52)(*codes)[0].numpy() - expected).max() < 2e-5
    marks, ids = landmark_decoder(model, 150, 52)
    assert np.array_equal(ids, embedding(model, "dense800").ids)
    found = on_surface(expected, model.faces, embedding(model, "dense800"))
    assert np.abs(marks(*codes)[0].numpy() - found).max() < 2e-5


def test_the_error_is_what_remains_after_an_alignment() -> None:
    """Against Procrustes on the vertices themselves, for a small error: first order is enough."""
    model, rng = load_head("open"), np.random.default_rng(0)
    face = model.part_vertices("face", "lips", "eyelids") & ~model.part_vertices("ears", "scalp", "neck")
    wrong = 0.05 * rng.normal(size=150)
    moved, mean = (
        (model.template + model.identity_basis @ wrong)[face].astype(np.float64),
        model.template[face].astype(np.float64),
    )
    a, b = moved - moved.mean(0), mean - mean.mean(0)
    U, S, Vt = np.linalg.svd(a.T @ b)
    aligned = (a @ U @ Vt) * (S.sum() / (a**2).sum()) + mean.mean(0)  # Umeyama 1991
    exact = 1000 * np.sqrt(((aligned - mean) ** 2).sum(1).mean())
    said = float(ShapeError(model, 150, tangential=1.0)(torch.from_numpy(wrong[None]).float()))
    assert abs(said - exact) < 0.02 * exact


def test_turning_and_growing_cost_nothing() -> None:
    model = load_head("open")
    points = model.template.astype(np.float64)
    turned = (points @ exp_so3(np.array([0.0, 1e-4, 0.0])).T - points) / 1e-4
    grown = points - points.mean(0)
    dent = np.zeros_like(points)
    dent[points[:, 2].argmax()] = [0, 0, 1.0]
    M = error_map(model, np.stack([turned, grown, dent], -1))
    errors = np.linalg.norm(M, axis=0)
    assert errors[0] < 1e-2 * errors[2]
    assert errors[1] < 1e-6 * errors[2]
