"""Make the photos agree in exposure, white balance and slow shading, judged where two of them show the same skin.

First one gain per photo and channel (robust least squares on the logarithms of the ratios, as in panorama stitching: Brown and
Lowe 2007), then a field of gains that varies slowly over the texture and fades to none away from the overlaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numba
import numpy as np

from facestudio.progress import CancelToken
from facestudio.texture.pyramid import Level, magnified
from facestudio.texture.rows import over_rows
from facestudio.types import BoolArray, Float32Array, Float64Array

_FIELD_SIDE = 64  # of the field of gains


@dataclass(frozen=True)
class HarmoniseConfig:
    """Constants of the harmonisation.

    sure_weight: texels seen with less weight are no evidence (near contours they may show the background).
    usable_tones: darker is noise, brighter may be clipped. fewest_texels: overlap needed to compare two photos.
    field_limit: largest correction by the field, as a logarithm of even tones. field_blur: its smoothness, in texels of a
    64 x 64 texture. field_prior: evidence that stands for "no correction".
    """

    sure_weight: float = 0.05
    usable_tones: tuple[float, float] = (0.04, 0.98)
    fewest_texels: int = 40
    field_limit: float = 0.2
    field_blur: float = 3.0
    field_prior: float = 0.003


def gain_maps(levels: Sequence[Level], config: HarmoniseConfig | None = None) -> list[Float32Array]:
    """Per photo a (c, c, 3) float32 map of factors on even tones that makes it agree with the others.

    levels: each photo at one level, a few hundred texels a side. The texture takes over the photos' middle exposure, each counted by
    how much it shows.
    """
    config = config or HarmoniseConfig()
    logs = [np.log(np.maximum(level.tones, 0.01)).astype(np.float64) for level in levels]
    usable = [_usable(level, config) for level in levels]
    weights = [np.where(ok, level.weight, 0.0).astype(np.float64) for level, ok in zip(levels, usable, strict=True)]
    gains = _global_gains(logs, usable, np.array([w.sum() for w in weights]), config)
    total = np.sum(weights, axis=0)
    corrected = [log + gain for log, gain in zip(logs, gains, strict=True)]
    weighted = np.sum([w[..., None] * log for w, log in zip(weights, corrected, strict=True)], axis=0)
    consensus = weighted / np.maximum(total, 1e-9)[..., None]
    side = min(_FIELD_SIDE, levels[0].weight.shape[0])
    maps = []
    for log, weight, gain in zip(corrected, weights, gains, strict=True):
        evidence = weight * (total - weight)
        offset = np.clip(log - consensus, -2 * config.field_limit, 2 * config.field_limit)
        field = _smooth(offset, evidence, side, config)
        maps.append(np.exp(gain - np.clip(field, -config.field_limit, config.field_limit)).astype(np.float32))
    return maps


def apply_gain(level: Level, gain: Float32Array, cancel: CancelToken | None = None) -> None:
    """Multiply a level's tones in place by a map of factors (c, c, 3), magnified bilinearly."""
    over_rows(len(level.weight), lambda start, stop: _multiply(level.tones, level.weight, gain, start, stop), cancel)


def _usable(level: Level, config: HarmoniseConfig) -> BoolArray:
    low, high = config.usable_tones
    return np.asarray((level.weight > config.sure_weight) & (level.tones.min(-1) > low) & (level.tones.max(-1) < high))


def _global_gains(
    logs: Sequence[Float64Array], usable: Sequence[BoolArray], shown: Float64Array, config: HarmoniseConfig
) -> Float64Array:
    count = len(logs)
    rows: list[Float64Array] = []
    values: list[Float64Array] = []
    for i in range(count):
        for j in range(i + 1, count):
            both = usable[i] & usable[j]
            if both.sum() < config.fewest_texels:
                continue
            strength = float(np.sqrt(both.sum()))
            row = np.zeros(count)
            row[j], row[i] = strength, -strength
            rows.append(row)
            values.append(strength * np.median(logs[i][both] - logs[j][both], axis=0))
    # A photo that overlaps no other keeps its own exposure.
    rows += [1e-2 * shown / max(float(shown.sum()), 1e-9), *(np.eye(count) * 1e-3)]
    values += [np.zeros(3)] * (count + 1)
    solution = np.linalg.lstsq(np.stack(rows), np.stack(values), rcond=None)[0]
    # The middle exposure stays, so that one photo unlike the others changes nothing.
    return np.asarray(np.clip(solution - _middle(solution, shown), -1.0, 1.0))


def _middle(values: Float64Array, weights: Float64Array) -> Float64Array:
    """(3,): the weighted median of the rows of values (N, 3), per column."""
    order = np.argsort(values, axis=0, kind="stable")
    share = np.cumsum(weights[order], axis=0) / max(float(weights.sum()), 1e-9)
    chosen = np.argmax(share >= 0.5, axis=0)
    return np.asarray(np.take_along_axis(values, np.take_along_axis(order, chosen[None], axis=0), axis=0)[0])


def _smooth(offset: Float64Array, evidence: Float64Array, side: int, config: HarmoniseConfig) -> Float64Array:
    stacked = np.concatenate([offset * evidence[..., None], evidence[..., None]], axis=-1)
    small = cv2.resize(stacked, (side, side), interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small, (0, 0), config.field_blur, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(blurred[..., :3] / (blurred[..., 3:] + config.field_prior))


@numba.njit(cache=True, nogil=True)
def _multiply(tones: Float32Array, weight: Float32Array, gain: Float32Array, start: int, stop: int) -> None:
    size = weight.shape[0]
    for y in range(start, stop):
        for x in range(weight.shape[1]):
            if weight[y, x] > 0.0:
                for c in range(3):
                    tones[y, x, c] *= magnified(gain, y, x, size, c)
