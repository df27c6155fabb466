"""A head model on a mesh four times as fine, for the ablation's question whether refinement wants one.

Butterfly subdivision (Dyn, Levin & Gregory 1990): every edge gets a vertex on the smooth surface through its neighbours, and the old
vertices stay where they are. So a head refined on the fine mesh is one on the old mesh as well: its first V vertices.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from facestudio.head.model import Embedding, HeadModel
from facestudio.head.symmetry import mirror_map
from facestudio.types import Float32Array, FloatArray, IntArray


def finer(model: HeadModel) -> HeadModel:
    """The model subdivided once; its first V vertices are its own. The sliding jaw line is left out: refinement does not need it."""
    rule, faces = butterfly(model.faces, model.vertex_count)
    V, size = model.vertex_count, rule.shape[0]

    def carried(array: FloatArray) -> Float32Array:
        return np.asarray((rule @ array.reshape(V, -1).astype(np.float64)).reshape(size, *array.shape[1:]), np.float32)

    weights = np.clip(carried(model.skin_weights), 0.0, None)
    by_vertex = carried(np.moveaxis(model.pose_basis.reshape(len(model.pose_basis), V, 3), 0, -1))
    uv_rule, uv_faces = _midpoints(model.uv_faces, len(model.uv))
    template = carried(model.template)
    return replace(
        model,
        template=template,
        identity_basis=carried(model.identity_basis),
        expression_basis=carried(model.expression_basis),
        pose_basis=np.ascontiguousarray(np.moveaxis(by_vertex, -1, 0).reshape(len(model.pose_basis), -1)),
        joint_regressor=np.hstack([model.joint_regressor, np.zeros((len(model.parents), size - V), np.float32)]),
        skin_weights=weights / weights.sum(1, keepdims=True),
        faces=faces,
        uv=np.asarray(uv_rule @ model.uv, np.float32),
        uv_faces=uv_faces,
        face_parts=model.face_parts[np.arange(4 * len(model.faces)) // 4],
        mirror=mirror_map(template, faces),
        embeddings={name: embedded(e) for name, e in model.embeddings.items()},
        contour_yaws=np.zeros(0, np.float32),
        contour_faces=np.zeros((0, 17), np.int32),
        contour_bary=np.zeros((0, 17, 3), np.float32),
    )


def embedded(points: Embedding) -> Embedding:
    """The same points on the children of their triangles (which lie in order: the corners' three, then the middle one)."""
    u, v, w = points.bary.astype(np.float64).T
    child = np.select([u >= 0.5, v >= 0.5, w >= 0.5], [0, 1, 2], 3)
    choices = [
        np.stack([2 * u - 1, 2 * v, 2 * w], -1),  # (a, ab, ca)
        np.stack([2 * u, 2 * v - 1, 2 * w], -1),  # (ab, b, bc)
        np.stack([2 * u, 2 * v, 2 * w - 1], -1),  # (ca, bc, c)
        np.stack([u + v - w, v + w - u, u + w - v], -1),  # (ab, bc, ca)
    ]
    bary = np.choose(child[:, None], choices)
    return replace(points, faces=(4 * points.faces + child).astype(np.int32), bary=bary.astype(np.float32))


def _midpoints(faces: IntArray, vertices: int) -> tuple[sp.csr_matrix, IntArray]:
    """(V', V) rule that puts a vertex in the middle of every edge, and the (4 F, 3) faces."""
    ends, inverse = np.unique(np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]], axis=2).reshape(-1, 2), axis=0, return_inverse=True)
    edge = np.asarray(inverse).reshape(-1, 3) + vertices
    (a, b, c), (ab, bc, ca) = faces.T, edge.T
    children = np.stack([np.stack(t, -1) for t in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))], 1)
    rows = np.arange(len(ends))
    middle = sp.coo_matrix((np.full(2 * len(ends), 0.5), (np.r_[rows, rows], ends.T.ravel())), shape=(len(ends), vertices))
    return sp.vstack([sp.identity(vertices), middle]).tocsr(), children.reshape(-1, 3).astype(np.int32)


def butterfly(faces: IntArray, vertices: int) -> tuple[sp.csr_matrix, IntArray]:
    """(V', V) rule and (4 F, 3) faces. Where the eight neighbours are not all there (borders), an edge's vertex is its middle."""
    rule, children = _midpoints(faces, vertices)
    opposite: dict[tuple[int, int], int] = {}
    for a, b, c in faces.tolist():
        opposite[a, b], opposite[b, c], opposite[c, a] = c, a, b
    entries: list[tuple[int, int, float]] = []
    ends = rule[vertices:].indices.reshape(-1, 2)
    for row, (p, q) in enumerate(ends.tolist()):
        sides = [(x, y, opposite.get((x, y))) for x, y in ((p, q), (q, p))]
        # Across the two other sides of either triangle (x, y, z): the wings.
        wings = [opposite.get(key) for x, y, z in sides if z is not None for key in ((z, y), (x, z))]
        if len(wings) == 4 and None not in wings:
            entries += [(vertices + row, z, 0.125) for _, _, z in sides if z is not None]
            entries += [(vertices + row, w, -0.0625) for w in wings if w is not None]
    i, j, value = zip(*entries, strict=True)
    return (rule + sp.coo_matrix((value, (i, j)), shape=rule.shape)).tocsr(), children
