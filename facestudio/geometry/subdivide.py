"""A triangle mesh four times as fine, on the smooth surface through its vertices.

Butterfly subdivision (Dyn, Levin & Gregory 1990): every edge gets a vertex from its eight neighbours, and the old vertices stay where they
are. So pictures of a head lose the corners of its outline, and nothing that was measured moves.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from facestudio.types import IntArray


def midpoints(faces: IntArray, vertices: int) -> tuple[sp.csr_matrix, IntArray]:
    """(V', V) rule that puts a vertex in the middle of every edge, and the (4 F, 3) int32 faces.

    faces (F, 3) int into V = `vertices`. The four children of a face follow each other: the corners' three, then the middle one.
    """
    ends, inverse = np.unique(np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]], axis=2).reshape(-1, 2), axis=0, return_inverse=True)
    edge = np.asarray(inverse).reshape(-1, 3) + vertices
    (a, b, c), (ab, bc, ca) = faces.T, edge.T
    children = np.stack([np.stack(t, -1) for t in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))], 1)
    rows = np.arange(len(ends))
    middle = sp.coo_matrix((np.full(2 * len(ends), 0.5), (np.r_[rows, rows], ends.T.ravel())), shape=(len(ends), vertices))
    return sp.vstack([sp.identity(vertices), middle]).tocsr(), children.reshape(-1, 3).astype(np.int32)


def butterfly(faces: IntArray, vertices: int) -> tuple[sp.csr_matrix, IntArray]:
    """(V', V) rule and (4 F, 3) int32 faces, as `midpoints`. Where the eight neighbours are not all there (borders), the middle of an edge.

    The mesh must be a manifold, its faces (F, 3) turned alike.
    """
    rule, children = midpoints(faces, vertices)
    corners = faces.astype(np.int64)
    directed = np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]])
    order = np.argsort(directed[:, 0] * vertices + directed[:, 1])
    keys = (directed[:, 0] * vertices + directed[:, 1])[order]
    third = np.concatenate([corners[:, 2], corners[:, 0], corners[:, 1]])[order]

    def opposite(a: IntArray, b: IntArray) -> IntArray:
        """The third corner of the face that has the edge from a to b; -1: there is none."""
        wanted = np.where((a < 0) | (b < 0), -1, a * vertices + b)
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.asarray(np.where(keys[at] == wanted, third[at], -1))

    p, q = rule[vertices:].indices.reshape(-1, 2).astype(np.int64).T
    left, right = opposite(p, q), opposite(q, p)
    wings = opposite(left, q), opposite(p, left), opposite(right, p), opposite(q, right)
    whole = np.flatnonzero(np.min(wings, axis=0) >= 0)  # a wing needs its side's corner
    columns = np.column_stack([left, right, *wings])[whole]
    values = np.broadcast_to([0.125, 0.125, -0.0625, -0.0625, -0.0625, -0.0625], columns.shape)
    rows = np.repeat(vertices + whole, columns.shape[1])
    return (rule + sp.coo_matrix((values.ravel(), (rows, columns.ravel())), shape=rule.shape)).tocsr(), children
