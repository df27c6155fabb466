"""Every texel gets a colour, and every colour says where it comes from: measured, mirrored or inferred."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numba
import numpy as np

from facestudio.progress import CancelToken
from facestudio.texture.mirror import look_up, to_texels
from facestudio.texture.pyramid import Level, magnified
from facestudio.texture.rows import over_rows
from facestudio.texture.tone import Real
from facestudio.texture.unwrap import Atlas
from facestudio.types import (
    PROVENANCE_INFERRED,
    PROVENANCE_MEASURED,
    PROVENANCE_MIRRORED,
    PROVENANCE_OUTSIDE,
    ByteArray,
    Float32Array,
    IntArray,
)

FULL_WEIGHT = 0.08  # a texel seen with this weight or more (about 62 degrees, undisturbed) is wholly measured
_HALF = 0.5
_STRANGE = (
    0.3,
    0.7,
)  # logarithm of a glimpsed tone over what its surroundings suggest: from where it is doubted, and where not used
_OCTAVES = 4
_GRAIN_LIMIT = 0.035
_STRANDS = 90.0  # fineness of hair: cells per radian round the head's axis
_ENDS = 4.0  # how much more strands stand out where hair meets skin
_ALONG = 45.0  # cells per metre along the strands


@dataclass(frozen=True)
class Filling:
    """What unseen texels are made of.

    corner_tones (F, 3, 3) float32, see `spread`. corner_points (F, 3, 3) float32, metres, of the neutral head: where the grain's noise
    is taken, so that it has no seams. corner_hair (F, 3) float32: 1 where hair grows; corner_wary (F, 3) float32: 1 where a
    photo is not believed that shows something unlike its surroundings, however well it sees it; crown (3,) float32, metres: hair
    runs down from there. mirror_corners (F, 3, 2) float32 uv, NaN for none. mirror_gain (s, s, 3) float32.
    grain (4,) float32: relative amplitude of the skin's unevenness at four wavelengths, `wavelength_m` the finest, each twice the next.
    """

    corner_tones: Float32Array
    corner_points: Float32Array
    corner_hair: Float32Array
    corner_wary: Float32Array
    crown: Float32Array
    mirror_corners: Float32Array
    mirror_gain: Float32Array
    grain: Float32Array
    wavelength_m: float


def certainty(weights: Sequence[Float32Array], cancel: CancelToken | None = None) -> Float32Array:
    """(T, T) float32 in [0, 1]: how far a texel's measured colour is used, from the photos' weights (T, T) there."""
    best = np.zeros_like(weights[0])

    def work(start: int, stop: int) -> None:
        for weight in weights:
            np.maximum(best[start:stop], weight[start:stop], out=best[start:stop])
        t = np.minimum(best[start:stop] / np.float32(FULL_WEIGHT), np.float32(1.0))
        best[start:stop] = t * t * (3 - 2 * t)

    over_rows(len(best), work, cancel)
    return best


def measure_grain(levels: Sequence[Level]) -> Float32Array:
    """(4,) float32: relative unevenness of the measured tones from one level of a pyramid to the next (robust), for the noise."""
    amplitudes = np.zeros(_OCTAVES, np.float32)
    for octave, (fine, coarse) in enumerate(pairwise(levels[: _OCTAVES + 1])):
        sure = coarse.weight > 0.9
        if sure.sum() < 100:
            continue
        green = coarse.tones[..., 1]
        for row, column in ((0, 0), (1, 1)):
            part = np.abs(fine.tones[row::2, column::2, 1][sure] / np.maximum(green[sure], 0.05) - 1.0)
            amplitudes[octave] += 0.5 * 1.4826 * np.median(part)
    return np.minimum(amplitudes, _GRAIN_LIMIT)


def fill(
    atlas: Atlas, tones: Float32Array, sure: Float32Array, filling: Filling, cancel: CancelToken | None = None
) -> tuple[Float32Array, ByteArray]:
    """Complete measured tones (T, T, 3) of certainty `sure` (T, T): returns tones (T, T, 3) float32 and provenance (T, T) uint8.

    Outside the islands tones are 0 and provenance is PROVENANCE_OUTSIDE.
    """
    out = np.zeros(tones.shape, tones.dtype)  # zeros_like would write them all here, a fifth of a second at 4096 texels a side
    provenance = np.full(sure.shape, PROVENANCE_OUTSIDE, np.uint8)
    corners = to_texels(filling.mirror_corners, atlas.size)

    def work(start: int, stop: int) -> None:
        frequency = np.float32(1.0 / filling.wavelength_m)
        unseen = (filling.corner_tones, filling.corner_points, filling.corner_hair, filling.corner_wary, filling.crown)
        _fill(
            atlas.face,
            atlas.bary,
            tones,
            sure,
            *unseen,
            corners,
            filling.mirror_gain,
            filling.grain,
            frequency,
            out,
            provenance,
            start,
            stop,
        )

    over_rows(atlas.size, work, cancel)
    return out, provenance


@numba.njit(cache=True, nogil=True, inline="always")
def _hash(x: int, y: int, z: int) -> Real:
    """A number in [-1, 1) from a lattice point; integer mixing after Wang 2007."""
    n = np.uint32(x) * np.uint32(73856093) ^ np.uint32(y) * np.uint32(19349663) ^ np.uint32(z) * np.uint32(83492791)
    n = (n ^ np.uint32(61)) ^ (n >> np.uint32(16))
    n = np.uint32(n * np.uint32(9))
    n = n ^ (n >> np.uint32(4))
    n = np.uint32(n * np.uint32(0x27D4EB2D))
    n = n ^ (n >> np.uint32(15))
    return np.float32(n & np.uint32(0xFFFF)) * np.float32(1.0 / 32768.0) - np.float32(1.0)


@numba.njit(cache=True, nogil=True)
def value_noise(x: Real, y: Real, z: Real) -> Real:
    """Smooth noise with about unit amplitude and a wavelength of two lattice cells (Perlin's value noise, smoothstep between)."""
    x0, y0, z0 = int(np.floor(x)), int(np.floor(y)), int(np.floor(z))
    fx, fy, fz = x - x0, y - y0, z - z0
    fx, fy, fz = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy), fz * fz * (3 - 2 * fz)
    total = np.float32(0.0)
    for k in range(2):
        for j in range(2):
            near = _hash(x0, y0 + j, z0 + k) * (1 - fx) + _hash(x0 + 1, y0 + j, z0 + k) * fx
            total += near * (fy if j else 1 - fy) * (fz if k else 1 - fz)
    return total


@numba.njit(cache=True, nogil=True)
def _strands(x: Real, y: Real, z: Real) -> Real:
    """Relative brightness of combed hair: noise that is fine round the crown's axis and coarse along it."""
    across = np.float32(1.0) / np.sqrt(x * x + z * z + np.float32(1e-6))
    along = (y - np.float32(1.0) / across) * np.float32(_ALONG)  # grows along the way from the crown, over the top and down
    total = np.float32(0.0)
    fineness = np.float32(_STRANDS)
    for octave in range(3):
        total += value_noise(x * across * fineness, along, z * across * fineness) * np.float32(0.10 - 0.02 * octave)
        fineness *= np.float32(0.45)
    return total


@numba.njit(cache=True, nogil=True)
def _fill(
    face: IntArray,
    bary: Float32Array,
    tones: Float32Array,
    sure: Float32Array,
    corner_tones: Float32Array,
    corner_points: Float32Array,
    corner_hair: Float32Array,
    corner_wary: Float32Array,
    crown: Float32Array,
    corners: Float32Array,
    gain: Float32Array,
    grain: Float32Array,
    frequency: Real,
    out: Float32Array,
    provenance: ByteArray,
    start: int,
    stop: int,
) -> None:
    size = face.shape[0]
    other = np.zeros(3, np.float32)
    p = np.zeros(3, np.float32)
    floor = np.float32(0.02)
    for y in range(start, stop):
        for x in range(size):
            f = face[y, x]
            if f < 0:
                continue
            a = sure[y, x]
            provenance[y, x] = PROVENANCE_MEASURED
            wary = np.float32(0.0)
            for k in range(3):
                wary += bary[y, x, k] * corner_wary[f, k]
            if a >= 1.0 and wary <= 0.0:
                for c in range(3):
                    out[y, x, c] = tones[y, x, c]
                continue
            mirrored: Real = np.float32(0.0)
            if not np.isnan(corners[f, 0, 0]):
                u, v = np.float32(0.0), np.float32(0.0)
                for k in range(3):
                    u += bary[y, x, k] * corners[f, k, 0]
                    v += bary[y, x, k] * corners[f, k, 1]
                mirrored = look_up(tones, sure, u, v, other) * (1 - wary)  # the other ear may be misplaced as well
            uneven = np.float32(0.0)
            if mirrored < 1.0:
                for c in range(3):
                    p[c] = 0.0
                    for k in range(3):
                        p[c] += bary[y, x, k] * corner_points[f, k, c]
                scale: Real = frequency
                for octave in range(grain.shape[0]):
                    if grain[octave] > 0.0:
                        uneven += np.float32(1.2) * grain[octave] * value_noise(p[0] * scale, p[1] * scale, p[2] * scale)
                    scale *= np.float32(0.5)
                hairy = np.float32(0.0)
                for k in range(3):
                    hairy += bary[y, x, k] * corner_hair[f, k]
                if hairy > 0.0:
                    # Where hair ends it ends in strands: there they stand out against the skin.
                    shown = hairy * hairy * (1 + _ENDS * (1 - hairy))
                    uneven += shown * _strands(p[0] - crown[0], p[1] - crown[1], p[2] - crown[2])
            strange = np.float32(0.0)
            for c in range(3):
                value = np.float32(0.0)
                for k in range(3):
                    value += bary[y, x, k] * corner_tones[f, k, c]
                p[c] = value
                strange = max(strange, abs(np.log(max(tones[y, x, c], floor) / max(value, floor))))
            # A glimpse past an ear or a jaw that is unlike all around it is the ear's or the background's.
            doubt = min(max((strange - _STRANGE[0]) / (_STRANGE[1] - _STRANGE[0]), np.float32(0.0)), np.float32(1.0))
            a *= 1 - doubt * max(1 - a, wary)
            for c in range(3):
                value = p[c] * (1 + uneven)
                if mirrored > 0.0:
                    value += mirrored * (other[c] * magnified(gain, y, x, size, c) - value)
                out[y, x, c] = value + a * (tones[y, x, c] - value)
            if a < _HALF:
                provenance[y, x] = PROVENANCE_MIRRORED if mirrored >= _HALF else PROVENANCE_INFERRED
