"""How much of the sky each vertex sees (ambient occlusion): by depth maps from many directions, once for the average head."""

from __future__ import annotations

import numpy as np

from facestudio.geometry.shading import vertex_normals
from facestudio.training.synth.assets import Worn
from facestudio.training.synth.layers import Buffers, draw
from facestudio.types import Float32Array, Float64Array, IntArray

_DIRECTIONS = 48
_SIZE = 160
_FAR_M = 10.0  # an orthographic depth map is drawn from so far away that perspective does not matter
NOTHING = np.zeros((0, 0, 2), np.uint8)
_NO_UV = np.zeros((1, 2), np.float32)


def view_from(direction: Float64Array, points: Float64Array, size: int) -> Float64Array:
    """(3, 4): maps the head frame to x px, y px and depth, metres, of a parallel view from a direction that just holds the points."""
    back = direction / np.linalg.norm(direction)
    up = np.array([0.0, 1.0, 0.0]) if abs(back[1]) < 0.95 else np.array([0.0, 0.0, 1.0])
    right = np.cross(up, back)
    right /= np.linalg.norm(right)
    R = np.stack([right, -np.cross(back, right), -back])
    turned = points @ R.T
    low, high = turned.min(0), turned.max(0)
    scale = (size - 3) / max(float((high - low)[:2].max()), 1e-6)
    out = np.zeros((3, 4))
    out[:2, :3], out[:2, 3] = R[:2] * scale, 1.0 - low[:2] * scale
    out[2, :3], out[2, 3] = R[2], _FAR_M - low[2]
    return out


def depth_map(
    to_map: Float64Array,
    points: Float64Array,
    faces: IntArray,
    size: int,
    cut: tuple[int, int, Float32Array, IntArray, Worn] | None = None,
) -> Float32Array:
    """(size, size) float32: nearness (1 / metres) of the nearest face, 0 none.

    cut: (first, last) of faces cut out by a worn texture, with their UVs.
    """
    seen = np.ascontiguousarray(points @ to_map[:, :3].T + to_map[:, 3])
    out = Buffers.blank(size)
    first, last = (cut[0], cut[1]) if cut else (len(faces), len(faces))
    for a, b in ((0, first), (last, len(faces))):
        draw(seen, faces, a, b, False, _NO_UV, faces, NOTHING, out.face, out.bary, out.near)
    if cut:
        draw(seen, faces, first, last, False, cut[2], cut[3], cut[4].texture, out.face, out.bary, out.near)
    return out.near


def open_sky(points: Float64Array, faces: IntArray, hair: tuple[int, Worn] | None) -> Float32Array:
    """(V,) float32 in [0, 1]: the cosine-weighted share of directions in which nothing is near.

    hair: (first face of the hair, its style): those faces let light through where their texture is not covered.
    """
    faces = np.ascontiguousarray(faces, np.int32)
    normals = vertex_normals(points, faces)
    open_, total = np.zeros(len(points)), np.full(len(points), 1e-6)
    cut = None
    if hair is not None:
        uv_faces = np.zeros_like(faces)
        uv_faces[hair[0] :] = hair[1].mesh.uv_faces
        cut = (hair[0], len(faces), hair[1].mesh.uv.astype(np.float32), uv_faces, hair[1])
    for index in range(_DIRECTIONS):  # Fibonacci's sphere
        y = 1.0 - 2.0 * (index + 0.5) / _DIRECTIONS
        a, r = 2.399963 * index, np.sqrt(1.0 - y * y)
        direction = np.array([r * np.cos(a), y, r * np.sin(a)])
        to_map = view_from(direction, points, _SIZE)
        near = depth_map(to_map, points, faces, _SIZE, cut)
        seen = (points + 0.003 * normals) @ to_map[:, :3].T + to_map[:, 3]
        column, row = np.rint(seen[:, 0]).astype(int).clip(0, _SIZE - 1), np.rint(seen[:, 1]).astype(int).clip(0, _SIZE - 1)
        nearest = near[row, column]
        free = (nearest <= 0) | (1.0 / np.maximum(nearest, 1e-9) > seen[:, 2] - 0.003)
        weight = np.maximum(normals @ direction, 0.0)
        if hair is not None:  # strands see the sky from both sides
            own = faces[hair[0] :].min()
            weight[own:] = 0.4 + 0.6 * np.abs(normals[own:] @ direction)
        open_ += weight * free
        total += weight
    return np.asarray(open_ / total, dtype=np.float32)
