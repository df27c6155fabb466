"""Pictures of meshes: where things land, what colour they have, how light falls."""

from __future__ import annotations

import numpy as np
import pytest

from facestudio.geometry.camera import project, screen
from facestudio.geometry.frames import yaw_degrees
from facestudio.geometry.rasterize import rasterize
from facestudio.geometry.shading import (
    BACKGROUND,
    clay,
    portrait_camera,
    render,
    resized,
    sample,
    textured,
    to_linear,
    to_srgb,
    vertex_normals,
)
from facestudio.types import ByteArray, Float64Array, IntArray


def ball(rings: int = 24) -> tuple[Float64Array, IntArray]:
    """A sphere of 0.1 m, faces outwards."""
    theta, phi = np.meshgrid(np.linspace(0.02, np.pi - 0.02, rings), np.arange(2 * rings) * np.pi / rings, indexing="ij")
    points = 0.1 * np.stack([np.sin(theta) * np.sin(phi), np.cos(theta), np.sin(theta) * np.cos(phi)], -1).reshape(-1, 3)
    faces = []
    for i in range(rings - 1):
        for j in range(2 * rings):
            a, b = i * 2 * rings + j, i * 2 * rings + (j + 1) % (2 * rings)
            faces += [[a, a + 2 * rings, b], [b, a + 2 * rings, b + 2 * rings]]
    return points, np.array(faces)


def test_normals_of_a_sphere_point_outwards() -> None:
    points, faces = ball()
    cosine = np.einsum("vi,vi->v", vertex_normals(points, faces), points / 0.1)
    assert cosine.min() > 0.995
    assert vertex_normals(np.zeros((4, 3)), np.array([[0, 1, 2]])).tolist() == [[0, 0, 0]] * 4


@pytest.mark.parametrize("yaw", [-60, 0, 40])
def test_a_portrait_camera_stands_where_it_is_told_and_frames_the_head(yaw: float) -> None:
    points, _ = ball()
    points = points + np.array([0.02, 0.3, -0.1])
    camera = portrait_camera(points, 100, 140, yaw_degrees=yaw)
    assert yaw_degrees(camera) == pytest.approx(yaw)
    assert np.linalg.det(camera.R) == pytest.approx(1)
    pixels = project(camera, points)
    assert pixels.min() > -0.5
    assert (pixels < [139.5, 99.5]).all()
    assert np.ptp(pixels[:, 1]) > 60
    np.testing.assert_allclose(project(camera, points.mean(0)), [69.5, 49.5], atol=1e-6)
    assert camera.R[1, 1] < -0.99  # the head stands upright


def test_a_portrait_from_above_sees_the_top() -> None:
    points, _ = ball()
    camera = portrait_camera(points, pitch_degrees=30)
    assert camera.centre[1] > 0.1
    assert np.linalg.det(camera.R) == pytest.approx(1)


def test_a_resized_camera_sees_the_same_picture() -> None:
    camera = portrait_camera(ball()[0], 100, 140)
    point = np.array([0.03, 0.02, 0.05])
    twice = project(resized(camera, 200, 280), point)
    np.testing.assert_allclose((twice + 0.5) / 2 - 0.5, project(camera, point), atol=1e-9)


def test_light_comes_from_the_upper_left_and_the_background_stays() -> None:
    points, faces = ball()
    picture = render(points, faces, portrait_camera(points, 80, 80)).astype(float).mean(-1)
    assert picture.shape == (80, 80)
    assert picture[22, 22] > picture[58, 58] + 20
    assert picture[0, 0] == pytest.approx(np.mean(BACKGROUND))
    assert picture[40, 40] > 90


def test_the_light_stands_with_the_camera() -> None:
    points, faces = ball(32)
    front, side = (render(points, faces, portrait_camera(points, 60, 60, yaw_degrees=y)).astype(int) for y in (0, 90))
    assert np.abs(front - side).mean() < 1.5


def test_supersampling_softens_edges_only() -> None:
    points, faces = ball()
    camera = portrait_camera(points, 60, 60)
    hard, soft = render(points, faces, camera, supersample=1), render(points, faces, camera, supersample=3)
    assert hard.shape == soft.shape == (60, 60, 3)
    assert np.abs(hard[30, 30].astype(int) - soft[30, 30]).max() <= 3
    levels = [len(np.unique(picture[30, :, 0])) for picture in (hard, soft)]
    assert levels[1] >= levels[0]


def test_a_picture_can_lie_behind() -> None:
    points, faces = ball()
    photo = np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8)
    picture = render(points, faces, portrait_camera(points, 50, 60), background=photo)
    np.testing.assert_array_equal(picture[:6, :6], photo[:6, :6])
    assert (picture[25, 30] != photo[25, 30]).any()


def quad() -> tuple[Float64Array, IntArray, Float64Array]:
    """A square of 0.2 m facing +Z with the whole texture on it."""
    points = np.array([[-0.1, -0.1, 0], [0.1, -0.1, 0], [0.1, 0.1, 0], [-0.1, 0.1, 0]])
    return points, np.array([[0, 1, 2], [0, 2, 3]]), np.array([[0, 0], [1, 0], [1, 1], [0, 1.0]])


def corners(picture: ByteArray) -> list[list[int]]:
    return [picture[y, x].tolist() for y, x in ((35, 35), (35, 65), (65, 35), (65, 65))]


def test_a_texture_lies_the_right_way_up() -> None:
    points, faces, uv = quad()
    texture = np.zeros((2, 2, 3), np.uint8)
    texture[0, 0], texture[0, 1], texture[1, 0] = [250, 0, 0], [0, 250, 0], [0, 0, 250]  # row 0 is v = 1
    texture = texture.repeat(8, 0).repeat(8, 1)
    camera = portrait_camera(points, 101, 101)
    picture = render(points, faces, camera, texture=texture, uv=uv, uv_faces=faces, shade=0.0)
    assert corners(picture) == [[250, 0, 0], [0, 250, 0], [0, 0, 250], [0, 0, 0]]


def test_shading_a_texture_darkens_what_turns_away() -> None:
    points, faces = ball()
    camera = portrait_camera(points, 60, 60)
    fragments = rasterize(screen(camera, points), faces, 60, 60)
    white, uv = np.full((4, 4, 3), 200, np.uint8), np.full((len(points), 2), 0.5)
    bare = textured(fragments, uv, faces, white)
    assert np.unique(bare[fragments.pix_to_face >= 0]).tolist() == [200]
    lit = textured(fragments, uv, faces, white, points, faces, camera.R, shade=0.5)
    assert lit[38, 38].mean() < lit[24, 24].mean() - 10


def test_vertex_colours_show() -> None:
    points, faces, _ = quad()
    red = np.tile([1.0, 0.0, 0.0], (4, 1))
    pixel = render(points, faces, portrait_camera(points, 50, 50), colours=red)[25, 25]
    assert pixel[0] > 150
    assert pixel[1:].tolist() == [0, 0]


def test_sampling_is_bilinear_and_clamped() -> None:
    picture = np.array([[[0], [100]], [[200], [100]]], np.uint8)
    uv = np.array([[0.25, 0.75], [0.75, 0.75], [0.5, 0.75], [0.25, 0.5], [-1.0, 2.0], [0.25, 0.25]])
    assert sample(picture, uv)[:, 0].tolist() == [0, 100, 50, 100, 0, 200]


def test_srgb_round_trip_and_anchor() -> None:
    every = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(to_srgb(to_linear(every)), every)
    assert to_linear(np.array([188], np.uint8))[0] == pytest.approx(0.5029, abs=1e-3)


def test_clay_of_nothing_is_background() -> None:
    points, faces, _ = quad()
    nothing = rasterize(np.full((4, 3), np.nan), faces, 8, 9)
    assert (clay(nothing, points, faces) == BACKGROUND).all()
