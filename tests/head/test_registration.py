"""Non-rigid registration recovers known deformations, and its parts do what they say."""

from __future__ import annotations

import numpy as np
import pytest

from facestudio.errors import HeadModelError
from facestudio.geometry.shading import vertex_normals
from facestudio.head.registration import (
    RegistrationSettings,
    closest_points,
    extend_smoothly,
    register,
    similarity,
    thin_plate,
)
from facestudio.types import Float64Array, IntArray


def sphere(rings: int, around: int, radius: float = 0.1) -> tuple[Float64Array, IntArray]:
    """A closed UV sphere with outward triangles."""
    theta = np.linspace(0, np.pi, rings + 2)[1:-1]
    phi = np.linspace(0, 2 * np.pi, around, endpoint=False)
    t, p = np.meshgrid(theta, phi, indexing="ij")
    points = np.stack([np.sin(t) * np.cos(p), np.cos(t), np.sin(t) * np.sin(p)], axis=-1).reshape(-1, 3)
    points = np.vstack([points, [[0, 1, 0], [0, -1, 0]]]) * radius
    faces = []
    for i in range(rings - 1):
        for j in range(around):
            a, b = i * around + j, i * around + (j + 1) % around
            faces += [[a, b, a + around], [b, b + around, a + around]]
    top, bottom, last = len(points) - 2, len(points) - 1, (rings - 1) * around
    for j in range(around):
        faces += [[top, (j + 1) % around, j], [bottom, last + j, last + (j + 1) % around]]
    return points, np.array(faces)


def bumpy(points: Float64Array) -> Float64Array:
    """A smooth deformation of a few millimetres."""
    x, y, z = points.T
    return points * (1 + 0.06 * np.sin(25 * x)[:, None] * np.cos(20 * y)[:, None]) + np.column_stack(
        [0.03 * y, 0 * y, 0.05 * z]
    )


def test_normals_of_a_sphere_point_outwards() -> None:
    points, faces = sphere(12, 20)
    assert ((vertex_normals(points, faces) * points).sum(1) > 0.095).all()


def test_similarity_finds_scale_rotation_and_shift() -> None:
    rng = np.random.default_rng(0)
    source = rng.standard_normal((10, 3))
    rotation = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    rotation *= np.sign(np.linalg.det(rotation))
    scale, turn, shift = similarity(source, 1.7 * source @ rotation.T + [1.0, 2.0, 3.0])
    assert scale == pytest.approx(1.7)
    np.testing.assert_allclose(turn, rotation, atol=1e-12)
    np.testing.assert_allclose(shift, [1.0, 2.0, 3.0], atol=1e-12)


def test_similarity_never_mirrors() -> None:
    source = np.random.default_rng(1).standard_normal((10, 3))
    assert np.linalg.det(similarity(source, source * [-1.0, 1.0, 1.0])[1]) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("query", "expected"),
    [([0.2, 0.2, 1.0], [0.2, 0.2, 0.0]), ([-1.0, -1.0, 0.5], [0.0, 0.0, 0.0]), ([1.0, 1.0, 0.0], [0.5, 0.5, 0.0])],
    ids=["inside", "corner", "edge"],
)
def test_closest_point_of_a_triangle(query: list[float], expected: list[float]) -> None:
    triangle, faces = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]]), np.array([[0, 1, 2]])
    hit = closest_points(np.array([query]), triangle, faces)
    np.testing.assert_allclose(hit.sample(triangle, faces)[0], expected, atol=1e-12)
    assert hit.distance[0] == pytest.approx(np.linalg.norm(np.subtract(query, expected)))
    assert hit.bary.sum() == pytest.approx(1.0)


def test_closest_points_keep_to_triangles_that_face_the_same_way() -> None:
    sheet = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    vertices = np.vstack([sheet, sheet + np.array([0, 0, 0.1])])
    faces = np.array([[0, 1, 2], [3, 5, 4]])  # the lower faces up, the upper one down
    query, up = np.array([[0.2, 0.2, 0.09]]), np.array([[0.0, 0, 1]])
    assert closest_points(query, vertices, faces).faces[0] == 1
    assert closest_points(query, vertices, faces, up, keep=0.5).faces[0] == 0


def test_thin_plate_energy_is_zero_for_a_shift_and_positive_for_a_dent() -> None:
    points, faces = sphere(10, 16)
    bending, area = thin_plate(points, faces)
    dent = np.zeros(len(points))
    dent[5] = 1.0
    assert abs(np.ones(len(points)) @ bending @ np.ones(len(points))) < 1e-6 * (dent @ bending @ dent)
    assert area.sum() == pytest.approx(4 * np.pi * 0.01, rel=0.05)


def test_a_field_is_continued_smoothly_where_it_is_unknown() -> None:
    points, faces = sphere(24, 40)
    values = points @ np.diag([1.0, 2.0, -1.0])
    known = (points[:, 2] < 0.05).astype(float)
    filled = extend_smoothly(np.where(known[:, None] > 0, values, 0.0), known, points, faces, 0.003)
    np.testing.assert_allclose(filled[known > 0], values[known > 0], atol=0.002)
    hole = known == 0
    assert np.abs(filled[hole] - values[hole]).mean() < 0.35 * np.abs(values[hole]).mean()


def test_paired_vertices_are_continued_together() -> None:
    points, faces = sphere(16, 24)
    values = np.sign(points[:, :1])
    pairs = np.array([[int(points[:, 0].argmax()), int(points[:, 0].argmin())]])
    filled = extend_smoothly(values, np.ones(len(points)), points, faces, 0.01, pairs)
    assert abs(filled[pairs[0, 0], 0] - filled[pairs[0, 1], 0]) < 0.2
    assert values[pairs[0, 0], 0] - values[pairs[0, 1], 0] == 2.0


def test_a_coarse_template_lands_on_a_deformed_surface_of_another_topology() -> None:
    template, faces = sphere(24, 40)
    dense, dense_faces = sphere(60, 90)
    target = bumpy(dense)
    marks = np.arange(0, len(template), 40)
    bent = register(template, faces, target, dense_faces, (marks, bumpy(template[marks])))
    before = closest_points(template, target, dense_faces).distance
    after = closest_points(bent, target, dense_faces).distance
    assert np.median(before) > 0.0015
    assert np.median(after) < 0.0002
    # At about the right place of the surface, too, as far as so plain a shape tells.
    assert np.median(np.linalg.norm(bent - bumpy(template), axis=1)) < 0.003


def test_landmarks_bring_a_moved_and_scaled_template_home() -> None:
    template, faces = sphere(16, 24)
    marks = np.arange(0, len(template), 40)
    away = template * 0.2 + [1.0, 2.0, 3.0]
    bent = register(away, faces, template, faces, (marks, template[marks]))
    assert np.abs(bent - template).max() < 0.0005


def test_vertices_without_weight_do_not_look_for_the_target() -> None:
    template, faces = sphere(16, 24)
    target = template * 1.1
    weights = np.zeros(len(template))
    weights[:3] = 1e-6
    stiff = RegistrationSettings(stiffness=(0.01,), gate=(0.03,), landmark_sigma=(0.001,))
    free = register(template, faces, target, faces, weights=np.ones(len(template)), settings=stiff)
    held = register(template, faces, target, faces, weights=weights, settings=stiff)
    assert np.linalg.norm(free, axis=1).mean() > 0.1085
    assert np.linalg.norm(held, axis=1).mean() < 0.102


def test_heads_that_do_not_overlap_are_refused() -> None:
    template, faces = sphere(8, 12)
    with pytest.raises(HeadModelError, match="do not overlap"):
        register(template, faces, template + 5.0, faces)
