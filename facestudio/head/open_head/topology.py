"""OpenHead's vertices, triangles and parts, and how they follow MakeHuman's base mesh.

Order of vertices (fixed: embeddings, registrations and trained nets rely on it): skin, mouth and sockets by ascending base number,
tongue likewise, upper teeth, lower teeth, left eyeball, right eyeball.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.sparse import csr_matrix, vstack

from facestudio.head.open_head.cut import PART_NAMES, cut_head, triangulate
from facestudio.head.open_head.eyes import SHRINK, Ball, eyeball, fit_sphere
from facestudio.head.open_head.source import average_vertices, base_mirror, read_base_mesh
from facestudio.head.open_head.teeth import TeethRow, teeth_row
from facestudio.types import Float64Array, IntArray

EYE_HELPERS = ("helper-l-eye", "helper-r-eye")
SIDES = ("left", "right")
_TONGUE_SHIFT = (0.0, -0.03, -0.04)  # decimetres: down and back, to lie behind the teeth, which we set lower than MakeHuman's


@dataclass(frozen=True)
class Topology:
    """The fixed part of the model.

    binding: (V, 19158) sparse and offset (V, 3) float64, decimetres: position = binding @ base vertices + offset, except eyeballs.
    base_ids: (V,) int64: the base vertex each vertex is, -1 for teeth and eyeballs.
    faces: (F, 3) int64. parts: (F,) int64 into PART_NAMES. mirror: (V,) int64.
    eyes: the slices of the two eyeballs' vertices, left first. teeth: the slices of the upper and lower teeth. tongue: its slice.
    quad_faces: the first faces (two per quad of `cut_head`) come from the base mesh.
    """

    binding: csr_matrix
    offset: Float64Array
    base_ids: IntArray
    faces: IntArray
    parts: IntArray
    mirror: IntArray
    eyes: tuple[slice, slice]
    teeth: tuple[slice, slice]
    tongue: slice
    ball: Ball
    teeth_rows: tuple[TeethRow, TeethRow]
    quad_faces: int

    @property
    def vertex_count(self) -> int:
        """V."""
        return len(self.base_ids)


@lru_cache(maxsize=1)
def build_topology() -> Topology:
    """Assemble head, tongue, teeth and eyeballs."""
    cut, mesh = cut_head(), read_base_mesh()
    is_tongue = cut.parts == PART_NAMES.index("tongue")
    own = np.concatenate([np.unique(cut.quads[~is_tongue]), np.unique(cut.quads[is_tongue])])
    number = np.full(len(mesh.vertices), -1)
    number[own] = np.arange(len(own))
    faces, parts = [number[triangulate(cut.quads)]], [np.repeat(cut.parts, 2)]
    bindings = [csr_matrix((np.ones(len(own)), (np.arange(len(own)), own)), (len(own), len(mesh.vertices)))]
    first_tongue = int(len(own) - len(np.unique(cut.quads[is_tongue])))
    offsets, mirrors = [np.zeros((len(own), 3))], [number[base_mirror()[own]]]
    offsets[0][first_tongue:] = _TONGUE_SHIFT
    count = len(own)
    rows = (teeth_row("upper"), teeth_row("lower"))
    teeth = []
    for row in rows:
        teeth.append(slice(count, count + len(row.offset)))
        faces.append(row.faces + count)
        parts.append(np.full(len(row.faces), PART_NAMES.index("teeth")))
        bindings.append(row.binding)
        offsets.append(row.offset)
        mirrors.append(row.mirror + count)
        count += len(row.offset)
    ball = eyeball()
    size = len(ball.directions)
    eyes = (slice(count, count + size), slice(count + size, count + 2 * size))
    for eye, other, side in zip(eyes, eyes[::-1], SIDES, strict=True):
        faces.append(ball.faces + eye.start)
        parts.append(np.full(len(ball.faces), PART_NAMES.index(f"eye_{side}")))
        bindings.append(csr_matrix((size, len(mesh.vertices))))
        offsets.append(np.zeros((size, 3)))
        mirrors.append(ball.mirror + other.start)
    base_ids = np.concatenate([own, np.full(eyes[1].stop - len(own), -1)])
    return Topology(
        binding=vstack(bindings).tocsr(),
        offset=np.vstack(offsets),
        base_ids=base_ids,
        faces=np.vstack(faces),
        parts=np.concatenate(parts).astype(np.int64),
        mirror=np.concatenate(mirrors),
        eyes=eyes,
        teeth=(teeth[0], teeth[1]),
        tongue=slice(first_tongue, len(own)),
        ball=ball,
        teeth_rows=rows,
        quad_faces=2 * len(cut.quads),
    )


def average_eyes() -> tuple[tuple[Float64Array, float], tuple[Float64Array, float]]:
    """Centre (3,) and radius of the left and right eyeball of the average adult, decimetres, base frame."""
    mesh, points = read_base_mesh(), average_vertices()
    left, right = (_ball(points[mesh.group_vertices(helper)]) for helper in EYE_HELPERS)
    return left, right


def _ball(helper: Float64Array) -> tuple[Float64Array, float]:
    """Centre and radius of our eyeball for the vertices of a helper eye: the same foremost point, a smaller ball."""
    centre, radius = fit_sphere(helper)
    return centre + np.array([0.0, 0.0, SHRINK]), radius - SHRINK


def place(base: Float64Array, gaze: Float64Array) -> Float64Array:
    """(V, 3) float64, decimetres: the model's vertices for base vertices (19158, 3). gaze: (3, 3) rotation of the eyeballs' +Z."""
    topology, mesh = build_topology(), read_base_mesh()
    points = topology.binding @ base + topology.offset
    for eye, helper in zip(topology.eyes, EYE_HELPERS, strict=True):
        centre, radius = _ball(base[mesh.group_vertices(helper)])
        points[eye] = centre + radius * topology.ball.directions @ gaze.T
    return np.asarray(points)


def carry(delta: Float64Array) -> Float64Array:
    """(V, 3) float64: what a base offset (19158, 3) does to the model's vertices. Eyeballs stay round: they move and swell only."""
    topology, mesh = build_topology(), read_base_mesh()
    moved = np.asarray(topology.binding @ delta)
    for eye, helper, (centre, radius) in zip(topology.eyes, EYE_HELPERS, average_eyes(), strict=True):
        ids = mesh.group_vertices(helper)
        arm = average_vertices()[ids] - centre
        swell = float((delta[ids] * arm).sum() / (arm**2).sum())
        moved[eye] = delta[ids].mean(axis=0) + swell * radius * topology.ball.directions
    return moved


def base_vertex_ids() -> IntArray:
    """(V,) int64: MakeHuman's (hm08) vertex number of every OpenHead vertex; -1 for teeth and eyeballs, which are our own."""
    return build_topology().base_ids


def base_mesh_vertices_for(vertices: Float64Array) -> Float64Array:
    """(19158, 3) float64: MakeHuman's base vertices where OpenHead `vertices` (V, 3) have them, NaN elsewhere; unit and frame as given.

    For attaching `.mhclo` hair, brows and lashes, which name base vertices of the head.
    """
    ids = base_vertex_ids()
    full = np.full((len(read_base_mesh().vertices), 3), np.nan)
    full[ids[ids >= 0]] = vertices[ids >= 0]
    return full
