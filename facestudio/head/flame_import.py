"""Bring FLAME (Li et al. 2017) into our own head-model file: read without trust, check, add what its files lack, store."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from facestudio.atomic import write_file
from facestudio.errors import HeadModelError
from facestudio.head.flame_uv import PART_NAMES, unwrap
from facestudio.head.model import Embedding, HeadModel, check, pack, pack_arrays
from facestudio.head.restricted_pickle import read_pickled_arrays
from facestudio.paths import models_dir, user_models_dir
from facestudio.types import IntArray

STORED_NAME = "flame.npz"
EMBEDDINGS_NAME = "flame_embeddings.npz"
VERTICES, FACES, PARENTS = 5023, 9976, (-1, 0, 1, 1, 1)
IDENTITY_COMPONENTS = 300  # of shapedirs' 400; the rest are expressions
_OPEN_LICENCE = (
    "FLAME 2023 Open, (c) Max-Planck-Gesellschaft, CC BY 4.0. Li, Bolkart, Black, Li, Romero: Learning a model of facial shape and "
    "expression from 4D scans, ACM TOG (SIGGRAPH Asia) 2017. https://flame.is.tue.mpg.de"
)
_OTHER_LICENCE = (
    "FLAME, (c) Max-Planck-Gesellschaft, under the licence accepted when it was downloaded from https://flame.is.tue.mpg.de "
    "(research only, except FLAME 2023 Open)."
)
_REMEDY = "Import flame2023_Open.pkl (free at flame.is.tue.mpg.de), or generic_model.pkl of an older FLAME."
_SPELLINGS = {
    "v_template": ("v_template",),
    "shapedirs": ("shapedirs",),
    "posedirs": ("posedirs",),
    "J_regressor": ("J_regressor",),
    "weights": ("weights", "lbs_weights"),
    "f": ("f", "faces", "faces_tensor"),
    "parents": ("parents", "kintree_table"),
}


def import_flame(path: Path, store_dir: Path | None = None) -> Path:
    """Import a FLAME file and return where it is kept: `store_dir` (default: the user's models folder) / "flame.npz".

    path: flame2023_Open.pkl, generic_model.pkl, or an .npz with the same arrays; fewer identity components and no expressions
    are allowed. The file's name and sha256 are recorded as the model's version. Takes a few seconds: texture coordinates are
    computed here, once. Raises HeadModelError when the file is unsafe, damaged or not FLAME; OutputError when it cannot be stored.
    """
    path = Path(path)
    model = read_flame(path)
    folder = user_models_dir() if store_dir is None else Path(store_dir)
    target = folder / STORED_NAME
    # Not as half floats: the parity with smplx that we promise is finer than their rounding.
    write_file(target, pack(attach_embeddings(model), half=False))
    return target


def read_flame(path: Path) -> HeadModel:
    """A FLAME file as a head model, checked, with texture coordinates, parts and mirror map, but without landmarks."""
    arrays = _read_npz(path) if _is_zip(path) else read_pickled_arrays(path)
    a = {name: _pick(path, arrays, spellings) for name, spellings in _SPELLINGS.items()}
    parents = _parents(a["parents"])
    _check_flame(path, a, parents)
    identity, expression = np.split(a["shapedirs"].astype(np.float32), [IDENTITY_COMPONENTS], axis=2)
    template, faces = a["v_template"].astype(np.float32), a["f"].astype(np.int32)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    try:
        layout = unwrap(template, faces)
        model = HeadModel(
            name="flame",
            licence=_OPEN_LICENCE if "open" in path.stem.lower() else _OTHER_LICENCE,
            version=f"{path.name} sha256:{digest}",
            template=template,
            identity_basis=np.ascontiguousarray(identity),
            expression_basis=np.ascontiguousarray(expression),
            expression_names=tuple(f"expression{i:03d}" for i in range(1, expression.shape[2] + 1)),
            # smplx's layout: one row per entry of the joints' rotation matrices, one column per coordinate.
            pose_basis=np.ascontiguousarray(a["posedirs"].reshape(VERTICES * 3, -1).T, dtype=np.float32),
            joint_regressor=a["J_regressor"].astype(np.float32),
            parents=parents,
            skin_weights=a["weights"].astype(np.float32),
            faces=faces,
            uv=layout.uv,
            uv_faces=layout.uv_faces,
            face_parts=cast(IntArray, layout.face_parts),
            part_names=PART_NAMES,
            mirror=layout.mirror,
            eye_islands=layout.eye_islands,
        )
        check(model)
    except ValueError as error:
        raise HeadModelError(f"{path.name} is not FLAME: {error}.", _REMEDY) from error
    return model


def attach_embeddings(model: HeadModel) -> HeadModel:
    """The model with the landmark embeddings that we ship for FLAME's topology, or as it is when none are shipped.

    Raises HeadModelError when the shipped file was made for another order of faces.
    """
    path = models_dir() / EMBEDDINGS_NAME
    if not path.is_file():
        return model
    with np.load(path, allow_pickle=False) as data:
        if data["topology"].item() != topology_sha256(model.faces):
            what = f"The faces of {model.version.split(' ')[0]} are not in FLAME's order, so no landmark can be placed on them."
            raise HeadModelError(what, _REMEDY)
        schemes = sorted({key.split("/")[1] for key in data.files if key.startswith("embedding/")})
        embeddings = {
            scheme: Embedding(
                ids=data[f"embedding/{scheme}/ids"].astype(np.int32),
                faces=data[f"embedding/{scheme}/faces"].astype(np.int32),
                bary=data[f"embedding/{scheme}/bary"].astype(np.float32),
            )
            for scheme in schemes
        }
        return replace(
            model,
            embeddings=embeddings,
            contour_yaws=data["contour_yaws"].astype(np.float32),
            contour_faces=data["contour_faces"].astype(np.int32),
            contour_bary=data["contour_bary"].astype(np.float32),
        )


def write_embeddings(model: HeadModel, path: Path) -> None:
    """Keep a FLAME model's landmark embeddings in a file that `attach_embeddings` reads: none of FLAME's own data is in it."""
    arrays: dict[str, NDArray[Any]] = {
        "topology": np.array(topology_sha256(model.faces)),
        "contour_yaws": model.contour_yaws,
        "contour_faces": model.contour_faces,
        "contour_bary": model.contour_bary,
    }
    for scheme, e in model.embeddings.items():
        arrays |= {f"embedding/{scheme}/{part}": getattr(e, part) for part in ("ids", "faces", "bary")}
    write_file(path, pack_arrays(arrays))


def topology_sha256(faces: IntArray) -> str:
    """What tells one order of faces (F, 3) from another."""
    return hashlib.sha256(np.ascontiguousarray(faces, dtype="<i4").tobytes()).hexdigest()


def _is_zip(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(2) == b"PK"
    except OSError as error:
        raise HeadModelError(f"{path} cannot be read ({error.strerror}).", "Check the path.") from error


def _read_npz(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as data:
            return {key: data[key] for key in data.files}
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, NotImplementedError) as error:
        raise HeadModelError(f"{path.name} is damaged, or holds more than arrays ({error}).", _REMEDY) from error


def _pick(path: Path, arrays: dict[str, NDArray[Any]], spellings: tuple[str, ...]) -> NDArray[Any]:
    for name in spellings:
        if name in arrays and arrays[name].dtype.kind in "iuf":
            return arrays[name]
    raise HeadModelError(f"{path.name} is not FLAME: it has no array {spellings[0]!r}.", _REMEDY)


def _parents(table: NDArray[Any]) -> IntArray:
    """The parent of each joint; kintree_table is (2, J), and its root is the largest unsigned integer."""
    row = np.asarray(table[0] if table.ndim == 2 else table).astype(np.int64)
    return np.where((row < 0) | (row >= len(row)), -1, row).astype(np.int32)


def _check_flame(path: Path, a: dict[str, NDArray[Any]], parents: IntArray) -> None:
    joints = len(PARENTS)
    components = a["shapedirs"].shape[-1] if a["shapedirs"].ndim == 3 else 0
    wanted = {
        "v_template": (VERTICES, 3),
        "shapedirs": (VERTICES, 3, components),
        "posedirs": (VERTICES, 3, (joints - 1) * 9),
        "J_regressor": (joints, VERTICES),
        "weights": (VERTICES, joints),
        "f": (FACES, 3),
    }
    for name, shape in wanted.items():
        if a[name].shape != shape:
            raise HeadModelError(f"{path.name} is not FLAME: {name} has shape {a[name].shape}, not {shape}.", _REMEDY)
        if not np.isfinite(a[name]).all():
            raise HeadModelError(f"{path.name} is damaged: {name} holds values that are not finite.", _REMEDY)
    if tuple(parents.tolist()) != PARENTS:
        raise HeadModelError(f"{path.name} is not FLAME: its joints hang together as {parents.tolist()}.", _REMEDY)
    if a["f"].min() < 0 or a["f"].max() >= VERTICES:
        raise HeadModelError(f"{path.name} is damaged: a face points outside the vertices.", _REMEDY)
    for name in ("J_regressor", "weights"):
        if not np.allclose(a[name].sum(axis=1), 1.0, atol=1e-3):
            raise HeadModelError(f"{path.name} is damaged: the rows of {name} do not sum to 1.", _REMEDY)
    height = float(np.ptp(a["v_template"][:, 1]))
    if not 0.15 < height < 0.6:
        raise HeadModelError(f"{path.name} is not in metres: its head is {height:.3g} units tall; FLAME's is 0.32 m.", _REMEDY)
