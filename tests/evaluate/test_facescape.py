from __future__ import annotations

import numpy as np
import pytest
import trimesh

from facestudio.evaluate.facescape import SIZE, CylinderMap, benchmark_mne, compare, region_pixels, unroll
from facestudio.types import Mesh


def tube(radius: float, half_height: float = 0.2) -> Mesh:
    """A fine open cylinder about +Y, metres."""
    angle = np.linspace(0, 2 * np.pi, 721)[:-1] + 0.001
    ring = radius * np.stack([np.sin(angle), 0 * angle, np.cos(angle)], 1)
    rise = np.array([0.0, half_height, 0.0])
    vertices = np.concatenate([ring - rise, ring + rise])
    a = np.arange(720)
    b = (a + 1) % 720
    return Mesh(vertices, np.concatenate([np.stack([a, b, a + 720], 1), np.stack([b, b + 720, a + 720], 1)]))


def everywhere() -> np.ndarray:
    return np.ones((SIZE, SIZE), dtype=bool)


def test_a_tube_unrolls_to_its_radius() -> None:
    found = unroll(tube(0.08))
    np.testing.assert_allclose(found.radius, 80.0, atol=0.01)
    rows = np.einsum(
        "ijk,jk->ij", found.normals, [[-np.sin(p), 0, -np.cos(p)] for p in 2 * np.pi * np.arange(SIZE) / (SIZE - 1)]
    )
    assert rows.min() > 0.9999


def test_the_outermost_of_two_surfaces_is_kept() -> None:
    inner, outer = tube(0.06), tube(0.09)
    both = Mesh(
        np.concatenate([outer.vertices, inner.vertices]), np.concatenate([outer.faces, inner.faces + len(outer.vertices)])
    )
    np.testing.assert_allclose(unroll(both).radius, 90.0, atol=0.01)


def test_two_tubes_differ_by_their_radii_and_not_in_direction() -> None:
    a, b = unroll(tube(0.08)), unroll(tube(0.083))
    scores = compare(a, everywhere(), b)
    assert scores.cd_mm == pytest.approx(3.0, abs=0.02)
    assert scores.mne_rad == pytest.approx(0.0, abs=1e-3)
    assert scores.cr == 1.0


def test_coverage_counts_what_the_prediction_lacks() -> None:
    scores = compare(unroll(tube(0.08)), everywhere(), unroll(tube(0.08, half_height=0.075)))
    assert scores.cr == pytest.approx(0.5, abs=0.005)
    assert scores.cd_mm == pytest.approx(0.0, abs=1e-6)


def test_a_prediction_that_is_elsewhere_has_no_distance() -> None:
    far = Mesh(tube(0.08).vertices + np.array([0.0, 1.0, 0.0]), tube(0.08).faces)
    scores = compare(unroll(tube(0.08)), everywhere(), unroll(far))
    assert scores.cr == 0.0
    assert np.isnan(scores.cd_mm)
    assert scores.to_json()["cd_mm"] is None


def test_normals_turn_with_the_surface() -> None:
    ball = trimesh.creation.icosphere(subdivisions=5, radius=0.1)
    sphere = unroll(Mesh(np.asarray(ball.vertices), np.asarray(ball.faces)))
    row = SIZE // 3
    y = 150 - 300 * row / (SIZE - 1)
    counted = np.zeros((SIZE, SIZE), dtype=bool)
    counted[row : row + 2] = True
    angle = compare(sphere, counted, unroll(tube(0.08))).mne_rad
    assert angle == pytest.approx(np.arcsin((y - 0.6) / 100), abs=0.02)


def test_the_benchmarks_mne_is_the_angle_between_normals_plus_one() -> None:
    radius, faces = np.ones((SIZE, SIZE)), np.zeros((SIZE, SIZE), np.int64)

    def facing(normal: tuple[float, float, float]) -> CylinderMap:
        return CylinderMap(radius, np.tile(np.array(normal), (SIZE, SIZE, 1)), faces)

    front, side = facing((0.0, 0.0, 1.0)), facing((1.0, 0.0, 0.0))
    # (1, 1, 2) and (2, 1, 1): cosine 5 / 6, where the normals themselves are at right angles.
    assert benchmark_mne(front, everywhere(), side) == pytest.approx(np.arccos(5 / 6))
    assert benchmark_mne(front, everywhere(), front) == pytest.approx(0.0, abs=1e-7)
    assert np.isnan(benchmark_mne(front, ~everywhere(), side))


def test_only_pixels_wholly_inside_the_region_count() -> None:
    mesh = tube(0.08)
    front = np.flatnonzero(mesh.vertices[:, 2] > 0)
    counted = region_pixels(unroll(mesh), mesh, front)
    assert counted.mean() == pytest.approx(0.5, abs=0.01)
    assert counted[:, SIZE // 2].all()  # the middle column looks along +Z
    assert not counted[:, 0].any()
