"""Tones for the vertices that no photo shows: a membrane over the head, held by what was measured.

Solving on the mesh rather than in the texture means that the back of the head has no seam where the texture is cut open.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from facestudio.head.model import HeadModel
from facestudio.texture.pyramid import Level
from facestudio.texture.unwrap import Atlas
from facestudio.types import BoolArray, Float32Array, Float64Array, IntArray

SKIN = (0.66, 0.52, 0.45)  # even tones: what a head gets of which nothing was seen
HIDDEN = ("mouth_interior", "eye_sockets", "tongue", "teeth")  # parts that are painted, never read from a photo
_STIFFNESS = 0.01
_PULL = 1e-7  # towards the mean tone: decides only parts that hang together with nothing measured
_SKIN_PULL = 1e-3  # towards the face's own tone: a few centimetres from the photographed skin, ears and neck are like the face
_RIM_PULL = 4e-3  # the same for what a rim differs by: light and shade at a photo's edge fade out within about a centimetre
_ASLANT = (0.02, 0.45)  # weight of the best photo: hair seen with less is not believed, with more wholly
_GLEAM_PULL = 4e-4  # the same for a gleam on the hair: over about three centimetres

_HAIR_SHARE = 0.2  # of the measured scalp
_HAIR_ABOVE = 0.055  # metres, head frame: the upper forehead, where hair may hang in front of the scalp proper

_EAR_FADE = 0.012  # metres
_TEETH, _TONGUE = (0.80, 0.76, 0.70), (0.60, 0.34, 0.34)
_MOUTH = (0.30, 0.13, 0.13)
_SOCKET = (0.86, 0.66, 0.64)  # times the skin: the pink of an eye's corner


@dataclass(frozen=True)
class VertexTones:
    """What is known at the vertices: tones (V, 3) float64 and certainty (V,) float64 in [0, 1]."""

    tones: Float64Array
    certainty: Float64Array


def at_vertices(level: Level, model: HeadModel, faces: BoolArray) -> VertexTones:
    """Read a small texture (tones, certainty) at the vertices of the chosen faces (F,) bool, averaged over their uv copies."""
    pairs = np.unique(np.stack([model.faces[faces].ravel(), model.uv_faces[faces].ravel()], axis=1), axis=0)
    vertex, uv = pairs[:, 0], np.asarray(model.uv, np.float64)[pairs[:, 1]]
    side = len(level.weight)
    x = np.clip(np.floor(uv[:, 0] * side).astype(int), 0, side - 1)
    y = np.clip(np.floor((1.0 - uv[:, 1]) * side).astype(int), 0, side - 1)
    weight = level.weight[y, x].astype(np.float64)
    total = np.bincount(vertex, weight, model.vertex_count)
    copies = np.bincount(vertex, minlength=model.vertex_count)
    sums = [np.bincount(vertex, weight * level.tones[y, x, c], model.vertex_count) for c in range(3)]
    tones = np.stack(sums, axis=1) / np.maximum(total, 1e-9)[:, None]
    return VertexTones(tones, total / np.maximum(copies, 1))


def spread(
    known: VertexTones, vertices: Float64Array, faces: IntArray, far: Float64Array | None = None, pull: float = _PULL
) -> Float64Array:
    """(V, 3) float64: the tones that are as smooth over the mesh as the known ones allow, and tend to `far` (3,) away from them.

    Minimises sum_i c_i |x_i - t_i|^2 + stiffness * sum_edges |x_a - x_b|^2 / length + pull * sum_i a_i |x_i - far|^2, with lengths and
    areas a relative to their means. far: by default the mean of the known tones.
    """
    count = len(vertices)
    edges = np.unique(np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1), axis=0)
    a, b = edges[:, 0], edges[:, 1]
    length = np.linalg.norm(vertices[a] - vertices[b], axis=1)
    strength = _STIFFNESS / np.clip(length / max(float(length.mean()), 1e-12), 0.1, 10.0)
    links = sp.coo_matrix((strength, (a, b)), shape=(count, count))
    links = links + links.T
    certainty = known.certainty
    total = certainty.sum()
    if far is None:
        far = (certainty[:, None] * known.tones).sum(0) / total if total > 1e-6 else np.array(SKIN)
    pulled = pull * _relative_areas(vertices, faces)
    system = sp.diags(np.asarray(links.sum(axis=1)).ravel() + certainty + pulled) - links
    right = certainty[:, None] * known.tones + pulled[:, None] * far
    return np.asarray(splu(system.tocsc()).solve(right))


def _relative_areas(vertices: Float64Array, faces: IntArray) -> Float64Array:
    """(V,): the area round each vertex, 1 on average and never 0, so that what is solved does not depend on how fine the mesh is."""
    corners = vertices[faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    total = np.bincount(faces.ravel(), np.repeat(area, 3), len(vertices))
    return np.maximum(total / max(float(total.mean()), 1e-12), 1e-3)


def skin_and_hair(level: Level, model: HeadModel, readable: BoolArray) -> tuple[Float64Array, Float64Array]:
    """Tones (V, 3) float64 for all vertices, and (V,) in [0, 1] how hairy each is, from a small texture (tones, certainty).

    The scalp and the rest are spread apart, so that hair does not run down the neck nor skin up the back of the head; where they meet
    they fade into each other. A scalp whose tone is like the skin's is bald.
    """
    template = np.asarray(model.template, np.float64)
    scalp = model.part_faces("scalp") & readable
    high = template[model.faces].mean(axis=1)[:, 1] > _HAIR_ABOVE
    on_scalp, on_top = at_vertices(level, model, scalp), at_vertices(level, model, scalp | (high & readable))
    if not scalp.any() or on_top.certainty.sum() < 1.0:
        return spread(at_vertices(level, model, readable), template, model.faces), np.zeros(model.vertex_count)
    face = model.part_faces("face") & readable
    typical = _typical(at_vertices(level, model, face))
    plain = _typical(at_vertices(level, model, face & ~high))  # without a fringe that hangs over the forehead
    skin = _skin(at_vertices(level, model, readable & ~scalp), plain, model)
    top = _hair(on_scalp, on_top, skin, typical, model)
    share = _soft_indicator(scalp, model)
    hair = share * _unlike(top, skin, typical)
    return skin + (top - skin) * share[:, None], hair


def without_sheen(atlas: Atlas, model: HeadModel, hair: Float64Array, facing: Float32Array) -> Float32Array:
    """(s, s) float32 in [0, 1]: how far a small layout's texels are believed: hair (V,) seen aslant gleams, and its gleam ends in an edge.

    facing (s, s): the weight with which the best photo sees each texel.
    """
    inside = atlas.face >= 0
    hairy = np.zeros(atlas.face.shape, np.float32)
    hairy[inside] = np.einsum("nk,nk->n", hair[model.faces[atlas.face[inside]]], atlas.bary[inside])
    t = np.clip((facing - _ASLANT[0]) / (_ASLANT[1] - _ASLANT[0]), 0.0, 1.0)
    return np.asarray(1.0 - hairy * (1.0 - t * t * (3.0 - 2.0 * t)), dtype=np.float32)


def behind_ears(model: HeadModel) -> Float32Array:
    """(V,) float32: 1 on the scalp above and behind the ears, where a photo that shows skin shows an ear that the fit put elsewhere."""
    ears, scalp = model.part_vertices("ears"), model.part_vertices("scalp")
    if not ears.any():
        return np.zeros(model.vertex_count, np.float32)
    front = float(np.median(model.template[ears, 2]))
    t = np.clip((front + _EAR_FADE - model.template[:, 2]) / _EAR_FADE, 0.0, 1.0)
    return np.where(scalp & ~ears, t, 0.0).astype(np.float32)


def _typical(face: VertexTones) -> Float64Array:
    """(3,): the middle of the tones that are surely measured."""
    sure = face.certainty > 0.9
    return np.asarray(np.median(face.tones[sure], axis=0) if sure.any() else np.array(SKIN))


def _skin(measured: VertexTones, typical: Float64Array, model: HeadModel) -> Float64Array:
    """(V, 3): the skin where no photo shows it: like the face far away, and without a step where the photographed part ends.

    A photo's rim may show hair, shadow or coloured light. It must not be taken for the skin beyond, nor may it end in an edge: what
    believable skin does not explain of it fades out over a short way.
    """
    template = np.asarray(model.template, np.float64)
    skin = spread(_believable(measured, typical), template, model.faces, far=typical, pull=_SKIN_PULL)
    rest = VertexTones(measured.tones - skin, measured.certainty)
    return np.maximum(skin + spread(rest, template, model.faces, far=np.zeros(3), pull=_RIM_PULL), 0.0)


def _unlike(tones: Float64Array, skin: Float64Array, typical: Float64Array) -> Float64Array:
    """(V,) in [0, 1]: 0 where tones (V, 3) are the skin's own nearby (V, 3), 1 where they are plainly something else.

    Near the hairline the skin's own tones are partly hair, so the face's typical tone (3,) counts as well, with room for shading.
    """
    floor = 0.02
    logs = np.log(np.maximum(tones, floor))
    nearby = np.abs(logs - np.log(np.maximum(skin, floor))).max(axis=1)
    usual = np.abs(logs - np.log(np.maximum(typical, floor))).max(axis=1)
    return np.asarray(np.clip(np.maximum((nearby - 0.15) / 0.4, (usual - 0.35) / 0.3), 0.0, 1.0))


def _believable(known: VertexTones, typical: Float64Array) -> VertexTones:
    """What was only glimpsed at the edge of a photo counts if it looks like the face: there it may be background or hair."""
    like = _like(known.tones, typical, 0.35)
    sure = known.certainty**2
    return VertexTones(known.tones, known.certainty * (sure + (1.0 - sure) * like))


def _like(tones: Float64Array, model_tone: Float64Array, within: float) -> Float64Array:
    """(V,): 1 where tones are within the given logarithmic distance of a tone (3,), falling to 0 at 0.3 more."""
    away = np.abs(np.log(np.maximum(tones, 0.02)) - np.log(np.maximum(model_tone, 0.02))).max(axis=1)
    return np.asarray(np.clip(1.0 - (away - within) / 0.3, 0.0, 1.0))


def _hair_only(on_scalp: VertexTones, on_top: VertexTones, skin: Float64Array, typical: Float64Array) -> VertexTones:
    """What was measured on scalp and forehead, without skin and background, when there is a good deal of hair; else the bald scalp."""
    hairy = on_top.certainty * _unlike(on_top.tones, skin, typical) ** 4
    if hairy.sum() <= _HAIR_SHARE * (on_scalp.certainty.sum() + hairy.sum()):
        return _believable(on_scalp, typical)
    # The hair's own middle tone: what differs from the skin and from most of the hair is neither.
    surest = hairy * on_top.certainty
    order = np.argsort(on_top.tones.mean(axis=1))
    middle = order[np.searchsorted(np.cumsum(surest[order]), 0.5 * surest.sum())]
    return VertexTones(on_top.tones, hairy * _like(on_top.tones, on_top.tones[middle], 0.35))


def _hair(
    on_scalp: VertexTones, on_top: VertexTones, skin: Float64Array, typical: Float64Array, model: HeadModel
) -> Float64Array:
    """(V, 3): the hair where no photo shows it: its own middle tone far away, and without a step where the photographed part ends.

    A gleam on the hair is not the hair's tone, but it does not end in an edge either: it fades out over a few centimetres.
    """
    template = np.asarray(model.template, np.float64)
    top = spread(_hair_only(on_scalp, on_top, skin, typical), template, model.faces)
    gleam = VertexTones(on_top.tones - top, on_top.certainty * _unlike(on_top.tones, skin, typical) ** 4)
    return np.maximum(top + spread(gleam, template, model.faces, far=np.zeros(3), pull=_GLEAM_PULL), 0.02)


def _soft_indicator(part: BoolArray, model: HeadModel, steps: int = 6) -> Float64Array:
    """(V,): 1 well inside the part, 0 well outside, smooth between: the faces' indicator, diffused `steps` times over the mesh."""
    corners = model.faces.ravel()
    faces_at = np.maximum(np.bincount(corners, minlength=model.vertex_count), 1)
    value = part.astype(np.float64)
    vertex = np.zeros(model.vertex_count)
    for _ in range(steps):
        vertex = np.bincount(corners, np.repeat(value, 3), model.vertex_count) / faces_at
        value = vertex[model.faces].mean(axis=1)
    return np.asarray(vertex)


def corner_tones(model: HeadModel, tones: Float64Array) -> Float32Array:
    """(F, 3, 3) float32: a tone per face corner: the skin's spread tones (V, 3), and plain natural ones for mouth and eye sockets.

    Towards the lips and lids the hidden parts take on the skin's tone, so that a gap of a hair's breadth shows no dark line.
    """
    out = tones[model.faces]
    skin = ~model.part_faces(*HIDDEN)
    rim = np.zeros(model.vertex_count, bool)
    rim[model.faces[skin].ravel()] = True
    deep = _depth_behind(rim, model)
    front = _frontness(model)
    sockets = tones * np.array(_SOCKET)
    for part, colour, dark in (("mouth_interior", np.array(_MOUTH), 0.45), ("eye_sockets", sockets, 0.7)):
        chosen = model.part_faces(part)
        inner = colour * (dark + (1.0 - dark) * front[:, None])
        mixed = tones + (inner - tones) * deep[:, None]
        out[chosen] = mixed[model.faces[chosen]]
    for part, colour, dark in (("tongue", _TONGUE, 0.55), ("teeth", _TEETH, 0.6)):
        chosen = model.part_faces(part)
        out[chosen] = (np.array(colour) * (dark + (1.0 - dark) * front[:, None]))[model.faces[chosen]]
    return np.asarray(np.clip(out, 0.0, 1.0), dtype=np.float32)


def _depth_behind(rim: BoolArray, model: HeadModel, rings: int = 3) -> Float64Array:
    """(V,): 0 on the rim, rising to 1 `rings` edges behind it."""
    deep = np.where(rim, 0.0, 1.0)
    reached = rim.copy()
    for ring in range(1, rings):
        grown = reached.copy()
        grown[model.faces[reached[model.faces].any(axis=1)].ravel()] = True
        deep[grown & ~reached] = ring / rings
        reached = grown
    return np.asarray(deep)


def _frontness(model: HeadModel) -> Float64Array:
    """(V,): 1 at the front of the mouth or socket a vertex belongs to, falling to 0 over 35 mm into the head: less light gets there."""
    z = np.asarray(model.template[:, 2], np.float64)
    front = np.ones(model.vertex_count)
    mouth = model.part_vertices("mouth_interior", "tongue", "teeth")
    sockets = model.part_vertices("eye_sockets")
    for chosen in (mouth, sockets):
        if chosen.any():
            front[chosen] = np.clip(1.0 - (np.quantile(z[chosen], 0.98) - z[chosen]) / 0.035, 0.0, 1.0)
    return front
