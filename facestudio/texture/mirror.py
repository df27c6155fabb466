"""Where on the other half of the head does each texel have its counterpart, and how does its light differ there?"""

from __future__ import annotations

import numba
import numpy as np

from facestudio.geometry.frames import uv_to_texel
from facestudio.head.model import HeadModel
from facestudio.texture.pyramid import Level, push_pull
from facestudio.texture.tone import Real
from facestudio.texture.unwrap import Atlas
from facestudio.types import Float32Array, IntArray

_LIMIT = 0.7  # largest correction of a mirrored tone, as a logarithm: strong light from one side, not another colour


def mirror_corners(model: HeadModel) -> Float32Array:
    """(F, 3, 2) float32: for each face's corners the uv of their counterparts; NaN for faces without one."""
    faces = np.asarray(model.faces, np.int64)
    other = np.asarray(model.mirror, np.int64)[faces]
    count = np.int64(model.vertex_count)
    own_sorted, other_sorted = np.sort(faces, axis=1), np.sort(other, axis=1)
    own_key = (own_sorted[:, 0] * count + own_sorted[:, 1]) * count + own_sorted[:, 2]
    other_key = (other_sorted[:, 0] * count + other_sorted[:, 1]) * count + other_sorted[:, 2]
    order = np.argsort(own_key, kind="stable")
    place = np.minimum(np.searchsorted(own_key[order], other_key), len(faces) - 1)
    twin = order[place]
    found = own_key[twin] == other_key
    # Which corner of the twin is the counterpart of each of our corners.
    corner = np.argmax(faces[twin][:, None, :] == other[:, :, None], axis=2)
    corners = np.asarray(model.uv, np.float32)[np.take_along_axis(np.asarray(model.uv_faces)[twin], corner, axis=1)]
    corners[~found] = np.nan
    return np.asarray(corners, dtype=np.float32)


def mirror_gain(atlas: Atlas, measured: Level, corners: Float32Array) -> Float32Array:
    """(s, s, 3) float32: the factor by which a mirrored tone must be multiplied to fit in, from places where both halves are known.

    atlas and measured (tones, certainty) have the same small size s. Where nothing is known the factor continues smoothly.
    """
    size = atlas.size
    ratio, weight = np.zeros((size, size, 3), np.float32), np.zeros((size, size), np.float32)
    _compare(atlas.face, atlas.bary, to_texels(corners, size), measured.tones, measured.weight, ratio, weight)
    ratio = np.clip(ratio, -_LIMIT, _LIMIT)
    if not weight.any():
        return np.ones((size, size, 3), np.float32)
    return np.exp(push_pull(Level(ratio, weight))).astype(np.float32)


def to_texels(corners: Float32Array, size: int) -> Float32Array:
    """uv (…, 2) to texel positions (…, 2) float32 of a size x size texture; NaN stays NaN."""
    return uv_to_texel(np.asarray(corners, np.float64), size).astype(np.float32)


@numba.njit(cache=True, nogil=True)
def look_up(tones: Float32Array, certainty: Float32Array, x: Real, y: Real, out: Float32Array) -> Real:
    """The certainty-weighted bilinear tone at texel position (x, y), into out (3,); returns the bilinear certainty."""
    size = certainty.shape[0]
    top = float(size - 1)
    u, v = np.float32(min(max(float(x), 0.0), top)), np.float32(min(max(float(y), 0.0), top))
    x0, y0 = int(u), int(v)
    x1, y1 = min(x0 + 1, size - 1), min(y0 + 1, size - 1)
    fx, fy = u - np.float32(x0), v - np.float32(y0)
    a = (1 - fy) * (1 - fx) * certainty[y0, x0]
    b = (1 - fy) * fx * certainty[y0, x1]
    c = fy * (1 - fx) * certainty[y1, x0]
    d = fy * fx * certainty[y1, x1]
    s: Real = a + b + c + d
    for k in range(3):
        out[k] = 0.0
        if s > 0.0:
            out[k] = (a * tones[y0, x0, k] + b * tones[y0, x1, k] + c * tones[y1, x0, k] + d * tones[y1, x1, k]) / s
    return s


@numba.njit(cache=True, nogil=True)
def _compare(
    face: IntArray,
    bary: Float32Array,
    corners: Float32Array,
    tones: Float32Array,
    certainty: Float32Array,
    ratio: Float32Array,
    weight: Float32Array,
) -> None:
    other = np.zeros(3, np.float32)
    floor = np.float32(0.02)
    for y in range(face.shape[0]):
        for x in range(face.shape[1]):
            f = face[y, x]
            if f < 0 or certainty[y, x] < 0.3 or np.isnan(corners[f, 0, 0]):
                continue
            u, v = np.float32(0.0), np.float32(0.0)
            for k in range(3):
                u += bary[y, x, k] * corners[f, k, 0]
                v += bary[y, x, k] * corners[f, k, 1]
            sure = look_up(tones, certainty, u, v, other)
            if sure < 0.3:
                continue
            weight[y, x] = min(sure, certainty[y, x])
            for k in range(3):
                ratio[y, x, k] = np.log(max(tones[y, x, k], floor)) - np.log(max(other[k], floor))
