"""What may happen to a training crop: moved, turned, mirrored, recoloured, blurred, covered.

The synthetic photos are cleaner and more alike than the world; each epoch must show them as another camera in another place would, and with
another skin: a texture is bound to its mesh, so a network can learn where a point is from a painted lip line alone. Stains, shadows and
other strengths of fine and coarse detail take that away, and leave the form.

`another_look` is none of these: it shows held-out pictures in a way that training never does, to choose by.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from facestudio.landmarks.crop import Crop
from facestudio.types import ByteArray, Float32Array, FloatArray, IntArray


@dataclass(frozen=True)
class AugmentConfig:
    """How far: turn in degrees (1 sigma), zoom as a logarithm, shift as shares of the crop's side (1 sigma), the rest as probabilities.

    grey: no colours. tint: colours mixed, faded or stronger. blur, coarse: a softer lens, fewer pixels. detail: what is fine and what is
    coarse in the picture, each weaker or stronger. noise, jpeg: of the camera. cover: opaque patches. stain: soft ones that colour what
    is there. shade: light that changes slowly over the picture. shadow: the straight edge of a shadow.
    """

    turn: float = 4.0
    zoom: float = 0.05
    shift: float = 0.02
    mirror: float = 0.5
    grey: float = 0.1
    tint: float = 0.5
    blur: float = 0.35
    coarse: float = 0.25
    detail: float = 0.5
    noise: float = 0.5
    jpeg: float = 0.2
    cover: float = 0.3
    stain: float = 0.4
    shade: float = 0.4
    shadow: float = 0.25


def augment(
    picture: ByteArray,
    points: FloatArray,
    crop: Crop,
    mirror: IntArray,
    rng: np.random.Generator,
    config: AugmentConfig | None,
) -> tuple[ByteArray, Float32Array, IntArray]:
    """One crop for training.

    picture: (S, S, 3) uint8 RGB. points: (M, 2) pixels of it. crop: what the detector would cut out. mirror: (P,) partner of each landmark.
    Returns the picture (crop.size, crop.size, 3), the points in its pixels, and the order (P,) in which the landmarks are to be read:
    mirrored pictures need their partners'. config: None for the crop as it is. Points stay labelled visible under what covers them: where
    a hidden cheek lies is what the network should say.
    """
    c = config
    size, order = crop.size, np.arange(len(mirror), dtype=np.int64)
    A, b, border = crop.affine[:, :2], crop.affine[:, 2], cv2.BORDER_REPLICATE
    if c is not None:
        turn = np.radians(c.turn * np.clip(rng.normal(), -2.5, 2.5))
        zoom = np.exp(c.zoom * np.clip(rng.normal(), -2.5, 2.5))
        B = zoom * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        if rng.random() < c.mirror:
            B, order = B @ np.diag([-1.0, 1.0]), mirror.astype(np.int64)
        middle, shift = np.full(2, (size - 1) / 2.0), size * c.shift * np.clip(rng.normal(size=2), -2.5, 2.5)
        A, b = B @ A, B @ (b - middle) + middle + shift
        border = cv2.BORDER_REPLICATE if rng.random() < 0.7 else cv2.BORDER_REFLECT_101
    zoom = float(np.sqrt(abs(np.linalg.det(A))))
    source = cv2.GaussianBlur(picture, (0, 0), 0.4 / zoom) if zoom < 0.6 else picture
    out = np.asarray(
        cv2.warpAffine(source, np.column_stack([A, b]), (size, size), flags=cv2.INTER_LINEAR, borderMode=border), np.uint8
    )
    moved = (points @ A.T + b).astype(np.float32)
    return (out if c is None else _recolour(out, rng, c)), moved, order


def _recolour(picture: ByteArray, rng: np.random.Generator, c: AugmentConfig) -> ByteArray:
    """Everything that moves no point."""
    size = picture.shape[0]
    if rng.random() < c.coarse:
        small = int(size * rng.uniform(0.35, 0.8))
        picture = np.asarray(cv2.resize(picture, (small, small), interpolation=cv2.INTER_AREA), np.uint8)
        picture = np.asarray(cv2.resize(picture, (size, size), interpolation=cv2.INTER_LINEAR), np.uint8)
    if rng.random() < c.blur:
        along = rng.uniform(0.3, 1.4, 2)
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), sigmaX=along[0], sigmaY=along[1]), np.uint8)
    # Gain, gamma and contrast of each channel are one table of 256 values.
    level = np.linspace(0.0, 1.0, 256)
    gamma, gain = np.exp(rng.normal(0.0, 0.3)), np.exp(rng.normal(0.0, 0.2) + rng.normal(0.0, 0.1, 3))
    contrast, lift = np.exp(rng.normal(0.0, 0.2)), rng.normal(0.0, 0.04)
    table = np.clip(((level[:, None] ** gamma) * gain - 0.5) * contrast + 0.5 + lift, 0.0, 1.0)
    picture = np.asarray(cv2.LUT(picture, np.rint(255 * table).astype(np.uint8)[None]), np.uint8)
    if rng.random() < c.grey:
        picture = np.asarray(cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), np.uint8)
    elif rng.random() < c.tint:
        picture = _tinted(picture, rng)
    if rng.random() < c.detail:
        picture = _redetailed(picture, rng)
    if rng.random() < c.stain:
        picture = _stained(picture, rng)
    if rng.random() < c.shade:
        coarse = np.exp(rng.normal(0.0, 0.35, (3, 3))).astype(np.float32)
        picture = _times(picture, cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)[..., None])
    if rng.random() < c.shadow:
        picture = _times(picture, _shadow(size, rng)[..., None])
    if rng.random() < c.cover:
        picture = _covered(picture, rng)
    if rng.random() < c.noise:
        grain = rng.standard_normal(picture.shape, dtype=np.float32) * rng.uniform(1.0, 9.0)
        picture = np.clip(picture + grain, 0, 255).astype(np.uint8)
    if rng.random() < c.jpeg:
        _, code = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 80))])
        picture = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)
    return picture


def _times(picture: ByteArray, factor: Float32Array) -> ByteArray:
    """The picture under another light; factor (S, S, 1)."""
    return np.clip(picture * np.clip(factor, 0.2, 2.2), 0, 255).astype(np.uint8)


def _tinted(picture: ByteArray, rng: np.random.Generator) -> ByteArray:
    """Colours mixed at random and their strength changed; what is grey stays about as bright."""
    mix = np.eye(3) + rng.normal(0.0, 0.12, (3, 3))
    strength = rng.uniform(0.2, 1.6)
    mix = strength * mix + (1.0 - strength) * np.full((3, 3), 1.0 / 3.0)
    mix /= mix.sum(1, keepdims=True)
    return np.asarray(cv2.transform(picture, mix.astype(np.float32)), np.uint8)


def _redetailed(picture: ByteArray, rng: np.random.Generator) -> ByteArray:
    """Three octaves of detail, each weaker or stronger: smoother, rougher, flatter or more modelled skins."""
    levels = [picture.astype(np.float32)]
    for sigma in (0.9, 2.2, 5.0):
        levels.append(np.asarray(cv2.GaussianBlur(levels[-1], (0, 0), sigma), np.float32))
    gains = np.exp(np.clip(rng.normal(0.0, 0.4, 3), -1.0, 0.7))
    out = levels[-1]
    for k, gain in enumerate(gains):
        out = out + np.float32(gain) * (levels[k] - levels[k + 1])
    return np.clip(out, 0, 255).astype(np.uint8)


def _stained(picture: ByteArray, rng: np.random.Generator) -> ByteArray:
    """Up to five soft spots of another colour: rouge, a beard's shadow, a birthmark, a highlight."""
    size = picture.shape[0]
    out = picture.astype(np.float32)
    y, x = np.mgrid[:size, :size].astype(np.float32) / size
    for _ in range(rng.integers(1, 6)):
        at, radius = rng.uniform(0.15, 0.85, 2), np.exp(rng.uniform(np.log(0.03), np.log(0.25), 2))
        strength = rng.uniform(0.1, 0.6) * np.exp(-(((x - at[0]) / radius[0]) ** 2) - ((y - at[1]) / radius[1]) ** 2)
        colour = np.clip(out[int(at[1] * size), int(at[0] * size)] + rng.normal(0.0, 60.0, 3), 0, 255).astype(np.float32)
        out += strength[..., None].astype(np.float32) * (colour - out)
    return np.clip(out, 0, 255).astype(np.uint8)


def _shadow(size: int, rng: np.random.Generator) -> Float32Array:
    """(size, size) float32: 1 on one side of a line through the middle half, darker on the other; the edge sharp or soft."""
    y, x = np.mgrid[:size, :size].astype(np.float32) / size - 0.5
    angle, offset, edge = (
        rng.uniform(0.0, 2.0 * np.pi),
        rng.uniform(-0.25, 0.25),
        np.exp(rng.uniform(np.log(0.01), np.log(0.15))),
    )
    along = (np.cos(angle) * x + np.sin(angle) * y - offset) / edge
    lit = 1.0 / (1.0 + np.exp(np.clip(-4.0 * along, -30.0, 30.0)))
    dark = rng.uniform(0.35, 0.85)
    return np.asarray(dark + (1.0 - dark) * lit, np.float32)


def another_look(picture: ByteArray, rng: np.random.Generator) -> ByteArray:
    """A picture (S, S, 3) uint8 as training never shows one, no point moved.

    Skin smoothed between its edges (Tomasi and Manduchi 1998), local contrast evened out (Zuiderveld 1994), hues turned, and a raster of
    lines across. Judging on such pictures asks what the network makes of a skin and a renderer it does not know.
    """
    smooth = cv2.bilateralFilter(picture, 5, float(rng.uniform(15.0, 45.0)), 3.0)
    lab = cv2.cvtColor(smooth, cv2.COLOR_RGB2LAB)
    evened = cv2.createCLAHE(float(rng.uniform(1.0, 3.5)), (4, 4)).apply(np.ascontiguousarray(lab[..., 0]))
    share = rng.uniform(0.3, 1.0)
    lab[..., 0] = np.rint((1.0 - share) * lab[..., 0] + share * evened).astype(np.uint8)
    hsv = cv2.cvtColor(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(int) + int(rng.integers(-14, 15))) % 180
    out = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB).astype(np.float32)
    lines = 1.0 + rng.uniform(0.0, 0.06) * np.sin(np.arange(len(out)) * rng.uniform(0.8, 2.5))
    return np.asarray(np.clip(out * lines[:, None, None], 0, 255), np.uint8)


def _covered(picture: ByteArray, rng: np.random.Generator) -> ByteArray:
    """One to three patches of flat colour, noise, or another place of the same picture: a hand, a scarf, a strand of hair."""
    size = picture.shape[0]
    out = picture.copy()
    for _ in range(rng.integers(1, 4)):
        w, h = (rng.uniform(0.06, 0.32, 2) * size).astype(int)
        x, y = int(rng.integers(0, size - w)), int(rng.integers(0, size - h))
        kind = rng.integers(3)
        if kind == 0:
            out[y : y + h, x : x + w] = rng.integers(0, 256, 3)
        elif kind == 1:
            out[y : y + h, x : x + w] = rng.integers(0, 256, (h, w, 3))
        else:
            u, v = int(rng.integers(0, size - w)), int(rng.integers(0, size - h))
            out[y : y + h, x : x + w] = picture[v : v + h, u : u + w]
    return out
