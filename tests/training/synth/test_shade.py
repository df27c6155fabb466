from __future__ import annotations

import numpy as np

from facestudio.geometry.harmonics import WHITE
from facestudio.training.synth import shade
from facestudio.training.synth.shade import Lamp, Surface, Veils

SIZE = 6


def picture_of_a_square(lamp: Lamp, lens: float = 1.0, hit: bool = True) -> np.ndarray:
    """A square of a thing's colour that faces the eye along +Z, fully seen or not at all, over a grey background."""
    corners = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    uv = np.zeros((1, 2), np.float32)
    up = np.tile(np.array([0, 0, 1], np.float32), (4, 1))
    kinds = np.full(2, shade.THING, np.uint8)
    surface = Surface(corners, up, np.ones(4, np.float32), np.zeros((4, 4), np.float32), faces, uv, np.zeros_like(faces), kinds)
    rays = (2 * SIZE, 2 * SIZE)
    face = np.zeros(rays, np.int32) if hit else np.full(rays, -1, np.int32)
    bary = np.full((*rays, 3), 1 / 3, np.float32)
    colours = np.zeros((shade.COLOURS, 3), np.float32)
    colours[shade.THING_COLOUR] = [0.5, 0.3, 0.1]
    veils = Veils(np.ones(rays, np.float32), np.ones(rays, np.float32), np.full(rays, lens, np.float32))
    background = np.full((SIZE, SIZE, 3), 0.2, np.float32)
    picture = background.copy()
    blank = np.full((4, 4, 3), 64, np.uint8)
    eye, values = np.array([0, 0, 5], np.float32), np.zeros(shade.VALUES, np.float32)
    shade.shade(surface, lamp, veils, face, bary, blank, blank[..., :2].copy(), colours, values, eye, background, picture)
    return picture


def lamp(sky: float, key: float, shadowed: bool = False) -> Lamp:
    light = np.zeros((9, 3), np.float32)
    light[0] = sky * WHITE
    # A map of one depth: everything lies at 10 m from the key, or something lies before it.
    near = np.full((8, 8), 1 / 5.0 if shadowed else 0.0, np.float32)
    to_map = np.array([[0, 0, 0, 4], [0, 0, 0, 4], [0, 0, 0, 10]], np.float32)
    return Lamp(light, np.array([0, 0, 1], np.float32), np.full(3, key, np.float32), near, to_map, 1.0)


def test_a_white_sky_shows_the_bare_colour() -> None:
    np.testing.assert_allclose(picture_of_a_square(lamp(1.0, 0.0)), np.tile([0.5, 0.3, 0.1], (SIZE, SIZE, 1)), atol=1e-4)


def test_the_key_adds_its_light_except_in_shadow() -> None:
    np.testing.assert_allclose(picture_of_a_square(lamp(0.5, 0.5))[2, 2], [0.5, 0.3, 0.1], atol=1e-3)
    np.testing.assert_allclose(picture_of_a_square(lamp(0.5, 0.5, shadowed=True))[2, 2], [0.25, 0.15, 0.05], atol=1e-3)


def test_rays_that_hit_nothing_leave_the_background() -> None:
    np.testing.assert_array_equal(picture_of_a_square(lamp(1.0, 1.0), hit=False), np.float32(0.2))
