"""The drawn mesh: seams split, normals right."""

from __future__ import annotations

import numpy as np

from facestudio.app.viewer.surface import Surface
from facestudio.geometry.shading import vertex_normals
from facestudio.head.model import HeadModel


def test_every_corner_keeps_its_place_and_its_texture_coordinate(openhead: HeadModel, open_surface: Surface) -> None:
    s = open_surface
    assert np.array_equal(s.vertex_ids[s.faces], openhead.faces)
    assert np.array_equal(s.uv[s.faces], openhead.uv[openhead.uv_faces])


def test_normals_agree_with_geometry_s_own(openhead: HeadModel, open_surface: Surface) -> None:
    expected = vertex_normals(openhead.template, openhead.faces)
    got = open_surface.normals(openhead.template)
    assert np.allclose(np.linalg.norm(got, axis=1), 1.0, atol=1e-5)
    assert np.sum(got * expected, axis=1).min() > 0.9999


def test_a_head_without_extent_has_normals_all_the_same(openhead: HeadModel, open_surface: Surface) -> None:
    assert np.array_equal(
        open_surface.normals(np.zeros_like(openhead.template)), np.tile([0, 0, 1], (openhead.vertex_count, 1))
    )
