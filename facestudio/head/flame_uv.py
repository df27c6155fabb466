"""Texture coordinates for FLAME's topology, computed by ourselves: FLAME's open file carries none.

The skin is cut at the back of the head, from the neck's edge to the crown, laid on a square with two corners cut off by Tutte's
embedding, and relaxed there by `head.flatten` towards a map that keeps shape and gives the face more room. The two eyeballs
become polar discs about the gaze axis in the free corners, so that an iris is a circle on the texture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from facestudio.head.flatten import Patch, flatten
from facestudio.head.symmetry import components, mirror_map, symmetrised
from facestudio.types import ByteArray, Float32Array, Float64Array, FloatArray, IntArray

PART_NAMES = ("skin", "eye_left", "eye_right")
_IRIS_RADIUS_M = 0.00585  # half of 11.7 mm, the human mean (Ruefer et al. 2005)


@dataclass(frozen=True)
class UnwrapSettings:
    """The layout of the square. Lengths in UV units.

    corner: leg of the two bottom corners that the skin leaves to the eyes. gutter: distance kept from the square's border and
    between islands. face_gain: how many times larger than the crown the middle of the face is drawn, per axis.
    face_reach_m: distance from the face's middle at which the gain has fallen to 61 %. hidden_gain: the same for the skin behind
    the eyeballs, which no camera sees.
    """

    corner: float = 0.27
    gutter: float = 0.004
    face_gain: float = 2.4
    face_reach_m: float = 0.075
    hidden_gain: float = 0.4


@dataclass(frozen=True)
class Unwrapped:
    """uv (T, 2) float32, v up; uv_faces (F, 3) int32; face_parts (F,) uint8 into PART_NAMES; mirror (V,); eye_islands (2, 4) float32."""

    uv: Float32Array
    uv_faces: IntArray
    face_parts: ByteArray
    mirror: IntArray
    eye_islands: Float32Array


def unwrap(template: FloatArray, faces: IntArray, settings: UnwrapSettings | None = None) -> Unwrapped:
    """UVs, parts, mirror and eye islands for a template (V, 3), metres, head frame, of FLAME's topology with faces (F, 3).

    Deterministic. Raises ValueError when the mesh is not a skin with two eyeballs.
    """
    settings = settings or UnwrapSettings()
    faces = np.asarray(faces, np.int64)
    skin, eyes = _parts(np.asarray(template, np.float64), faces)
    mirror = mirror_map(template, faces)
    points = symmetrised(template, mirror)
    uv, uv_faces = _unwrap_skin(points, faces, skin, mirror, eyes, settings)
    parts = np.zeros(len(faces), np.uint8)
    radius = settings.corner * (1.0 - np.sqrt(0.5)) - settings.gutter
    islands = []
    all_uv = [uv]
    for side, inside in enumerate(eyes):
        parts[inside] = side + 1
        # The subject's left (+X) is on the right of the square, as it is to whoever looks at the face.
        u = 1.0 - radius - settings.gutter if side == 0 else radius + settings.gutter
        centre = np.array([u, radius + settings.gutter])
        disc, disc_faces, iris = _unwrap_eye(np.asarray(template, np.float64), faces[inside], centre, radius)
        uv_faces[inside] = disc_faces + sum(map(len, all_uv))
        all_uv.append(disc)
        islands.append([*centre, iris, radius])
    return Unwrapped(
        np.concatenate(all_uv).astype(np.float32),
        uv_faces.astype(np.int32),
        parts,
        mirror,
        np.asarray(islands, np.float32),
    )


def _parts(points: Float64Array, faces: IntArray) -> tuple[IntArray, list[IntArray]]:
    """Indices of the faces of the skin, and of the left and right eyeballs."""
    piece = components(faces, len(points))[faces[:, 0]]
    groups = sorted((np.flatnonzero(piece == n) for n in np.unique(piece)), key=len, reverse=True)
    if len(groups) != 3 or len(groups[1]) != len(groups[2]):
        raise ValueError(f"the mesh has {len(groups)} separate pieces, expected a skin and two eyeballs")
    eyes = sorted(groups[1:], key=lambda group: float(points[faces[group], 0].mean()), reverse=True)
    return groups[0], eyes


def _unwrap_skin(
    points: Float64Array, faces: IntArray, skin: IntArray, mirror: IntArray, eyes: list[IntArray], settings: UnwrapSettings
) -> tuple[Float64Array, IntArray]:
    """Texture coordinates of the skin, and the (F, 3) faces into them with the skin's rows filled."""
    cut_faces, source, seam = _cut(points, faces[skin], mirror)
    used, compact = np.unique(cut_faces, return_inverse=True)
    corners = compact.reshape(-1, 3)
    where = points[source[used]]
    number = {int(vertex): i for i, vertex in enumerate(used)}
    outline, hole = _loops(corners, number[int(seam[0])])
    rim = _outline_points(where, outline, number[int(seam[-1])], settings)
    gains = _gains(where[corners].mean(axis=1), points, faces, eyes, settings)
    uv = flatten(Patch(where, corners, gains, outline, rim, hole))
    uv_faces = np.zeros_like(faces)
    uv_faces[skin] = corners
    return uv, uv_faces


def _cut(points: Float64Array, faces: IntArray, mirror: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Cut the skin along the midline from the back of the neck to the crown.

    Returns the faces (F', 3) with new vertex numbers on the subject's left of the cut, the old number of every vertex
    (V + cut,), and the path of the cut (old numbers, neck first, crown last).
    """
    midline = mirror == np.arange(len(points))
    midline &= np.isin(np.arange(len(points)), faces)
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    along = edges[midline[edges].all(axis=1)]
    length = np.linalg.norm(points[along[:, 0]] - points[along[:, 1]], axis=1)
    graph = coo_matrix((length, (along[:, 0], along[:, 1])), shape=(len(points), len(points))).tocsr()
    border = np.array(sorted({v for edge in _border(faces) for v in edge}))
    neck = border[midline[border]]
    start = int(neck[points[neck, 2].argmin()])
    on_midline = np.flatnonzero(midline)
    crown = int(on_midline[points[on_midline, 1].argmax()])
    distance, before = dijkstra(graph, directed=False, indices=start, return_predecessors=True)
    if not np.isfinite(distance[crown]):
        raise ValueError("no line of edges leads from the neck to the crown")
    path = [crown]
    while path[-1] != start:
        path.append(int(before[path[-1]]))
    seam = np.array(path[::-1])
    source = np.concatenate([np.arange(len(points)), seam[:-1]])  # the crown stays one vertex
    copy = np.arange(len(points))
    copy[seam[:-1]] = len(points) + np.arange(len(seam) - 1)
    left = points[faces, 0].mean(axis=1) > 0.0
    return np.where(left[:, None], copy[faces], faces), source, seam


def _border(faces: IntArray) -> list[tuple[int, int]]:
    """The directed edges that only one face has."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).tolist()
    known = {(a, b) for a, b in edges}
    return [(a, b) for a, b in edges if (b, a) not in known]


def _loops(faces: IntArray, start: int) -> tuple[IntArray, IntArray]:
    """The outline (from `start`, with the skin on its left: counter-clockwise on the square) and the one hole (the mouth's) in it."""
    after = dict(_border(faces))
    loops = []
    while after:
        first = start if start in after else next(iter(after))
        loop = [first]
        while (following := after.pop(loop[-1])) != first:
            loop.append(following)
        loops.append(np.array(loop))
    if len(loops) != 2:
        raise ValueError(f"the skin has {len(loops)} borders after the cut, expected its outline and the mouth")
    return loops[0], loops[1]


def _outline_points(where: Float64Array, outline: IntArray, crown: int, settings: UnwrapSettings) -> Float64Array:
    """Positions (N, 2) of the outline: the neck on the bottom and the corners' diagonals, the seam up both sides and along the top."""
    low, high, c = settings.gutter, 1.0 - settings.gutter, settings.corner
    neck = [(low, c), (c, low), (1.0 - c, low), (high, c)]
    right, left = [(high, c), (high, high), (0.5, high)], [(0.5, high), (low, high), (low, c)]
    # The outline starts at the seam's copy on the subject's right (the square's left), runs along the neck, up to the crown and down.
    loop = where[outline]
    top = int(np.flatnonzero(outline == crown)[0])
    end_of_neck = 2 * top - len(outline)  # the two copies of the seam have equally many edges
    out = np.zeros((len(outline), 2))
    for first, last, corners in ((0, end_of_neck, neck), (end_of_neck, top, right), (top, len(outline), left)):
        chain = loop[np.arange(first, last + 1) % len(loop)]
        out[first:last] = _along(np.array(corners), _arc(chain))[:-1]
    return out


def _arc(chain: Float64Array) -> Float64Array:
    """Arc length along a chain of points, from 0 to 1."""
    steps = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(chain, axis=0), axis=1))])
    return np.asarray(steps / steps[-1])


def _along(corners: Float64Array, fraction: Float64Array) -> Float64Array:
    """Points at these fractions of a polyline's length; those nearest its inner corners are moved onto them."""
    knots = _arc(corners)
    fraction = fraction.copy()
    for knot in knots[1:-1]:
        fraction[1 + np.abs(fraction[1:-1] - knot).argmin()] = knot
    return np.stack([np.interp(fraction, knots, corners[:, axis]) for axis in range(2)], axis=1)


def _gains(
    middles: Float64Array, points: Float64Array, faces: IntArray, eyes: list[IntArray], settings: UnwrapSettings
) -> Float64Array:
    """How much larger than life each skin face should be drawn (F',), relative to the crown."""
    centres = [points[faces[eye]].reshape(-1, 3).mean(axis=0) for eye in eyes]
    # The face's middle: between the eyes, a pupil's distance down and forwards: about the nose's tip.
    pupils = float(np.linalg.norm(centres[0] - centres[1]))
    middle = 0.5 * (centres[0] + centres[1]) + np.array([0.0, -0.5 * pupils, 0.5 * pupils])
    distance = np.linalg.norm(middles - middle, axis=1)
    gains = 1.0 + (settings.face_gain - 1.0) * np.exp(-0.5 * (distance / settings.face_reach_m) ** 2)
    for centre, eye in zip(centres, eyes, strict=True):
        ball = np.linalg.norm(points[faces[eye]].reshape(-1, 3) - centre, axis=1).max()
        gains[np.linalg.norm(middles - centre, axis=1) < ball] *= settings.hidden_gain
    return np.asarray(gains)


def _unwrap_eye(
    points: Float64Array, faces: IntArray, centre: Float64Array, radius: float
) -> tuple[Float64Array, IntArray, float]:
    """An eyeball as a disc: Lambert's equal-area map about +Z, r = R sin(angle / 2). Returns uv, faces into it, the iris' radius."""
    used, corners = np.unique(faces, return_inverse=True)
    corners = corners.reshape(-1, 3)
    ball = points[used]
    middle = 0.5 * (ball.min(axis=0) + ball.max(axis=0))
    size = float(np.linalg.norm(ball - middle, axis=1).mean())
    direction = (ball - middle) / np.linalg.norm(ball - middle, axis=1, keepdims=True)
    flat = _lambert(direction)
    pole = int(cKDTree(direction).query([0.0, 0.0, -1.0])[1])
    # The rear pole is everywhere on the rim: each of its triangles gets a copy between its two other corners.
    uv = [flat]
    extra = len(used)
    for row in np.flatnonzero((corners == pole).any(axis=1)):
        others = direction[corners[row][corners[row] != pole]].sum(axis=0)[:2]
        uv.append((others / np.linalg.norm(others))[None])
        corners[row, corners[row] == pole] = extra
        extra += 1
    iris = float(_lambert(np.array([[np.sin(a := np.arcsin(_IRIS_RADIUS_M / size)), 0.0, np.cos(a)]]))[0, 0])
    return centre + radius * np.concatenate(uv), corners, radius * iris


def _lambert(direction: Float64Array) -> Float64Array:
    """Unit vectors (N, 3) to the unit disc (N, 2): +Z to its middle, -Z to its rim."""
    return np.asarray(direction[:, :2] / np.sqrt(np.maximum(2.0 * (1.0 + direction[:, 2:3]), 1e-12)))
