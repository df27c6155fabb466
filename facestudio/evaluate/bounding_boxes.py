"""A tree of axis-aligned boxes over triangles, and the nearest triangle found through it. Compiled; no classes.

The tree is four flat arrays. Node k is either inner (`count[k] == 0`, children `first[k]` and `first[k] + 1`) or a leaf that
holds the triangles `order[first[k] : first[k] + count[k]]`. `boxes[k]` is (min x, min y, min z, max x, max y, max z).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from facestudio.types import Float64Array, IntArray

_LEAF = 4  # triangles per leaf: below this the box tests cost more than the triangles they save
_DEPTH = 64  # median splits halve the triangles, so a tree over 2**62 of them still fits this stack


@njit(cache=True)
def build_tree(corners: Float64Array) -> tuple[Float64Array, IntArray, IntArray, IntArray]:
    """Split triangles at the median of the longest axis until a leaf holds few.

    corners: (F, 3, 3) float64, F >= 1: the triangles' corner positions.
    Returns boxes (N, 6) float64, first (N,) int64, count (N,) int64, order (F,) int64.
    """
    n = len(corners)
    centres = np.zeros((n, 3))
    for f in range(n):
        for k in range(3):
            centres[f, k] = (corners[f, 0, k] + corners[f, 1, k] + corners[f, 2, k]) / 3.0
    order = np.arange(n)
    capacity = 2 * n
    boxes = np.zeros((capacity, 6))
    first = np.zeros(capacity, np.int64)
    count = np.zeros(capacity, np.int64)
    stack = np.zeros((_DEPTH, 3), np.int64)
    stack[0, 1], stack[0, 2] = 0, n
    used, top = 1, 1
    while top > 0:
        top -= 1
        node, start, stop = stack[top]
        for k in range(3):
            low, high = np.inf, -np.inf
            for i in range(start, stop):
                for c in range(3):
                    value = corners[order[i], c, k]
                    low, high = min(low, value), max(high, value)
            boxes[node, k], boxes[node, 3 + k] = low, high
        if stop - start <= _LEAF:
            first[node], count[node] = start, stop - start
            continue
        axis = int(np.argmax(boxes[node, 3:] - boxes[node, :3]))
        segment = order[start:stop].copy()
        order[start:stop] = segment[np.argsort(centres[segment, axis])]
        middle = (start + stop) // 2
        first[node] = used
        stack[top, 0], stack[top, 1], stack[top, 2] = used, start, middle
        stack[top + 1, 0], stack[top + 1, 1], stack[top + 1, 2] = used + 1, middle, stop
        used += 2
        top += 2
    return boxes[:used].copy(), first[:used].copy(), count[:used].copy(), order


@njit(cache=True)
def _box_distance2(box: Float64Array, x: float, y: float, z: float) -> float:
    dx = max(box[0] - x, 0.0, x - box[3])
    dy = max(box[1] - y, 0.0, y - box[4])
    dz = max(box[2] - z, 0.0, z - box[5])
    return float(dx * dx + dy * dy + dz * dz)


@njit(cache=True)
def nearest_on_triangle(triangle: Float64Array, x: float, y: float, z: float) -> tuple[float, float, float]:
    """The point of a triangle (3, 3) nearest to (x, y, z): by the Voronoi region of its corners, edges and interior.

    Method: Ericson, Real-Time Collision Detection (2005), section 5.1.5. A triangle without area is treated as its edges.
    """
    ax, ay, az = triangle[0]
    ux, uy, uz = triangle[1, 0] - ax, triangle[1, 1] - ay, triangle[1, 2] - az
    vx, vy, vz = triangle[2, 0] - ax, triangle[2, 1] - ay, triangle[2, 2] - az
    px, py, pz = x - ax, y - ay, z - az
    uu, uv, vv = ux * ux + uy * uy + uz * uz, ux * vx + uy * vy + uz * vz, vx * vx + vy * vy + vz * vz
    pu, pv = px * ux + py * uy + pz * uz, px * vx + py * vy + pz * vz
    if pu <= 0.0 and pv <= 0.0:
        return ax, ay, az
    if pu >= uu and pv - uv <= pu - uu:  # beyond the second corner
        return ax + ux, ay + uy, az + uz
    if pv >= vv and pu - uv <= pv - vv:  # beyond the third corner
        return ax + vx, ay + vy, az + vz
    s = pu * vv - pv * uv  # barycentric coordinates times the determinant
    t = pv * uu - pu * uv
    determinant = uu * vv - uv * uv
    if t <= 0.0 and 0.0 <= pu <= uu:
        k = pu / uu if uu > 0.0 else 0.0
        return ax + k * ux, ay + k * uy, az + k * uz
    if s <= 0.0 and 0.0 <= pv <= vv:
        k = pv / vv if vv > 0.0 else 0.0
        return ax + k * vx, ay + k * vy, az + k * vz
    if s + t >= determinant:
        along = (pv - uv) - (pu - uu)
        length = uu - 2.0 * uv + vv
        k = min(max(along / length, 0.0), 1.0) if length > 0.0 else 0.0
        return ax + ux + k * (vx - ux), ay + uy + k * (vy - uy), az + uz + k * (vz - uz)
    s, t = s / determinant, t / determinant
    return ax + s * ux + t * vx, ay + s * uy + t * vy, az + s * uz + t * vz


@njit(cache=True)
def query_tree(
    corners: Float64Array,
    boxes: Float64Array,
    first: IntArray,
    count: IntArray,
    order: IntArray,
    points: Float64Array,
    guess: IntArray,
) -> tuple[Float64Array, Float64Array, IntArray]:
    """The nearest surface point of every query point, exactly.

    points: (P, 3) float64. guess: (P,) int64, a triangle believed to be near each point (any index is correct, a good one is
    faster: its distance bounds the search from the start).
    Returns nearest (P, 3) float64, distance (P,) float64 and triangle (P,) int64.
    """
    n = len(points)
    nearest = np.zeros((n, 3))
    distance = np.zeros(n)
    triangle = np.zeros(n, np.int64)
    nodes = np.zeros(_DEPTH, np.int64)
    bounds = np.zeros(_DEPTH)
    for i in range(n):
        x, y, z = points[i]
        best_face = guess[i]
        qx, qy, qz = nearest_on_triangle(corners[best_face], x, y, z)
        best = (qx - x) ** 2 + (qy - y) ** 2 + (qz - z) ** 2
        nodes[0], bounds[0] = 0, _box_distance2(boxes[0], x, y, z)
        top = 1
        while top > 0:
            top -= 1
            if bounds[top] >= best:
                continue
            node = nodes[top]
            if count[node] > 0:
                for k in range(first[node], first[node] + count[node]):
                    face = order[k]
                    cx, cy, cz = nearest_on_triangle(corners[face], x, y, z)
                    d2 = (cx - x) ** 2 + (cy - y) ** 2 + (cz - z) ** 2
                    if d2 < best:
                        best, best_face = d2, face
                        qx, qy, qz = cx, cy, cz
                continue
            left = first[node]
            d_left = _box_distance2(boxes[left], x, y, z)
            d_right = _box_distance2(boxes[left + 1], x, y, z)
            near, far, d_near, d_far = left, left + 1, d_left, d_right
            if d_right < d_left:
                near, far, d_near, d_far = left + 1, left, d_right, d_left
            if d_far < best:
                nodes[top], bounds[top] = far, d_far
                top += 1
            if d_near < best:  # pushed last, so looked at first
                nodes[top], bounds[top] = near, d_near
                top += 1
        nearest[i, 0], nearest[i, 1], nearest[i, 2] = qx, qy, qz
        distance[i] = np.sqrt(best)
        triangle[i] = best_face
    return nearest, distance, triangle
