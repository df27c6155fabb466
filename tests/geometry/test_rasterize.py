"""The z-buffer against a brute-force ray oracle, and at its edges."""

from __future__ import annotations

import numpy as np
import pytest

from facestudio.geometry.camera import screen, to_camera
from facestudio.geometry.rasterize import Fragments, interpolate, rasterize
from facestudio.types import Camera, Float64Array, IntArray

TRIANGLE = np.array([[0, 1, 2]])


def flat(*corners: tuple[float, float]) -> Float64Array:
    """Screen points at depth 1."""
    return np.array([(x, y, 1.0) for x, y in corners])


def oracle(camera: Camera, vertices: Float64Array, faces: IntArray) -> tuple[IntArray, Float64Array, Float64Array]:
    """Nearest face, barycentric coordinates and depth per pixel, by intersecting every ray with every triangle (3x3 solves)."""
    corners = to_camera(camera, vertices)[faces]  # (F, 3 corners, 3)
    y, x = np.mgrid[: camera.height, : camera.width]
    rays = np.stack([x, y, np.ones_like(x)], -1).reshape(-1, 3) @ np.linalg.inv(camera.K).T
    # The ray d hits b0 A + b1 B + b2 C at depth s when the b, divided by s, solve M b' = d.
    scaled = np.einsum("fij,pj->pfi", np.linalg.inv(corners.transpose(0, 2, 1)), rays)
    depth = 1.0 / scaled.sum(-1)
    hit = (scaled > 0).all(-1) & (depth > 0)
    depth = np.where(hit, depth, np.inf)
    nearest = depth.argmin(1)
    rows = np.arange(len(rays))
    bary = scaled[rows, nearest] * depth[rows, nearest, None]
    face = np.where(hit.any(1), nearest, -1)
    shape = (camera.height, camera.width)
    return face.reshape(shape), bary.reshape(*shape, 3), depth[rows, nearest].reshape(shape)


@pytest.fixture
def camera() -> Camera:
    return Camera(np.array([[60.0, 0, 23.7], [0, 62.0, 19.2], [0, 0, 1]]), np.eye(3), np.zeros(3), 48, 40)


@pytest.mark.parametrize("seed", range(4))
def test_a_soup_of_triangles_is_seen_as_rays_see_it(camera: Camera, seed: int) -> None:
    rng = np.random.default_rng(seed)
    vertices = rng.uniform([-1, -1, 1.0], [1, 1, 3.0], (60, 3))
    faces = rng.permutation(60).reshape(20, 3)
    fragments = rasterize(screen(camera, vertices), faces, camera.height, camera.width)
    face, bary, depth = oracle(camera, vertices, faces)
    assert (face >= 0).mean() > 0.3
    np.testing.assert_array_equal(fragments.pix_to_face, face)
    seen = face >= 0
    np.testing.assert_allclose(fragments.bary[seen], bary[seen], atol=1e-6)
    np.testing.assert_allclose(fragments.zbuf[seen], depth[seen], rtol=1e-6)


def test_contract_types_and_empty_values(camera: Camera) -> None:
    fragments = rasterize(flat((2, 2), (9, 2), (2, 9)), TRIANGLE, 20, 30)
    assert fragments.pix_to_face.shape == (20, 30)
    assert fragments.pix_to_face.dtype == np.int32
    assert fragments.bary.shape == (20, 30, 3)
    assert fragments.bary.dtype == np.float32
    assert fragments.zbuf.dtype == np.float32
    nothing = fragments.pix_to_face < 0
    assert (fragments.bary[nothing] == -1).all()
    assert (fragments.zbuf[nothing] == -1).all()
    np.testing.assert_allclose(fragments.bary[~nothing].sum(-1), 1, atol=1e-6)


def hits(screen_points: Float64Array, faces: IntArray, size: int) -> IntArray:
    """How many of the faces, each drawn alone, cover each pixel."""
    count = np.zeros((size, size), int)
    for face in faces:
        count += rasterize(screen_points, face[None], size, size).pix_to_face >= 0
    return count


@pytest.mark.parametrize("diagonal", ["split one way", "split the other way"])
def test_each_pixel_of_a_closed_quad_is_hit_exactly_once(diagonal: str) -> None:
    quad = flat((2, 3), (10, 3), (10, 11), (2, 11))
    faces = np.array([[0, 1, 2], [0, 2, 3]] if diagonal == "split one way" else [[0, 1, 3], [1, 2, 3]])
    count = hits(quad, faces, 16)
    expected = np.zeros((16, 16), int)
    expected[3:11, 2:10] = 1  # top and left borders belong to it, bottom and right ones to its neighbours
    np.testing.assert_array_equal(count, expected)


@pytest.mark.parametrize("seed", range(3))
def test_a_fan_with_its_hub_on_a_pixel_has_no_cracks_and_no_double_hits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, 11))
    rim = np.stack([16 + 60 * np.cos(angles), 16 + 60 * np.sin(angles)], 1)
    points = np.concatenate([flat((16.0, 16.0)), np.column_stack([rim, np.ones(11)])])
    faces = np.array([[0, 1 + i, 1 + (i + 1) % 11] for i in range(11)])
    if np.diff(np.append(angles, angles[0] + 2 * np.pi)).max() < np.pi * 0.9:
        assert (hits(points, faces, 33) == 1).all()


def test_edges_shared_through_duplicated_vertices_do_not_crack() -> None:
    rng = np.random.default_rng(7)
    xs = np.linspace(-3, 35, 14) + np.append(np.append(0, rng.uniform(-0.6, 0.6, 12)), 0)
    grid = np.stack(np.meshgrid(xs, xs), -1)
    points: list[tuple[float, float, float]] = []
    faces: list[list[int]] = []
    for i in range(13):
        for j in range(13):
            a, b, c, d = grid[i, j], grid[i, j + 1], grid[i + 1, j + 1], grid[i + 1, j]
            for triple in ((a, b, c), (c, d, a)):  # the diagonal is walked in opposite orders, each time with its own copies
                faces.append([len(points), len(points) + 1, len(points) + 2])
                points += [(float(x), float(y), 1.0) for x, y in triple]
    assert (hits(np.array(points), np.array(faces), 33) == 1).all()


def test_the_nearer_surface_wins_in_either_order() -> None:
    near = np.array([[1.0, 1, 1.0], [15, 1, 1.0], [1, 15, 1.0]])
    points = np.concatenate([near, near * [1, 1, 2]])
    for faces in (np.array([[0, 1, 2], [3, 4, 5]]), np.array([[3, 4, 5], [0, 1, 2]])):
        fragments = rasterize(points, faces, 20, 20)
        assert set(fragments.zbuf[fragments.pix_to_face >= 0]) == {1.0}


def test_equal_depths_go_to_the_lower_face() -> None:
    points = flat((1, 1), (15, 1), (1, 15))
    assert rasterize(points, np.array([[0, 1, 2], [0, 1, 2]]), 20, 20).pix_to_face.max() == 0


def test_barycentric_coordinates_are_perspective_correct(camera: Camera) -> None:
    """A plane's own coordinates, interpolated, must be where the ray meets the plane: affine interpolation would miss by decimetres."""
    vertices = np.array([[-0.6, 0.4, 1.0], [0.6, 0.4, 1.0], [0.6, -0.4, 4.0], [-0.6, -0.4, 4.0]])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    fragments = rasterize(screen(camera, vertices), faces, camera.height, camera.width)
    seen = fragments.pix_to_face >= 0
    assert seen.sum() > 100
    points = np.asarray(interpolate(fragments, faces, vertices)[seen], np.float64)
    y, x = np.nonzero(seen)
    np.testing.assert_allclose(screen(camera, points)[:, :2], np.stack([x, y], 1), atol=1e-4)
    np.testing.assert_allclose(points[:, 2], fragments.zbuf[seen], rtol=1e-6)


def test_backfaces_are_culled_only_when_asked() -> None:
    front = flat((1, 1), (1, 15), (15, 1))  # counter-clockwise to the eye, y down
    assert (rasterize(front, TRIANGLE, 20, 20, cull_backfaces=True).pix_to_face >= 0).any()
    assert (rasterize(front, TRIANGLE[:, ::-1], 20, 20, cull_backfaces=True).pix_to_face < 0).all()
    assert (rasterize(front, TRIANGLE[:, ::-1], 20, 20).pix_to_face >= 0).any()


def test_a_corner_keeps_its_own_weight_whichever_way_the_face_turns() -> None:
    points = flat((0, 0), (10, 0), (0, 10))
    for face in ([0, 1, 2], [0, 2, 1], [1, 2, 0], [2, 1, 0]):
        faces = np.array([face])
        carried = interpolate(rasterize(points, faces, 12, 12), faces, points[:, :2])
        np.testing.assert_allclose(carried[2, 3], [3, 2], atol=1e-6)


@pytest.mark.parametrize(
    "corners",
    [
        [(3, 3, 1), (3, 3, 1), (3, 3, 1)],
        [(1, 1, 1), (5, 5, 1), (9, 9, 1)],
        [(1, 1, -1), (15, 1, 1), (1, 15, 1)],
        [(1, 1, 0), (15, 1, 1), (1, 15, 1)],
        [(np.nan, 1, 1), (15, 1, 1), (1, 15, 1)],
        [(1, 1, np.nan), (15, 1, 1), (1, 15, 1)],
        [(np.inf, 1, 1), (15, 1, 1), (1, 15, 1)],
        [(1, 1, np.inf), (15, 1, 1), (1, 15, 1)],
        [(1e200, 1, 1), (-1e200, 1e200, 1), (1, -1e200, 1)],
        [(100, 100, 1), (150, 100, 1), (100, 150, 1)],
    ],
    ids=[
        "point",
        "line",
        "corner behind",
        "corner in the lens",
        "nan x",
        "nan depth",
        "inf x",
        "inf depth",
        "overflow",
        "outside",
    ],
)
def test_what_cannot_be_drawn_is_skipped(corners: list[tuple[float, float, float]]) -> None:
    fragments = rasterize(np.array(corners, float), TRIANGLE, 20, 20)
    assert (fragments.pix_to_face == -1).all()
    assert (fragments.zbuf == -1).all()


def test_a_triangle_far_larger_than_the_picture_covers_it() -> None:
    fragments = rasterize(flat((-1e9, -1e9), (3e9, -1e9), (-1e9, 3e9)), TRIANGLE, 20, 20)
    assert (fragments.pix_to_face == 0).all()
    np.testing.assert_allclose(fragments.zbuf, 1, rtol=1e-6)


def test_a_picture_without_pixels_or_faces_is_empty() -> None:
    assert rasterize(flat((0, 0), (1, 0), (0, 1)), np.zeros((0, 3), int), 4, 5).pix_to_face.shape == (4, 5)
    assert rasterize(flat((0, 0), (1, 0), (0, 1)), TRIANGLE, 0, 5).pix_to_face.size == 0


@pytest.mark.parametrize(
    ("points", "faces", "words"),
    [
        (np.zeros((3, 2)), TRIANGLE, "screen has shape"),
        (np.zeros((3, 3)), np.zeros((1, 4), int), "faces have shape"),
        (np.zeros((3, 3)), np.array([[0, 1, 3]]), "outside the vertices"),
        (np.zeros((3, 3)), np.array([[0, 1, -1]]), "outside the vertices"),
    ],
)
def test_wrong_arguments_are_refused(points: Float64Array, faces: IntArray, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        rasterize(points, faces, 4, 4)


def test_interpolate_keeps_precision_and_leaves_zero_where_nothing_is() -> None:
    fragments = rasterize(flat((1, 1), (15, 1), (1, 15)), TRIANGLE, 20, 20)
    single, double = np.ones((3, 2), np.float32), np.ones((3, 2), np.float64)
    assert interpolate(fragments, TRIANGLE, single).dtype == np.float32
    carried = interpolate(fragments, TRIANGLE, double)
    assert carried.dtype == np.float64
    np.testing.assert_allclose(carried[..., 0], fragments.pix_to_face >= 0, atol=1e-6)
    with pytest.raises(ValueError, match="outside the values"):
        interpolate(Fragments(fragments.pix_to_face, fragments.bary, fragments.zbuf), np.array([[0, 1, 9]]), single)
