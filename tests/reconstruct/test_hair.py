"""Hair that lies close raises the scalp; hair that hangs does not; the face stays."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from facestudio.geometry.camera import screen
from facestudio.geometry.rasterize import rasterize
from facestudio.geometry.shading import portrait_camera, vertex_normals
from facestudio.head.model import HeadModel
from facestudio.reconstruct.hair import hair_shell
from facestudio.types import Camera, Float32Array, Float64Array

CAMERAS = tuple(
    portrait_camera(np.array([[0.0, 0.19, 0.0], [0.0, -0.22, 0.1]]), 420, 420, yaw, 3.0, 34.0) for yaw in (40.0, 0.0, -40.0)
)


def mask_of(model: HeadModel, vertices: Float64Array, camera: Camera, grown_px: int = 0) -> Float32Array:
    """What a person's mask would be, soft at its border; grown_px: with so much around it."""
    drawn = rasterize(screen(camera, vertices), model.faces, camera.height, camera.width).pix_to_face >= 0
    mask = drawn.astype(np.uint8)
    if grown_px:
        mask = np.asarray(cv2.dilate(mask, np.ones((2 * grown_px + 1,) * 2, np.uint8)), np.uint8)
    return np.asarray(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.5), np.float32)


def combed(model: HeadModel, height_m: float) -> tuple[Float64Array, Float64Array]:
    """A bare head (V, 3), and the same with hair of this height on its scalp, growing thicker from the hairline over 6 cm."""
    bare = model.template.astype(np.float64)
    scalp = model.part_vertices("scalp")
    other = bare[~scalp & model.part_vertices("face", "ears", "neck")]
    away = np.sqrt(((bare[:, None] - other[None, ::4]) ** 2).sum(-1)).min(axis=1)
    lift = np.where(scalp, height_m * np.clip(away / 0.06, 0.0, 1.0), 0.0)
    return bare, bare + vertex_normals(bare, model.faces) * lift[:, None]


def overlap(a: Float32Array, b: Float32Array) -> float:
    return float(((a > 0.5) & (b > 0.5)).sum() / ((a > 0.5) | (b > 0.5)).sum())


def test_close_hair_raises_the_scalp_to_the_photos_outline_and_no_farther(openhead: HeadModel) -> None:
    bare, hairy = combed(openhead, 0.02)
    masks = [mask_of(openhead, hairy, c) for c in CAMERAS]
    lift = hair_shell(openhead, bare, CAMERAS, masks)
    raised = bare + vertex_normals(bare, openhead.faces) * lift[:, None]
    for camera, mask in zip(CAMERAS, masks, strict=True):
        before, after = (overlap(mask_of(openhead, v, camera), mask) for v in (bare, raised))
        assert after > 0.985 > before + 0.02
    crown = bare[:, 1] > np.quantile(bare[openhead.part_vertices("scalp"), 1], 0.7)
    off = np.linalg.norm(raised - hairy, axis=1)[crown & openhead.part_vertices("scalp")]
    assert off.mean() < 0.004  # of 20 mm; between the three outlines the prior joins what they say


def test_nothing_but_scalp_and_the_neck_above_the_chin_moves(openhead: HeadModel) -> None:
    bare, hairy = combed(openhead, 0.02)
    lift = hair_shell(openhead, bare, CAMERAS, [mask_of(openhead, hairy, c) for c in CAMERAS])
    assert not lift[openhead.part_vertices("face", "ears", "lips", "eyelids", "eye_left", "eye_right")].any()
    chin = bare[openhead.part_vertices("face"), 1].min()
    assert not lift[bare[:, 1] < chin].any()


def test_a_shaven_head_stays_as_it_is(openhead: HeadModel) -> None:
    bare, _ = combed(openhead, 0.0)
    lift = hair_shell(openhead, bare, CAMERAS, [mask_of(openhead, bare, c) for c in CAMERAS])
    assert np.abs(lift).max() < 0.0015


def test_hair_that_hangs_beside_the_cheeks_is_no_shell(openhead: HeadModel) -> None:
    bare, _ = combed(openhead, 0.0)
    masks = [mask_of(openhead, bare, c, grown_px=26) for c in CAMERAS]
    lift = hair_shell(openhead, bare, CAMERAS, masks)
    assert not lift[openhead.part_vertices("scalp") & ~openhead.part_vertices("neck")].any()


@pytest.mark.parametrize("masks", [[None, None, None], [np.ones((420, 420), np.float32)] * 3])
def test_masks_that_say_nothing_move_nothing(openhead: HeadModel, masks: list[Float32Array | None]) -> None:
    bare, _ = combed(openhead, 0.0)
    assert not hair_shell(openhead, bare, CAMERAS, masks).any()
