"""Which vertex lies opposite which: read from the topology, because a real mean face is not quite symmetric.

FLAME's mean is up to 3.7 mm asymmetric, so that the nearest mirrored vertex is often a neighbour's, and the map no bijection.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from facestudio.types import Float64Array, FloatArray, IntArray

Directed = dict[tuple[int, int], int]


def components(faces: IntArray, count: int) -> IntArray:
    """(V,) int32: the number of the connected piece of the mesh that each of `count` vertices belongs to."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]]])
    graph = coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int32)


def mirror_map(template: FloatArray, faces: IntArray) -> IntArray:
    """(V,) int32: the vertex opposite each vertex across x = 0, itself on the midline; an involution.

    Pieces that cross the midline are walked from an edge on it, triangle by mirrored triangle. Vertices that the walk cannot
    pair, and pieces of one side only (eyeballs), are paired by position.
    """
    points = np.asarray(template, np.float64)
    piece = components(faces, len(points))
    opposite = np.full(len(points), -1, np.int64)
    third = _third_corners(faces)
    for number in range(int(piece.max()) + 1):
        inside = piece == number
        if points[inside, 0].min() < 0.0 < points[inside, 0].max():
            _walk(points, third, _midline_edge(points, faces[inside[faces[:, 0]]]), opposite)
    _pair_pieces(points, piece, opposite)
    # Whatever is not paired both ways falls back to the nearest vertex whose partner it can be, or else to itself.
    unpaired = np.flatnonzero((opposite < 0) | (opposite[opposite] != np.arange(len(points))))
    if len(unpaired):
        _, nearest = cKDTree(points[unpaired]).query(points[unpaired] * [-1, 1, 1])
        mutual = nearest[nearest] == np.arange(len(unpaired))
        opposite[unpaired] = np.where(mutual, unpaired[nearest], unpaired)
    return opposite.astype(np.int32)


def symmetrised(template: FloatArray, mirror: IntArray) -> Float64Array:
    """The mean (V, 3), metres, of a shape and its mirror image."""
    points = np.asarray(template, np.float64)
    return np.asarray(0.5 * (points + points[mirror] * [-1, 1, 1]))


def _third_corners(faces: IntArray) -> Directed:
    third: Directed = {}
    for a, b, c in faces.tolist():
        third[a, b], third[b, c], third[c, a] = c, a, b
    return third


def _midline_edge(points: Float64Array, faces: IntArray) -> tuple[int, int]:
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    a, b = edges[np.abs(points[edges, 0]).max(axis=1).argmin()]
    return int(a), int(b)


def _walk(points: Float64Array, third: Directed, start: tuple[int, int], opposite: IntArray) -> None:
    """Breadth first from a midline edge: the triangle left of a -> b mirrors the triangle left of b' -> a'."""
    a, b = start
    opposite[a], opposite[b] = a, b
    queue, walked = deque([start]), {start}
    while queue:
        a, b = queue.popleft()
        c, mirrored = third.get((a, b)), third.get((int(opposite[b]), int(opposite[a])))
        if c is None or mirrored is None:
            continue
        # Quads split along the other diagonal on one side bring an ill-fitting pair: do not walk on from those.
        if opposite[c] < 0:
            opposite[c] = mirrored
        if opposite[c] == mirrored:
            for edge in ((c, b), (a, c)):
                if edge not in walked:
                    walked.add(edge)
                    queue.append(edge)


def _pair_pieces(points: Float64Array, piece: IntArray, opposite: IntArray) -> None:
    left = [n for n in range(int(piece.max()) + 1) if points[piece == n, 0].min() > 0.0]
    right = [n for n in range(int(piece.max()) + 1) if points[piece == n, 0].max() < 0.0]
    for number in left:
        here = np.flatnonzero(piece == number)
        wanted = points[here].mean(axis=0) * [-1, 1, 1]
        partners = [n for n in right if np.sum(piece == n) == len(here)]
        if not partners:
            continue
        there = np.flatnonzero(
            piece == min(partners, key=lambda n: float(np.linalg.norm(points[piece == n].mean(axis=0) - wanted)))
        )
        # Each about its own centre: the two eyes need not stand at the same depth.
        mirrored = (points[here] - points[here].mean(axis=0)) * [-1, 1, 1]
        _, nearest = cKDTree(points[there] - points[there].mean(axis=0)).query(mirrored)
        opposite[here] = there[nearest]
        opposite[there[nearest]] = here
