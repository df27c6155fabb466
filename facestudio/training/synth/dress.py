"""A person becomes one surface: head, hair, torso, glasses, with everything per vertex that the shading loop wants to know."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facestudio.geometry.shading import vertex_normals
from facestudio.head.landmarks import embedding, on_surface
from facestudio.head.model import HeadModel
from facestudio.head.posing import PosedHead
from facestudio.training.synth import shade, things
from facestudio.training.synth.assets import INSIDE_PARTS, Closet, Worn
from facestudio.training.synth.openness import open_sky
from facestudio.training.synth.people import Person
from facestudio.training.synth.shade import Surface
from facestudio.types import ByteArray, Float32Array, Float64Array, IntArray

_INSIDE = {
    "eye_left": shade.EYE,
    "eye_right": shade.EYE,
    "teeth": shade.TEETH,
    "tongue": shade.TONGUE,
    "mouth_interior": shade.MOUTH,
    "eye_sockets": shade.SOCKET,
}


@dataclass(frozen=True)
class Wearer:
    """What does not change from person to person, made once: the head's UVs, masks and openness under each hair style.

    uv (T, 2), uv_faces (F, 3): skin's for skin, (0, 0) = pupil and 1 = the iris' edge for eyes. layer (F,) uint8. mask (V, 4): scalp,
    beard, blush, lips. open_head: (V,) without hair and, by style, with. open_hair: by style, the hair's own vertices.
    """

    model: HeadModel
    closet: Closet
    posed: PosedHead
    tied: IntArray
    uv: Float32Array
    uv_faces: IntArray
    layer: ByteArray
    mask: Float32Array
    open_head: tuple[Float32Array, ...]
    open_hair: tuple[Float32Array, ...]


@dataclass(frozen=True)
class Dressed:
    """A person's surface. head: how many of its vertices, and head_faces of its faces, are the head's own (they come first).

    hair_faces: (first, last) of the hair's faces. brows, lashes, lens: vertices of what is drawn as veils, (0, 3) for none.
    """

    surface: Surface
    head: int
    head_faces: int
    hair_faces: tuple[int, int]
    brows: Float64Array
    lashes: Float64Array
    lens: Float64Array
    lens_faces: IntArray


def prepare(model: HeadModel, closet: Closet) -> Wearer:
    """Everything about head and closet that every person shares. About three seconds."""
    uv: Float32Array = closet.uv.astype(np.float32)
    uv_faces: IntArray = closet.uv_faces.astype(np.int32)
    layer = np.full(len(model.faces), shade.SKIN, np.uint8)
    for part, kind in _INSIDE.items():
        layer[model.part_faces(part)] = kind
    for number, part in enumerate(("eye_left", "eye_right")):
        faces = model.part_faces(part)
        u, v, radius, _ = model.eye_islands[number]
        own = ((model.uv - [u, v]) / radius).astype(np.float32)
        uv_faces[faces] = model.uv_faces[faces] + len(uv)
        uv = np.vstack([uv, own])
    tied = model.faces[~model.part_faces(*INSIDE_PARTS)]
    mean = model.template.astype(np.float64)
    bare = open_sky(mean, model.faces, None)
    heads, hairs = [bare], []
    for style in closet.hair:
        points = style.mesh.vertices(mean, tied)
        both = open_sky(
            np.vstack([mean, points]), np.vstack([model.faces, style.mesh.faces + len(mean)]), (len(model.faces), style)
        )
        heads.append(both[: len(mean)])
        hairs.append(both[len(mean) :])
    masks = _masks(model)
    return Wearer(model, closet, PosedHead(model, model.template), tied, uv, uv_faces, layer, masks, tuple(heads), tuple(hairs))


def dress(wearer: Wearer, person: Person) -> Dressed:
    """Build a person's surface, metres, head frame."""
    model, closet = wearer.model, wearer.closet
    rest = model.template + model.identity_basis @ person.identity.astype(np.float32)
    head = wearer.posed.reshaped(rest).vertices(person.expression, person.pose).astype(np.float64)
    mask = wearer.mask.copy()
    mask[:, 0] *= person.roots
    parts = [_Part(head, model.faces, wearer.uv, wearer.uv_faces, wearer.layer, wearer.open_head[person.hair + 1], mask)]
    hair = (len(model.faces), len(model.faces))
    if person.hair >= 0:
        worn = closet.hair[person.hair]
        points = worn.mesh.vertices(head, wearer.tied)
        kind = np.full(len(worn.mesh.faces), shade.HAIR, np.uint8)
        parts.append(_part(points, worn.mesh.faces, kind, wearer.open_hair[person.hair], worn))
        hair = (len(model.faces), len(model.faces) + len(kind))
    torso, torso_faces, bare = things.torso(model, head, person.clothes)
    shirt = np.zeros((len(torso), 4), np.float32)
    shirt[:, 0] = bare
    parts.append(
        _part(
            torso, torso_faces, np.full(len(torso_faces), shade.CLOTH, np.uint8), things.torso_openness(torso, head), mask=shirt
        )
    )
    lens: Float64Array = np.zeros((0, 3))
    lens_faces: IntArray = np.zeros((0, 3), np.int32)
    if person.glasses >= 0:
        frame, frame_faces, lens, lens_faces = things.glasses(model, head, person.glasses)
        parts.append(
            _part(frame, frame_faces, np.full(len(frame_faces), shade.FRAME, np.uint8), np.ones(len(frame), np.float32))
        )
    if person.thing >= 0:
        held, held_faces = things.hand(head, person.thing)
        parts.append(
            _part(held, held_faces, np.full(len(held_faces), shade.THING, np.uint8), np.full(len(held), 0.8, np.float32))
        )
    brows = closet.brows[person.brows].mesh.vertices(head, wearer.tied) if person.brows >= 0 else np.zeros((0, 3))
    lashes = closet.lashes[person.lashes].mesh.vertices(head, wearer.tied) if person.lashes >= 0 else np.zeros((0, 3))
    return Dressed(_join(parts), len(head), len(model.faces), hair, brows, lashes, lens, lens_faces)


@dataclass(frozen=True)
class _Part:
    points: Float64Array
    faces: IntArray
    uv: Float32Array
    uv_faces: IntArray
    layer: ByteArray
    open_sky: Float32Array
    mask: Float32Array


def _part(
    points: Float64Array,
    faces: IntArray,
    layer: ByteArray,
    openness: Float32Array,
    worn: Worn | None = None,
    mask: Float32Array | None = None,
) -> _Part:
    uv = worn.mesh.uv.astype(np.float32) if worn else np.zeros((1, 2), np.float32)
    uv_faces = worn.mesh.uv_faces if worn else np.zeros((len(faces), 3), np.int32)
    return _Part(points, faces, uv, uv_faces, layer, openness, np.zeros((len(points), 4), np.float32) if mask is None else mask)


def _join(parts: list[_Part]) -> Surface:
    at = np.cumsum([0] + [len(p.points) for p in parts])
    uv_at = np.cumsum([0] + [len(p.uv) for p in parts])
    normals = np.vstack([vertex_normals(p.points, p.faces) for p in parts])
    return Surface(
        vertices=np.vstack([p.points for p in parts]).astype(np.float32),
        normals=normals.astype(np.float32),
        open_sky=np.concatenate([p.open_sky for p in parts]).astype(np.float32),
        mask=np.vstack([p.mask for p in parts]).astype(np.float32),
        faces=np.vstack([p.faces + a for p, a in zip(parts, at[:-1], strict=True)]).astype(np.int32),
        uv=np.vstack([p.uv for p in parts]).astype(np.float32),
        uv_faces=np.vstack([p.uv_faces + a for p, a in zip(parts, uv_at[:-1], strict=True)]).astype(np.int32),
        layer=np.concatenate([p.layer for p in parts]).astype(np.uint8),
    )


def _masks(model: HeadModel) -> Float32Array:
    """(V, 4) float32: scalp, beard, blush, lips on the average head, each with soft edges."""
    points = model.template.astype(np.float64)
    ibug = on_surface(points, model.faces, embedding(model, "ibug68"))
    x, y, z = points.T
    scalp = _softened(model, model.part_vertices("scalp").astype(np.float64), 4)
    lips = _softened(model, model.part_vertices("lips").astype(np.float64), 1)
    nose, mouth, chin = ibug[33], ibug[[48, 54]].mean(0), ibug[8]
    skin = model.part_vertices("face", "neck").astype(np.float64)
    # Below a line from under the nose to the middle of the ears, down to the throat.
    line = np.interp(np.abs(x), [0.0, 0.02, 0.05, 0.075], [nose[1] - 0.004, nose[1] - 0.012, mouth[1] + 0.012, mouth[1] + 0.05])
    beard = np.clip((line - y) / 0.012, 0, 1) * np.clip((y - chin[1] + 0.028) / 0.02, 0, 1) * np.clip((z + 0.03) / 0.03, 0, 1)
    cheek = sum(np.exp(-((x - s * 0.042) ** 2 + (y + 0.012) ** 2) / 0.018**2 / 2) for s in (-1, 1))
    tip = 0.8 * np.exp(-(x**2 + (y - nose[1] - 0.01) ** 2) / 0.011**2 / 2)
    front = np.clip(z / 0.02, 0, 1)
    beard = _softened(model, beard * skin * (1 - lips), 2)
    return np.asarray(np.stack([scalp, beard, (cheek + tip) * front, lips], axis=1), np.float32)


def _softened(model: HeadModel, values: Float64Array, rounds: int) -> Float64Array:
    """Values (V,) averaged over neighbours a few times."""
    faces = model.faces
    for _ in range(rounds):
        total, count = np.zeros(len(values)), np.zeros(len(values))
        mean = values[faces].mean(1)
        for corner in range(3):
            np.add.at(total, faces[:, corner], mean)
            np.add.at(count, faces[:, corner], 1.0)
        values = total / np.maximum(count, 1.0)
    return values
