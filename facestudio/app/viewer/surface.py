"""A head as the graphics card wants it, and its normals, quickly enough for every move of a slider. No Qt, no VTK."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facestudio.head.model import HeadModel
from facestudio.head.seams import split_mesh
from facestudio.types import ByteArray, Float32Array, FloatArray, IntArray


@dataclass(frozen=True)
class Surface:
    """The parts of a head's mesh that no slider changes.

    vertex_ids (S,) int64: the head's vertex that each drawn one is. uv (S, 2) float32, v up. faces (F, 3) int64 into the S.
    head_faces (F, 3) int64: the same triangles in the head's own vertices. corner_faces (3 F,) int64: the triangles around each
    vertex, one vertex after the other; starts (K,) int64: where each vertex that has any begins; used (K,) int64: which those are.
    """

    vertex_ids: IntArray
    uv: Float32Array
    faces: IntArray
    head_faces: IntArray
    corner_faces: IntArray
    starts: IntArray
    used: IntArray

    def normals(self, vertices: FloatArray) -> Float32Array:
        """Unit normals (V, 3) float32 of vertices (V, 3), weighted by area. Vertices of no area get +Z."""
        points = np.asarray(vertices, dtype=np.float32)
        a, b, c = (points[self.head_faces[:, k]] for k in range(3))
        u, v = b - a, c - a
        # Written out: numpy.cross takes three times as long.
        across = np.stack(
            [
                u[:, 1] * v[:, 2] - u[:, 2] * v[:, 1],
                u[:, 2] * v[:, 0] - u[:, 0] * v[:, 2],
                u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0],
            ],
            axis=1,
        )
        normals = np.zeros((len(points), 3), np.float32)
        normals[self.used] = np.add.reduceat(across[self.corner_faces], self.starts, axis=0)
        length = np.sqrt(np.einsum("ij,ij->i", normals, normals))
        flat = length < np.float32(1e-20)
        normals[flat] = (0.0, 0.0, 1.0)
        length[flat] = 1.0
        return np.asarray(normals / length[:, None], dtype=np.float32)


def surface(model: HeadModel) -> Surface:
    """The surface of a head model's mesh. Takes a few milliseconds: once per head model is enough."""
    faces = np.asarray(model.faces, dtype=np.int64)
    split = split_mesh(model.vertex_count, faces, model.uv, model.uv_faces)
    owners = faces.ravel()
    order = np.argsort(owners, kind="stable")
    used, starts = np.unique(owners[order], return_index=True)
    return Surface(
        vertex_ids=np.asarray(split.vertex_ids, dtype=np.int64),
        uv=split.uv,
        faces=np.asarray(split.faces, dtype=np.int64),
        head_faces=faces,
        corner_faces=order // 3,
        starts=starts,
        used=used,
    )


@dataclass(frozen=True)
class ShownHead:
    """A head to show. vertices (V, 3) float, metres, head frame.

    albedo (T, T, 3) uint8 sRGB, row 0 at v = 1, None before there is a texture. views_seen (V,) uint8 and sigma (V,) float metres:
    None when not known.
    """

    surface: Surface
    vertices: FloatArray
    albedo: ByteArray | None = None
    views_seen: ByteArray | None = None
    sigma: FloatArray | None = None
