"""Eyes, painted: a whole iris and sclera in the subject's own colours.

In a photo the lids hide a third of the iris, lashes and catchlights much of the rest, and an error of one pixel puts skin on the
eyeball. So the photos give the colours, and the eye is drawn: sclera with fine veins, limbal ring, radial fibres, collarette, pupil.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from facestudio.head.model import EYES, HeadModel
from facestudio.texture.eye_light import GRID, EyeSamples, light_on, lit
from facestudio.texture.openings import inside_eyes, opening_polygons
from facestudio.texture.tone import from_srgb
from facestudio.texture.unwrap import Atlas, Unwrapped
from facestudio.types import BoolArray, Float32Array, Float64Array, IntArray, View

_IRIS, _SCLERA = (0.36, 0.27, 0.21), (0.78, 0.75, 0.73)  # even tones: brown, as most eyes are; off-white
_IRIS_LUMA, _SCLERA_LUMA = (0.12, 0.40), (0.50, 0.80)
_LUMA = np.array([0.25, 0.6, 0.15])
_IRIS_POINTS = ((473, (474, 475, 476, 477)), (468, (469, 470, 471, 472)))  # the subject's left eye, right eye: centre, ring
_PUPIL = 0.36  # of the iris' radius, in indoor light
_IRIS_BETWEEN, _WHITE_BETWEEN = (0.1, 0.5), (0.5, 0.9)  # quantiles of brightness
_FEWEST = 12


@dataclass(frozen=True)
class EyeTones:
    """The colours to paint with, even tones: iris (2, 3), left then right; sclera (3,). light: per eye its field, see `eye_light`."""

    iris: Float64Array
    sclera: Float64Array
    light: tuple[Float32Array, ...] = ()


def has_eyes(model: HeadModel) -> bool:
    """Does the model say where its eyeballs lie in the texture?"""
    return model.eye_islands.shape == (2, 4)


def measure_eyes(
    model: HeadModel,
    atlas: Atlas,
    seen: Sequence[Unwrapped],
    views: Sequence[View],
    order: Sequence[int],
    skin: Float64Array,
    gains: Sequence[Float32Array] = (),
) -> EyeTones:
    """Read iris and sclera colours from the photos, robustly; neutral ones where they show too little.

    atlas, seen: a small texture and the photos in it (harmonised), read on the eyeballs. order: the photos' numbers, most frontal
    first. skin: (3,) mean tone of the skin, which tells how bright the photos are. gains: per photo (c, c, 3), what harmonised it.
    Landmarks of the irises, where a view has them, are preferred to the head's own.
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
            if len(gains):
                samples = samples * _gain_at(gains[number], model.eye_islands[side])
            if len(samples) < _FEWEST:
                samples = seen[number].tones[on_iris & (seen[number].weight > 0)]
            if len(samples) >= _FEWEST:
                irises[side] = _middle(samples)
                break
        for number, picture in enumerate(seen):
            samples = _white_from_landmarks(views[number], side)
            if len(gains):
                samples = samples * _gain_at(gains[number], model.eye_islands[side])
            if len(samples) >= _FEWEST:
                whites.append(_bright(samples))
                continue
            white = picture.tones[on_eye & (picture.weight > 0) & (radius > 1.2) & (radius < 2.0)]
            if len(white) >= _FEWEST:
                whites.append(_bright(white))
    brightness = float(skin @ _LUMA)
    neutral = np.array(_SCLERA) * np.clip(brightness / 0.62, 0.82, 1.05)
    sclera = np.median(whites, axis=0) if whites else neutral
    # Half way to grey: reddish lids leak into what is measured.
    sclera = 0.55 * sclera + 0.45 * float(sclera @ _LUMA) * np.array([1.015, 0.998, 0.985])
    mean_iris = irises.mean(axis=0)
    irises = 0.7 * mean_iris + 0.3 * irises
    tones = EyeTones(irises, _limit(sclera, _SCLERA_LUMA))
    return _under_the_photos_light(model, atlas, seen, tones)


def _under_the_photos_light(model: HeadModel, atlas: Atlas, seen: Sequence[Unwrapped], tones: EyeTones) -> EyeTones:
    """The tones with the light that falls on each eye in the photos."""
    fields, hues, irises = [], [], tones.iris.copy()
    for side, name in enumerate(EYES):
        rows, columns = _box(model, atlas, side)
        x, y, ball = _eye_grid(model, atlas.size, rows, columns, side)
        on_eye = (atlas.face[rows, columns] >= 0) & model.part_faces(name)[np.maximum(atlas.face[rows, columns], 0)]
        drawn = draw_eye(x, y, ball, tones.iris[side], tones.sclera, seed=side)
        samples, painted = [], [np.zeros((0, 3))]
        for picture in seen:
            shown = on_eye & (picture.weight[rows, columns] > 0)
            samples.append(
                EyeSamples(x[shown], y[shown], picture.tones[rows, columns][shown], picture.weight[rows, columns][shown])
            )
            painted.append(drawn[shown])
        light, hue = light_on(samples, np.concatenate(painted), ball)
        fields.append(light)
        hues.append(hue)
    sclera = _limit(tones.sclera * np.mean(hues, axis=0), _SCLERA_LUMA)
    # In warm light a grey iris measures brown: it is judged against the white beside it.
    white = sclera / sclera.mean()
    middle = slice(GRID // 2 - 3, GRID // 2 + 3)
    for side, light in enumerate(fields):
        unlit = tones.iris[side] / max(float(light[middle, middle].mean()), 0.5)
        irises[side] = _limit(_natural(unlit / white) * white, _IRIS_LUMA)
    return EyeTones(irises, sclera, tuple(fields))


def _gain_at(gain: Float32Array, island: Float32Array) -> Float32Array:
    """(3,): a gain map's factor at the middle of an eye's island."""
    side = len(gain)
    column, row = int(np.clip(island[0] * side, 0, side - 1)), int(np.clip((1.0 - island[1]) * side, 0, side - 1))
    return np.asarray(gain[row, column], dtype=np.float32)


def paint_eyes(model: HeadModel, atlas: Atlas, eyes: EyeTones, tones: Float32Array) -> None:
    """Paint the eyeballs into tones (T, T, 3) float32, in place."""
    for side, name in enumerate(EYES):
        rows, columns = _box(model, atlas, side)
        on_eye = (atlas.face[rows, columns] >= 0) & model.part_faces(name)[np.maximum(atlas.face[rows, columns], 0)]
        x, y, ball = _eye_grid(model, atlas.size, rows, columns, side)
        picture = draw_eye(x, y, ball, eyes.iris[side], eyes.sclera, seed=side)
        if eyes.light:
            picture = lit(picture, x, y, ball, eyes.light[side])
        tones[rows, columns][on_eye] = picture[on_eye].astype(np.float32)


def _eye_grid(model: HeadModel, size: int, rows: slice, columns: slice, side: int) -> tuple[Float64Array, Float64Array, float]:
    """x, y (H, W) of these texels in iris radii from the pupil's middle, y up, and the eyeball's radius in the same unit."""
    centre, iris_radius = model.eye_islands[side, :2], float(model.eye_islands[side, 2])
    x = ((np.arange(columns.start, columns.stop) + 0.5) / size - centre[0]) / iris_radius
    y = (1.0 - (np.arange(rows.start, rows.stop) + 0.5) / size - centre[1]) / iris_radius
    grid_x, grid_y = np.meshgrid(x, y)
    return grid_x, grid_y, float(model.eye_islands[side, 3]) / iris_radius


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
    return np.asarray(colour * (1.0 - pupil) + 0.05 * pupil)


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
    """The colour of the darker samples but not the darkest: no lashes, and little of what the cornea mirrors, which adds light."""
    luma = samples @ _LUMA
    low, high = np.quantile(luma, _IRIS_BETWEEN)
    return np.asarray(samples[(luma >= low) & (luma <= high)].mean(axis=0), dtype=np.float64)


def _bright(samples: Float32Array) -> Float64Array:
    """The colour of the brighter samples without the brightest: the white of an eye without shade, blood vessels and highlights."""
    luma = samples @ _LUMA
    low, high = np.quantile(luma, _WHITE_BETWEEN)
    return np.asarray(samples[(luma >= low) & (luma <= high)].mean(axis=0), dtype=np.float64)


def _natural(iris: Float64Array) -> Float64Array:
    """Reflections of window and sky tint a dark iris purple; irises run from brown over hazel and green to grey and blue."""
    red, green, blue = iris
    if red >= 1.1 * green:
        blue = min(blue, 0.85 * green)
    green = max(green, 0.50 * (red + blue))
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

    def lower(x: Float64Array, y: Float64Array) -> BoolArray:
        r = np.hypot(x, y)
        return np.asarray((r > 0.45) & (r < 0.85) & (y > 0.05) & (y < 0.75))

    between_lids = _from_landmarks(view, side, lower, keep=0.85)
    return between_lids if len(between_lids) >= _FEWEST else _from_landmarks(view, side, lower)


def _white_from_landmarks(view: View, side: int) -> Float32Array:
    """(N, 3) even tones of the white left and right of the iris in one photo; empty without landmarks."""
    return _from_landmarks(
        view, side, lambda x, y: (np.hypot(x, y) > 1.2) & (np.hypot(x, y) < 1.8) & (np.abs(y) < 0.4), keep=0.8
    )


def _from_landmarks(
    view: View, side: int, where: Callable[[Float64Array, Float64Array], BoolArray], keep: float | None = None
) -> Float32Array:
    """(N, 3) even tones of one photo's pixels `where` (x, y) they lie, in iris radii from the iris' middle, y down.

    keep: only between the lids, whose outline is drawn together so far; None: anywhere.
    """
    nothing = np.zeros((0, 3), np.float32)
    points = view.mediapipe()
    if points is None:
        return nothing
    middle, ring = _IRIS_POINTS[side]
    centre = points[middle]
    radius = float(np.linalg.norm(points[list(ring)] - centre, axis=1).mean())
    image = view.image
    reach = 2.2 * radius
    low, high = np.floor(centre - reach).astype(int), np.ceil(centre + reach).astype(int) + 1
    if radius < 2.0 or (low < 0).any() or high[0] > image.width or high[1] > image.height:
        return nothing
    tones = from_srgb(image.pixels[low[1] : high[1], low[0] : high[0]])
    y, x = np.mgrid[low[1] : high[1], low[0] : high[0]]
    centre = _darkest_disc(tones @ _LUMA, x, y, centre, radius)
    chosen = where((x - centre[0]) / radius, (y - centre[1]) / radius)
    if keep is not None:
        chosen &= inside_eyes(chosen.shape, [opening_polygons(view)[side] - low], keep) > 0
    return np.asarray(tones[chosen], dtype=np.float32)


def _darkest_disc(luma: Float64Array, x: IntArray, y: IntArray, guess: Float64Array, radius: float) -> Float64Array:
    """(2,): where a disc of the iris' size stands out most, within half its radius of the landmark: those are a pixel or two off."""
    best, found = -np.inf, guess
    for dx, dy in np.mgrid[-0.5:0.51:0.125, -0.25:0.26:0.125].reshape(2, -1).T * radius:
        centre = guess + np.array([dx, dy])
        across, down = np.abs(x - centre[0]) / radius, np.abs(y - centre[1]) / radius
        # Left and right of the iris is the white; above and below it are lids.
        level = down < 0.45
        inside, outside = level & (np.hypot(across, down) < 0.85), level & (across > 1.1) & (across < 1.5)
        contrast = float(luma[outside].mean() - luma[inside].mean()) if inside.any() and outside.any() else -np.inf
        if contrast > best:
            best, found = contrast, centre
    return np.asarray(found)
