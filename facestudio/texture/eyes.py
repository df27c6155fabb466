"""Eyes, painted: a whole iris and sclera in the subject's own colours.

In a photo the lids hide a third of the iris, lashes and catchlights much of the rest, and an error of one pixel puts skin on the
eyeball. So the photos give the colours, and the eye is drawn: sclera with fine veins, limbal ring, radial fibres, collarette, pupil.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facestudio.head.model import HeadModel
from facestudio.texture.tone import from_srgb
from facestudio.texture.unwrap import Atlas, Unwrapped
from facestudio.types import Float32Array, Float64Array, View

EYES = ("eye_left", "eye_right")
_IRIS, _SCLERA = (0.36, 0.27, 0.21), (0.78, 0.75, 0.73)  # even tones: brown, as most eyes are; off-white
_IRIS_LUMA, _SCLERA_LUMA = (0.12, 0.40), (0.50, 0.80)
_LUMA = np.array([0.25, 0.6, 0.15])
_LANDMARKS = 478  # mediapipe's mesh with irises
_IRIS_POINTS = ((473, (474, 475, 476, 477)), (468, (469, 470, 471, 472)))  # the subject's left eye, right eye: centre, ring
_PUPIL = 0.36  # of the iris' radius, in indoor light
_FEWEST = 12


@dataclass(frozen=True)
class EyeTones:
    """The colours to paint with, even tones: iris (2, 3), left then right; sclera (3,)."""

    iris: Float64Array
    sclera: Float64Array


def has_eyes(model: HeadModel) -> bool:
    """Does the model say where its eyeballs lie in the texture?"""
    return model.eye_islands.shape == (2, 4)


def measure_eyes(
    model: HeadModel, atlas: Atlas, seen: Sequence[Unwrapped], views: Sequence[View], order: Sequence[int], skin: Float64Array
) -> EyeTones:
    """Read iris and sclera colours from the photos, robustly; neutral ones where they show too little.

    atlas, seen: a small texture and the photos in it (harmonised), read on the eyeballs. order: the photos' numbers, most frontal
    first. skin: (3,) mean tone of the skin, which tells how bright the photos are. Landmarks of the irises, where a view has them,
    are preferred to the head's own.
    """
    irises = np.zeros((2, 3))
    whites: list[Float64Array] = []
    for side, name in enumerate(EYES):
        radius = _radius(model, atlas, side)
        on_eye = (atlas.face >= 0) & model.part_faces(name)[np.maximum(atlas.face, 0)]
        irises[side] = _IRIS
        # The most frontal photo first: from the side the cornea's bulge shows the window more than the iris.
        on_iris = on_eye & (radius > 0.45) & (radius < 0.9)
        for number in order:
            samples = _iris_from_landmarks(views[number], side)
            if len(samples) < _FEWEST:
                samples = seen[number].tones[on_iris & (seen[number].weight > 0)]
            if len(samples) >= _FEWEST:
                irises[side] = _middle(samples)
                break
        for picture in seen:
            white = picture.tones[on_eye & (picture.weight > 0) & (radius > 1.2) & (radius < 2.0)]
            if len(white) >= _FEWEST:
                whites.append(np.quantile(white, 0.75, axis=0))
    brightness = float(skin @ _LUMA)
    neutral = np.array(_SCLERA) * np.clip(brightness / 0.62, 0.82, 1.05)
    sclera = 0.5 * neutral + 0.5 * np.median(whites, axis=0) if whites else neutral
    # Half way to grey: reddish lids leak into what is measured.
    sclera = 0.55 * sclera + 0.45 * float(sclera @ _LUMA) * np.array([1.015, 0.998, 0.985])
    mean_iris = irises.mean(axis=0)
    irises = np.stack([_limit(_natural(0.7 * mean_iris + 0.3 * iris), _IRIS_LUMA) for iris in irises])
    return EyeTones(irises, _limit(sclera, _SCLERA_LUMA))


def paint_eyes(model: HeadModel, atlas: Atlas, eyes: EyeTones, tones: Float32Array) -> None:
    """Paint the eyeballs into tones (T, T, 3) float32, in place."""
    for side, name in enumerate(EYES):
        rows, columns = _box(model, atlas, side)
        on_eye = (atlas.face[rows, columns] >= 0) & model.part_faces(name)[np.maximum(atlas.face[rows, columns], 0)]
        centre, iris_radius = model.eye_islands[side, :2], float(model.eye_islands[side, 2])
        size = atlas.size
        x = ((np.arange(columns.start, columns.stop) + 0.5) / size - centre[0]) / iris_radius
        y = (1.0 - (np.arange(rows.start, rows.stop) + 0.5) / size - centre[1]) / iris_radius
        grid_x, grid_y = np.meshgrid(x, y)
        ball = float(model.eye_islands[side, 3]) / iris_radius
        picture = draw_eye(grid_x, grid_y, ball, eyes.iris[side], eyes.sclera, seed=side)
        tones[rows, columns][on_eye] = picture[on_eye].astype(np.float32)


def draw_eye(
    x: Float64Array, y: Float64Array, ball: float, iris: Float64Array, sclera: Float64Array, seed: int = 0
) -> Float64Array:
    """An eye seen from its axis, (H, W, 3) float64 even tones, at points x, y (H, W) in units of the iris' radius, y up.

    ball: radius of the eyeball's disc in the same units. seed: which individual pattern of fibres and veins.
    """
    rng = np.random.default_rng(seed + 11)
    r, angle = np.hypot(x, y), np.arctan2(y, x)
    white = _sclera(r, angle, ball, sclera, rng)
    disc = _iris(r, angle, iris, rng)
    edge = _step(1.06, 0.94, r)[..., None]  # the limbus is soft
    # The upper lid and its lashes shade the ball below them, the lower lid a little.
    shade = 1.0 - 0.30 * _step(0.30, 1.10, y) - 0.10 * _step(-0.70, -1.20, y)
    return np.asarray((white + (disc - white) * edge) * shade[..., None])


def _iris(r: Float64Array, angle: Float64Array, tone: Float64Array, rng: np.random.Generator) -> Float64Array:
    fibres = 0.55 * _around(rng, 90, angle + 0.06 * np.sin(3 * r), r, 2) + 0.3 * _around(rng, 160, angle, r, 3)
    spokes = 0.35 * _around(rng, 26, angle, r, 1)
    light = 1.0 + 0.20 * fibres + 0.16 * spokes
    light *= 0.80 + 0.22 * np.exp(-(((r - 0.62) / 0.25) ** 2))
    light *= 1.0 - 0.50 * _step(0.78, 1.02, r)  # limbal ring
    warm = np.exp(-(((r - 0.46) / 0.10) ** 2))[..., None]  # collarette: a warmer zone round the pupil
    colour = tone * light[..., None]
    colour = colour * (1.0 + warm * (0.14 + 0.5 * _around(rng, 40, angle, r, 1)[..., None] * 0.2) * np.array([1.0, 0.7, 0.3]))
    pupil = _step(_PUPIL + 0.035, _PUPIL - 0.035, r + 0.012 * _around(rng, 24, angle, r, 0))[..., None]
    return np.asarray(colour * (1.0 - pupil) + 0.035 * pupil)


def _sclera(r: Float64Array, angle: Float64Array, ball: float, tone: Float64Array, rng: np.random.Generator) -> Float64Array:
    outward = np.clip((r - 1.0) / max(ball - 1.0, 1e-6), 0.0, 1.0)
    # It darkens and reddens towards the corners, which lie 2 to 2.5 radii out; next to the iris it is faintly blue.
    colour = tone * (1.0 - 0.24 * _step(1.3, 2.7, r)[..., None] * np.array([0.7, 1.05, 1.05]))
    colour = colour * (1.0 - 0.05 * np.exp(-((r - 1.0) ** 2) / 0.02)[..., None] * np.array([1.2, 1.0, 0.7]))
    veins = np.zeros_like(r)
    for count, width in ((34, 0.022), (60, 0.014)):
        wander = 0.10 * _around(rng, 14, angle, r, 2) + 0.05 * _around(rng, 40, angle, r * 2.0, 3)
        course = _around(rng, count, angle + wander, r * 0.35, 1)
        veins += np.exp(-((course / (width * 6.0)) ** 2)) * _around(rng, 20, angle, r, 1).clip(0.0, 1.0)
    veins = np.clip(veins, 0.0, 1.0) * _step(0.12, 0.6, outward) * 0.16
    return np.asarray(colour * (1.0 - veins[..., None] * np.array([0.25, 1.0, 0.95])))


def _around(rng: np.random.Generator, count: int, angle: Float64Array, r: Float64Array, rings: int) -> Float64Array:
    """Noise in [-1, 1]: `count` random values round the circle, `rings` more outwards per unit of r, joined smoothly."""
    table = rng.uniform(-1.0, 1.0, (rings * 4 + 2, count))
    a = (angle / (2.0 * np.pi)) % 1.0 * count
    i = np.floor(a).astype(int) % count
    fa = a - np.floor(a)
    fa = fa * fa * (3.0 - 2.0 * fa)
    b = np.clip(r * rings, 0.0, len(table) - 1.001)
    j = np.floor(b).astype(int)
    fb = b - j
    near = table[j, i] * (1.0 - fa) + table[j, (i + 1) % count] * fa
    far = table[j + 1, i] * (1.0 - fa) + table[j + 1, (i + 1) % count] * fa
    return np.asarray(near * (1.0 - fb) + far * fb)


def _step(start: float, stop: float, value: Float64Array) -> Float64Array:
    t = np.clip((value - start) / (stop - start), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t))


def _middle(samples: Float32Array) -> Float64Array:
    """The median colour without lashes and pupil (dark) and catchlights (bright)."""
    luma = samples @ _LUMA
    kept = samples[(luma >= np.quantile(luma, 0.2)) & (luma <= np.quantile(luma, 0.85))]
    return np.asarray(np.quantile(kept, 0.4, axis=0), dtype=np.float64)


def _natural(iris: Float64Array) -> Float64Array:
    """Reflections of window and sky tint a dark iris purple; irises run from brown over hazel and green to grey and blue."""
    red, green, blue = iris
    if red >= green:
        blue = min(blue, 0.85 * green)
    green = max(green, 0.47 * (red + blue))
    return np.array([red, green, blue])


def _limit(tone: Float64Array, between: tuple[float, float]) -> Float64Array:
    luma = max(float(tone @ _LUMA), 1e-3)
    return np.asarray(np.clip(tone * (np.clip(luma, *between) / luma), 0.0, 1.0))


def _radius(model: HeadModel, atlas: Atlas, side: int) -> Float64Array:
    centre = model.eye_islands[side, :2]
    line = (np.arange(atlas.size) + 0.5) / atlas.size
    return np.asarray(
        np.hypot(line[None, :] - centre[0], (1.0 - line)[:, None] - centre[1]) / float(model.eye_islands[side, 2])
    )


def _box(model: HeadModel, atlas: Atlas, side: int) -> tuple[slice, slice]:
    """The rows and columns that the eye's faces cover, with a texel to spare."""
    uv = model.uv[model.uv_faces[model.part_faces(EYES[side])].ravel()]
    if not len(uv):
        return slice(0, 0), slice(0, 0)
    size = atlas.size
    low, high = np.floor(uv.min(0) * size).astype(int), np.ceil(uv.max(0) * size).astype(int)
    columns = slice(max(int(low[0]) - 1, 0), min(int(high[0]) + 1, size))
    return slice(max(size - int(high[1]) - 1, 0), min(size - int(low[1]) + 1, size)), columns


def _iris_from_landmarks(view: View, side: int) -> Float32Array:
    """(N, 3) even tones of the iris in one photo, its lower part, where lids and lashes seldom reach; empty without landmarks."""
    nothing = np.zeros((0, 3), np.float32)
    if view.landmarks is None or len(view.landmarks.points) != _LANDMARKS:
        return nothing
    middle, ring = _IRIS_POINTS[side]
    points = view.landmarks.points
    centre = points[middle]
    radius = float(np.linalg.norm(points[list(ring)] - centre, axis=1).mean())
    image = view.image
    low = np.floor(centre - radius).astype(int)
    high = np.ceil(centre + radius).astype(int) + 1
    if radius < 2.0 or (low < 0).any() or high[0] > image.width or high[1] > image.height:
        return nothing
    y, x = np.mgrid[low[1] : high[1], low[0] : high[0]]
    r = np.hypot(x - centre[0], y - centre[1]) / radius
    chosen = (r > 0.45) & (r < 0.88) & (y > centre[1] + 0.05 * radius)
    return from_srgb(image.pixels[low[1] : high[1], low[0] : high[0]][chosen])
