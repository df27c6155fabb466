"""Collars and scarves: what lies on the neck in the photos but is not skin must not become skin."""

from __future__ import annotations

import cv2
import numpy as np

from facestudio.head.model import HeadModel
from facestudio.texture.pyramid import Level
from facestudio.texture.unwrap import Atlas
from facestudio.types import Float32Array, Float64Array

_FEWEST = 200
_CHROMA = (0.10, 0.16)  # log ratios of even tones: as far as shading moves skin; where cloth begins
_SPREAD = (3.0, 4.5)  # the same in robust standard deviations of the face's own chroma, whichever is wider,
_WIDEST = (0.16, 0.22)  # but never more than this: two lights of different colour widen the face's own
_DARK, _BRIGHT = (-0.75, -1.05), (0.35, 0.5)  # logarithm of brightness relative to the face


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
    away = np.abs(chroma - middle)
    limits = [np.clip(_SPREAD[i] * spread, _CHROMA[i], _WIDEST[i]) for i in range(2)]
    like = _fall(away, limits[0], limits[1]).min(axis=-1)
    relative = bright - np.median(bright[face])
    like = like * _fall(-relative, -_DARK[0], -_DARK[1]) * _fall(relative, *_BRIGHT)
    # Cloth comes in patches with a soft border: a texel next to cloth shows some of it.
    patches = cv2.erode(np.where(neck, like, 1.0).astype(np.float32), np.ones((7, 7), np.uint8))
    gate = np.minimum(cv2.GaussianBlur(patches, (0, 0), 1.5), np.where(neck, like, 1.0))
    # Outside the islands too: finer texels on an island's edge lie there.
    return np.where(neck | ~inside, gate, 1.0).astype(np.float32)


def _fall(value: Float64Array, start: Float64Array | float, stop: Float64Array | float) -> Float64Array:
    t = np.clip((value - start) / (stop - np.asarray(start)), 0.0, 1.0)
    return np.asarray(1.0 - t * t * (3.0 - 2.0 * t))
