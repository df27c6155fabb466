"""Join the photos in the texture: each texel mostly from the photo that shows it best, without a visible join.

Multi-band blending (Burt and Adelson 1983): fine detail changes hands within about a millimetre, so that nothing is seen twice;
slow shading over centimetres. The pyramids know which texels a photo shows and use no others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numba
import numpy as np

from facestudio.progress import CancelToken
from facestudio.texture.pyramid import Level, magnified, reduce, taps
from facestudio.texture.rows import over_rows
from facestudio.types import Float32Array


@dataclass(frozen=True)
class BlendConfig:
    """Constants of the blending.

    disagreement: difference of even tones, after harmonisation, from which two photos do not show the same thing.
    support: of disagreeing groups of photos, one with less than this share of the best group's weight is left out.
    mixing: power of a photo's score over the best one's that gives its share, on plain skin and on eyes, nose and mouth.
    feature_bonus: how strongly eyes, nose and mouth are kept in one photo. label_blur: smoothness of the choice, in label texels.
    """

    disagreement: float = 0.12
    support: float = 0.7
    mixing: tuple[float, float] = (0.5, 1.0)
    feature_bonus: float = 4.0
    label_blur: float = 2.5


def agreement(levels: Sequence[Level], config: BlendConfig | None = None) -> list[Float32Array]:
    """Per photo (h, w) float32: 1, or nearly 0 where photos of more weight agree that something else is there (background, hair)."""
    config = config or BlendConfig()
    blurred = [cv2.blur(level.tones, (3, 3)) / np.maximum(cv2.blur(_known(level), (3, 3)), 1e-6)[..., None] for level in levels]
    supports = []
    for i, level in enumerate(levels):
        support = np.zeros_like(level.weight)
        for j, other in enumerate(levels):
            same = np.abs(blurred[i] - blurred[j]).max(-1) < config.disagreement
            support += np.where(same, other.weight, 0.0).astype(np.float32)
        supports.append(np.where(level.weight > 0, support, 0.0))
    best = np.max(supports, axis=0)
    return [np.where(support < config.support * best, 1e-3, 1.0).astype(np.float32) for support in supports]


def choose(
    levels: Sequence[Level],
    agreements: Sequence[Float32Array],
    resolutions: Sequence[float],
    features: Float32Array,
    inside: Float32Array,
    leader: int,
    config: BlendConfig | None = None,
) -> list[Float32Array]:
    """Per photo its share (h, w, 1) float32 of each label texel: near 1 for the chosen photo, near 0 for the others.

    resolutions: of the photos on the head. features (h, w): 1 at eyes, nose and mouth. inside (h, w): 1 on the islands.
    """
    config = config or BlendConfig()
    sharpest = max(resolutions)
    border = np.maximum(cv2.GaussianBlur(inside, (0, 0), config.label_blur), 1e-3)
    scores = []
    for i, level in enumerate(levels):
        score = cv2.GaussianBlur(level.weight * agreements[i], (0, 0), config.label_blur) / border * (resolutions[i] / sharpest)
        if i == leader:
            score = score * (1.0 + config.feature_bonus * features)
        scores.append(np.where(level.weight > 0, score, 0.0))
    best = np.maximum(np.max(scores, axis=0), 1e-9)
    # Photos of about equal worth are averaged, and their noise with them: whichever was chosen instead, the others would be drawn with its
    # noise. On our own subjects choosing hard (powers of 1.5 and 40) cost 0.2 dB and 0.006 of SSIM.
    power = config.mixing[0] + (config.mixing[1] - config.mixing[0]) * np.minimum(features, 1.0)
    shares = [np.maximum((score / best) ** power, 1e-3).astype(np.float32) for score in scores]
    return [share[..., None] * a[..., None] for share, a in zip(shares, agreements, strict=True)]


def blend(
    pyramids: Sequence[Sequence[Level]], shares: Sequence[Float32Array], cancel: CancelToken | None = None
) -> Float32Array:
    """(T, T, 3) float32: the joined tones, 0 where no photo shows anything.

    pyramids: per photo its levels, finest first. shares: per photo (h, w, 1), of one of the levels' sizes.
    """
    result, known = np.zeros((1, 1, 3), np.float32), np.zeros((1, 1), np.float32)
    depth = len(pyramids[0])
    for number in reversed(range(depth)):
        side = len(pyramids[0][number].weight)
        total, weight = np.zeros((side, side, 3), np.float32), np.zeros((side, side), np.float32)
        for levels, share in zip(pyramids, shares, strict=True):
            small = share if len(share) <= side else _shrunk(share, side)
            fine = levels[number]
            coarse = (
                levels[number + 1]
                if number + 1 < depth
                else Level(np.zeros((1, 1, 3), np.float32), np.zeros((1, 1), np.float32))
            )
            _add(fine, coarse, small, total, weight, cancel)
        _finish(total, weight, result, known, cancel)
        result, known = total, weight
    return result


def drop(levels: Sequence[Level], agreed: Float32Array, number: int) -> list[Level]:
    """The same pyramid, with what the others disagree with taken out of level `number` and all coarser ones."""
    cleaned = list(levels[: number + 1])
    cleaned[number] = Level(levels[number].tones, levels[number].weight * agreed)
    while len(cleaned) < len(levels):
        cleaned.append(reduce(cleaned[-1]))
    return cleaned


def _shrunk(share: Float32Array, side: int) -> Float32Array:
    return np.asarray(cv2.resize(share, (side, side), interpolation=cv2.INTER_AREA), dtype=np.float32)[..., None]


def _known(level: Level) -> Float32Array:
    return (level.weight > 0).astype(np.float32)


def _add(
    fine: Level, coarse: Level, share: Float32Array, total: Float32Array, weight: Float32Array, cancel: CancelToken | None
) -> None:
    def work(start: int, stop: int) -> None:
        _add_band(fine.tones, fine.weight, coarse.tones, coarse.weight, share, total, weight, start, stop)

    over_rows(len(weight), work, cancel)


def _finish(
    total: Float32Array, weight: Float32Array, result: Float32Array, known: Float32Array, cancel: CancelToken | None
) -> None:
    over_rows(len(weight), lambda start, stop: _add_coarse(total, weight, result, known, start, stop), cancel)


@numba.njit(cache=True, nogil=True, inline="always")
def _from_coarse(coarse: Float32Array, known: Float32Array, y: int, x: int, out: Float32Array) -> None:
    """Bilinear interpolation from the next level over its known texels only."""
    y0, y1, fy = taps(y, coarse.shape[0] - 1)
    x0, x1, fx = taps(x, coarse.shape[1] - 1)
    a = (1 - fy) * (1 - fx) if known[y0, x0] > 0.0 else np.float32(0.0)
    b = (1 - fy) * fx if known[y0, x1] > 0.0 else np.float32(0.0)
    c = fy * (1 - fx) if known[y1, x0] > 0.0 else np.float32(0.0)
    d = fy * fx if known[y1, x1] > 0.0 else np.float32(0.0)
    s = a + b + c + d
    for k in range(3):
        out[k] = 0.0
        if s > 0.0:
            out[k] = (a * coarse[y0, x0, k] + b * coarse[y0, x1, k] + c * coarse[y1, x0, k] + d * coarse[y1, x1, k]) / s


@numba.njit(cache=True, nogil=True)
def _add_band(
    tones: Float32Array,
    weight: Float32Array,
    coarse: Float32Array,
    coarse_weight: Float32Array,
    share: Float32Array,
    total: Float32Array,
    sums: Float32Array,
    start: int,
    stop: int,
) -> None:
    size = weight.shape[0]
    base = np.zeros(3, np.float32)
    deeper = coarse.shape[0] > 1
    for y in range(start, stop):
        for x in range(size):
            if weight[y, x] <= 0.0:
                continue
            w = magnified(share, y, x, size, 0) + np.float32(1e-9)
            if deeper:
                _from_coarse(coarse, coarse_weight, y, x, base)
            sums[y, x] += w
            for c in range(3):
                total[y, x, c] += w * (tones[y, x, c] - base[c])


@numba.njit(cache=True, nogil=True)
def _add_coarse(
    total: Float32Array, sums: Float32Array, coarse: Float32Array, known: Float32Array, start: int, stop: int
) -> None:
    base = np.zeros(3, np.float32)
    deeper = coarse.shape[0] > 1
    for y in range(start, stop):
        for x in range(sums.shape[1]):
            if sums[y, x] <= 0.0:
                continue
            if deeper:
                _from_coarse(coarse, known, y, x, base)
            for c in range(3):
                total[y, x, c] = total[y, x, c] / sums[y, x] + base[c]
