"""STL for 3D printing: millimetres, +Z up as slicers want it, every shell closed.

A head model is open at the neck, and eyeballs, teeth and tongue are shells of their own. Each hole is closed with a fan round the
middle of its border, so that every edge has exactly two triangles; slicers unite shells that overlap.
"""

from __future__ import annotations

import struct

import numpy as np

from facestudio.export.scene import HeadScene
from facestudio.types import Float64Array, IntArray

_MM = 1000.0


def stl_bytes(scene: HeadScene) -> bytes:
    """The binary STL's bytes. The head stands on its neck, looking along -Y; lengths in millimetres."""
    vertices, faces = closed(scene.vertices.astype(np.float64), scene.faces)
    points = _MM * np.stack([vertices[:, 0], -vertices[:, 2], vertices[:, 1]], axis=1)
    # Readers join corners by position: equal corners must be bit-identical, and different ones must not become so.
    corners = points.astype("<f4")[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]).astype(np.float64)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-30)
    rows = np.zeros(len(faces), dtype=[("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    rows["normal"], rows["corners"] = normals, corners
    # A binary STL must not begin with "solid", or readers take it for text.
    header = f"FaceStudio {scene.metadata['facestudio']}, millimetres, +Z up".encode("ascii", "replace")[:80].ljust(80)
    return header + struct.pack("<I", len(faces)) + rows.tobytes()


def closed(vertices: Float64Array, faces: IntArray) -> tuple[Float64Array, IntArray]:
    """The mesh with every hole closed: vertices (V + holes, 3) and faces (F + border edges, 3), counter-clockwise from outside.

    Raises ValueError when three triangles meet at an edge, because then there is no inside.
    """
    points, triangles = [vertices], [np.asarray(faces, dtype=np.int64)]
    count = len(vertices)
    for loop in border_loops(faces):
        points.append(vertices[loop].mean(axis=0, keepdims=True))
        following = np.roll(loop, -1)
        triangles.append(np.stack([following, loop, np.full(len(loop), count)], axis=1))
        count += 1
    return np.concatenate(points), np.concatenate(triangles)


def border_loops(faces: IntArray) -> list[IntArray]:
    """The holes' borders, each (N,) vertex numbers in the order in which the triangles run along it.

    A vertex where two holes touch belongs to both loops. Raises ValueError when three triangles meet at an edge.
    """
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).astype(np.int64)
    size = int(edges.max(initial=0)) + 1
    keys, back = edges[:, 0] * size + edges[:, 1], edges[:, 1] * size + edges[:, 0]
    if len(np.unique(keys)) != len(keys):
        raise ValueError("the mesh is not a surface: an edge has two triangles on the same side")
    follow: dict[int, list[int]] = {}
    for a, b in edges[~np.isin(keys, back)].tolist():
        follow.setdefault(a, []).append(b)
    loops = []
    while follow:
        start = next(iter(follow))
        loop, here = [], start
        while True:
            loop.append(here)
            ways = follow[here]
            after = ways.pop()
            if not ways:
                del follow[here]
            here = after
            if here == start or here not in follow:
                break
        loops.append(np.array(loop))
    return loops
