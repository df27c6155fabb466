"""Opposite vertices, found through an asymmetric mean face."""

from __future__ import annotations

import numpy as np

from facestudio.head.model import HeadModel
from facestudio.head.symmetry import mirror_map, symmetrised


def test_flame_is_paired_completely_though_its_mean_is_crooked(flame: HeadModel) -> None:
    mirror = flame.mirror
    np.testing.assert_array_equal(mirror[mirror], np.arange(5023))
    assert (mirror == np.arange(5023)).sum() == 115  # the midline
    apart = np.linalg.norm(flame.template * [-1, 1, 1] - flame.template[mirror], axis=1)
    assert 0.001 < np.median(apart) < apart.max() < 0.005
    # Nearly every triangle has its mirror image (a few quads around the eyes are split the other way).
    known = {tuple(sorted(face)) for face in flame.faces.tolist()}
    assert np.mean([tuple(sorted(face)) in known for face in mirror[flame.faces].tolist()]) > 0.99
    assert (flame.part_vertices("eye_left")[mirror] == flame.part_vertices("eye_right")).all()


def test_symmetrised_is_symmetric(flame: HeadModel) -> None:
    even = symmetrised(flame.template, flame.mirror)
    np.testing.assert_allclose(even * [-1, 1, 1], even[flame.mirror], atol=1e-12)
    assert np.abs(even - flame.template).max() < 0.003


def test_vertices_without_a_partner_are_their_own() -> None:
    points = np.array([[0, 0, 0], [0, 1, 0], [1, 0, 0], [-1.05, 0, 0], [3, 3, 3]], float)
    faces = np.array([[0, 2, 1], [0, 1, 3]])
    assert mirror_map(points, faces).tolist() == [0, 1, 3, 2, 4]
