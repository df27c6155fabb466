"""Dense correspondence between OpenHead and FLAME: `python -m facestudio.head.open_head.flame_correspondence --shared FOLDER`.

Only triangle numbers and barycentric coordinates are stored, no coordinates of either model.
"""

from __future__ import annotations

import argparse
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facestudio import manifest
from facestudio.atomic import write_file
from facestudio.errors import HeadModelError
from facestudio.geometry.shading import vertex_normals
from facestudio.head.model import HeadModel, pack_arrays
from facestudio.head.open_head.scan_models import SKIN_PARTS, bend, carry_islands, read_flame
from facestudio.head.registration import SurfacePoints, closest_points
from facestudio.paths import models_dir
from facestudio.types import BoolArray, Float32Array, Float64Array, FloatArray, IntArray

FILE = "openhead_to_flame.npz"
_FLAME_EYES = (("eye_left", slice(3931, 4477)), ("eye_right", slice(4477, 5023)))
_ENTRY = {
    "name": "openhead-to-flame",
    "file": FILE,
    "licence": "CC0-1.0 AND CC-BY-4.0",
    "made_by": "python -m facestudio.head.open_head.flame_correspondence --shared ../shared",
    "source": "triangle numbers and barycentric coordinates from registering OpenHead to the mean of FLAME 2023 Open "
    "(CC BY 4.0, (c) Max-Planck-Gesellschaft; Li et al. 2017); holds no coordinates of either",
}


@dataclass(frozen=True)
class FlameCorrespondence:
    """Where each model's vertices lie on the other one.

    on_openhead_faces (5023,) int32 and on_openhead_bary (5023, 3) float32: every FLAME vertex on OpenHead's triangles.
    on_flame_faces (V,) int32 and on_flame_bary (V, 3) float32: every OpenHead vertex on FLAME's triangles.
    gap: (V,) float32, metres: how far the registered OpenHead is from FLAME's mean there; infinite off the outer skin.
    """

    on_openhead_faces: IntArray
    on_openhead_bary: Float32Array
    on_flame_faces: IntArray
    on_flame_bary: Float32Array
    gap: Float32Array

    def to_flame(self, vertices: FloatArray, faces: IntArray) -> Float64Array:
        """An OpenHead (V, 3) with its faces, resampled at FLAME's vertices: (5023, 3) float64, same unit and frame."""
        corners = np.asarray(vertices, dtype=np.float64)[faces[self.on_openhead_faces]]
        return np.asarray(np.einsum("nk,nkx->nx", self.on_openhead_bary.astype(np.float64), corners))

    def to_openhead(self, vertices: FloatArray, faces: IntArray) -> Float64Array:
        """A FLAME head (5023, 3) with its faces, resampled at OpenHead's vertices: (V, 3) float64, same unit and frame."""
        corners = np.asarray(vertices, dtype=np.float64)[faces[self.on_flame_faces]]
        return np.asarray(np.einsum("nk,nkx->nx", self.on_flame_bary.astype(np.float64), corners))


def read_correspondence(path: Path | None = None) -> FlameCorrespondence:
    """The shipped correspondence, or that of a file. Raises HeadModelError when it is missing or damaged."""
    path = path or models_dir() / FILE
    try:
        with np.load(path, allow_pickle=False) as data:
            return FlameCorrespondence(**{name: data[name] for name in FlameCorrespondence.__dataclass_fields__})
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise HeadModelError(f"{path.name} cannot be read ({error}).", "Run `python3 run.py setup` again.") from error


def correspond(model: HeadModel, vertices: Float64Array, faces: IntArray, bent: Float64Array) -> FlameCorrespondence:
    """Match FLAME's mean (5023, 3), metres, and OpenHead bent onto it (V, 3); eyeballs are matched ball to ball."""
    eyes = model.part_vertices("eye_left", "eye_right")
    skin = model.part_vertices(*SKIN_PARTS)
    eye_rows = np.zeros(len(vertices), dtype=bool)
    eye_rows[_FLAME_EYES[0][1].start :] = True
    body, body_flame = model.faces[~eyes[model.faces].any(1)], faces[~eye_rows[faces].any(1)]
    there = closest_points(vertices, bent, body, vertex_normals(vertices, faces), keep=0.0)
    here = closest_points(bent, vertices, body_flame, vertex_normals(bent, model.faces), keep=0.0)
    on_open = _numbered(there, ~eyes[model.faces].any(1))
    on_flame = _numbered(here, ~eye_rows[faces].any(1))
    for name, rows in _FLAME_EYES:
        ball, part = model.part_vertices(name), np.zeros(len(vertices), dtype=bool)
        part[rows] = True
        ours, theirs = ball[model.faces].all(1), part[faces].all(1)
        fitted = _ball_to_ball(vertices[part], bent[ball])
        _put(on_open, part, closest_points(fitted, bent, model.faces[ours]), ours)
        fitted = _ball_to_ball(bent[ball], vertices[part])
        _put(on_flame, ball, closest_points(fitted, vertices, faces[theirs]), theirs)
    gap = np.where(skin, here.distance, np.inf).astype(np.float32)
    return FlameCorrespondence(on_open[0], on_open[1], on_flame[0], on_flame[1], gap)


def _numbered(points: SurfacePoints, chosen: BoolArray) -> tuple[IntArray, Float32Array]:
    """Triangle numbers among all faces, for points on the chosen ones (F,) bool, and barycentric coordinates."""
    return np.flatnonzero(chosen)[points.faces].astype(np.int32), points.bary.astype(np.float32)


def _put(into: tuple[IntArray, Float32Array], rows: BoolArray, points: SurfacePoints, chosen: BoolArray) -> None:
    into[0][rows], into[1][rows] = _numbered(points, chosen)


def _ball_to_ball(source: Float64Array, target: Float64Array) -> Float64Array:
    """Points of one ball moved and scaled onto another, by the middle and size of their boxes."""
    low, high = source.min(0), source.max(0)
    goal_low, goal_high = target.min(0), target.max(0)
    scale = np.linalg.norm(goal_high - goal_low) / np.linalg.norm(high - low)
    return np.asarray((source - 0.5 * (low + high)) * scale + 0.5 * (goal_low + goal_high))


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: register and write the correspondence with its manifest entry."""
    from facestudio.head.open_head.build import build

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--shared", type=Path, required=True, help="folder with data/flame2023_open")
    parser.add_argument("--folder", type=Path, default=models_dir(), help="where to write the file and its manifest entry")
    options = parser.parse_args(arguments)
    path = options.shared / "data" / "flame2023_open" / "flame2023_open_shape60.npz"
    model, flame = build(), read_flame(path)
    with np.load(path, allow_pickle=False) as data:
        faces = data["f"].astype(np.int32)
    bent, placed = bend(model, flame)
    bent = model.template + carry_islands(model, bent - model.template)
    found = correspond(model, placed, faces, bent)
    arrays = {name: getattr(found, name) for name in FlameCorrespondence.__dataclass_fields__}
    write_file(options.folder / FILE, pack_arrays(arrays))
    manifest.record(options.folder, _ENTRY)


if __name__ == "__main__":
    main()
