"""How the light falls on the eyes in the photos: the shadow of lids and brow on the eyeball, and the white's own hue.

A painted eye without it shines out of a shaded face. Only slow changes are taken over: what is sharp on an eyeball in a photo (iris,
lashes, catchlights) does not lie where it lies on the painted one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from facestudio.types import Float32Array, Float64Array

GRID = 48  # cells a side of a field over the square round an eyeball
_LUMA = np.array([0.25, 0.6, 0.15])
_WHITE_FROM = 1.2  # iris radii from the middle: there the painted white begins
_STRANGE = 0.5  # logarithm of brightness: farther from the middle it is the iris, a lash or a catchlight
_BLUR = 2.5  # cells
_PRIOR = 0.06  # of a cell's usual evidence: stands for the mean
_LIMITS = (-0.75, 0.22)  # of the field, a logarithm of even tones
_SHADE = 0.5  # of the shade that is kept: a lid shades its eye again wherever the head is lit
_HUE_LIMIT = 0.10
_FEWEST = 30


@dataclass(frozen=True)
class EyeSamples:
    """What one photo shows of one eyeball. x, y (N,): in iris radii from the pupil's middle, y up. tones (N, 3) even; weight (N,)."""

    x: Float64Array
    y: Float64Array
    tones: Float32Array
    weight: Float32Array


def light_on(samples: Sequence[EyeSamples], painted: Float64Array, ball: float) -> tuple[Float32Array, Float64Array]:
    """The light's field (GRID, GRID) float32, factors on even tones, row 0 on top; and the white's hue (3,), factors round 1.

    painted: (M, 3) even tones of the unlit painted eye at all the samples in turn. ball: the square's half side, iris radii.
    All ones when too little of the white is seen.
    """
    nothing = np.ones((GRID, GRID), np.float32), np.ones(3)
    x, y = (np.concatenate([getattr(s, axis) for s in samples]) if samples else np.zeros(0) for axis in ("x", "y"))
    white = np.hypot(x, y) > _WHITE_FROM
    if white.sum() < _FEWEST:
        return nothing
    tones = np.concatenate([s.tones for s in samples])[white].astype(np.float64)
    weight = np.concatenate([s.weight for s in samples])[white].astype(np.float64)
    x, y = x[white], y[white]
    ratio = np.log(np.maximum(tones, 0.02)) - np.log(np.maximum(painted[white], 0.02))
    bright = np.log(np.maximum(tones @ _LUMA, 0.02)) - np.log(np.maximum(painted[white] @ _LUMA, 0.02))
    # The upper half is surely white: what is dark may be an iris that looks aside.
    middle = float(np.quantile(bright, 0.65))
    like = np.abs(bright - middle) < _STRANGE
    if like.sum() < _FEWEST:
        return nothing
    weight = weight * like
    middle = float((weight * bright).sum() / weight.sum())
    hue = np.median((ratio - bright[:, None])[like], axis=0)
    evidence = np.zeros((GRID, GRID))
    sums = np.zeros((GRID, GRID))
    column = np.clip(((x / ball + 1) / 2 * GRID).astype(int), 0, GRID - 1)
    row = np.clip(((1 - y / ball) / 2 * GRID).astype(int), 0, GRID - 1)
    np.add.at(evidence, (row, column), weight)
    np.add.at(sums, (row, column), weight * bright)
    per_cell = max(float(np.median(evidence[evidence > 0])), 1e-9)
    evidence, sums = (np.asarray(cv2.GaussianBlur(a / per_cell, (0, 0), _BLUR), dtype=np.float64) for a in (evidence, sums))
    field = (sums + _PRIOR * middle) / (evidence + _PRIOR)
    shade = np.where(field < 0.0, _SHADE * field, field)
    light = np.exp(np.clip(shade, *_LIMITS)).astype(np.float32)
    return light, np.exp(np.clip(hue, -_HUE_LIMIT, _HUE_LIMIT))


def lit(picture: Float64Array, x: Float64Array, y: Float64Array, ball: float, light: Float32Array) -> Float64Array:
    """A painted eye (H, W, 3) at x, y (H, W), iris radii, under a field of light."""
    column = ((x / ball + 1) / 2 * GRID - 0.5).astype(np.float32)
    row = ((1 - y / ball) / 2 * GRID - 0.5).astype(np.float32)
    factor = cv2.remap(light, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(picture * factor[..., None])
