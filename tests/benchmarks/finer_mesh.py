"""A head model on a mesh four times as fine, for the ablation's question whether refinement wants one.

The old vertices stay where they are (`geometry.subdivide`). So a head refined on the fine mesh is one on the old mesh as well: its first
V vertices.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from facestudio.geometry.subdivide import butterfly, midpoints
from facestudio.head.model import Embedding, HeadModel
from facestudio.head.symmetry import mirror_map
from facestudio.types import Float32Array, FloatArray


def finer(model: HeadModel) -> HeadModel:
    """The model subdivided once; its first V vertices are its own. The sliding jaw line is left out: refinement does not need it."""
    rule, faces = butterfly(model.faces, model.vertex_count)
    V, size = model.vertex_count, rule.shape[0]

    def carried(array: FloatArray) -> Float32Array:
        return np.asarray((rule @ array.reshape(V, -1).astype(np.float64)).reshape(size, *array.shape[1:]), np.float32)

    weights = np.clip(carried(model.skin_weights), 0.0, None)
    by_vertex = carried(np.moveaxis(model.pose_basis.reshape(len(model.pose_basis), V, 3), 0, -1))
    uv_rule, uv_faces = midpoints(model.uv_faces, len(model.uv))
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
