"""The texture square that we lay FLAME out on."""

from __future__ import annotations

import numpy as np
import pytest

from facestudio.geometry.rasterize import rasterize
from facestudio.head.flame_uv import PART_NAMES, unwrap
from facestudio.head.model import HeadModel
from facestudio.types import Float64Array


@pytest.fixture(scope="module")
def corners(flame: HeadModel) -> Float64Array:
    """(F, 3, 2): the faces on the square."""
    return flame.uv.astype(np.float64)[flame.uv_faces]


@pytest.fixture(scope="module")
def areas(corners: Float64Array) -> Float64Array:
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return np.asarray(0.5 * (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]))


def test_every_face_lies_on_the_square_the_right_way_round(corners: Float64Array, areas: Float64Array) -> None:
    assert corners.min() >= 0.002
    assert corners.max() <= 0.998
    assert areas.min() > 0


def test_nothing_overlaps(flame: HeadModel, areas: Float64Array) -> None:
    """At equal depth the lower face index wins: drawn in the opposite order, a texel under two faces would change its face."""
    size, last = 2048, len(flame.uv_faces) - 1
    points = np.column_stack([flame.uv.astype(np.float64) * size, np.ones(len(flame.uv))])
    forwards = rasterize(points, flame.uv_faces, size, size).pix_to_face
    backwards = rasterize(points, flame.uv_faces[::-1], size, size).pix_to_face
    np.testing.assert_array_equal(forwards, np.where(backwards >= 0, last - backwards, -1))
    assert (forwards >= 0).mean() == pytest.approx(areas.sum(), abs=1e-3)


def test_the_skin_fills_most_of_the_square(flame: HeadModel, areas: Float64Array) -> None:
    assert areas[flame.part_faces("skin")].sum() > 0.9


def test_the_face_is_drawn_larger_than_the_back_of_the_head_and_nothing_is_starved(
    flame: HeadModel, areas: Float64Array
) -> None:
    solid = flame.template[flame.faces].astype(np.float64)
    surface = 0.5 * np.linalg.norm(np.cross(solid[:, 1] - solid[:, 0], solid[:, 2] - solid[:, 0]), axis=1)
    density = np.sqrt(areas / surface) * 2.048  # texels per mm at 2048
    skin, depth = flame.part_faces("skin"), solid[:, :, 2].mean(axis=1)
    face, back = skin & (depth > 0.04), skin & (depth < -0.1)
    assert np.median(density[face]) > 5
    assert np.median(density[face]) > 1.3 * np.median(density[back])
    assert np.percentile(density[skin], 1) > 1.5


def test_only_the_seam_and_the_rear_poles_are_cut(flame: HeadModel) -> None:
    """Vertices with two places on the square lie on the midline at the back, or behind an eye."""
    pairs = np.unique(np.stack([flame.faces.ravel(), flame.uv_faces.ravel()], axis=1), axis=0)
    vertices, places = np.unique(pairs[:, 0], return_counts=True)
    cut = vertices[places > 1]
    skin = flame.part_vertices("skin")[cut]
    seam = flame.template[cut[skin]]
    assert np.abs(seam[:, 0]).max() < 0.003
    assert seam[:, 2].max() < 0.02
    assert places[places > 1][skin].max() == 2
    assert (~skin).sum() == 2


def test_the_layout_is_symmetric(flame: HeadModel) -> None:
    place = np.zeros((flame.vertex_count, 2))
    place[flame.faces] = flame.uv[flame.uv_faces]
    once = np.bincount(np.unique(np.stack([flame.faces.ravel(), flame.uv_faces.ravel()], 1), axis=0)[:, 0]) == 1
    skin = flame.part_vertices("skin") & once
    apart = place[skin] * [-1, 1] + [1, 0] - place[flame.mirror[skin]]
    assert np.abs(apart).max() < 0.01


def test_eyes_are_polar_discs_about_the_pupil(flame: HeadModel) -> None:
    assert flame.part_names == PART_NAMES
    for side, part in enumerate(("eye_left", "eye_right")):
        u, v, iris, radius = flame.eye_islands[side]
        inside = flame.part_faces(part)
        place = flame.uv[np.unique(flame.uv_faces[inside])]
        distance = np.linalg.norm(place - [u, v], axis=1)
        assert distance.max() == pytest.approx(radius, rel=1e-4)
        assert 0.15 * radius < iris < 0.35 * radius
        # The pupil's middle is the eyeball's foremost vertex; half of the disc's area is the front half of the ball.
        front = flame.template[flame.faces[inside]][..., 2].argmax()
        np.testing.assert_allclose(flame.uv[flame.uv_faces[inside].ravel()[front]], [u, v], atol=1e-3)
        # Rings about the gaze axis stay rings: distance from the pupil tells depth, whatever the direction.
        depth = flame.template[flame.faces[inside]][..., 2].ravel()
        ring = np.linalg.norm(flame.uv[flame.uv_faces[inside]].reshape(-1, 2) - [u, v], axis=1) / radius
        expected = 1 - 2 * ring**2  # Lambert: the cosine of the angle from the axis
        scaled = 2 * (depth - depth.min()) / np.ptp(depth) - 1
        assert np.abs(scaled - expected)[ring < 0.99].max() < 0.03
    # The subject's left eye is on the right of the square.
    assert flame.eye_islands[0, 0] > 0.5 > flame.eye_islands[1, 0]


def test_the_square_shows_the_face_upright_and_as_others_see_it(flame: HeadModel) -> None:
    place = np.zeros((flame.vertex_count, 2))
    place[flame.faces] = flame.uv[flame.uv_faces]
    face = flame.part_vertices("skin") & (flame.template[:, 2] > 0.03)
    for axis in range(2):
        assert np.corrcoef(place[face, axis], flame.template[face, axis])[0, 1] > 0.9


def test_unwrapping_again_gives_the_same_coordinates(flame: HeadModel) -> None:
    again = unwrap(flame.template, flame.faces)
    np.testing.assert_array_equal(again.uv, flame.uv)
    np.testing.assert_array_equal(again.uv_faces, flame.uv_faces)


def test_a_mesh_that_is_no_flame_is_refused(flame: HeadModel) -> None:
    with pytest.raises(ValueError, match="separate pieces"):
        unwrap(flame.template, flame.faces[flame.part_faces("skin")])
