"""The texture with the photos' light taken out as far as the head's shape explains it: a second albedo, for relighting and MetaHuman.

Light from afar on a matt surface depends on the normal only, and nine spherical harmonics hold nearly all of it (Ramamoorthi and
Hanrahan 2001, "An efficient representation for irradiance environment maps"). Skin is much the same colour all over, so what varies with
the normal is light: the harmonics are fitted to the logarithm of the skin's linear colour, robustly, and divided out. What it cannot do:
shadows that one part casts on another stay, and so do highlights. Only the lids' shadow on the eyes is known: the white of an eye is as
light everywhere as where it is lightest.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from facestudio.export.scene import HeadScene
from facestudio.geometry.frames import uv_to_texel
from facestudio.geometry.rasterize import Fragments, interpolate, rasterize
from facestudio.geometry.shading import to_linear, to_srgb
from facestudio.head.model import EYES, HeadModel
from facestudio.progress import CancelToken
from facestudio.types import PROVENANCE_MEASURED, BoolArray, ByteArray, Float32Array, Float64Array, IntArray, Texture

_SKIN = ("face", "neck", "ears", "eyelids", "skin")
_UNLIT = ("eye_left", "eye_right", "eye_sockets", "mouth_interior", "tongue", "teeth")  # painted, not lit
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
_STEPS = 4095
_LINEAR = to_linear(np.arange(256, dtype=np.uint8)).astype(np.float32)
_FROM_ROOT = to_srgb((np.arange(_STEPS + 1) / _STEPS) ** 2)
_ROWS = 128  # texels done between two looks at the token


@dataclass(frozen=True)
class EvenLightSettings:
    """side: texels of the map in which light is estimated. strength: share of the estimated light that is taken out.

    robust: logarithm at which a texel counts half: brows, beard, lips and hair are no skin. ridge: for the harmonics beyond the mean.
    limits: of the factor that light makes, a logarithm. fewest: skin texels below which nothing is done. rounds: of reweighting.
    fade: texels over which the light fades out beyond what was photographed. white: irises' radii from the pupil's middle between which an
    eye is white. lightest: quantile of the white that no lid shades. eye_blur: of the shade on an eye, in irises' radii.
    """

    side: int = 512
    strength: float = 0.9
    robust: float = 0.12
    ridge: float = 0.004
    limits: tuple[float, float] = (-1.1, 0.8)
    fewest: int = 500
    rounds: int = 8
    fade: float = 5.0
    white: tuple[float, float] = (1.15, 2.2)
    lightest: float = 0.85
    eye_blur: float = 0.4


def even_albedo(
    model: HeadModel,
    scene: HeadScene,
    texture: Texture,
    settings: EvenLightSettings | None = None,
    cancel: CancelToken | None = None,
) -> ByteArray:
    """(T, T, 3) uint8 sRGB, row 0 at v = 1: the texture under even light. The texture itself when too little skin was photographed."""
    config, cancel = settings or EvenLightSettings(), cancel or CancelToken()
    layout = _layout(scene, config.side)
    shrunk = np.asarray(cv2.resize(texture.albedo, (config.side, config.side), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    small = to_linear(shrunk)
    logs = np.log(np.maximum(small, 1e-3))
    normals = np.asarray(interpolate(layout, scene.faces, scene.normals), dtype=np.float64)
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)
    part = np.maximum(layout.pix_to_face, 0)
    inside = layout.pix_to_face >= 0
    seen = cv2.resize(texture.provenance, (config.side, config.side), interpolation=cv2.INTER_NEAREST) == PROVENANCE_MEASURED
    skin = inside & seen & model.part_faces(*_SKIN)[part]
    if skin.sum() < config.fewest:
        return texture.albedo
    cancel.check()
    light = _light(harmonics(normals), logs, skin, config)
    cancel.check()
    # What was filled in carries hardly any light: the estimate fades out where the photographed part ends.
    light *= cv2.GaussianBlur((inside & seen).astype(np.float64), (0, 0), config.fade)[..., None]
    light[~inside | model.part_faces(*_UNLIT)[part]] = 0.0
    _shade_on_eyes(model, logs, inside, part, light, config)
    cancel.check()
    field = _filled(light, inside)
    cancel.check()
    size = texture.albedo.shape[0]
    wide = np.asarray(cv2.resize(field, (size, config.side), interpolation=cv2.INTER_LINEAR), np.float32)
    even: ByteArray = np.zeros(texture.albedo.shape, np.uint8)
    for rows in (slice(start, start + _ROWS) for start in range(0, size, _ROWS)):
        cancel.check()
        factor = np.exp(-config.strength * _higher(wide, rows, size))
        # Square roots keep the dark values apart in a table of 4096 steps.
        root = np.sqrt(np.minimum(_LINEAR[texture.albedo[rows]] * factor, np.float32(1.0)))
        even[rows] = _FROM_ROOT[np.rint(root * np.float32(_STEPS)).astype(np.int32)]
    return even


def _higher(wide: Float32Array, rows: slice, size: int) -> Float32Array:
    """Some rows of a picture (s, T, 3) brought to a height of `size`, linearly between its rows: all at once would be long and large."""
    side = len(wide)
    place = np.clip((np.arange(rows.start, min(rows.stop, size)) + 0.5) * side / size - 0.5, 0.0, side - 1.0)
    low = np.minimum(place.astype(np.intp), side - 2)
    share = (place - low).astype(np.float32)[:, None, None]
    return np.asarray(wide[low] * (1 - share) + wide[low + 1] * share)


def harmonics(normals: Float64Array) -> Float64Array:
    """(…, 8): the real spherical harmonics of bands 1 and 2 at unit normals (…, 3), up to constant factors; band 0 is the mean."""
    x, y, z = normals[..., 0], normals[..., 1], normals[..., 2]
    return np.stack([x, y, z, x * y, y * z, x * z, x * x - y * y, 3.0 * z * z - 1.0], axis=-1)


def _light(basis: Float64Array, logs: Float64Array, skin: BoolArray, config: EvenLightSettings) -> Float64Array:
    """(S, S, 3): the logarithm of the light on each texel, 0 on average over the skin, by iteratively reweighted least squares."""
    design = np.column_stack([np.ones(int(skin.sum())), basis[skin]])
    wanted = logs[skin]
    penalty = np.diag([0.0] + [config.ridge] * basis.shape[-1])
    weight = np.ones(len(wanted))
    solution = np.zeros((design.shape[1], 3))
    solution[0] = np.median(wanted, axis=0)
    for _ in range(config.rounds):
        off = np.abs(wanted - design @ solution).mean(axis=1)
        weight = 1.0 / (1.0 + (off / config.robust) ** 2)
        normal = (design * weight[:, None]).T @ design / weight.sum() + penalty
        solution = np.linalg.solve(normal, (design * weight[:, None]).T @ wanted / weight.sum())
    light = basis @ solution[1:]
    light -= (weight[:, None] * (design[:, 1:] @ solution[1:])).sum(axis=0) / weight.sum()
    return np.asarray(np.clip(light, *config.limits))


def _shade_on_eyes(
    model: HeadModel, logs: Float64Array, inside: BoolArray, part: IntArray, light: Float64Array, config: EvenLightSettings
) -> None:
    """Write into light (S, S, 3), a logarithm, what the lids' shadow takes from either eyeball, by the white of both."""
    if model.eye_islands.shape != (len(EYES), 4):
        return
    luma = np.log(np.exp(logs) @ _LUMINANCE)
    side = len(luma)
    u, v = np.meshgrid((np.arange(side) + 0.5) / side, 1.0 - (np.arange(side) + 0.5) / side)
    balls = [inside & model.part_faces(name)[part] for name in EYES]
    whites = []
    for ball, (x, y, radius, _) in zip(balls, model.eye_islands, strict=True):
        r = np.hypot(u - x, v - y) / radius
        whites.append(ball & (r > config.white[0]) & (r < config.white[1]))
    if not np.any(whites):
        return
    lightest = float(np.quantile(luma[np.any(whites, axis=0)], config.lightest))
    for ball, white, island in zip(balls, whites, model.eye_islands, strict=True):
        blur = max(config.eye_blur * float(island[2]) * side, 0.5)
        known = cv2.GaussianBlur(white.astype(np.float64), (0, 0), blur)
        shade = cv2.GaussianBlur(np.where(white, luma - lightest, 0.0), (0, 0), blur) / np.maximum(known, 1e-4)
        # Where no white is near, in the pupil and behind the lids, the nearest of it has faded out: no shade is known.
        shade *= np.minimum(known / 0.05, 1.0)
        light[ball] = np.clip(shade[ball], config.limits[0], 0.0)[:, None]


def _layout(scene: HeadScene, side: int) -> Fragments:
    flat = np.ones((len(scene.uv), 3))
    flat[:, :2] = uv_to_texel(scene.uv.astype(np.float64), side)
    return rasterize(flat, scene.uv_faces, side, side)


def _filled(field: Float64Array, inside: BoolArray) -> Float64Array:
    """The field continued a few texels beyond the islands, so that no border shows when it is magnified."""
    known = inside.astype(np.float64)
    spread = (
        cv2.GaussianBlur(field * known[..., None], (0, 0), 2.0)
        / np.maximum(cv2.GaussianBlur(known, (0, 0), 2.0), 1e-6)[..., None]
    )
    return np.where(inside[..., None], field, spread)
