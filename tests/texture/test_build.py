"""The fused texture against a scene whose texture is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from facestudio.errors import Cancelled, FaceStudioError
from facestudio.head.model import Embedding, HeadModel
from facestudio.progress import CancelToken
from facestudio.texture.build import build_texture
from facestudio.types import (
    PROVENANCE_INFERRED,
    PROVENANCE_MEASURED,
    PROVENANCE_MIRRORED,
    PROVENANCE_OUTSIDE,
    BoolArray,
    Camera,
    Image,
    Texture,
)
from tests.texture.scene import RADIUS, ball, camera, photograph, psnr, truth, views_of

SIZE = 384
YAWS = (0.0, 42.0, -42.0)


def shoot(
    model: HeadModel, yaws: Sequence[float], gains: Sequence[float] = (1.0, 1.0, 1.0)
) -> tuple[list[Image], list[Camera]]:
    cameras = [camera(yaw) for yaw in yaws]
    return [photograph(model, c, gain=g) for c, g in zip(cameras, gains, strict=False)], cameras


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return ball()


@pytest.fixture(scope="module")
def fused(head: HeadModel) -> Texture:
    images, cameras = shoot(head, YAWS)
    return build_texture(head, head.template, views_of(images), cameras, SIZE)


def greenish(texture: Texture) -> BoolArray:
    r, g, b = (texture.albedo[..., i].astype(int) for i in range(3))
    return np.asarray(g > np.maximum(r, b) + 12)


def test_what_was_seen_is_recovered_exactly(fused: Texture) -> None:
    measured = fused.provenance == PROVENANCE_MEASURED
    assert measured.mean() > 0.15
    assert psnr(fused.albedo[measured], truth(SIZE)[measured]) > 42.0


def test_every_texel_says_where_it_comes_from(fused: Texture) -> None:
    assert fused.albedo.shape == (SIZE, SIZE, 3)
    assert fused.albedo.dtype == fused.provenance.dtype == fused.views_seen.dtype == np.uint8
    v = 1.0 - (np.arange(SIZE) + 0.5) / SIZE
    u = (np.arange(SIZE) + 0.5) / SIZE
    inside = ((v > 0.05) & (v < 0.75))[:, None] & ((u > 0.05) & (u < 0.95))[None]
    assert np.array_equal(fused.provenance != PROVENANCE_OUTSIDE, inside)
    middle, back = fused.provenance[round(0.6 * SIZE), SIZE // 2], fused.provenance[round(0.6 * SIZE), round(0.07 * SIZE)]
    assert middle == PROVENANCE_MEASURED
    assert back == PROVENANCE_INFERRED


def test_nothing_is_black_not_even_outside_the_islands(fused: Texture) -> None:
    assert fused.albedo.max(axis=-1).min() > 60


def test_the_back_has_no_seam_where_the_texture_is_cut_open(fused: Texture) -> None:
    rows = slice(round(0.35 * SIZE), round(0.85 * SIZE))
    left, right = round(0.05 * SIZE) + 2, round(0.95 * SIZE) - 3
    step = np.abs(fused.albedo[rows, left].astype(int) - fused.albedo[rows, right].astype(int))
    assert step.mean() < 3.0


def test_views_seen_counts_the_photos_that_see_each_vertex(head: HeadModel, fused: Texture) -> None:
    x, y, z = head.template.T / RADIUS
    assert (fused.views_seen[z > 0.97] == 3).all()
    assert (fused.views_seen[z < -0.5] == 0).all()
    assert (fused.views_seen[(x > 0.985) & (abs(y) < 0.1)] == 1).all()


def test_a_darker_photo_leaves_no_trace(head: HeadModel) -> None:
    images, cameras = shoot(head, YAWS, gains=(1.0, 0.8, 1.0))
    texture = build_texture(head, head.template, views_of(images), cameras, SIZE)
    measured = texture.provenance == PROVENANCE_MEASURED
    error = (texture.albedo.astype(float) - truth(SIZE))[measured]
    assert np.abs(error).mean() < 2.0
    left = measured & (np.arange(SIZE)[None] > 0.7 * SIZE)  # seen only by the darker photo
    assert np.abs(np.median((texture.albedo.astype(float) - truth(SIZE))[left])) < 3.0


@pytest.mark.parametrize("scale", [0.98, 1.02])
def test_background_never_shows_though_the_geometry_is_wrong(head: HeadModel, scale: float) -> None:
    images, cameras = shoot(head, YAWS)
    wrong = head.template * scale + np.array([0.001, 0.0, 0.0])
    texture = build_texture(head, wrong, views_of(images), cameras, SIZE)
    assert not greenish(texture).any()


def test_a_foreground_mask_keeps_out_what_it_excludes(head: HeadModel) -> None:
    images, cameras = shoot(head, YAWS[:1])
    soiled = images[0].pixels.copy()
    soiled[:, 260:] = (0, 255, 0)
    mask = np.ones(soiled.shape[:2], np.float32)
    mask[:, 260:] = 0.0
    texture = build_texture(head, head.template, views_of([Image(soiled)]), cameras, SIZE, foreground=[mask])
    assert not greenish(texture).any()
    assert (texture.provenance == PROVENANCE_MIRRORED).mean() > 0.03


def test_what_stands_in_front_hides_and_is_not_painted_on() -> None:
    model = ball(extra=(np.array([0.02, 0.0, 0.16]), 0.15))
    images, cameras = shoot(model, (0.0,))
    texture = build_texture(model, model.template, views_of(images), cameras, SIZE)
    back = np.zeros((SIZE, SIZE), bool)
    back[round(0.25 * SIZE) :] = True  # the island of the large ball
    red = (texture.albedo[..., 0].astype(int) - texture.albedo[..., 1] > 90) & back & (texture.provenance != PROVENANCE_OUTSIDE)
    assert not red.any()
    # The point of the large ball behind the small one, 0.02/0.16 of the way to the camera's axis aside.
    u = 0.5 + 0.9 * np.arctan2(0.02 * 0.5 / 0.44, 0.1) / (2 * np.pi)
    row, column = round((1 - 0.4) * SIZE), round(u * SIZE)
    assert texture.provenance[row, column] != PROVENANCE_MEASURED
    hidden = (
        (np.hypot(*(model.template[:, :2] - [0.0228, 0.0]).T) < 0.012)
        & (model.template[:, 2] > 0.05)
        & (model.template[:, 2] < 0.101)
    )
    assert hidden.any()
    assert (texture.views_seen[hidden] == 0).all()


def test_one_side_seen_gives_the_other_by_mirroring(head: HeadModel) -> None:
    images, cameras = shoot(head, (0.0, 42.0))
    texture = build_texture(head, head.template, views_of(images), cameras, SIZE)
    mirrored = texture.provenance == PROVENANCE_MIRRORED
    assert mirrored.mean() > 0.02
    assert (np.nonzero(mirrored)[1] < SIZE / 2).mean() > 0.9  # the subject's right is on the left of this layout
    assert np.abs(texture.albedo.astype(float) - truth(SIZE))[mirrored].mean() < 14.0


def test_the_same_photo_three_times_is_the_photo(head: HeadModel) -> None:
    images, cameras = shoot(head, (0.0,))
    once = build_texture(head, head.template, views_of(images), cameras, SIZE)
    thrice = build_texture(head, head.template, views_of(images * 3), cameras * 3, SIZE)
    assert np.abs(once.albedo.astype(int) - thrice.albedo).max() <= 2
    assert np.array_equal(once.provenance, thrice.provenance)


def test_a_model_with_landmarks_keeps_its_features_in_one_photo(head: HeadModel) -> None:
    # A ripple that only the left photo shows, on a spot that the left and the front photo see equally well.
    images, cameras = shoot(head, YAWS)
    ray = [RADIUS * np.array([np.sin(yaw), 0.0, np.cos(yaw)]) for yaw in (-0.4, 0.0, 0.4)]
    spots = [int(np.argmin(np.linalg.norm(head.template - point, axis=1))) for point in ray]
    faces = np.array([int(np.argmax((head.faces == spot).any(axis=1))) for spot in spots], np.int32)
    marks = Embedding(np.array([36, 30, 45], np.int32), faces, np.full((3, 3), 1 / 3, np.float32))
    left = images[1].pixels.astype(float)
    rippled = Image(np.clip(left * (1 + 0.08 * np.sin(np.arange(left.shape[1]))[None, :, None]), 0, 255).astype(np.uint8))
    views = views_of([images[0], rippled, images[2]])
    row, column = round(0.6 * SIZE), round((0.5 + 0.9 * 0.40 / (2 * np.pi)) * SIZE)
    window = (slice(row - 3, row + 4), slice(column - 3, column + 4))
    errors = []
    for model in (head, replace(head, embeddings={"ibug68": marks})):
        texture = build_texture(model, head.template, views, cameras, SIZE)
        errors.append(np.abs(texture.albedo.astype(float) - truth(SIZE))[window].mean())
    assert errors[1] < 0.6 * errors[0]


def test_no_photos_give_a_plain_head(head: HeadModel) -> None:
    texture = build_texture(head, head.template, [], [], 256)
    assert texture.albedo.min() > 60
    assert not texture.views_seen.any()


def test_lens_distortion_is_honoured(head: HeadModel) -> None:
    bent = camera(0.0, distortion=np.array([-0.25, 0.08, 0.001, -0.001, 0.0]))
    texture = build_texture(head, head.template, views_of([photograph(head, bent)]), [bent], SIZE)
    measured = texture.provenance == PROVENANCE_MEASURED
    assert psnr(texture.albedo[measured], truth(SIZE)[measured]) > 40.0


def test_a_head_outside_the_picture_is_inferred(head: HeadModel) -> None:
    images, cameras = shoot(head, (0.0,))
    texture = build_texture(head, head.template + np.array([5.0, 0.0, 0.0]), views_of(images), cameras, 256)
    assert set(np.unique(texture.provenance)) == {PROVENANCE_OUTSIDE, PROVENANCE_INFERRED}
    assert not texture.views_seen.any()
    assert texture.albedo.min() > 60


def test_equal_inputs_give_equal_textures(head: HeadModel, fused: Texture) -> None:
    images, cameras = shoot(head, YAWS)
    again = build_texture(head, head.template, views_of(images), cameras, SIZE)
    assert np.array_equal(again.albedo, fused.albedo)


def test_cancelling_stops_it(head: HeadModel) -> None:
    images, cameras = shoot(head, (0.0,))
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        build_texture(head, head.template, views_of(images), cameras, SIZE, cancel=token)


def test_progress_rises_to_one(head: HeadModel) -> None:
    images, cameras = shoot(head, (0.0,))
    heard: list[float] = []
    build_texture(
        head, head.template, views_of(images), cameras, 256, progress=lambda stage, fraction, message="": heard.append(fraction)
    )
    assert heard == sorted(heard)
    assert heard[-1] == 1.0


@pytest.mark.parametrize("size", [0, 100, 2000, 16384])
def test_an_impossible_size_is_refused_in_plain_words(head: HeadModel, size: int) -> None:
    images, cameras = shoot(head, (0.0,))
    with pytest.raises(FaceStudioError, match="multiple of 64"):
        build_texture(head, head.template, views_of(images), cameras, size)


def test_views_and_cameras_must_match(head: HeadModel) -> None:
    images, cameras = shoot(head, (0.0,))
    with pytest.raises(ValueError, match="same length"):
        build_texture(head, head.template, views_of(images), cameras * 2, SIZE)
