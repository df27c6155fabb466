"""Cuts the head out of MakeHuman's body at an edge loop of the neck and names its parts.

The loop (through base vertex 1496, on the midline of the nape) is one closed ring of 42 edges, within 4 mm of a plane, at the root
of the neck, about where FLAME ends.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from facestudio.head.open_head.source import average_vertices, base_mirror, read_base_mesh, read_mask
from facestudio.types import BoolArray, Float64Array, IntArray

NECK_LOOP_START = 1496
PART_NAMES = (
    "face",
    "scalp",
    "ears",
    "neck",
    "lips",
    "eyelids",
    "eye_sockets",
    "mouth_interior",
    "tongue",
    "teeth",
    "eye_left",
    "eye_right",
)
SKIN_PARTS = ("face", "scalp", "ears", "neck", "lips", "eyelids")
_NAPE_BELOW = 6.6  # decimetres: scalp below this height is neck
# Decimetres: what the mask "face" leaves out: the jaw's corner below the ear, and a notch in the middle of the hairline.
_JAW_BELOW, _JAW_BEFORE = 7.0, 0.35
_HAIRLINE_BELOW, _HAIRLINE_BEFORE, _NOTCH_HALF = 8.22, 0.9, 0.1


@dataclass(frozen=True)
class Cut:
    """The quads of the head and tongue, in MakeHuman's numbering.

    quads: (Q, 4) int64 base vertices. uv_quads: (Q, 4) int64 into the base mesh's uv. parts: (Q,) int64 into PART_NAMES.
    neck_loop: (L,) int64 base vertices of the open edge, in order.
    """

    quads: IntArray
    uv_quads: IntArray
    parts: IntArray
    neck_loop: IntArray


@lru_cache(maxsize=1)
def cut_head() -> Cut:
    """The head's skin, mouth, eye sockets and tongue."""
    mesh = read_base_mesh()
    body, body_uv = mesh.quads["body"], mesh.uv_quads["body"]
    loop = _edge_loop(body, NECK_LOOP_START)
    kept = _above_loop(body, loop)
    quads, uv_quads = body[kept], body_uv[kept]
    parts = _name_parts(quads, uv_quads)
    tongue, tongue_uv = mesh.quads["helper-tongue"], mesh.uv_quads["helper-tongue"]
    tongue_parts = np.full(len(tongue), PART_NAMES.index("tongue"))
    both, both_uv = np.vstack([quads, tongue]).astype(np.int64), np.vstack([uv_quads, tongue_uv]).astype(np.int64)
    return Cut(both, both_uv, np.concatenate([parts, tongue_parts]), loop)


def triangulate(quads: IntArray) -> IntArray:
    """(2 Q, 3) int64 triangles of (Q, 4) base quads, two per quad, quad after quad."""
    return np.take_along_axis(np.repeat(quads, 2, axis=0), corner_order(quads), axis=1).astype(np.int64)


def corner_order(quads: IntArray) -> IntArray:
    """(2 Q, 3) int64: which corners of its quad each triangle takes.

    Each quad is split along its shorter diagonal on the average head, and a quad and its mirror image are split alike, so that a
    symmetric head stays symmetric as triangles.
    """
    mirror = base_mirror()
    points = average_vertices()
    symmetric = 0.5 * (points + points[mirror] * (-1.0, 1.0, 1.0))
    # Rounded, so that a quad and its mirror image cannot differ by the last bit.
    first = np.round(np.linalg.norm(symmetric[quads[:, 0]] - symmetric[quads[:, 2]], axis=1), 6)
    second = np.round(np.linalg.norm(symmetric[quads[:, 1]] - symmetric[quads[:, 3]], axis=1), 6)
    split_02 = first < second
    split_13 = second < first
    tie = ~(split_02 | split_13)
    split_02 |= tie & (quads.argmin(axis=1) % 2 == 0)
    even, odd = np.array([[0, 1, 2], [0, 2, 3]]), np.array([[0, 1, 3], [1, 2, 3]])
    return np.where(split_02[:, None, None], even, odd).reshape(-1, 3)


def _edge_loop(quads: IntArray, start: int) -> IntArray:
    """The closed loop of edges through `start` that leaves it towards +X and goes straight on at every valence-4 vertex."""
    faces_of: dict[frozenset[int], set[int]] = defaultdict(set)
    neighbours: dict[int, set[int]] = defaultdict(set)
    for index, quad in enumerate(quads.tolist()):
        for a, b in zip(quad, quad[1:] + quad[:1], strict=True):
            faces_of[frozenset((a, b))].add(index)
            neighbours[a].add(b)
            neighbours[b].add(a)
    x = read_base_mesh().vertices[:, 0]
    loop = [start, max(neighbours[start], key=lambda v: float(x[v]))]
    while loop[-1] != start:
        before, here = loop[-2:]
        behind = faces_of[frozenset((before, here))]
        loop.append(next(v for v in sorted(neighbours[here]) if not faces_of[frozenset((here, v))] & behind))
    return np.array(loop[:-1])


def _above_loop(quads: IntArray, loop: IntArray) -> BoolArray:
    """(Q,) bool: the quads on the head's side of the loop."""
    wall = {frozenset(edge) for edge in zip(loop.tolist(), np.roll(loop, -1).tolist(), strict=True)}
    seen: dict[frozenset[int], int] = {}
    pairs = []
    for index, quad in enumerate(quads.tolist()):
        for a, b in zip(quad, quad[1:] + quad[:1], strict=True):
            edge = frozenset((a, b))
            if edge in wall:
                continue
            if edge in seen:
                pairs.append((seen[edge], index))
            seen[edge] = index
    i, j = np.array(pairs).T
    labels = connected_components(coo_matrix((np.ones(len(i)), (i, j)), (len(quads),) * 2), directed=False)[1]
    top = int(read_base_mesh().vertices[quads][:, :, 1].mean(axis=1).argmax())
    return np.asarray(labels == labels[top])


def _name_parts(quads: IntArray, uv_quads: IntArray) -> IntArray:
    """(Q,) int64 into PART_NAMES, from MakeHuman's mask pictures and the islands of its UVs."""
    mesh = read_base_mesh()
    centres: Float64Array = mesh.vertices[quads].mean(axis=1)
    uv = mesh.uv[uv_quads].mean(axis=1)
    parts = np.full(len(quads), PART_NAMES.index("scalp"))
    # MakeHuman lays neck and throat, mouth, and each eye socket out as islands of their own; their places in its square are fixed.
    parts[read_mask("face", uv)] = PART_NAMES.index("face")
    parts[(uv[:, 0] < 0.55) & (uv[:, 1] > 0.84)] = PART_NAMES.index("neck")
    rest = parts == PART_NAMES.index("scalp")
    parts[rest & (centres[:, 1] < _NAPE_BELOW)] = PART_NAMES.index("neck")
    parts[rest & (centres[:, 1] < _JAW_BELOW) & (centres[:, 2] > _JAW_BEFORE)] = PART_NAMES.index("face")
    notch = (centres[:, 1] < _HAIRLINE_BELOW) & (centres[:, 2] > _HAIRLINE_BEFORE) & (np.abs(centres[:, 0]) < _NOTCH_HALF)
    parts[rest & notch] = PART_NAMES.index("face")
    for part in ("ears", "eyelids", "lips"):
        parts[read_mask(part, uv)] = PART_NAMES.index(part)
    parts[read_mask("inside-mouth", uv)] = PART_NAMES.index("mouth_interior")
    parts[uv[:, 0] < 0.16] = PART_NAMES.index("eye_sockets")
    return parts
