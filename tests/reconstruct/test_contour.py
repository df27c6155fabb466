"""The outline of the drawn head against the photo's: where it is sought, what it is worth, and what it does to the head."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facestudio.head.model import HeadModel
from facestudio.reconstruct.contour import ContourConfig, Outline, change_point, outline, outline_parts, outline_rows
from facestudio.reconstruct.sighting import Photo, Sighting, sight
from facestudio.reconstruct.solve import layout
from facestudio.types import Camera, Float32Array, Float64Array
from tests.reconstruct.refine_scene import displaced, given_cameras, make_capture

CONFIG = ContourConfig()


@pytest.fixture(scope="module")
def scene(openhead: HeadModel) -> tuple[Float64Array, Camera]:
    capture = make_capture(openhead, yaws=(0.0,), size=400)
    return capture.truth, given_cameras(capture)[0]


def seen(model: HeadModel, vertices: Float64Array, camera: Camera, skin: Float32Array, person: Float32Array) -> Sighting:
    sighting = sight(Photo((), skin, skin, person), camera, vertices, model.faces)
    assert sighting is not None
    return sighting


def silhouette(model: HeadModel, vertices: Float64Array, camera: Camera) -> Float32Array:
    blank = np.zeros((camera.height, camera.width), np.float32)
    drawn = seen(model, vertices, camera, blank, blank)
    x, y = drawn.corner
    blank[y : y + drawn.face.shape[0], x : x + drawn.face.shape[1]] = drawn.covered
    return blank


def compared(model: HeadModel, scene: tuple[Float64Array, Camera], skin: Float32Array, person: Float32Array) -> Outline:
    vertices, camera = scene
    return outline(seen(model, vertices, camera, skin, person), 0, outline_parts(model), CONFIG)


@pytest.mark.parametrize("end", [-6, -1, 0, 5])
def test_a_change_point_is_found_where_it_is(end: int) -> None:
    profile = (np.arange(-14, 15) <= end).astype(np.float32)[None]
    found, clear = change_point(profile, 4)
    assert found[0] == pytest.approx(end)
    assert clear[0] == 1.0


def test_a_soft_edge_is_found_between_pixels() -> None:
    steps = np.arange(-14, 15)
    profiles = np.clip(0.5 - (steps[None] - np.array([[0.3], [2.75]]) - 0.5) / 3.0, 0.0, 1.0).astype(np.float32)
    found, _ = change_point(profiles, 4)
    np.testing.assert_allclose(found, [0.3, 2.75], atol=0.02)


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_a_profile_without_an_end_claims_none(level: float) -> None:
    _, clear = change_point(np.full((1, 29), level, np.float32), 4)
    assert clear[0] == 0.0


def test_the_right_head_has_nothing_to_move(openhead: HeadModel, scene: tuple[Float64Array, Camera]) -> None:
    skin = silhouette(openhead, *scene)
    edge = compared(openhead, scene, skin, skin)
    assert len(edge.face) > 50
    assert np.abs(edge.offset_px).max() <= 1.0


@pytest.mark.parametrize("shift", [(0.003, 0.0, 0.0), (-0.003, 0.0, 0.0)])
def test_a_head_in_the_wrong_place_is_told_where_to_go(
    openhead: HeadModel, scene: tuple[Float64Array, Camera], shift: tuple[float, float, float]
) -> None:
    """Offsets and derivatives agree in sign and size. Where ear and skull meet, an outline is bent and moves less: hence the median."""
    vertices, camera = scene
    skin = silhouette(openhead, vertices, displaced(camera, np.array(shift), np.zeros(3)))
    edge = compared(openhead, scene, skin, skin)
    unknowns = layout(1, 1, 1, calibrated=True)
    rows = outline_rows(edge, camera, openhead.faces, openhead.vertex_count, unknowns, CONFIG)
    expected = rows.along[:, 3:] @ np.array(shift)
    moved = np.abs(expected) > 1.0
    assert moved.sum() > 40
    assert 0.8 < np.median(edge.offset_px[moved] / expected[moved]) < 1.2


def test_hair_in_front_pushes_nothing_and_skin_beyond_the_drawn_outline_pushes_out(
    openhead: HeadModel, scene: tuple[Float64Array, Camera]
) -> None:
    everyone = np.ones((400, 400), np.float32)  # hair all around: the person never ends
    vertices, camera = scene
    smaller, larger = (silhouette(openhead, vertices, replace(camera, t=camera.t * factor)) for factor in (1.03, 0.97))
    assert len(compared(openhead, scene, smaller, everyone).face) == 0
    pushed = compared(openhead, scene, larger, everyone)
    assert len(pushed.face) > 50
    assert (pushed.offset_px > 0).all()


def test_a_head_that_sticks_out_of_the_person_is_pushed_in(openhead: HeadModel, scene: tuple[Float64Array, Camera]) -> None:
    vertices, camera = scene
    person = silhouette(openhead, vertices, replace(camera, t=camera.t * 1.05))
    edge = compared(openhead, scene, np.full_like(person, 0.5), person)
    assert len(edge.face) > 50
    assert (edge.offset_px < 0).all()
    assert (edge.trust == CONFIG.person_trust).all()
