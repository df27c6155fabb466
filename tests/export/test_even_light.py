"""Light that is known is found and taken out; colour that is no light stays."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from facestudio.export.even_light import even_albedo
from facestudio.export.scene import HeadScene, build_scene
from facestudio.geometry.frames import uv_to_texel
from facestudio.geometry.rasterize import interpolate, rasterize
from facestudio.geometry.shading import to_linear, to_srgb
from facestudio.head.model import HeadModel
from facestudio.types import Float64Array, Reconstruction, Texture
from tests.export.test_real_heads import fitted

SIDE = 512
SKIN = np.array([0.42, 0.26, 0.19])  # linear


@pytest.fixture
def scene(openhead: HeadModel, small_reconstruction: Reconstruction, small_texture: Texture) -> HeadScene:
    head = dataclasses.replace(fitted(openhead, small_reconstruction), vertices=openhead.template.astype(np.float64))
    return build_scene(openhead, head, small_texture, "Ada")


def lit(model: HeadModel, scene: HeadScene, light: tuple[float, float, float]) -> tuple[Texture, Float64Array, np.ndarray]:
    """Skin under a directional and an even light; the albedo itself; where the face is. Brows are dark."""
    flat = np.ones((len(scene.uv), 3))
    flat[:, :2] = uv_to_texel(scene.uv.astype(np.float64), SIDE)
    layout = rasterize(flat, scene.uv_faces, SIDE, SIDE)
    normals = np.asarray(interpolate(layout, scene.faces, scene.normals), dtype=np.float64)
    points = np.asarray(interpolate(layout, scene.faces, scene.vertices), dtype=np.float64)
    shade = 0.45 + 0.55 * np.clip(normals @ (np.array(light) / np.linalg.norm(light)), 0, None)
    albedo = np.broadcast_to(SKIN, (SIDE, SIDE, 3)).copy()
    albedo[(points[..., 1] > 0.04) & (points[..., 1] < 0.05) & (points[..., 2] > 0.03)] *= 0.2
    face = (layout.pix_to_face >= 0) & model.part_faces("face")[np.maximum(layout.pix_to_face, 0)]
    texture = Texture(
        to_srgb(albedo * shade[..., None]), np.ones((SIDE, SIDE), np.uint8), np.ones(model.vertex_count, np.uint8)
    )
    return texture, albedo, face


@pytest.mark.parametrize("light", [(1.0, 0.4, 0.6), (-0.8, 0.8, 0.3), (0.0, 1.0, 0.2)])
def test_side_light_is_taken_out(openhead: HeadModel, scene: HeadScene, light: tuple[float, float, float]) -> None:
    texture, albedo, face = lit(openhead, scene, light)
    before = to_linear(texture.albedo)[face] / albedo[face]
    after = to_linear(even_albedo(openhead, scene, texture))[face] / albedo[face]
    assert before.std() / before.mean() > 0.15
    assert after.std() / after.mean() < 0.45 * before.std() / before.mean()
    assert abs(after.mean() / before.mean() - 1.0) < 0.2  # the exposure stays


def test_brows_stay_dark(openhead: HeadModel, scene: HeadScene) -> None:
    texture, albedo, face = lit(openhead, scene, (1.0, 0.4, 0.6))
    even = to_linear(even_albedo(openhead, scene, texture))
    brow = face & (albedo[..., 0] < 0.2)
    assert brow.sum() > 100
    assert even[brow].mean() < 0.35 * even[face & ~brow].mean()


def test_even_light_changes_hardly_anything(openhead: HeadModel, scene: HeadScene) -> None:
    plain = np.broadcast_to(to_srgb(SKIN), (SIDE, SIDE, 3)).copy()
    texture = Texture(plain, np.ones((SIDE, SIDE), np.uint8), np.ones(openhead.vertex_count, np.uint8))
    assert np.abs(even_albedo(openhead, scene, texture).astype(int) - plain).max() <= 1


def test_a_head_that_nobody_photographed_is_left_alone(openhead: HeadModel, scene: HeadScene) -> None:
    texture, _, _ = lit(openhead, scene, (1.0, 0.0, 0.5))
    unseen = dataclasses.replace(texture, provenance=np.full((SIDE, SIDE), 3, np.uint8))
    assert np.array_equal(even_albedo(openhead, scene, unseen), unseen.albedo)


def test_a_lid_s_shadow_is_taken_off_the_white_of_the_eye(openhead: HeadModel, scene: HeadScene) -> None:
    x, y, radius, ball = openhead.eye_islands[0]
    u, v = np.meshgrid((np.arange(SIDE) + 0.5) / SIDE, 1.0 - (np.arange(SIDE) + 0.5) / SIDE)
    r = np.hypot(u - x, v - y)
    white = (r > 1.3 * radius) & (r < min(2.0 * radius, 0.9 * ball))
    above = white & (v - y > 0.8 * radius)
    albedo = np.broadcast_to(np.array([170, 130, 110], np.uint8), (SIDE, SIDE, 3)).copy()
    albedo[r < ball] = 220
    albedo[(r < ball) & (v - y > 0.5 * radius)] = 140
    texture = Texture(albedo, np.ones((SIDE, SIDE), np.uint8), np.ones(openhead.vertex_count, np.uint8))
    even = even_albedo(openhead, scene, texture)
    assert even[above].mean() > 185
    assert abs(even[white & (v < y)].mean() - 220) < 12
