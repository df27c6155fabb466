"""The colour space in which textures are made: a pure power law of linear light.

It is as even to the eye as sRGB, so that noise, interpolation and pyramid bands behave as in the photo, but unlike sRGB it turns a
change of exposure or white balance (a factor on linear light) into exactly a factor. Values lie in [0, 1].
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from facestudio.geometry.shading import to_linear, to_srgb
from facestudio.types import ByteArray, Float32Array

Real = float | np.floating[Any]  # a scalar inside numba code
EXPONENT = 1.0 / 2.2
_STEPS = 4096

_FROM_BYTE: Float32Array = (to_linear(np.arange(256, dtype=np.uint8)) ** EXPONENT).astype(np.float32)
_TO_BYTE: ByteArray = to_srgb((np.arange(_STEPS + 1) / _STEPS) ** (1.0 / EXPONENT))


def from_srgb(picture: ByteArray) -> Float32Array:
    """Bytes of sRGB to even tones in [0, 1], float32, same shape."""
    return np.asarray(_FROM_BYTE[picture])


def to_bytes(tones: Float32Array, out: ByteArray, start: int, stop: int) -> None:
    """Rows start:stop of even tones (H, W, 3) float32 to bytes of sRGB in `out` (H, W, 3) uint8; clipped to [0, 1]."""
    _encode(tones, _TO_BYTE, out, start, stop)


@numba.njit(cache=True, nogil=True)
def _encode(tones: Float32Array, table: ByteArray, out: ByteArray, start: int, stop: int) -> None:
    top = table.shape[0] - 1
    for y in range(start, stop):
        for x in range(tones.shape[1]):
            for c in range(3):
                value = min(max(tones[y, x, c], np.float32(0.0)), np.float32(1.0))
                out[y, x, c] = table[int(value * top + 0.5)]
