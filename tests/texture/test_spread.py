"""Tones for vertices that no photo shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from facestudio.head.model import HeadModel
from facestudio.texture.pyramid import Level
from facestudio.texture.spread import (
    SKIN,
    VertexTones,
    at_vertices,
    behind_ears,
    corner_tones,
    skin_and_hair,
    spread,
    without_sheen,
)
from facestudio.texture.unwrap import lay_out
from tests.texture.scene import RADIUS, ball

HEAD = ball()


def test_known_tones_are_kept_and_the_rest_lies_between_them() -> None:
    v = HEAD.template.astype(np.float64)
    tones = np.where(v[:, 1:2] > 0, 0.8, 0.2) * np.ones(3)
    certainty = (np.abs(v[:, 1]) > 0.05).astype(float)
    result = spread(VertexTones(tones, certainty), v, HEAD.faces)
    used = np.unique(HEAD.faces)
    assert np.abs(result - tones)[(np.abs(v[:, 1]) > 0.08)].max() < 0.05
    assert (result[used] > 0.19).all()
    assert (result[used] < 0.81).all()
    equator = used[np.abs(v[used, 1]) < 1e-6]
    assert np.allclose(result[equator], 0.5, atol=0.12)  # the triangles' diagonals are not symmetric


def test_with_nothing_known_the_head_is_skin_coloured() -> None:
    nothing = VertexTones(np.zeros((HEAD.vertex_count, 3)), np.zeros(HEAD.vertex_count))
    assert np.allclose(spread(nothing, HEAD.template.astype(np.float64), HEAD.faces), SKIN, atol=1e-3)


def test_vertices_read_the_texture_where_it_is_known() -> None:
    tones, weight = np.zeros((64, 64, 3), np.float32), np.zeros((64, 64), np.float32)
    tones[:, 32:], weight[:, 32:] = 0.6, 1.0
    known = at_vertices(Level(tones, weight), HEAD, np.ones(len(HEAD.faces), bool))
    right = HEAD.template[:, 0] > 0.2 * RADIUS
    assert np.allclose(known.tones[right], 0.6)
    assert np.allclose(known.certainty[right], 1.0)
    assert not known.certainty[(HEAD.template[:, 0] < -0.2 * RADIUS)].any()


def scalped(head: HeadModel) -> HeadModel:
    height = head.template[head.faces].mean(axis=1)[:, 1]
    return replace(head, face_parts=(height > 0.04).astype(np.int32), part_names=("face", "scalp"))


def test_hair_spreads_over_the_scalp_and_skin_over_the_rest() -> None:
    head = scalped(HEAD)
    tones, weight = np.zeros((64, 64, 3), np.float32), np.zeros((64, 64), np.float32)
    tones[:, 22:42], weight[:, 22:42] = (0.7, 0.55, 0.5), 1.0
    tones[: round((1 - 0.05 - 0.7 * 0.64) * 64), 22:42] = (0.15, 0.12, 0.1)
    result, hair = skin_and_hair(Level(tones, weight), head, np.ones(len(head.faces), bool))
    back = (head.template[:, 2] < -0.05) & np.isin(np.arange(head.vertex_count), head.faces)
    top, low = back & (head.template[:, 1] > 0.07), back & (head.template[:, 1] < 0.0)
    assert np.allclose(result[top], (0.15, 0.12, 0.1), atol=0.06)
    assert np.allclose(result[low], (0.7, 0.55, 0.5), atol=0.06)
    assert (hair[top] > 0.8).all()
    assert (hair[low] < 0.05).all()


def test_a_gleam_on_the_hair_fades_out_over_the_hair_that_no_photo_shows() -> None:
    head = scalped(HEAD)
    tones, weight = np.zeros((64, 64, 3), np.float32), np.zeros((64, 64), np.float32)
    tones[:, 22:42], weight[:, 22:42] = (0.7, 0.55, 0.5), 1.0
    tones[: round((1 - 0.05 - 0.7 * 0.64) * 64), 22:42] = (0.15, 0.12, 0.1)
    plain, _ = skin_and_hair(Level(tones, weight), head, np.ones(len(head.faces), bool))
    tones[:20, 38:42] = (0.32, 0.3, 0.3)
    gleaming, _ = skin_and_hair(Level(tones, weight), head, np.ones(len(head.faces), bool))
    more = (gleaming - plain).mean(axis=1)
    beside = (head.template[:, 0] > 0.03) & (head.template[:, 1] > 0.05) & np.isin(np.arange(head.vertex_count), head.faces)
    far = (head.template[:, 2] < -0.06) & (np.abs(head.template[:, 0]) < 0.03) & beside.any()
    assert more[beside].max() > 0.05
    assert np.abs(more[far & np.isin(np.arange(head.vertex_count), head.faces)]).max() < 0.4 * more[beside].max()


def test_hair_seen_aslant_is_not_believed_and_skin_is() -> None:
    atlas = lay_out(HEAD.uv, HEAD.uv_faces, 64)
    hair = (HEAD.template[:, 1] > 0.0).astype(np.float64)
    aslant = without_sheen(atlas, HEAD, hair, np.full((64, 64), 0.02, np.float32))
    facing = without_sheen(atlas, HEAD, hair, np.ones((64, 64), np.float32))
    assert (facing == 1.0).all()
    inside = atlas.face >= 0
    hairy = hair[HEAD.faces[np.maximum(atlas.face, 0)]]
    assert aslant[inside & (hairy == 1.0).all(axis=-1)].max() < 1e-5
    assert aslant[inside & (hairy == 0.0).all(axis=-1)].min() == 1.0


def test_a_bald_scalp_is_not_hair() -> None:
    head = scalped(HEAD)
    level = Level(np.full((64, 64, 3), 0.6, np.float32), np.ones((64, 64), np.float32))
    _, hair = skin_and_hair(level, head, np.ones(len(head.faces), bool))
    assert not hair.any()


def test_mouth_and_teeth_are_neither_black_nor_skin() -> None:
    parts = np.zeros(len(HEAD.faces), np.int32)
    height = HEAD.template[HEAD.faces].mean(axis=1)[:, 1]
    parts[height < -0.02], parts[height < -0.06] = 1, 2
    head = replace(HEAD, face_parts=parts, part_names=("face", "mouth_interior", "teeth"))
    corners = corner_tones(head, np.full((head.vertex_count, 3), 0.6))
    mouth, teeth = corners[head.part_faces("mouth_interior")], corners[head.part_faces("teeth")]
    assert mouth.max(axis=-1).min() > 0.1
    far = height[head.part_faces("mouth_interior")] < -0.045
    assert far.any()
    assert (mouth[far][..., 0] > 1.5 * mouth[far][..., 1]).all()
    assert (teeth.min(axis=-1) > 0.35).all()
    assert np.allclose(corners[head.part_faces("face")], 0.6)


def test_hair_at_the_rim_of_the_face_does_not_colour_what_lies_beyond() -> None:
    skin, shade = np.array((0.8, 0.66, 0.56)), np.array((0.62, 0.5, 0.4))
    tones, weight = np.zeros((64, 64, 3), np.float32), np.zeros((64, 64), np.float32)
    tones[:, 20:44], weight[:, 20:44] = skin, 1.0
    tones[:, 16:20], weight[:, 16:20] = shade, 0.5
    result, _ = skin_and_hair(Level(tones, weight), scalped(HEAD), np.ones(len(HEAD.faces), bool))
    far = np.isin(np.arange(HEAD.vertex_count), HEAD.faces) & (np.abs(HEAD.template[:, 1]) < 0.02)
    far &= HEAD.template[:, 2] < -0.05
    assert far.any()
    assert np.abs(result[far] - skin).max() < 0.2 * np.abs(shade - skin).max()


def test_the_measured_rim_ends_without_a_step() -> None:
    """A rim too unlike the face to be believed is still shown where it was measured, so what lies next to it must start from it."""
    tones, weight = np.zeros((64, 64, 3), np.float32), np.zeros((64, 64), np.float32)
    tones[:, 20:44], weight[:, 20:44] = (0.8, 0.66, 0.56), 1.0
    tones[:, 40:44], weight[:, 40:44] = (0.8, 0.4, 0.2), 0.6
    result, _ = skin_and_hair(Level(tones, weight), scalped(HEAD), np.ones(len(HEAD.faces), bool))
    known = at_vertices(Level(tones, weight), HEAD, np.ones(len(HEAD.faces), bool))
    rim = (known.certainty > 0.55) & (known.certainty < 0.65) & (np.abs(HEAD.template[:, 1]) < 0.03)
    assert rim.any()
    assert np.abs(result[rim] - known.tones[rim]).max() < 0.06


def test_photos_are_doubted_on_the_scalp_behind_the_ears_only(openhead: HeadModel) -> None:
    wary = behind_ears(openhead)
    front = float(np.median(openhead.template[openhead.part_vertices("ears"), 2]))
    assert (wary[openhead.part_vertices("ears", "lips")] == 0).all()
    assert wary[openhead.template[:, 2] > front + 0.013].max() == 0
    back = openhead.part_vertices("scalp") & ~openhead.part_vertices("ears") & (openhead.template[:, 2] < front)
    assert wary[back].min() == 1
