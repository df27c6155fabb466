"""Carry a photo into the texture: for each texel the point of the head it belongs to, that point's pixel, and its weight.

A texel's pixel is found by perspective-correct interpolation of its triangle's projected corners. That is exact for a pinhole
camera; with lens distortion (taken into account at the corners by `geometry.camera`) the rest inside a 5 mm triangle is below a
hundredth of a pixel. Photos are mostly magnified by this, hence Catmull-Rom's cubic (Keys 1981), sharper than bilinear.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from facestudio.geometry.frames import uv_to_texel
from facestudio.geometry.rasterize import rasterize
from facestudio.progress import CancelToken
from facestudio.texture.rows import over_rows
from facestudio.texture.visibility import Sight, SightConfig
from facestudio.types import BoolArray, Float32Array, FloatArray, IntArray

_FAINTEST = 1e-4  # weights below this are not worth a look-up


@dataclass(frozen=True)
class Atlas:
    """The head's layout in the texture: face (T, T) int32, -1 outside the islands; bary (T, T, 3) float32."""

    face: IntArray
    bary: Float32Array

    @property
    def size(self) -> int:
        """T."""
        return int(self.face.shape[0])


@dataclass(frozen=True)
class Unwrapped:
    """One photo in the texture: tones (T, T, 3) float32, see `tone`; weight (T, T) float32 in [0, 1], 0 where it shows nothing."""

    tones: Float32Array
    weight: Float32Array


def lay_out(uv: FloatArray, uv_faces: IntArray, size: int) -> Atlas:
    """Rasterise uv (T', 2) in [0, 1]^2, v up, and uv_faces (F, 3) into a size x size texture."""
    flat = np.ones((len(uv), 3))
    flat[:, :2] = uv_to_texel(np.asarray(uv, np.float64), size)
    fragments = rasterize(flat, uv_faces, size, size)
    return Atlas(fragments.pix_to_face, fragments.bary)


def texels_per_metre(vertices: FloatArray, faces: IntArray, uv: FloatArray, uv_faces: IntArray, size: int) -> float:
    """The texture's resolution on the head: the area-weighted mean over the faces, texels per metre."""
    a, b, c = (np.asarray(vertices, np.float64)[faces[:, i]] for i in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    p, q, r = (np.asarray(uv, np.float64)[uv_faces[:, i]] * size for i in range(3))
    texels = np.abs((q - p)[:, 0] * (r - p)[:, 1] - (q - p)[:, 1] * (r - p)[:, 0])
    return float(np.sqrt(texels.sum() / max(float(area.sum()), 1e-12)))


def unwrap(
    atlas: Atlas,
    sight: Sight,
    vertices: FloatArray,
    normals: FloatArray,
    faces: IntArray,
    wanted: BoolArray,
    config: SightConfig | None = None,
    cancel: CancelToken | None = None,
) -> Unwrapped:
    """Read the photo into the texture.

    vertices, normals (V, 3), metres, head frame; faces (F, 3); wanted (F,) bool: faces to read at all. The weight is trust times
    cos^2 of the viewing angle, times a ramp to zero at the steepest angle.
    """
    config = config or SightConfig()
    size = atlas.size
    tones = np.zeros((size, size, 3), np.float32)
    weight = np.zeros((size, size), np.float32)
    points = np.ascontiguousarray(vertices, np.float32)
    outward = np.ascontiguousarray(normals, np.float32)
    triangles = np.ascontiguousarray(faces, np.int32)
    limits = np.cos(np.radians([config.steepest_degrees, config.trusted_degrees]))
    numbers = np.array([*limits, config.depth_margin_m, sight.metres_per_px], np.float32)

    def work(start: int, stop: int) -> None:
        _read(
            *(atlas.face, atlas.bary, points, outward, triangles, wanted),
            *(sight.screen, sight.eye, sight.depth, sight.trust, sight.tones),
            *(numbers, tones, weight, start, stop),
        )

    over_rows(size, work, cancel)
    return Unwrapped(tones, weight)


@numba.njit(cache=True, nogil=True)
def _read(
    face: IntArray,
    bary: Float32Array,
    points: Float32Array,
    normals: Float32Array,
    triangles: IntArray,
    wanted: BoolArray,
    screen: Float32Array,
    eye: Float32Array,
    depth: Float32Array,
    trust: Float32Array,
    photo: Float32Array,
    numbers: Float32Array,
    tones: Float32Array,
    weight: Float32Array,
    start: int,
    stop: int,
) -> None:
    height, width = depth.shape
    steepest, trusted, margin, pixel = numbers[0], numbers[1], numbers[2], numbers[3]
    kx = np.zeros(4, np.float32)
    ky = np.zeros(4, np.float32)
    p = np.zeros(3, np.float32)
    for row in range(start, stop):
        for column in range(face.shape[1]):
            f = face[row, column]
            if f < 0 or not wanted[f]:
                continue
            i, j, k = triangles[f, 0], triangles[f, 1], triangles[f, 2]
            zi, zj, zk = screen[i, 2], screen[j, 2], screen[k, 2]
            if not (zi > 0.0 and zj > 0.0 and zk > 0.0):
                continue
            b0, b1, b2 = bary[row, column, 0], bary[row, column, 1], bary[row, column, 2]
            along = np.float32(0.0)
            normal2 = np.float32(0.0)
            sight2 = np.float32(0.0)
            for c in range(3):
                n = b0 * normals[i, c] + b1 * normals[j, c] + b2 * normals[k, c]
                p[c] = eye[c] - (b0 * points[i, c] + b1 * points[j, c] + b2 * points[k, c])
                along += n * p[c]
                normal2 += n * n
                sight2 += p[c] * p[c]
            if along <= 0.0:
                continue
            cosine = along / np.sqrt(normal2 * sight2 + np.float32(1e-20))
            if cosine <= steepest:
                continue
            w0, w1, w2 = b0 / zi, b1 / zj, b2 / zk
            near = w0 + w1 + w2
            x = (w0 * screen[i, 0] + w1 * screen[j, 0] + w2 * screen[k, 0]) / near
            y = (w0 * screen[i, 1] + w1 * screen[j, 1] + w2 * screen[k, 1]) / near
            if not (x >= 1.0 and y >= 1.0 and x < width - 2.0 and y < height - 2.0):
                continue
            slope = np.sqrt(max(np.float32(1.0) - cosine * cosine, np.float32(0.0))) / cosine
            if not (np.float32(1.0) / near <= depth[int(y + 0.5), int(x + 0.5)] + margin + pixel * slope):
                continue
            ix, iy = int(x), int(y)
            fx, fy = x - np.float32(ix), y - np.float32(iy)
            upper = trust[iy, ix] * (1 - fx) + trust[iy, ix + 1] * fx
            lower = trust[iy + 1, ix] * (1 - fx) + trust[iy + 1, ix + 1] * fx
            t = min(max((cosine - steepest) / (trusted - steepest), np.float32(0.0)), np.float32(1.0))
            value = (upper * (1 - fy) + lower * fy) * t * t * (3 - 2 * t) * cosine * cosine
            if value < _FAINTEST:
                continue
            weight[row, column] = value
            _catmull_rom(fx, kx)
            _catmull_rom(fy, ky)
            for c in range(3):
                total = np.float32(0.0)
                for m in range(4):
                    line = np.float32(0.0)
                    for n4 in range(4):
                        line += kx[n4] * photo[iy - 1 + m, ix - 1 + n4, c]
                    total += ky[m] * line
                tones[row, column, c] = min(max(total, np.float32(0.0)), np.float32(1.0))


@numba.njit(cache=True, nogil=True, inline="always")
def _catmull_rom(t: float, out: Float32Array) -> None:
    out[0] = t * (-0.5 + t * (1.0 - 0.5 * t))
    out[1] = 1.0 + t * t * (-2.5 + 1.5 * t)
    out[2] = t * (0.5 + t * (2.0 - 1.5 * t))
    out[3] = t * t * (-0.5 + 0.5 * t)
