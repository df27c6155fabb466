"""Which triangle does each pixel see? A z-buffer in numba, with pytorch3d's `Fragments` contract.

Coverage is decided by edge functions at pixel centres (Pineda 1988) in float64. Each edge is evaluated from its smaller to its
larger end point, whichever triangle asks, so that two triangles that share an edge compute the very same number; a pixel exactly
on it goes to one of them by the top-left rule. Hence no cracks and no double hits, also across duplicated vertices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numba
import numpy as np

from facestudio.types import Float32Array, Float64Array, FloatArray, IntArray

NEAR_M = 1e-3  # triangles with a corner nearer than this, or behind the camera, are skipped whole
_FLAT_PX2 = 1e-12  # twice the area, square pixels, below which a triangle is an edge


@dataclass(frozen=True)
class Fragments:
    """What each pixel sees.

    pix_to_face: (H, W) int32, index of the nearest face, -1 where there is nothing.
    bary: (H, W, 3) float32, perspective-correct barycentric coordinates (they sum to 1), -1 where there is nothing.
    zbuf: (H, W) float32, depth along the camera's z axis, metres, -1 where there is nothing.
    """

    pix_to_face: IntArray
    bary: Float32Array
    zbuf: Float32Array


class Rasterizer(Protocol):
    """What `rasterize` and its stand-ins have in common."""

    def __call__(self, screen: FloatArray, faces: IntArray, height: int, width: int, cull_backfaces: bool = False) -> Fragments:
        """See `rasterize`."""


def rasterize(screen: FloatArray, faces: IntArray, height: int, width: int, cull_backfaces: bool = False) -> Fragments:
    """Draw triangles into a z-buffer.

    screen: (V, 3) float: x px, y px (pixel centres at integers, y down), depth in metres (`geometry.camera.screen`). Give every
    vertex the same depth, say 1, to rasterise in a plane such as the texture's.
    faces: (F, 3) int, counter-clockwise as the viewer sees their front; cull_backfaces skips the others.
    Triangles with a corner behind the camera (depth < `NEAR_M`), a corner that is not finite, or no area are skipped. Equal
    depths go to the lower face index. Raises ValueError when shapes are wrong or a face points outside the vertices.
    """
    points = np.ascontiguousarray(screen, dtype=np.float64)
    triangles = np.ascontiguousarray(faces, dtype=np.int32)
    _check(points, triangles)
    pix_to_face = np.full((height, width), -1, np.int32)
    bary = np.full((height, width, 3), -1.0, np.float32)
    zbuf = np.full((height, width), -1.0, np.float32)
    nearness = np.zeros((height, width), np.float64)
    if len(triangles) and height > 0 and width > 0:
        _draw(points, triangles, cull_backfaces, pix_to_face, bary, zbuf, nearness)
    return Fragments(pix_to_face, bary, zbuf)


def interpolate(fragments: Fragments, faces: IntArray, values: FloatArray) -> FloatArray:
    """Per-vertex values (V, C) carried to the pixels (H, W, C), zero where there is nothing; float64 in, float64 out, else float32.

    faces may index another set of vertices than those drawn (for example uv_faces into uv), in the same face order.
    """
    double = np.asarray(values).dtype == np.float64
    table: FloatArray = np.ascontiguousarray(values, np.float64) if double else np.ascontiguousarray(values, np.float32)
    triangles = np.ascontiguousarray(faces, dtype=np.int32)
    if table.ndim != 2:
        raise ValueError(f"values have shape {table.shape}, expected (V, C)")
    if triangles.size and (triangles.min() < 0 or triangles.max() >= len(table)):
        raise ValueError("a face points outside the values")
    shape = (*fragments.pix_to_face.shape, table.shape[1])
    out: FloatArray = np.zeros(shape, np.float64) if double else np.zeros(shape, np.float32)
    _carry(fragments.pix_to_face, fragments.bary, triangles, table, out)
    return out


def ready() -> None:
    """Load the compiled loops, a third of a second, so that the first picture need not wait for them. Safe on any thread."""
    corners, face = np.array([[0.0, 0.0, 1.0], [2.0, 0.0, 1.0], [0.0, 2.0, 1.0]]), np.array([[0, 1, 2]], np.int32)
    interpolate(rasterize(corners, face, 2, 2), face, corners.astype(np.float32))


def _check(points: Float64Array, triangles: IntArray) -> None:
    if points.ndim != 2 or points.shape[1] != 3:
        raise ValueError(f"screen has shape {points.shape}, expected (V, 3)")
    if triangles.ndim != 2 or triangles.shape[1] != 3:
        raise ValueError(f"faces have shape {triangles.shape}, expected (F, 3)")
    if triangles.size and (triangles.min() < 0 or triangles.max() >= len(points)):
        raise ValueError("a face points outside the vertices")


@numba.njit(cache=True, nogil=True, inline="always")
def _edge(ax: float, ay: float, bx: float, by: float, px: float, py: float) -> float:
    """Twice the signed area of a, b, p: exactly antisymmetric in a and b, because it is always computed in one order."""
    if ax < bx or (ax == bx and ay < by):
        return (bx - ax) * (py - ay) - (by - ay) * (px - ax)
    return -((ax - bx) * (py - by) - (ay - by) * (px - bx))


@numba.njit(cache=True, nogil=True, inline="always")
def _owns(ax: float, ay: float, bx: float, by: float) -> bool:
    """Does a triangle on the positive side of a -> b own the pixels exactly on it? Of two opposite edges, exactly one does."""
    return by < ay or (by == ay and bx > ax)  # left and top, y down


@numba.njit(cache=True, nogil=True)
def _draw(
    points: Float64Array,
    triangles: IntArray,
    cull: bool,
    pix_to_face: IntArray,
    bary: Float32Array,
    zbuf: Float32Array,
    nearness: Float64Array,
) -> None:
    height, width = pix_to_face.shape
    for f in range(triangles.shape[0]):
        i, j, k = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        x0, y0, z0 = points[i, 0], points[i, 1], points[i, 2]
        x1, y1, z1 = points[j, 0], points[j, 1], points[j, 2]
        x2, y2, z2 = points[k, 0], points[k, 1], points[k, 2]
        # Written as "not (good)" so that NaN fails too.
        if not (z0 >= NEAR_M and z1 >= NEAR_M and z2 >= NEAR_M and np.isfinite(z0 + z1 + z2)):
            continue
        left, right = min(x0, x1, x2), max(x0, x1, x2)
        top, bottom = min(y0, y1, y2), max(y0, y1, y2)
        if not (right >= 0.0 and left <= width - 1.0 and bottom >= 0.0 and top <= height - 1.0):
            continue
        area = _edge(x0, y0, x1, y1, x2, y2)
        if not (abs(area) > _FLAT_PX2 and np.isfinite(area)):
            continue
        # y points down, so a triangle seen from its front (counter-clockwise to the eye) has a negative area.
        flipped = area < 0.0
        if flipped:
            x1, y1, z1, x2, y2, z2 = x2, y2, z2, x1, y1, z1
        elif cull:
            continue
        # Clamped as floats: a huge coordinate would overflow the integer.
        first_x, last_x = int(np.ceil(max(left, 0.0))), int(np.floor(min(right, width - 1.0)))
        first_y, last_y = int(np.ceil(max(top, 0.0))), int(np.floor(min(bottom, height - 1.0)))
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
                # 1/z is linear on the screen (and z is not): Heckbert 1989.
                b0, b1, b2 = e0 * n0, e1 * n1, e2 * n2
                total = b0 + b1 + b2
                near = total / (e0 + e1 + e2)
                if near > nearness[y, x]:
                    nearness[y, x] = near
                    pix_to_face[y, x] = f
                    zbuf[y, x] = 1.0 / near
                    bary[y, x, 0] = b0 / total
                    bary[y, x, 1] = (b2 if flipped else b1) / total
                    bary[y, x, 2] = (b1 if flipped else b2) / total


@numba.njit(cache=True, nogil=True)
def _carry(pix_to_face: IntArray, bary: Float32Array, triangles: IntArray, table: FloatArray, out: FloatArray) -> None:
    height, width = pix_to_face.shape
    for y in range(height):
        for x in range(width):
            f = pix_to_face[y, x]
            if f < 0:
                continue
            i, j, k = triangles[f, 0], triangles[f, 1], triangles[f, 2]
            for c in range(table.shape[1]):
                out[y, x, c] = bary[y, x, 0] * table[i, c] + bary[y, x, 1] * table[j, c] + bary[y, x, 2] * table[k, c]
