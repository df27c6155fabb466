"""Collars and scarves: what lies on the neck in the photos but is not skin must not become skin."""

from __future__ import annotations

import cv2
import numpy as np

from facestudio.head.model import HeadModel
from facestudio.texture.pyramid import Level
from facestudio.texture.unwrap import Atlas
from facestudio.types import Float32Array, Float64Array

_FEWEST = 200
_SPREADS = 4.0  # chroma (log ratios of even tones) may differ by this many robust standard deviations of the face's own,
_LEAST, _MOST = 0.14, 0.22  # but by no less and no more than this: two lights of different colour widen the face's own
_DARKER, _BRIGHTER = 1.0, 0.85  # logarithm of brightness relative to the face
_FALL = (0.8, 1.0)  # all three together, each relative to its limit: where doubt begins, and where it is surely not skin
_FADE = 2.5  # texels of the small texture


def skin_on_neck(model: HeadModel, atlas: Atlas, measured: Level) -> Float32Array | None:
    """(s, s) float32 in [0, 1]: 0 where the neck's measured colour is not like the face's; None when there is too little to judge by.

    atlas and measured (tones, certainty) have the same small size s. Models without parts "face" and "neck" are left as they are.
    """
    part = np.maximum(atlas.face, 0)
    inside = atlas.face >= 0
    face = inside & model.part_faces("face")[part] & (measured.weight > 0.9)
    neck = inside & model.part_faces("neck")[part]
    if face.sum() < _FEWEST or not neck.any():
        return None
    logs = np.log(np.maximum(measured.tones, 0.01)).astype(np.float64)
    chroma = np.stack([logs[..., 0] - logs[..., 1], logs[..., 1] - logs[..., 2]], axis=-1)
    bright = logs.mean(axis=-1)
    middle = np.median(chroma[face], axis=0)
    spread = 1.4826 * np.median(np.abs(chroma[face] - middle), axis=0)
    limits = np.clip(_SPREADS * spread, _LEAST, _MOST)
    relative = bright - np.median(bright[face])
    # Cloth and hair in shadow are a little too grey and a little too dark: it is the sum that tells.
    off = ((chroma - middle) / limits) ** 2
    strange = np.sqrt(off.sum(axis=-1) + (relative / np.where(relative < 0, _DARKER, _BRIGHTER)) ** 2)
    like = _fall(strange, *_FALL)
    # Cloth comes in patches with a soft border: a texel next to cloth shows some of it.
    patches = cv2.erode(np.where(neck, like, 1.0).astype(np.float32), np.ones((7, 7), np.uint8))
    # The fade runs on over the neck's own border, which is a line of triangles.
    rejected = cv2.GaussianBlur(np.where(neck, 1.0 - patches, 0.0), (0, 0), _FADE)
    ground = np.maximum(cv2.GaussianBlur(inside.astype(np.float64), (0, 0), _FADE), 1e-3)
    return np.asarray(np.clip(1.0 - 1.8 * rejected / ground, 0.0, 1.0), dtype=np.float32)


def _fall(value: Float64Array, start: float, stop: float) -> Float64Array:
    t = np.clip((value - start) / (stop - start), 0.0, 1.0)
    return np.asarray(1.0 - t * t * (3.0 - 2.0 * t))
