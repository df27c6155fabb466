"""How alike left and right are beyond what OpenHead can show: `python tests/benchmarks/bench_symmetry.py FLAME_FILE`.

Heads are drawn from another model, FLAME 2023 Open (flame2023_open_shape60.npz), carried over to OpenHead's mesh, and OpenHead is fitted to
them by their vertices, as well as a head is known that was seen from all around. What is left along the normals of face and skin is what
refinement's displacement has to show: its standard deviation, and the correlation of each vertex with its opposite (`refinement.SYMMETRY`),
vertex by vertex and averaged over some millimetres around each.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from facestudio.geometry.shading import vertex_normals
from facestudio.head.open_head.build import build
from facestudio.head.open_head.scan_models import carry, read_flame
from facestudio.head.store import load_head
from facestudio.types import BoolArray, Float64Array

PEOPLE, KNOWN_M, INDEPENDENT = 200, 0.0005, 20.0  # a fit's error, which counts once for so many vertices
WIDTHS_M = (0.004, 0.008, 0.012)
MIDLINE_M = 0.006  # nearer than this a vertex is its own opposite, more or less


def averaged(values: Float64Array, places: Float64Array, face: BoolArray, width: float) -> Float64Array:
    """(N, V) values on a face (V,) as Gaussian means over a width, metres, at places (V, 3)."""
    near = np.exp(-0.5 * (((places[face][:, None] - places[face][None]) / width) ** 2).sum(-1))
    found = np.zeros_like(values)
    found[:, face] = values[:, face] @ (near / near.sum(1, keepdims=True)).T
    return found


def main() -> None:
    """Print both."""
    model, other = load_head("open"), carry(build(), read_flame(Path(sys.argv[1])))
    mean, modes, rng = np.asarray(other.mean, np.float64), np.asarray(other.modes, np.float64), np.random.default_rng(0)
    face, template = model.part_vertices("face", "skin", "lips"), model.template.astype(np.float64)
    points, normals = template[face], vertex_normals(template, model.faces)[face]
    shifts = np.tile(np.eye(3), (len(points), 1, 1))
    turns = np.stack([np.cross(axis, points) for axis in np.eye(3)], -1)
    columns = np.concatenate([model.identity_basis[face].astype(np.float64), shifts, turns], 2).reshape(3 * len(points), -1)
    prior = np.r_[np.ones(model.identity_basis.shape[2]), np.full(6, 1e-9)] * INDEPENDENT * KNOWN_M**2
    solver = np.linalg.solve(columns.T @ columns + np.diag(prior), columns.T)
    left = np.zeros((PEOPLE, len(template)))
    for person in left:
        goal = (mean + np.tensordot(rng.normal(size=len(modes)), modes, 1))[face].ravel() - points.ravel()
        rest = (goal - columns @ (solver @ goal)).reshape(-1, 3)
        person[face] = (rest * normals).sum(1)
    own = left - left.mean(0)
    around = [(f"that, averaged over {1000 * width:.0f} mm", averaged(own, template, face, width)) for width in WIDTHS_M]
    for name, found in (("what is left", left), ("without what all have in common", own), *around):
        paired = np.flatnonzero(face & face[model.mirror] & (np.abs(template[:, 0]) > MIDLINE_M))
        here, there = found[:, paired], found[:, model.mirror[paired]]
        likeness = (here * there).mean() / (here**2).mean()
        sys.stdout.write(f"{name}: {1000.0 * np.sqrt((here**2).mean()):.2f} mm, left against right {likeness:.2f}\n")


if __name__ == "__main__":
    main()
