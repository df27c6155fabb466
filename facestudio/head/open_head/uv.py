"""OpenHead's texture square, and MakeHuman's own UVs for the same faces.

The skin fills a rectangle of the whole width above a shelf that holds, from left to right: left eyeball, right eyeball, mouth interior,
eye sockets, tongue, upper and lower teeth. The face stands upright in the middle of the skin; +X (the subject's left) is right.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from facestudio.head.open_head.cut import PART_NAMES, SKIN_PARTS, corner_order, cut_head
from facestudio.head.open_head.eyes import IRIS_ANGLE, disc_radius
from facestudio.head.open_head.source import average_vertices, read_base_mesh
from facestudio.head.open_head.topology import Topology, build_topology
from facestudio.head.open_head.unwrap import Patch, boundary_loops, fill_holes, relax
from facestudio.types import Float32Array, Float64Array, IntArray

_GUTTER = 0.004  # eight texels at 2048
_SHELF = 0.145  # height of the shelf below the skin
_SKIN = (_GUTTER, _SHELF + _GUTTER, 1.0 - _GUTTER, 1.0 - _GUTTER)  # u0, v0, u1, v1
_EYE_RADIUS = 0.5 * _SHELF - _GUTTER
_EYE_CENTRES = ((0.5 * _SHELF + _GUTTER, 0.5 * _SHELF), (1.5 * _SHELF + _GUTTER, 0.5 * _SHELF))
_MOUTH_BOX = (0.306, _GUTTER, 0.50, _SHELF - _GUTTER)
_SOCKET_BOXES = ((0.51, _GUTTER, 0.60, _SHELF - _GUTTER), (0.61, _GUTTER, 0.70, _SHELF - _GUTTER))
_TONGUE_BOX = (0.71, _GUTTER, 0.77, _SHELF - _GUTTER)
_TEETH_BOXES = ((0.78, 0.077, 0.996, _SHELF - _GUTTER), (0.78, _GUTTER, 0.996, 0.071))
_DENSITY = {"face": 2.0, "lips": 4.0, "eyelids": 3.0, "ears": 1.6, "scalp": 0.75, "neck": 0.8}
_HOLE_DENSITY = 0.02  # the fans over eyes and mouth: as little of the square as possible


@dataclass(frozen=True)
class EyeIsland:
    """The disc of an eyeball in the UV square: centre_uv (u, v) is the pupil's middle; both radii in UV units."""

    centre_uv: tuple[float, float]
    iris_radius_uv: float
    sclera_radius_uv: float


def eye_islands() -> tuple[EyeIsland, EyeIsland]:
    """The islands of the left and right eyeball. The same numbers are in the model file as `HeadModel.eye_islands`."""
    iris = float(disc_radius(IRIS_ANGLE)) * _EYE_RADIUS
    left, right = (EyeIsland(centre, iris, _EYE_RADIUS) for centre in _EYE_CENTRES)
    return left, right


@lru_cache(maxsize=1)
def makehuman_uv() -> tuple[Float32Array, IntArray]:
    """MakeHuman's own UVs: uv (T, 2) float32 and uv_faces (F, 3) int32 aligned with the model's faces.

    Teeth and eyeballs, which are ours, map to texels of MakeHuman's teeth islands and to (0, 0): do not draw a skin on them.
    """
    topology, mesh, cut = build_topology(), read_base_mesh(), cut_head()
    own = np.take_along_axis(np.repeat(cut.uv_quads, 2, axis=0), corner_order(cut.quads), axis=1)
    rest = np.full((len(topology.faces) - len(own), 3), len(mesh.uv))
    uv = np.vstack([mesh.uv, np.zeros((1, 2))])
    faces = np.vstack([own, rest])
    used, index = np.unique(faces, return_inverse=True)
    return uv[used].astype(np.float32), index.reshape(-1, 3).astype(np.int32)


def lay_out() -> tuple[Float32Array, IntArray]:
    """The model's UVs: uv (T, 2) float32 in [0, 1]^2, v up, and uv_faces (F, 3) int32 aligned with the model's faces."""
    topology = build_topology()
    uv_faces = np.full((len(topology.faces), 3), -1)
    islands: list[Float64Array] = []
    count = 0

    def put(select: IntArray, uv: Float64Array, faces: IntArray) -> None:
        nonlocal count
        uv_faces[select] = faces + count
        islands.append(uv)
        count += len(uv)

    skin = np.flatnonzero(np.isin(topology.parts, [PART_NAMES.index(p) for p in SKIN_PARTS]))
    put(skin, *_skin(topology, skin))
    for side, centre in zip(("eye_left", "eye_right"), _EYE_CENTRES, strict=True):
        eye = np.flatnonzero(topology.parts == PART_NAMES.index(side))
        put(eye, topology.ball.disc * _EYE_RADIUS + centre, topology.ball.disc_faces)
    for select, box in _makehuman_islands(topology):
        put(select, *_boxed(*_makehuman_island(select), box))
    for row, part, box in zip(topology.teeth_rows, topology.teeth, _TEETH_BOXES, strict=True):
        select = np.flatnonzero((topology.faces >= part.start).all(axis=1) & (topology.faces < part.stop).all(axis=1))
        # Gum outside is up in the picture for both jaws; a flip keeps the lower row's orientation positive.
        put(select, *_boxed(_upright(row.square, row.faces), row.faces, box))
    if (uv_faces < 0).any():
        raise AssertionError("a face has no place in the texture square")
    return np.vstack(islands).astype(np.float32), uv_faces.astype(np.int32)


def _skin(topology: Topology, select: IntArray) -> tuple[Float64Array, IntArray]:
    """The skin's rectangle: uv and faces into it."""
    vertices, faces = np.unique(topology.faces[select], return_inverse=True)
    faces = faces.reshape(-1, 3)
    points = (topology.binding @ average_vertices())[vertices]
    density = np.ones(len(vertices))
    for part, value in _DENSITY.items():
        density[np.unique(faces[topology.parts[select] == PART_NAMES.index(part)])] = value
    density = _smoothed(density, faces)
    neck = max(boundary_loops(faces), key=lambda loop: float(np.ptp(points[loop, 0])))
    seam = _seam(points, faces, neck)
    # The subject's left side gets copies of the seam's points, all but the crown, where the seam ends.
    copies = np.full(len(points), -1)
    copies[seam[:-1]] = len(points) + np.arange(len(seam) - 1)
    left = points[faces].mean(axis=1)[:, 0] > 0
    cut = faces.copy()
    touched = left[:, None] & (copies[faces] >= 0)
    cut[touched] = copies[faces][touched]
    points, density = np.vstack([points, points[seam[:-1]]]), np.concatenate([density, density[seam[:-1]]])
    ring = max(boundary_loops(cut), key=len)
    patch_points, patch_faces = fill_holes(points, cut, ring)
    hubs = len(patch_points) - len(points)
    square = _rectangle(points, ring, seam, copies)
    patch = Patch(patch_points, patch_faces, ring, square)
    uv = relax(patch, np.concatenate([density, np.full(hubs, _HOLE_DENSITY)]))
    return uv[: len(points)], cut


def _seam(points: Float64Array, faces: IntArray, neck: IntArray) -> IntArray:
    """The midline from the nape's open edge up to the crown, point by point."""
    middle = np.abs(points[:, 0]) < 1e-9
    crown = int(np.where(middle, points[:, 1], -np.inf).argmax())
    edges = np.vstack([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = edges[middle[edges].all(axis=1)]
    here = int(neck[np.where(middle[neck], points[neck, 2], np.inf).argmin()])
    path = [here]
    while here != crown:
        around = [int(b) for a, b in np.vstack([edges, edges[:, ::-1]]) if a == here and int(b) not in path]
        here = max(around, key=lambda v: float(points[v, 1]))
        path.append(here)
    return np.array(path)


def _rectangle(points: Float64Array, ring: IntArray, seam: IntArray, copies: IntArray) -> Float64Array:
    """(B, 2) places of the border's points on the rectangle: neck below, the seam's two sides left and right and half the top each."""
    u0, v0, u1, v1 = _SKIN
    place: dict[int, tuple[float, float]] = {}
    steps = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points[seam], axis=0), axis=1))])
    upright, half = v1 - v0, 0.5 * (u1 - u0)
    along = steps / steps[-1] * (upright + half)
    along[np.abs(along - upright).argmin()] = upright  # a point in the corner, or the corner would be cut off
    for vertex, copy, s in zip(seam, copies[seam], along, strict=True):
        x, y = max(0.0, s - upright), v0 + min(s, upright)
        place[int(vertex)] = (u0 + x, y)
        if copy >= 0:
            place[int(copy)] = (u1 - x, y)
    start = int(np.flatnonzero(ring == seam[0])[0])
    ring_from_seam = np.roll(ring, -start)
    last = int(np.flatnonzero(ring_from_seam == copies[seam[0]])[0])
    neck = ring_from_seam[: last + 1]
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points[neck], axis=0), axis=1))])
    for vertex, s in zip(neck, lengths / lengths[-1], strict=True):
        place[int(vertex)] = (u0 + float(s) * (u1 - u0), v0)
    return np.array([place[int(v)] for v in ring])


def _smoothed(values: Float64Array, faces: IntArray, rounds: int = 3) -> Float64Array:
    """Values (P,) averaged with their neighbours a few times."""
    for _ in range(rounds):
        total = np.bincount(faces.ravel(), np.repeat(values[faces].mean(axis=1), 3), len(values))
        values = total / np.bincount(faces.ravel(), minlength=len(values))
    return values


def _makehuman_islands(topology: Topology) -> list[tuple[IntArray, tuple[float, float, float, float]]]:
    """The faces and boxes of the islands that keep MakeHuman's own layout."""
    own = topology.parts[: topology.quad_faces]
    x = (topology.binding @ average_vertices())[topology.faces[: topology.quad_faces]].mean(axis=1)[:, 0]
    socket = own == PART_NAMES.index("eye_sockets")
    return [
        (np.flatnonzero(own == PART_NAMES.index("mouth_interior")), _MOUTH_BOX),
        (np.flatnonzero(socket & (x > 0)), _SOCKET_BOXES[0]),
        (np.flatnonzero(socket & (x < 0)), _SOCKET_BOXES[1]),
        (np.flatnonzero(own == PART_NAMES.index("tongue")), _TONGUE_BOX),
    ]


def _makehuman_island(select: IntArray) -> tuple[Float64Array, IntArray]:
    """MakeHuman's UVs of some faces: uv and faces into it."""
    uv, faces = makehuman_uv()
    used, index = np.unique(faces[select], return_inverse=True)
    return uv[used].astype(np.float64), index.reshape(-1, 3)


def _boxed(uv: Float64Array, faces: IntArray, box: tuple[float, float, float, float]) -> tuple[Float64Array, IntArray]:
    """Stretch an island to fill a box (u0, v0, u1, v1)."""
    low, high = uv.min(axis=0), uv.max(axis=0)
    return np.array(box[:2]) + (uv - low) / (high - low) * (np.array(box[2:]) - np.array(box[:2])), faces


def _upright(square: Float64Array, faces: IntArray) -> Float64Array:
    """The island, with v flipped if its triangles would run clockwise otherwise."""
    p = square[faces[0]]
    turned = np.linalg.det(np.column_stack([p[1] - p[0], p[2] - p[0]])) < 0
    return square * (1.0, -1.0) if turned else square
