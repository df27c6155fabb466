from __future__ import annotations

import numpy as np
import pytest

from facestudio.errors import DatasetError
from facestudio.evaluate.scan_to_mesh import Surface
from facestudio.types import Float64Array, Mesh

TRIANGLE = Mesh(np.array([[0.0, 0, 0], [4, 0, 0], [0, 3, 0]]), np.array([[0, 1, 2]]))


@pytest.mark.parametrize(
    ("point", "nearest", "distance"),
    [
        ([1, 1, 2], [1, 1, 0], 2.0),  # over the interior
        ([1, 1, 0], [1, 1, 0], 0.0),  # on the surface
        ([2, -3, 4], [2, 0, 0], 5.0),  # beyond the first edge
        ([-6, 1, 8], [0, 1, 0], 10.0),  # beyond the third edge
        ([2 + 3, 1.5 + 4, 0], [2, 1.5, 0], 5.0),  # beyond the long edge, square to its middle
        ([-3, -4, 0], [0, 0, 0], 5.0),  # beyond the corners
        ([8, -3, 0], [4, 0, 0], 5.0),
        ([0, 5, 0], [0, 3, 0], 2.0),
    ],
)
def test_nearest_point_of_one_triangle_is_what_geometry_says(point: list[float], nearest: list[float], distance: float) -> None:
    found = Surface(TRIANGLE).nearest(np.array([point], dtype=np.float64))
    np.testing.assert_allclose(found.points[0], nearest, atol=1e-12)
    assert found.distances[0] == pytest.approx(distance)
    assert found.faces[0] == 0


def by_brute_force(corners: Float64Array, points: Float64Array) -> Float64Array:
    """Independent of the tree and of its case analysis: the plane's foot point where it lies inside, else the nearest edge."""
    best = np.full(len(points), np.inf)
    for a, b, c in corners:
        n = np.cross(b - a, c - a)
        foot = points - np.outer((points - a) @ n / (n @ n), n)
        inside = np.ones(len(points), dtype=bool)
        for p, q in ((a, b), (b, c), (c, a)):
            inside &= np.cross(q - p, foot - p) @ n >= 0
            k = np.clip((points - p) @ (q - p) / ((q - p) @ (q - p)), 0, 1)
            best = np.minimum(best, np.linalg.norm(points - p - np.outer(k, q - p), axis=1))
        best = np.where(inside, np.minimum(best, np.linalg.norm(points - foot, axis=1)), best)
    return best


def test_search_over_many_triangles_agrees_with_brute_force_slivers_included() -> None:
    rng = np.random.default_rng(1)
    corners = rng.normal(size=(400, 1, 3)) + 0.3 * rng.normal(size=(400, 3, 3))
    corners[::8, 2] = 0.4 * corners[::8, 0] + 0.6 * corners[::8, 1] + 1e-6 * rng.normal(size=(50, 3))
    points = 1.5 * rng.normal(size=(500, 3))
    surface = Surface(Mesh(corners.reshape(-1, 3), np.arange(1200).reshape(-1, 3)))
    found = surface.nearest(points)
    np.testing.assert_allclose(found.distances, by_brute_force(corners, points), atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(points - found.points, axis=1), found.distances, atol=1e-12)


def test_a_wrong_guess_changes_nothing() -> None:
    rng = np.random.default_rng(2)
    surface = Surface(Mesh(rng.normal(size=(300, 3)), np.arange(300).reshape(-1, 3)))
    points = rng.normal(size=(200, 3))
    guess = rng.integers(0, 100, 200)
    np.testing.assert_array_equal(surface.nearest(points, guess).distances, surface.nearest(points).distances)


def test_triangles_without_area_are_left_out_and_normals_stay_in_step() -> None:
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 5]])
    surface = Surface(Mesh(vertices, np.array([[3, 3, 3], [0, 1, 2], [0, 0, 1]])))
    found = surface.nearest(np.array([[0.2, 0.2, 1.0]]))
    assert found.distances[0] == pytest.approx(1.0)
    np.testing.assert_allclose(surface.normals[found.faces[0]], [0, 0, 1])


@pytest.mark.parametrize(
    "mesh",
    [
        Mesh(np.zeros((3, 3)), np.array([[0, 1, 2]])),
        Mesh(np.zeros((0, 3)), np.zeros((0, 3), np.int64)),
        Mesh(np.full((3, 3), np.nan), np.array([[0, 1, 2]])),
    ],
    ids=["no area", "empty", "not finite"],
)
def test_a_mesh_without_surface_is_refused(mesh: Mesh) -> None:
    with pytest.raises(DatasetError):
        Surface(mesh)
