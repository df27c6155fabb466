"""Gaussian pyramids of partly known pictures: unknown texels take no part, so that no black bleeds in from outside the islands.

This is normalised convolution (Knutsson and Westin 1993) with a 2 x 2 box downwards and bilinear interpolation upwards. Going up
again through such a pyramid fills the unknown texels smoothly: the push-pull of Gortler et al. 1996.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from facestudio.progress import CancelToken
from facestudio.texture.rows import over_rows
from facestudio.texture.tone import Real
from facestudio.types import Float32Array, IntArray

COARSEST = 16  # side at which pyramids for blending end: its texels are centimetres of the head


@dataclass(frozen=True)
class Level:
    """tones (h, w, 3) float32; weight (h, w) float32, 0 where nothing is known (tones are 0 there)."""

    tones: Float32Array
    weight: Float32Array


def reduce(fine: Level, cancel: CancelToken | None = None) -> Level:
    """The level of half the size: weighted means of 2 x 2 texels. The side must be even."""
    side = fine.weight.shape[0] // 2
    tones = np.zeros((side, side, 3), np.float32)
    weight = np.zeros((side, side), np.float32)
    over_rows(side, lambda start, stop: _reduce(fine.tones, fine.weight, tones, weight, start, stop), cancel)
    return Level(tones, weight)


def pyramid(finest: Level, coarsest: int = COARSEST, cancel: CancelToken | None = None) -> list[Level]:
    """All levels from the finest down to the side `coarsest`, or until a side is odd."""
    levels = [finest]
    while levels[-1].weight.shape[0] > coarsest and levels[-1].weight.shape[0] % 2 == 0:
        levels.append(reduce(levels[-1], cancel))
    return levels


def push_pull(finest: Level, cancel: CancelToken | None = None) -> Float32Array:
    """(h, w, 3) float32: the tones where weight is 1, a smooth continuation where it is 0, a mixture between. `finest` is not changed."""
    levels = pyramid(finest, 1, cancel)
    filled = _mean_filled(levels[-1])
    for number in reversed(range(len(levels) - 1)):
        out = np.zeros(levels[number].tones.shape, np.float32)
        _fill_level(levels[number], number, filled, out, cancel)
        filled = out
    return filled


def dilate(tones: Float32Array, face: IntArray, cancel: CancelToken | None = None) -> None:
    """Fill tones (T, T, 3) in place where face (T, T) is negative (outside the islands) by push-pull from inside."""
    weight = (face >= 0).astype(np.float32)
    levels = [Level(tones, weight), *pyramid(reduce(Level(tones, weight), cancel), 1, cancel)]
    filled = _mean_filled(levels[-1])
    for number in reversed(range(1, len(levels) - 1)):
        out = np.zeros(levels[number].tones.shape, np.float32)
        _fill_level(levels[number], number, filled, out, cancel)
        filled = out
    _fill_level(levels[0], 0, filled, tones, cancel)


def _fill_level(level: Level, number: int, filled: Float32Array, out: Float32Array, cancel: CancelToken | None) -> None:
    # One known texel of the finest level is enough to know a coarse one, whose mean weight it only makes 1 / 4^number.
    factor = np.float32(4.0**number)
    over_rows(len(out), lambda start, stop: _pull(level.tones, level.weight, factor, filled, out, start, stop), cancel)


def _mean_filled(level: Level) -> Float32Array:
    known = level.weight > 0
    filled = level.tones.copy()
    if known.any():
        filled[~known] = level.tones[known].mean(axis=0)
    return filled


@numba.njit(cache=True, nogil=True)
def _reduce(
    tones: Float32Array, weight: Float32Array, out: Float32Array, out_weight: Float32Array, start: int, stop: int
) -> None:
    for y in range(start, stop):
        for x in range(out_weight.shape[1]):
            total = np.float32(0.0)
            r, g, b = np.float32(0.0), np.float32(0.0), np.float32(0.0)
            for v in range(2 * y, 2 * y + 2):
                for u in range(2 * x, 2 * x + 2):
                    w = weight[v, u]
                    if w > 0.0:
                        total += w
                        r += w * tones[v, u, 0]
                        g += w * tones[v, u, 1]
                        b += w * tones[v, u, 2]
            if total > 0.0:
                out_weight[y, x] = total * np.float32(0.25)
                out[y, x, 0] = r / total
                out[y, x, 1] = g / total
                out[y, x, 2] = b / total


@numba.njit(cache=True, nogil=True, inline="always")
def taps(position: int, top: int) -> tuple[int, int, Real]:
    """The two coarse texels that a fine texel lies between, and the share of the second; clamped to 0..top."""
    half = position >> 1
    if position & 1:
        return half, min(half + 1, top), np.float32(0.25)
    return max(half - 1, 0), half, np.float32(0.75)


@numba.njit(cache=True, nogil=True)
def _pull(
    tones: Float32Array, weight: Float32Array, factor: Real, coarse: Float32Array, out: Float32Array, start: int, stop: int
) -> None:
    bottom, right = coarse.shape[0] - 1, coarse.shape[1] - 1
    for y in range(start, stop):
        y0, y1, fy = taps(y, bottom)
        for x in range(out.shape[1]):
            w = min(weight[y, x] * factor, np.float32(1.0))
            x0, x1, fx = taps(x, right)
            for c in range(3):
                value = w * tones[y, x, c]
                if w < 1.0:
                    upper = coarse[y0, x0, c] * (1 - fx) + coarse[y0, x1, c] * fx
                    lower = coarse[y1, x0, c] * (1 - fx) + coarse[y1, x1, c] * fx
                    value += (1 - w) * (upper * (1 - fy) + lower * fy)
                out[y, x, c] = value


@numba.njit(cache=True, nogil=True)
def magnified(picture: Float32Array, y: int, x: int, size: int, channel: int) -> Real:
    """A small (s, s, C) picture, seen as one of `size` texels a side, at texel (y, x): bilinear, clamped at the border."""
    side = picture.shape[0]
    scale = np.float32(side) / np.float32(size)
    v = min(max((y + np.float32(0.5)) * scale - np.float32(0.5), np.float32(0.0)), np.float32(side - 1))
    u = min(max((x + np.float32(0.5)) * scale - np.float32(0.5), np.float32(0.0)), np.float32(side - 1))
    y0, x0 = int(v), int(u)
    y1, x1 = min(y0 + 1, side - 1), min(x0 + 1, side - 1)
    fy, fx = v - np.float32(y0), u - np.float32(x0)
    upper = picture[y0, x0, channel] * (1 - fx) + picture[y0, x1, channel] * fx
    lower = picture[y1, x0, channel] * (1 - fx) + picture[y1, x1, channel] * fx
    value: Real = upper * (1 - fy) + lower * fy
    return value
