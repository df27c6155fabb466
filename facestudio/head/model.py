"""A head model in FLAME's form, and the one file format both OpenHead and FLAME are kept in.

The file is an uncompressed-name `.npz` without pickles: arrays under the names of `HeadModel`'s fields and a JSON text `meta`
with name, version, licence, the names of expressions, parts and joints. Bases may be stored as float16 (the rounding is below
2 micrometres); in memory they are float32.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facestudio.errors import HeadModelError
from facestudio.types import BoolArray, Float32Array, IntArray

JOINT_NAMES = ("root", "neck", "jaw", "eye_left", "eye_right")
EYES = JOINT_NAMES[3:]  # the eyeballs' parts have their joints' names
_FORMAT = 1


@dataclass(frozen=True)
class Embedding:
    """Landmarks as points on the head's surface: triangle and barycentric coordinates.

    faces: (N,) int32, index into the model's faces. bary: (N, 3) float32, rows sum to 1.
    ids: (N,) int32: which landmark of the scheme each row is (an embedding may leave points out).
    """

    ids: IntArray
    faces: IntArray
    bary: Float32Array


@dataclass(frozen=True)
class HeadModel:
    """A linear head with five joints, exactly as in FLAME (Li et al. 2017, eq. 1-3).

    template (V, 3) float32, metres, head frame.
    identity_basis (V, 3, S) float32, metres per standard deviation: identity coefficients have a N(0, I) prior.
    expression_basis (V, 3, E) float32, metres per unit of the named expression (PCA units for FLAME).
    pose_basis ((J-1) * 9, V * 3) float32: pose correctives, smplx's layout.
    joint_regressor (J, V) float32, rows sum to 1. parents (J,) int32, -1 for the root. skin_weights (V, J) float32, rows sum to 1.
    faces (F, 3) int32, counter-clockwise from outside. uv (T, 2) float32 in [0, 1]^2, v up. uv_faces (F, 3) int32 into uv.
    face_parts (F,) uint8, index into part_names.
    mirror (V,) int32: the vertex opposite each vertex across x = 0 (itself on the midline).
    embeddings: by scheme: "ibug68" (static points; for the jaw line the frontal position), "mediapipe478", "now7".
    contour_faces (Y, 17) int32 and contour_bary (Y, 17, 3) float32: the sliding jaw line of iBUG 0-16, one row per yaw of
    contour_yaws (Y,) float32 degrees, ascending (see geometry.frames for the sign).
    eye_islands (2, 4) float32: eye_left then eye_right: centre u, v of the eyeball's disc in the UV square (the pupil's middle), the
    iris' radius and the eyeball's radius in UV units; (0, 4) for models that have no such islands.
    """

    name: str
    licence: str
    template: Float32Array
    identity_basis: Float32Array
    expression_basis: Float32Array
    expression_names: tuple[str, ...]
    pose_basis: Float32Array
    joint_regressor: Float32Array
    parents: IntArray
    skin_weights: Float32Array
    faces: IntArray
    uv: Float32Array
    uv_faces: IntArray
    face_parts: IntArray
    part_names: tuple[str, ...]
    mirror: IntArray
    embeddings: Mapping[str, Embedding] = field(default_factory=dict)
    contour_yaws: Float32Array = field(default_factory=lambda: np.zeros(0, np.float32))
    contour_faces: IntArray = field(default_factory=lambda: np.zeros((0, 17), np.int32))
    contour_bary: Float32Array = field(default_factory=lambda: np.zeros((0, 17, 3), np.float32))
    eye_islands: Float32Array = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    version: str = "1"
    sha256: str = ""

    @property
    def vertex_count(self) -> int:
        """V."""
        return len(self.template)

    def part_faces(self, *names: str) -> BoolArray:
        """(F,) bool: the faces of the named parts. Unknown names match nothing, so that code serves models without, say, teeth."""
        wanted = [i for i, name in enumerate(self.part_names) if name in names]
        return np.isin(self.face_parts, wanted)

    def part_vertices(self, *names: str) -> BoolArray:
        """(V,) bool: the vertices of the named parts' faces."""
        mask = np.zeros(self.vertex_count, dtype=bool)
        mask[self.faces[self.part_faces(*names)].ravel()] = True
        return mask


_TEXT_FIELDS = ("name", "licence", "version", "expression_names", "part_names")
_SKIP = (*_TEXT_FIELDS, "embeddings", "sha256")
_INT_FIELDS = ("parents", "faces", "uv_faces", "mirror", "contour_faces")
_HALF_FIELDS = ("identity_basis", "expression_basis", "pose_basis")


def pack(model: HeadModel, half: bool = True) -> bytes:
    """The bytes of the model's file. half: store the bases as float16. Deterministic: equal models give equal bytes."""
    arrays: dict[str, NDArray[Any]] = {}
    for f in fields(HeadModel):
        if f.name in _SKIP:
            continue
        value = np.asarray(getattr(model, f.name))
        arrays[f.name] = value.astype(np.float16) if half and f.name in _HALF_FIELDS else value
    for scheme, e in model.embeddings.items():
        arrays[f"embedding/{scheme}/ids"] = e.ids
        arrays[f"embedding/{scheme}/faces"] = e.faces
        arrays[f"embedding/{scheme}/bary"] = e.bary
    meta = {"format": _FORMAT} | {k: getattr(model, k) for k in _TEXT_FIELDS}
    arrays["meta"] = np.frombuffer(json.dumps(meta, sort_keys=True).encode(), np.uint8)
    return pack_arrays(arrays)


def pack_arrays(arrays: Mapping[str, NDArray[Any]], stored: Collection[str] = ()) -> bytes:
    """The bytes of a compressed .npz. Deterministic: equal arrays give equal bytes, while np.savez would stamp the clock.

    stored: keys of arrays that are compressed already (pictures), and kept as they are.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for key in sorted(arrays):
            member = io.BytesIO()
            np.save(member, np.ascontiguousarray(arrays[key]), allow_pickle=False)
            how = zipfile.ZIP_STORED if key in stored else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(f"{key}.npy", (1980, 1, 1, 0, 0, 0)), member.getvalue(), how, 9)
    return buffer.getvalue()


def load(path: Path) -> HeadModel:
    """Read a head model file. Raises HeadModelError when it is missing, damaged or inconsistent."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise HeadModelError(
            f"The head model {path} cannot be read ({error.strerror}).", "Use open, flame, or the path of a head model file."
        ) from error
    try:
        model = _unpack(raw)
        check(model)
    except (KeyError, ValueError, TypeError, OSError, zipfile.BadZipFile, IndexError, EOFError) as error:
        what = f"{path.name} is damaged, or not a head model in FaceStudio's own format ({error})."
        remedy = "Bring FLAME in with `facestudio models import FILE` and use --head flame; reinstall FaceStudio for OpenHead."
        raise HeadModelError(what, remedy) from error
    return model


def _unpack(raw: bytes) -> HeadModel:
    with np.load(io.BytesIO(raw), allow_pickle=False) as data:
        meta = json.loads(bytes(data["meta"]).decode())
        if meta.get("format") != _FORMAT:
            raise ValueError(f"format {meta.get('format')!r}, this version reads {_FORMAT}")
        arrays: dict[str, NDArray[Any]] = {}
        embeddings: dict[str, dict[str, NDArray[Any]]] = {}
        for key in data.files:
            if key.startswith("embedding/"):
                _, scheme, part = key.split("/")
                embeddings.setdefault(scheme, {})[part] = data[key]
            elif key != "meta":
                array = data[key]
                if key in _INT_FIELDS:
                    arrays[key] = array.astype(np.int32)
                elif key == "face_parts":
                    arrays[key] = array.astype(np.uint8)
                else:
                    arrays[key] = np.ascontiguousarray(array, dtype=np.float32)
    return HeadModel(
        name=str(meta["name"]),
        licence=str(meta["licence"]),
        version=str(meta["version"]),
        expression_names=tuple(map(str, meta["expression_names"])),
        part_names=tuple(map(str, meta["part_names"])),
        embeddings={
            k: Embedding(e["ids"].astype(np.int32), e["faces"].astype(np.int32), e["bary"].astype(np.float32))
            for k, e in embeddings.items()
        },
        sha256=hashlib.sha256(raw).hexdigest(),
        **arrays,
    )


def check(model: HeadModel) -> None:
    """Raise ValueError naming the first thing about the model that cannot be right."""
    V, J, F = len(model.template), len(model.parents), len(model.faces)
    shapes = {
        "template": (V, 3),
        "identity_basis": (V, 3, model.identity_basis.shape[-1]),
        "expression_basis": (V, 3, len(model.expression_names)),
        "pose_basis": ((J - 1) * 9, V * 3),
        "joint_regressor": (J, V),
        "skin_weights": (V, J),
        "faces": (F, 3),
        "uv_faces": (F, 3),
        "face_parts": (F,),
        "mirror": (V,),
    }
    for name, shape in shapes.items():
        value = getattr(model, name)
        if value.shape != shape:
            raise ValueError(f"{name} has shape {value.shape}, expected {shape}")
        if not np.isfinite(value).all():
            raise ValueError(f"{name} holds values that are not finite")
    for name, top in (("faces", V), ("uv_faces", len(model.uv)), ("mirror", V), ("face_parts", len(model.part_names))):
        value = getattr(model, name)
        if value.size and (value.min() < 0 or value.max() >= top):
            raise ValueError(f"{name} points outside its range")
    for name in ("joint_regressor", "skin_weights"):
        if not np.allclose(getattr(model, name).sum(1), 1.0, atol=1e-3):
            raise ValueError(f"rows of {name} do not sum to 1")
    size = float(np.ptp(model.template[:, 1]))
    if not 0.15 < size < 0.6:
        raise ValueError(f"the head is {size:.3f} m tall: not metres")
