"""The subdivided head of the ablation is the same head on four times as many triangles."""

from __future__ import annotations

import numpy as np

from facestudio.head.landmarks import on_surface
from facestudio.head.model import HeadModel, check
from tests.benchmarks.finer_mesh import embedded, finer


def test_old_vertices_and_landmarks_stay(openhead: HeadModel) -> None:
    fine = finer(openhead)
    check(fine)
    np.testing.assert_array_equal(fine.template[: openhead.vertex_count], openhead.template)
    np.testing.assert_array_equal(fine.identity_basis[: openhead.vertex_count], openhead.identity_basis)
    assert len(fine.faces) == 4 * len(openhead.faces)
    flat = openhead.template.astype(np.float64)
    halves = np.concatenate([flat, np.zeros((fine.vertex_count - len(flat), 3))])
    children, parents = fine.faces.reshape(-1, 4, 3), openhead.faces
    for child, (i, j) in (((0, 1), (0, 1)), ((1, 2), (1, 2)), ((2, 0), (2, 0))):
        halves[children[:, child[0], child[1]]] = 0.5 * (flat[parents[:, i]] + flat[parents[:, j]])
    for scheme in ("mediapipe478", "now7"):
        e = openhead.embeddings[scheme]
        np.testing.assert_allclose(on_surface(halves, fine.faces, embedded(e)), on_surface(flat, parents, e), atol=1e-6)
