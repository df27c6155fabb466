"""Butterfly subdivision: four triangles for one, old vertices in place, new ones on the smooth surface."""

from __future__ import annotations

import numpy as np
import trimesh

from facestudio.geometry.subdivide import butterfly, midpoints
from facestudio.head.model import HeadModel


def test_a_ball_becomes_rounder() -> None:
    ball = trimesh.creation.icosphere(subdivisions=2)
    points, triangles = np.asarray(ball.vertices), np.asarray(ball.faces, np.int32)
    radius = {}
    for way in (midpoints, butterfly):
        rule, faces = way(triangles, len(points))
        fine = rule @ points
        np.testing.assert_array_equal(fine[: len(points)], points)
        made = trimesh.Trimesh(fine, faces, process=False)
        assert made.is_watertight
        assert made.is_winding_consistent
        assert len(faces) == 4 * len(triangles)
        radius[way] = np.linalg.norm(fine[len(points) :], axis=1)
    assert radius[midpoints].max() < 0.991
    assert np.abs(radius[butterfly] - 1.0).max() < 0.25 * np.abs(radius[midpoints] - 1.0).max()


def test_new_vertices_lie_on_the_smooth_surface() -> None:
    """On a unit sphere of 1,280 triangles an edge's middle lies 3.4 thousandths inside, butterfly's vertex six times nearer."""
    sphere = trimesh.creation.icosphere(3)
    rule, _ = butterfly(np.asarray(sphere.faces, np.int32), len(sphere.vertices))
    assert np.abs(np.linalg.norm(rule @ sphere.vertices, axis=1) - 1.0).max() < 6e-4


def test_a_plane_stays_a_plane_and_borders_are_halved() -> None:
    x, y = np.meshgrid(np.arange(5.0), np.arange(5.0))
    points = np.column_stack([x.ravel(), y.ravel(), (2.0 * x - y).ravel()])
    corner = (np.arange(4)[:, None] * 5 + np.arange(4)).ravel()
    triangles = np.concatenate(
        [np.stack([corner, corner + 1, corner + 5], 1), np.stack([corner + 1, corner + 6, corner + 5], 1)]
    )
    rule, faces = butterfly(triangles.astype(np.int32), 25)
    fine = rule @ points
    np.testing.assert_allclose(fine[:, 2], 2.0 * fine[:, 0] - fine[:, 1], atol=1e-12)
    np.testing.assert_allclose(np.asarray(rule.sum(1)).ravel(), 1.0)
    assert fine[:, :2].min() == 0.0
    assert fine[:, :2].max() == 4.0
    np.testing.assert_allclose(trimesh.Trimesh(fine, faces, process=False).area, 16.0 * np.sqrt(6.0))


def test_texture_and_surface_of_the_head_are_cut_alike(openhead: HeadModel) -> None:
    rule, faces = butterfly(openhead.faces, openhead.vertex_count)
    uv_rule, uv_faces = midpoints(openhead.uv_faces, len(openhead.uv))
    owner = np.full(len(openhead.uv), -1)
    owner[openhead.uv_faces] = openhead.faces
    # Every corner of the fine mesh lies between the same two old vertices in both.
    for old, fine, fine_uv in zip(
        openhead.faces[::997], faces.reshape(-1, 12)[::997], uv_faces.reshape(-1, 12)[::997], strict=True
    ):
        for v, t in zip(fine, fine_uv, strict=True):
            between = set(owner[uv_rule[t].indices])
            assert between <= set(old)
            assert rule[v, sorted(between)].toarray().min() >= 0.5
