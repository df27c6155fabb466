"""The texture of a head from its photos, start to end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from facestudio.errors import FaceStudioError
from facestudio.geometry.frames import uv_to_texel
from facestudio.geometry.shading import vertex_normals
from facestudio.head.model import EYES, HeadModel
from facestudio.head.retarget import with_parts
from facestudio.progress import CancelToken, Progress, beside, silent
from facestudio.texture.blend import BlendConfig, agreement, blend, choose, drop
from facestudio.texture.clothing import skin_on_neck
from facestudio.texture.complete import Filling, certainty, fill, measure_grain
from facestudio.texture.ears import bare, hidden_ears
from facestudio.texture.eyes import EyeTones, has_eyes, measure_eyes, paint_eyes
from facestudio.texture.harmonise import HarmoniseConfig, apply_gain, gain_maps
from facestudio.texture.lids import unfolded
from facestudio.texture.mirror import mirror_corners, mirror_gain
from facestudio.texture.openings import inside_eyes
from facestudio.texture.pyramid import Level, dilate, pyramid
from facestudio.texture.rows import over_rows
from facestudio.texture.spread import HIDDEN, behind_ears, corner_tones, skin_and_hair, without_sheen
from facestudio.texture.tone import to_bytes
from facestudio.texture.unwrap import Atlas, lay_out, texels_per_metre, unwrap
from facestudio.texture.visibility import Sight, SightConfig, look, vertices_seen
from facestudio.types import BoolArray, ByteArray, Camera, Float32Array, Float64Array, FloatArray, Texture, View

STAGE = "texture"
DEFAULT_SIZE = 2048
SIZES = (256, 8192)
_STEP = 64  # sizes are multiples of it, so that pyramids halve evenly
_LABEL_SIDE = 256  # where photos are compared and chosen
_FEATURE_RADIUS_M = 0.011


@dataclass(frozen=True)
class TextureConfig:
    """All constants of the texture."""

    sight: SightConfig = field(default_factory=SightConfig)
    harmonise: HarmoniseConfig = field(default_factory=HarmoniseConfig)
    blend: BlendConfig = field(default_factory=BlendConfig)


@dataclass(frozen=True)
class _Head:
    """The posed head, as every step needs it."""

    model: HeadModel
    vertices: Float64Array
    normals: Float64Array
    readable: BoolArray  # (F,): faces whose colour is read from the photos
    density: float  # texels per metre


def build_texture(
    model: HeadModel,
    posed_vertices: FloatArray,
    views: Sequence[View],
    cameras: Sequence[Camera],
    size: int = DEFAULT_SIZE,
    foreground: Sequence[Float32Array | None] | None = None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
    config: TextureConfig | None = None,
) -> Texture:
    """Fuse one or more photos into a size x size texture with a provenance mask.

    posed_vertices: (V, 3), metres, head frame, as the head stood before the cameras. cameras: one per view; they map the head frame to
    that view's picture. foreground: per view (H, W) float32 in [0, 1], 1 where the picture shows the person, or None.
    size: 256 to 8192, a multiple of 64. Raises FaceStudioError for another size, Cancelled when `cancel` asks to stop.
    """
    check_size(size)
    if not len(views) == len(cameras) or (foreground is not None and len(foreground) != len(views)):
        raise ValueError("views, cameras and foreground must have the same length")
    config = config or TextureConfig()
    cancel = cancel or CancelToken()
    model = with_parts(model)
    head = _prepare(model, posed_vertices, size)
    cancel.check()
    progress(STAGE, 0.0, "Laying out the texture")
    atlas = beside(lambda: lay_out(model.uv, model.uv_faces, size), cancel)
    sights, kept = _look(head, views, cameras, foreground, config)
    seen = np.zeros(model.vertex_count, np.uint8)
    for sight in sights:
        seen += vertices_seen(sight, head.vertices, head.normals, config.sight)
    cancel.check()
    pyramids: list[list[Level]] = []
    for number, sight in enumerate(sights):
        progress(STAGE, 0.05 + 0.4 * number / len(sights), f"Reading photo {number + 1} of {len(sights)}")
        read = unwrap(atlas, sight, head.vertices, head.normals, model.faces, head.readable, config.sight, cancel)
        pyramids.append(pyramid(Level(read.tones, read.weight), cancel=cancel))
    progress(STAGE, 0.45, "Joining the photos")
    gains = _harmonise(pyramids, config, cancel) if len(pyramids) > 1 else []
    sure = certainty([levels[0].weight for levels in pyramids], cancel) if pyramids else np.zeros((size, size), np.float32)
    facing = (
        np.max([levels[_label_level(pyramids)].weight for levels in pyramids], axis=0)
        if pyramids
        else np.ones((1, 1), np.float32)
    )
    tones = _join(head, atlas, pyramids, sights, config, cancel) if pyramids else np.zeros((size, size, 3), np.float32)
    pyramids.clear()
    progress(STAGE, 0.7, "Completing what no photo shows")
    cancel.check()
    eyes = beside(lambda: _measure_eyes(head, sights, kept, gains, Level(tones, sure), config), cancel)
    cancel.check()
    filled, provenance = _complete(head, atlas, tones, sure, facing, cancel)
    if eyes is not None:
        cancel.check()
        beside(lambda: paint_eyes(model, atlas, eyes, filled), cancel)
        cancel.check()
    progress(STAGE, 0.9, "Closing the seams")
    dilate(filled, atlas.face, cancel)
    albedo: ByteArray = np.zeros((size, size, 3), np.uint8)
    over_rows(size, lambda start, stop: to_bytes(filled, albedo, start, stop), cancel)
    progress(STAGE, 1.0)
    return Texture(albedo, provenance, seen)


def check_size(size: int) -> None:
    """Raise FaceStudioError when no texture of this size can be made."""
    if size % _STEP or not SIZES[0] <= size <= SIZES[1]:
        raise FaceStudioError(
            f"A texture cannot be {size} pixels wide.",
            f"Choose a multiple of {_STEP} from {SIZES[0]} to {SIZES[1]}, such as 2048.",
        )


def _prepare(model: HeadModel, posed_vertices: FloatArray, size: int) -> _Head:
    vertices = np.asarray(posed_vertices, np.float64)
    painted = (*HIDDEN, *EYES) if has_eyes(model) else HIDDEN
    density = texels_per_metre(vertices, model.faces, model.uv, model.uv_faces, size)
    return _Head(model, vertices, vertex_normals(vertices, model.faces), ~model.part_faces(*painted), density)


def _look(
    head: _Head,
    views: Sequence[View],
    cameras: Sequence[Camera],
    foreground: Sequence[Float32Array | None] | None,
    config: TextureConfig,
) -> tuple[list[Sight], list[View]]:
    masks = foreground or [None] * len(views)
    sights: list[Sight] = []
    kept: list[View] = []
    for view, camera, mask in zip(views, cameras, masks, strict=True):
        sight = look(view, camera, head.vertices, head.model.faces, head.density, mask, config.sight)
        if sight is not None:
            sights.append(sight)
            kept.append(view)
    return sights, kept


def _label_level(pyramids: Sequence[Sequence[Level]]) -> int:
    return next((i for i, level in enumerate(pyramids[0]) if len(level.weight) <= _LABEL_SIDE), len(pyramids[0]) - 1)


def _leader(pyramids: Sequence[Sequence[Level]]) -> int:
    """The photo that shows most of the head, usually the frontal one."""
    return int(np.argmax([levels[-1].weight.sum() for levels in pyramids]))


def _harmonise(pyramids: Sequence[Sequence[Level]], config: TextureConfig, cancel: CancelToken) -> list[Float32Array]:
    number = _label_level(pyramids)
    gains = gain_maps([levels[number] for levels in pyramids], config.harmonise)
    for levels, gain in zip(pyramids, gains, strict=True):
        for level in levels:
            apply_gain(level, gain, cancel)
    return gains


def _join(
    head: _Head,
    atlas: Atlas,
    pyramids: Sequence[list[Level]],
    sights: Sequence[Sight],
    config: TextureConfig,
    cancel: CancelToken,
) -> Float32Array:
    if len(pyramids) == 1:
        return pyramids[0][0].tones
    number = _label_level(pyramids)
    levels = [levels[number] for levels in pyramids]
    agreed = agreement(levels, config.blend)
    side = len(levels[0].weight)
    small = lay_out(head.model.uv, head.model.uv_faces, side)
    inside = (small.face >= 0).astype(np.float32)
    resolutions = [sight.photo_resolution for sight in sights]
    features = _features(head, side)
    lead = int(np.argmax([float((level.weight * features).sum()) for level in levels])) if features.any() else _leader(pyramids)
    shares = choose(levels, agreed, resolutions, features, inside, lead, config.blend)
    cleaned = [drop(levels, ok, number) for levels, ok in zip(pyramids, agreed, strict=True)]
    return blend(cleaned, shares, cancel)


def _features(head: _Head, side: int) -> Float32Array:
    """(side, side) float32: 1 around brows, eyes, nose and mouth, fading out; all 0 for models without the 68 landmarks."""
    model = head.model
    features = np.zeros((side, side), np.float32)
    embedding = model.embeddings.get("ibug68")
    if embedding is None:
        return features
    inner = embedding.ids > 16
    uv = np.einsum("nk,nkc->nc", embedding.bary[inner], model.uv[model.uv_faces[embedding.faces[inner]]])
    density = texels_per_metre(head.vertices, model.faces, model.uv, model.uv_faces, side)
    radius = max(_FEATURE_RADIUS_M * density, 1.0)
    for x, y in uv_to_texel(uv, side):
        cv2.circle(features, (round(x), round(y)), round(radius), (1.0,), -1)
    return np.asarray(cv2.GaussianBlur(features, (0, 0), 0.4 * radius), dtype=np.float32)


def _measure_eyes(
    head: _Head,
    sights: Sequence[Sight],
    views: Sequence[View],
    gains: Sequence[Float32Array],
    measured: Level,
    config: TextureConfig,
) -> EyeTones | None:
    model = head.model
    if not has_eyes(model):
        return None
    atlas = lay_out(model.uv, model.uv_faces, 1024)
    eyeballs = model.part_faces(*EYES)
    # On the eyeballs lids are contours everywhere: the photos are trusted up to them, which landmarks know better than the fit.
    trusts = [inside_eyes(s.trust.shape, s.openings) if s.openings else np.ones_like(s.trust) for s in sights]
    seen = [
        unwrap(atlas, replace(s, trust=trust), head.vertices, head.normals, model.faces, eyeballs, config.sight)
        for s, trust in zip(sights, trusts, strict=True)
    ]
    for picture, gain in zip(seen, gains, strict=False):
        apply_gain(Level(picture.tones, picture.weight), gain)
    skin = measured.tones[::8, ::8][measured.weight[::8, ::8] > 0.9]
    brightness = np.median(skin, axis=0).astype(np.float64) if len(skin) else np.full(3, 0.6)
    frontal = np.argsort([-sight.eye[2] / max(float(np.linalg.norm(sight.eye)), 1e-9) for sight in sights], kind="stable")
    return measure_eyes(model, atlas, seen, views, [int(i) for i in frontal], brightness, gains)


def _complete(
    head: _Head, atlas: Atlas, tones: Float32Array, sure: Float32Array, facing: Float32Array, cancel: CancelToken
) -> tuple[Float32Array, ByteArray]:
    """facing (s, s): how well the best photo sees each texel of a small layout."""
    model = head.model
    sure = beside(lambda: unfolded(model, atlas, sure), cancel)
    levels = pyramid(Level(tones, sure), cancel=cancel)
    number = _label_level([levels])
    side = len(levels[number].weight)
    cancel.check()
    small_atlas = lay_out(model.uv, model.uv_faces, side)
    cancel.check()
    hidden = hidden_ears(model, levels[number])
    cancel.check()
    for skin in (skin_on_neck(model, small_atlas, levels[number]), bare(small_atlas, hidden) if hidden.any() else None):
        cancel.check()
        if skin is not None:
            sure = sure * cv2.resize(skin, sure.shape, interpolation=cv2.INTER_LINEAR)
            levels[number] = Level(levels[number].tones, levels[number].weight * skin)
    small = levels[number]
    corners = mirror_corners(model)
    # Light differs most from side to side on the neck, and a neck without features is no better for being a copy.
    # A hidden ear has a twin that is mostly hidden, too.
    corners[~head.readable | model.part_faces("neck") | hidden] = np.nan
    cancel.check()
    gain = mirror_gain(small_atlas, small, corners)
    cancel.check()
    vertex_tones, hair = beside(lambda: skin_and_hair(small, model, head.readable), cancel)
    cancel.check()
    if len(facing) == len(small_atlas.face):
        sure = sure * cv2.resize(without_sheen(small_atlas, model, hair, facing), sure.shape, interpolation=cv2.INTER_LINEAR)
    low, high = model.template.min(axis=0), model.template.max(axis=0)
    filling = Filling(
        corner_tones=corner_tones(model, vertex_tones),
        corner_points=np.ascontiguousarray(model.template[model.faces], np.float32),
        corner_hair=np.where(head.readable[:, None], hair[model.faces], 0.0).astype(np.float32),
        corner_wary=behind_ears(model)[model.faces],
        crown=np.array([0.0, high[1], 0.35 * high[2] + 0.65 * low[2]], np.float32),
        mirror_corners=corners,
        mirror_gain=gain,
        grain=beside(lambda: measure_grain(levels), cancel),
        wavelength_m=1.5 / head.density,
    )
    cancel.check()
    return fill(atlas, tones, sure, filling, cancel)
