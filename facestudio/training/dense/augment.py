"""What may happen to a training crop: moved, turned, mirrored, recoloured, blurred, covered.

The synthetic photos are cleaner and more alike than the world; each epoch must show them as another camera in another place would.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from facestudio.landmarks.crop import Crop
from facestudio.types import ByteArray, Float32Array, FloatArray, IntArray


@dataclass(frozen=True)
class AugmentConfig:
    """How far: turn in degrees (1 sigma), zoom as a logarithm, shift as shares of the crop's side (1 sigma), the rest as probabilities."""

    turn: float = 4.0
    zoom: float = 0.05
    shift: float = 0.02
    mirror: float = 0.5
    grey: float = 0.1
    blur: float = 0.35
    coarse: float = 0.25
    noise: float = 0.5
    jpeg: float = 0.2
    cover: float = 0.3
    shade: float = 0.4


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
    gamma, gain = np.exp(rng.normal(0.0, 0.22)), np.exp(rng.normal(0.0, 0.16) + rng.normal(0.0, 0.07, 3))
    contrast, lift = np.exp(rng.normal(0.0, 0.12)), rng.normal(0.0, 0.03)
    table = np.clip(((level[:, None] ** gamma) * gain - 0.5) * contrast + 0.5 + lift, 0.0, 1.0)
    picture = np.asarray(cv2.LUT(picture, np.rint(255 * table).astype(np.uint8)[None]), np.uint8)
    if rng.random() < c.grey:
        picture = np.asarray(cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), np.uint8)
    if rng.random() < c.shade:
        coarse = np.exp(rng.normal(0.0, 0.3, (3, 3))).astype(np.float32)
        shade = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)[..., None]
        picture = np.clip(picture * np.clip(shade, 0.3, 2.0), 0, 255).astype(np.uint8)
    if rng.random() < c.cover:
        picture = _covered(picture, rng)
    if rng.random() < c.noise:
        grain = rng.standard_normal(picture.shape, dtype=np.float32) * rng.uniform(1.0, 9.0)
        picture = np.clip(picture + grain, 0, 255).astype(np.uint8)
    if rng.random() < c.jpeg:
        _, code = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 80))])
        picture = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)
    return picture


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
