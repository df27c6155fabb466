"""One texture coordinate per vertex, as graphics cards want it: vertices on texture seams are copied."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facestudio.types import Float32Array, IntArray


@dataclass(frozen=True)
class SplitMesh:
    """A mesh with one texture coordinate per vertex.

    vertex_ids (S,) int64: which original vertex each one is. The first V are the original vertices in their order; the copies
    that texture seams need follow. uv (S, 2) float32. faces (F, 3) uint32 into the S vertices.
    """

    vertex_ids: IntArray
    uv: Float32Array
    faces: IntArray


def split_mesh(count: int, faces: IntArray, uv: Float32Array, uv_faces: IntArray) -> SplitMesh:
    """Copy each vertex once per further texture coordinate it has. Vertices of no face stay, at uv (0, 0).

    count: V. faces (F, 3) int into V vertices. uv (T, 2), v up. uv_faces (F, 3) int into uv.
    """
    uv_count = len(uv)
    corner = faces.astype(np.int64) * uv_count + uv_faces
    pairs, corner_pair = np.unique(corner, return_inverse=True)
    owner = pairs // uv_count
    first = np.ones(len(pairs), dtype=bool)
    first[1:] = owner[1:] != owner[:-1]
    position = np.where(first, owner, count + np.cumsum(~first) - 1)
    total = count + int((~first).sum())
    vertex_ids = np.concatenate([np.arange(count), owner[~first]])
    split = np.zeros((total, 2), dtype=np.float32)
    split[position] = uv[pairs % uv_count]
    return SplitMesh(vertex_ids, split, position[corner_pair.reshape(faces.shape)])
