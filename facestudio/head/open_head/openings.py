"""Settles the average head's openings: shuts the lips, and draws mouth and eye sockets in where they lie close under the skin.

MakeHuman's lips leave a slit of half a millimetre, through which the teeth show, and its cavity comes within 4 mm of the cheeks, so
that it reaches through them in thin faces.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from facestudio.head.open_head.cut import PART_NAMES
from facestudio.head.open_head.source import average_vertices
from facestudio.head.open_head.topology import build_topology
from facestudio.head.open_head.unwrap import boundary_loops
from facestudio.types import BoolArray, Float64Array

_STEP = 0.0005  # metres between the slices in which the slit is measured
_OVERLAP = 0.0003  # metres by which the lips press into each other, so that no light passes
_REACH = 0.006  # metres over which the shift fades into chin, philtrum and cheeks
_LIP_REACH = 0.0015  # metres from the slit's middle within which the shift is full

_CLEARANCE = 0.009  # metres of flesh to keep between cavity and skin
_RIM = (0.006, 0.016)  # metres from the lips over which the cavity becomes free to move
_SMOOTHING = 8
_SOCKET_GAP = 0.0002  # metres between eyeball and socket
_SOCKET_RIM = (0.001, 0.004)  # metres from the lids' edge over which the socket becomes free to move


def settle(points: Float64Array) -> Float64Array:
    """The model's vertices (V, 3), metres, head frame, with lips shut, and mouth and eye sockets drawn in."""
    return tighten_sockets(draw_in(shut(points)))


def tighten_sockets(points: Float64Array) -> Float64Array:
    """The model's vertices (V, 3), metres, with each eye socket drawn close round its eyeball, which is smaller than MakeHuman's."""
    topology = build_topology()
    faces = topology.faces[topology.parts == PART_NAMES.index("eye_sockets")]
    sockets = np.unique(faces)
    rim = np.concatenate(boundary_loops(faces))
    depth = cKDTree(points[rim]).query(points[sockets])[0]
    free = np.clip((depth - _SOCKET_RIM[0]) / (_SOCKET_RIM[1] - _SOCKET_RIM[0]), 0.0, 1.0)
    result = points.copy()
    for eye in topology.eyes:
        centre = 0.5 * (points[eye].max(axis=0) + points[eye].min(axis=0))
        radius = np.linalg.norm(points[eye] - centre, axis=1).mean() + _SOCKET_GAP
        own = points[sockets, 0] * centre[0] > 0
        arm = points[sockets[own]] - centre
        length = np.linalg.norm(arm, axis=1)
        share = 1.0 - free[own] * np.maximum(1.0 - radius / length, 0.0)
        result[sockets[own]] = centre + arm * share[:, None]
    return result


def draw_in(points: Float64Array) -> Float64Array:
    """The model's vertices (V, 3), metres, with the cavity's wall moved away from skin that is nearer than _CLEARANCE."""
    topology = build_topology()
    cavity_faces = topology.faces[topology.parts == PART_NAMES.index("mouth_interior")]
    cavity = np.unique(cavity_faces)
    outside = np.isin(topology.parts, [PART_NAMES.index(p) for p in ("face", "scalp", "neck")])
    corners = points[topology.faces[outside]]
    samples = np.concatenate(
        [corners.mean(axis=1), *(0.5 * (corners[:, k] + corners[:, k - 1]) for k in range(3)), corners.reshape(-1, 3)]
    )
    distance, nearest = cKDTree(samples).query(points[cavity])
    rim = cKDTree(points[boundary_loops(cavity_faces)[0]]).query(points[cavity])[0]
    free = np.clip((rim - _RIM[0]) / (_RIM[1] - _RIM[0]), 0.0, 1.0)[:, None]
    push = np.zeros_like(points)
    away = (points[cavity] - samples[nearest]) / np.maximum(distance, 1e-9)[:, None]
    push[cavity] = away * np.maximum(_CLEARANCE - distance, 0.0)[:, None] * free
    for _ in range(_SMOOTHING):
        mean = np.zeros_like(push)
        for k in range(3):
            np.add.at(mean, cavity_faces[:, k], push[cavity_faces].mean(axis=1))
        mean[cavity] /= np.bincount(cavity_faces.ravel(), minlength=len(points))[cavity, None]
        # Smoothing may spread the push but not weaken it.
        longer = np.linalg.norm(mean, axis=1) > np.linalg.norm(push, axis=1)
        push[longer] = mean[longer]
    push[cavity] *= free
    return points + 0.5 * (push + push[topology.mirror] * (-1.0, 1.0, 1.0))


def shut(points: Float64Array) -> Float64Array:
    """The model's vertices (V, 3), metres, head frame, with both lips moved half the slit's height towards each other."""
    topology = build_topology()
    upper, lower = _sides()
    soft = np.isin(topology.parts, [PART_NAMES.index(p) for p in ("lips", "mouth_interior", "face")])
    moved = np.zeros(len(points), dtype=bool)
    moved[np.unique(topology.faces[soft])] = True
    x, low, high = _slit(points, upper, lower)
    gap, middle = np.maximum(low - high + _OVERLAP, 0.0), 0.5 * (low + high)
    # Nothing moves at the very corners: there the slices run out.
    gap[0] = gap[-1] = 0.0
    kernel = np.ones(5) / 5.0
    gap = np.convolve(np.pad(gap, 2, mode="edge"), kernel, mode="valid")
    height = np.interp(points[:, 0], x, middle)
    away = np.maximum(np.abs(points[:, 1] - height) - _LIP_REACH, 0.0) + np.maximum(np.abs(points[:, 0]) - x[-1], 0.0)
    fade = np.exp(-0.5 * (away / (0.5 * _REACH)) ** 2)
    depth = np.clip((points[:, 2] - (_corner_depth(points) - 0.004)) / 0.004, 0.0, 1.0)
    shift = 0.5 * np.interp(points[:, 0], x, gap, left=0.0, right=0.0) * fade * depth
    result = points.copy()
    result[moved & upper, 1] -= shift[moved & upper]
    result[moved & lower, 1] += shift[moved & lower]
    return result


def _sides() -> tuple[BoolArray, BoolArray]:
    """(V,) bool each: vertices nearer, along the surface, to the upper or the lower half of the line where mouth and lips meet."""
    topology = build_topology()
    points = topology.binding @ average_vertices() + topology.offset
    rim = boundary_loops(topology.faces[topology.parts == PART_NAMES.index("mouth_interior")])[0]
    corners = sorted((int(np.argmin(points[rim, 0])), int(np.argmax(points[rim, 0]))))
    halves = (rim[corners[0] + 1 : corners[1]], np.concatenate([rim[corners[1] + 1 :], rim[: corners[0]]]))
    faces = topology.faces[topology.parts < PART_NAMES.index("tongue")]
    edges = np.vstack([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    length = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)
    graph = coo_matrix((length, edges.T), (len(points),) * 2).tocsr()
    first, second = (dijkstra(graph, directed=False, indices=half, min_only=True) for half in halves)
    if points[halves[0], 1].mean() < points[halves[1], 1].mean():
        first, second = second, first
    return first < second, second < first


def _slit(points: Float64Array, upper: BoolArray, lower: BoolArray) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Along x (N,): the lowest point of the upper lip and the highest of the lower one, both (N,), metres."""
    topology = build_topology()
    faces = topology.faces[topology.parts == PART_NAMES.index("lips")]
    edges = np.unique(np.sort(np.vstack([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1), axis=0)
    reach = min(float(points[faces[side[faces].all(axis=1)]][..., 0].max()) for side in (upper, lower))
    x = np.arange(-np.floor(reach / _STEP), np.floor(reach / _STEP) + 1) * _STEP
    low, high = np.zeros(len(x)), np.zeros(len(x))
    for side, heights, pick in ((upper, low, np.min), (lower, high, np.max)):
        a, b = (points[e] for e in edges[side[edges].all(axis=1)].T)
        for k, at in enumerate(x):
            crossing = (a[:, 0] - at) * (b[:, 0] - at) <= 0.0
            p, q = a[crossing], b[crossing]
            span = np.where(np.abs(q[:, 0] - p[:, 0]) < 1e-9, 1.0, q[:, 0] - p[:, 0])
            share = np.clip((at - p[:, 0]) / span, 0.0, 1.0)
            heights[k] = pick(p[:, 1] + share * (q[:, 1] - p[:, 1]))
    return x, low, high


def _corner_depth(points: Float64Array) -> float:
    """The z of the mouth's corners, metres: what lies deeper belongs to the cavity and stays."""
    topology = build_topology()
    lips = np.unique(topology.faces[topology.parts == PART_NAMES.index("lips")])
    return float(points[lips, 2].min())
