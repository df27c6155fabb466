"""What a photo sees of the head, and how far each pixel is trusted."""

from __future__ import annotations

import numpy as np

from facestudio.geometry.shading import vertex_normals
from facestudio.texture.visibility import look, vertices_seen
from facestudio.types import Image, View, ViewName
from tests.texture.scene import RADIUS, ball, camera, photograph

HEAD = ball()
VERTICES = HEAD.template.astype(np.float64)


def view_of(image: Image) -> View:
    return View(ViewName.FRONT, image)


def test_trust_is_full_in_the_middle_and_none_at_the_silhouette_or_outside() -> None:
    front = camera(0.0)
    sight = look(view_of(photograph(HEAD, front)), front, VERTICES, HEAD.faces, 3000.0)
    assert sight is not None
    height, width = sight.trust.shape
    assert sight.trust[height // 2, width // 2] == 1.0
    assert not sight.trust[~np.isfinite(sight.depth)].any()
    line = sight.trust[height // 2]
    covered = np.flatnonzero(np.isfinite(sight.depth[height // 2]))
    margin = round(0.0025 / sight.metres_per_px)
    assert not line[covered[:margin]].any()
    assert not line[covered[-margin:]].any()


def test_a_contour_inside_the_head_is_not_trusted() -> None:
    model = ball(extra=(np.array([0.0, 0.0, 0.16]), 0.3))
    front = camera(0.0)
    sight = look(view_of(photograph(model, front)), front, model.template.astype(np.float64), model.faces, 3000.0)
    assert sight is not None
    line = sight.depth[sight.depth.shape[0] // 2]
    both = np.isfinite(line[:-1]) & np.isfinite(line[1:])
    jump = np.flatnonzero(both & (np.abs(np.diff(np.where(np.isfinite(line), line, 0.0))) > 0.02))
    assert len(jump) == 2
    assert sight.trust[sight.depth.shape[0] // 2, jump].max() < 0.05


def test_a_foreground_mask_takes_trust_away_with_a_margin() -> None:
    front = camera(0.0)
    mask = np.ones((front.height, front.width), np.float32)
    mask[:, : front.width // 2] = 0.0
    sight = look(view_of(photograph(HEAD, front)), front, VERTICES, HEAD.faces, 3000.0, mask)
    assert sight is not None
    width = sight.trust.shape[1]
    assert not sight.trust[:, : width // 2].any()
    assert sight.trust[sight.trust.shape[0] // 2, round(0.7 * width)] == 1.0


def test_a_head_outside_the_picture_or_behind_the_camera_is_not_seen() -> None:
    front = camera(0.0)
    view = view_of(photograph(HEAD, front))
    assert look(view, front, VERTICES + np.array([3.0, 0.0, 0.0]), HEAD.faces, 3000.0) is None
    assert look(view, front, VERTICES + np.array([0.0, 0.0, 3.0]), HEAD.faces, 3000.0) is None


def test_a_large_photo_is_averaged_down_to_the_textures_resolution() -> None:
    front = camera(0.0)
    sight = look(view_of(photograph(HEAD, front)), front, VERTICES, HEAD.faces, 500.0)
    assert sight is not None
    assert 1.0 / sight.metres_per_px < 700.0
    full = look(view_of(photograph(HEAD, front)), front, VERTICES, HEAD.faces, 5000.0)
    assert full is not None
    assert np.allclose(full.screen[:, 2], sight.screen[:, 2])
    assert full.tones.shape[0] > 2 * sight.tones.shape[0]


def test_vertices_on_the_near_side_are_seen_and_no_others() -> None:
    front = camera(0.0)
    sight = look(view_of(photograph(HEAD, front)), front, VERTICES, HEAD.faces, 3000.0)
    assert sight is not None
    seen = vertices_seen(sight, VERTICES, vertex_normals(VERTICES, HEAD.faces))
    assert seen[VERTICES[:, 2] > 0.8 * RADIUS].all()
    assert not seen[VERTICES[:, 2] < 0.3 * RADIUS].any()
