"""The renderer's z-buffer: several meshes, some of them cut out by a coverage texture, and veils such as brows that only cover.

As `geometry.rasterize`, with two things that training pictures need: a fragment of hair is kept or dropped by its texture's coverage
against a threshold that differs from ray to ray (hashed alpha testing, Wyman and McGuire 2017), so that strands of any number
of layers need no sorting; and brows and lashes, which lie on the skin, are kept as transmittance in front of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from facestudio.geometry.rasterize import NEAR_M, _edge, _owns
from facestudio.types import ByteArray, Float32Array, Float64Array, IntArray


@dataclass(frozen=True)
class Buffers:
    """What each ray sees: face (H, W) int32, -1 none; bary (H, W, 3) float32; near (H, W) float32, 1 / metres, 0 none."""

    face: IntArray
    bary: Float32Array
    near: Float32Array

    @classmethod
    def blank(cls, size: int) -> Buffers:
        """Buffers of size x size rays that see nothing."""
        return cls(
            np.full((size, size), -1, np.int32), np.zeros((size, size, 3), np.float32), np.zeros((size, size), np.float32)
        )


@numba.njit(cache=True, nogil=True, inline="always")
def hashed(x: int, y: int, k: int) -> float:
    """A fixed pseudo-random number in [0, 1) of three integers."""
    h = (x * 374761393 + y * 668265263 + k * 2246822519) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 1274126177) & 0xFFFFFFFF
    return ((h ^ (h >> 16)) & 0xFFFFFF) / 16777216.0


@numba.njit(cache=True, nogil=True)
def draw(
    points: Float64Array,
    faces: IntArray,
    first: int,
    last: int,
    cull: bool,
    uv: Float32Array,
    uv_faces: IntArray,
    cover: ByteArray,
    face: IntArray,
    bary: Float32Array,
    near: Float32Array,
) -> None:
    """Draw faces first..last of a mesh into the buffers, in place.

    points (V, 3): x px, y px, depth metres. cover (H, W, 2) uint8: the coverage in its second channel cuts fragments out;
    an empty one (H = 0) cuts nothing. uv, uv_faces: where to look it up.
    """
    height, width = face.shape
    cut = cover.shape[0] > 0
    th, tw = cover.shape[0], cover.shape[1]
    for f in range(first, last):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        x0, y0, z0 = points[i, 0], points[i, 1], points[i, 2]
        x1, y1, z1 = points[j, 0], points[j, 1], points[j, 2]
        x2, y2, z2 = points[k, 0], points[k, 1], points[k, 2]
        if not (z0 >= NEAR_M and z1 >= NEAR_M and z2 >= NEAR_M):
            continue
        left, right = min(x0, x1, x2), max(x0, x1, x2)
        top, bottom = min(y0, y1, y2), max(y0, y1, y2)
        if not (right >= 0.0 and left <= width - 1.0 and bottom >= 0.0 and top <= height - 1.0):
            continue
        first_x, last_x = int(np.ceil(max(left, 0.0))), int(np.floor(min(right, width - 1.0)))
        first_y, last_y = int(np.ceil(max(top, 0.0))), int(np.floor(min(bottom, height - 1.0)))
        if first_x > last_x or first_y > last_y:
            continue
        area = _edge(x0, y0, x1, y1, x2, y2)
        if not abs(area) > 1e-12:
            continue
        flipped = area < 0.0  # y points down: a front face has a negative area
        if flipped:
            x1, y1, z1, x2, y2, z2 = x2, y2, z2, x1, y1, z1
        elif cull:
            continue
        own0, own1, own2 = _owns(x1, y1, x2, y2), _owns(x2, y2, x0, y0), _owns(x0, y0, x1, y1)
        n0, n1, n2 = 1.0 / z0, 1.0 / z1, 1.0 / z2
        for y in range(first_y, last_y + 1):
            py = float(y)
            for x in range(first_x, last_x + 1):
                px = float(x)
                e0 = _edge(x1, y1, x2, y2, px, py)
                if not (e0 > 0.0 or (e0 == 0.0 and own0)):
                    continue
                e1 = _edge(x2, y2, x0, y0, px, py)
                if not (e1 > 0.0 or (e1 == 0.0 and own1)):
                    continue
                e2 = _edge(x0, y0, x1, y1, px, py)
                if not (e2 > 0.0 or (e2 == 0.0 and own2)):
                    continue
                b0, b1, b2 = e0 * n0, e1 * n1, e2 * n2
                total = b0 + b1 + b2
                nearness = total / (e0 + e1 + e2)
                if nearness <= near[y, x]:
                    continue
                b0, b1, b2 = b0 / total, b1 / total, b2 / total
                if flipped:
                    b1, b2 = b2, b1
                if cut:
                    t0, t1, t2 = uv_faces[f, 0], uv_faces[f, 1], uv_faces[f, 2]
                    u = b0 * uv[t0, 0] + b1 * uv[t1, 0] + b2 * uv[t2, 0]
                    v = b0 * uv[t0, 1] + b1 * uv[t1, 1] + b2 * uv[t2, 1]
                    tx = min(max(int(u * tw), 0), tw - 1)
                    ty = min(max(int((1.0 - v) * th), 0), th - 1)
                    if cover[ty, tx, 1] < 255.0 * (0.12 + 0.55 * hashed(x, y, f)):
                        continue
                near[y, x] = nearness
                face[y, x] = f
                bary[y, x, 0], bary[y, x, 1], bary[y, x, 2] = b0, b1, b2


@numba.njit(cache=True, nogil=True)
def veil(
    points: Float64Array,
    faces: IntArray,
    uv: Float32Array,
    uv_faces: IntArray,
    cover: ByteArray,
    grace: float,
    strength: float,
    near: Float32Array,
    through: Float32Array,
) -> None:
    """Multiply what gets through (H, W) by 1 - coverage of a mesh that lies no more than `grace` metres behind the surface, in place."""
    height, width = near.shape
    th, tw = cover.shape[0], cover.shape[1]
    for f in range(faces.shape[0]):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        x0, y0, z0 = points[i, 0], points[i, 1], points[i, 2]
        x1, y1, z1 = points[j, 0], points[j, 1], points[j, 2]
        x2, y2, z2 = points[k, 0], points[k, 1], points[k, 2]
        left, right = max(min(x0, x1, x2), 0.0), min(max(x0, x1, x2), width - 1.0)
        top, bottom = max(min(y0, y1, y2), 0.0), min(max(y0, y1, y2), height - 1.0)
        area = _edge(x0, y0, x1, y1, x2, y2)
        if not abs(area) > 1e-9 or min(z0, z1, z2) < NEAR_M:
            continue
        t0, t1, t2 = uv_faces[f, 0], uv_faces[f, 1], uv_faces[f, 2]
        if area < 0.0:
            x1, y1, z1, t1, x2, y2, z2, t2, area = x2, y2, z2, t2, x1, y1, z1, t1, -area
        own0, own1, own2 = _owns(x1, y1, x2, y2), _owns(x2, y2, x0, y0), _owns(x0, y0, x1, y1)
        for y in range(int(np.ceil(top)), int(np.floor(bottom)) + 1):
            for x in range(int(np.ceil(left)), int(np.floor(right)) + 1):
                px, py = float(x), float(y)
                b0 = _edge(x1, y1, x2, y2, px, py) / area
                b1 = _edge(x2, y2, x0, y0, px, py) / area
                b2 = _edge(x0, y0, x1, y1, px, py) / area
                # A ray on a common edge meets one of the two triangles: two would darken twice.
                if not (b0 > 0.0 or (b0 == 0.0 and own0)) or not (b1 > 0.0 or (b1 == 0.0 and own1)):
                    continue
                if not (b2 > 0.0 or (b2 == 0.0 and own2)):
                    continue
                z = b0 * z0 + b1 * z1 + b2 * z2
                if near[y, x] > 0.0 and z > 1.0 / near[y, x] + grace:
                    continue
                u = (b0 * uv[t0, 0] + b1 * uv[t1, 0] + b2 * uv[t2, 0]) * tw - 0.5
                v = (1.0 - b0 * uv[t0, 1] - b1 * uv[t1, 1] - b2 * uv[t2, 1]) * th - 0.5
                tx, ty = min(max(int(u), 0), tw - 2), min(max(int(v), 0), th - 2)
                fx, fy = min(max(u - tx, 0.0), 1.0), min(max(v - ty, 0.0), 1.0)
                upper = cover[ty, tx, 1] * (1 - fx) + cover[ty, tx + 1, 1] * fx
                lower = cover[ty + 1, tx, 1] * (1 - fx) + cover[ty + 1, tx + 1, 1] * fx
                a = (upper * (1 - fy) + lower * fy) / 255.0
                through[y, x] *= 1.0 - strength * a
