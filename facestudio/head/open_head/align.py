"""Measures the constants of `placement`: `python -m facestudio.head.open_head.align FILE`, an npz with FLAME's `v_template` and `f`.

Not part of the build: it says how the three numbers came to be, and lets anybody measure them again.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from facestudio.geometry.rotations import exp_so3
from facestudio.geometry.shading import vertex_normals
from facestudio.head.open_head.cut import PART_NAMES
from facestudio.head.open_head.placement import SCALE, TRANSLATION, TURN_X
from facestudio.head.open_head.source import average_vertices
from facestudio.head.open_head.topology import build_topology, place
from facestudio.types import Float64Array, Mesh

_DECIMETRE = 0.1
_ROUNDS = 80
_KEPT = 0.85  # of the nearest pairs; the rest (neck's start, ears' roots) have no counterpart
_FACING = 0.2  # z of the normals of the face that take part: not the nostrils, not below the chin


@dataclass(frozen=True)
class Alignment:
    """scale, turn about X in degrees, translation (3,) metres, and the RMS distance left along the normals, millimetres."""

    scale: float
    turn_x: float
    translation: Float64Array
    residual_mm: float


def align(target: Mesh, scale: float = SCALE, keep_scale: bool = False) -> Alignment:
    """Point-to-plane ICP (Chen and Medioni 1992) of the average adult's face onto a head, from the recorded placement on."""
    topology = build_topology()
    points = _DECIMETRE * place(average_vertices(), np.eye(3))
    normals = vertex_normals(points, topology.faces)
    face = np.unique(topology.faces[np.isin(topology.parts, [PART_NAMES.index(p) for p in ("face", "lips")])])
    face = face[normals[face, 2] > _FACING]
    source, source_normals = points[face], normals[face]
    goal = np.asarray(target.vertices, dtype=np.float64)
    goal_normals = vertex_normals(goal, target.faces)
    tree = cKDTree(goal)
    angle, shift, residual = np.radians(TURN_X), np.array(TRANSLATION), np.zeros(1)
    for _ in range(_ROUNDS):
        rotation = exp_so3(np.array([angle, 0.0, 0.0]))
        moved = scale * source @ rotation.T
        distance, nearest = tree.query(moved + shift)
        n = goal_normals[nearest]
        good = (distance < np.quantile(distance, _KEPT)) & ((n * (source_normals @ rotation.T)).sum(axis=1) > 0.5)
        n, q = n[good], moved[good]
        residual = ((goal[nearest[good]] - q - shift) * n).sum(axis=1)
        columns = [(n * np.cross([1.0, 0.0, 0.0], q)).sum(axis=1), n[:, 1], n[:, 2]]
        if not keep_scale:
            columns.append((n * q / scale).sum(axis=1))
        step = np.linalg.lstsq(np.column_stack(columns), residual, rcond=None)[0]
        angle, shift = angle + step[0], shift + np.array([0.0, step[1], step[2]])
        scale += 0.0 if keep_scale else float(step[3])
    return Alignment(scale, float(np.degrees(angle)), shift, 1000.0 * float(np.sqrt((residual**2).mean())))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with np.load(Path(sys.argv[1]), allow_pickle=False) as data:
        flame = Mesh(data["v_template"], data["f"])
    for result in (align(flame), *(align(flame, s, keep_scale=True) for s in (1.02, 1.04, SCALE, 1.08))):
        logging.getLogger(__name__).info("%s", result)
