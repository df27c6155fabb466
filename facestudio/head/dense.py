"""The dense landmarks: 800 vertices of the head, each a landmark of its own (Wood et al. 2022; deep face SfM, section 3.1).

Which vertices they are is kept in `models/dense_landmarks.npz` and attached to a head model when it is loaded, not inside
`openhead.npz`: saved heads, libraries and the shipped sample name OpenHead by that file's hash, and a selection of points must not
make them all strangers to it. FLAME gets the same points through its registration to OpenHead.

The order is nested: the first 68 lie nearest to the iBUG 68, in iBUG's order, and every further one is the vertex farthest from all
before it (Gonzalez 1985), distances counted larger on the face. Left and right come in pairs, so that each selection of `SIZES` is its
own mirror image. Only skin that can be seen from outside takes part.

`python -m facestudio.head.dense` writes the file again.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facestudio import manifest
from facestudio.atomic import write_file
from facestudio.errors import HeadModelError
from facestudio.geometry.rasterize import rasterize
from facestudio.head.flame_import import topology_sha256
from facestudio.head.landmarks import embedding, on_surface
from facestudio.head.model import Embedding, HeadModel, load, pack_arrays
from facestudio.head.open_head.flame_correspondence import read_correspondence
from facestudio.paths import models_dir
from facestudio.types import BoolArray, Float64Array, IntArray

SCHEME = "dense800"
FILE = "dense_landmarks.npz"
COUNT = 800
SIZES = (68, 200, 300, 400, 500, 568, 800)
FACE_PARTS = ("face", "lips", "eyelids")
_ENTRY = {
    "name": "dense-landmarks",
    "file": FILE,
    "licence": "CC0-1.0 AND CC-BY-4.0",
    "made_by": "python -m facestudio.head.dense",
    "source": "vertex numbers of OpenHead, and through openhead_to_flame.npz (CC BY 4.0) triangle numbers and barycentric "
    "coordinates on FLAME 2023 Open's topology; no coordinates",
}


@dataclass(frozen=True)
class SelectionConfig:
    """Constants of the selection.

    weights: by part, how much larger distances count there (the density goes with the square). directions, share, pixels: a vertex takes
    part when at least this share of so many directions around the head sees it, in depth pictures of so many pixels. depth_m: the
    depth test's margin. flame_gap_m: farther than this from FLAME's registered skin a point has no counterpart there.
    """

    weights: tuple[tuple[str, float], ...] = (
        ("face", 1.0),
        ("lips", 2.2),
        ("eyelids", 2.2),
        ("ears", 0.9),
        ("scalp", 0.5),
        ("neck", 0.45),
    )
    directions: int = 96
    share: float = 0.12
    pixels: int = 512
    depth_m: float = 0.0015
    flame_gap_m: float = 0.004


def dense_ids(model: HeadModel, n: int = COUNT) -> IntArray:
    """(n,) int32: the vertices that are the first n dense landmarks of OpenHead, all different; n one of `SIZES`.

    Raises HeadModelError for models whose dense landmarks are not vertices (FLAME: use the embedding), ValueError for another n.
    """
    if n not in SIZES:
        raise ValueError(f"there is no selection of {n} dense landmarks, only of {', '.join(map(str, SIZES))}")
    e = embedding(model, SCHEME)
    if len(e.ids) < COUNT or not np.all(e.bary.max(1) == 1.0):
        raise HeadModelError(f"The dense landmarks of {model.name} are not vertices.", "Use its embedding dense800 instead.")
    corners = model.faces[e.faces]
    return np.asarray(corners[np.arange(COUNT), e.bary.argmax(1)][:n], dtype=np.int32)


def dense_mirror() -> IntArray:
    """(800,) int32: which dense landmark is the mirror image of which; itself on the midline. Raises HeadModelError."""
    return np.asarray(_read()["mirror"], dtype=np.int32)


def dense_on_face(model: HeadModel, n: int = COUNT) -> BoolArray:
    """(n,) bool: the dense landmarks on the face proper: skin from forehead to chin, lips and lids, not ears, scalp or neck."""
    return np.asarray(model.part_vertices(*FACE_PARTS) & ~model.part_vertices("ears", "scalp", "neck"))[dense_ids(model, n)]


def attach_dense(model: HeadModel) -> HeadModel:
    """The model with the embedding "dense800", or as it is when the shipped selection belongs to another topology."""
    if SCHEME in model.embeddings or not (models_dir() / FILE).is_file():
        return model
    data = _read()
    topology = topology_sha256(model.faces)
    if topology == data["openhead_topology"].item():
        found = _at_vertices(model, data["vertices"])
    elif topology == data["flame_topology"].item():
        found = Embedding(data["flame_ids"].astype(np.int32), data["flame_faces"].astype(np.int32), data["flame_bary"])
    else:
        return model
    return replace(model, embeddings={**model.embeddings, SCHEME: found})


def select(model: HeadModel, config: SelectionConfig | None = None) -> tuple[IntArray, IntArray]:
    """Choose the landmarks of OpenHead: vertices (800,) int32 and mirror (800,) int32. Deterministic."""
    config = config or SelectionConfig()
    usable = seen_from_outside(model, config)
    partner = model.mirror.astype(np.int64)
    usable &= usable[partner] & (partner[partner] == np.arange(len(partner)))
    weight = np.zeros(model.vertex_count)
    for name, factor in config.weights:
        weight[model.part_vertices(name)] = np.maximum(weight[model.part_vertices(name)], factor)
    weight[~usable] = 0.0
    points = model.template.astype(np.float64)
    chosen = _nearest_to_ibug(model, np.flatnonzero(usable), partner)
    distance = np.full(model.vertex_count, np.inf)
    for v in chosen:
        distance = np.minimum(distance, np.linalg.norm(points - points[v], axis=1))
    midline = partner == np.arange(len(partner))
    for size in SIZES[1:]:
        while len(chosen) < size:
            # The last place before a selection ends is for a point that is its own mirror image.
            score = weight * distance * (midline if size - len(chosen) == 1 else 1.0)
            score[chosen] = -1.0
            v = int(score.argmax())
            for w in dict.fromkeys((v, int(partner[v]))):
                chosen.append(w)
                distance = np.minimum(distance, np.linalg.norm(points - points[w], axis=1))
    row = {v: i for i, v in enumerate(chosen)}
    return np.array(chosen, np.int32), np.array([row[int(partner[v])] for v in chosen], np.int32)


def seen_from_outside(model: HeadModel, config: SelectionConfig | None = None) -> BoolArray:
    """(V,) bool: skin vertices that enough directions around the head see: no nostrils, ear canals, or what lies behind lids and lips."""
    config = config or SelectionConfig()
    skin = np.zeros(model.vertex_count, dtype=bool)
    for name, _ in config.weights:
        skin |= model.part_vertices(name)
    points = model.template.astype(np.float64)
    middle = 0.5 * (points.min(0) + points.max(0))
    zoom = 0.47 * config.pixels / np.linalg.norm(points - middle, axis=1).max()
    count = np.zeros(model.vertex_count)
    for back in _sphere(config.directions):
        right = np.cross([0.0, 1.0, 0.0], back)
        right /= np.linalg.norm(right)
        frame = np.stack([right, -np.cross(back, right), -back])
        x, y, z = ((points - middle) @ frame.T).T
        flat = np.column_stack([x * zoom + config.pixels / 2, y * zoom + config.pixels / 2, z + 1.0])
        depth = rasterize(flat, model.faces, config.pixels, config.pixels).zbuf
        column, row = np.rint(flat[:, 0]).astype(int), np.rint(flat[:, 1]).astype(int)
        count += flat[:, 2] < depth[row, column] + config.depth_m
    return np.asarray(skin & (count >= config.share * config.directions))


def _sphere(count: int) -> Float64Array:
    """(count, 3): directions spread evenly over the sphere (Fibonacci's spiral)."""
    k = np.arange(count) + 0.5
    height, turn = 1.0 - 2.0 * k / count, np.pi * (1.0 + np.sqrt(5.0)) * k
    flat = np.sqrt(1.0 - height**2)
    return np.column_stack([flat * np.sin(turn), height, flat * np.cos(turn)])


def _nearest_to_ibug(model: HeadModel, usable: IntArray, partner: IntArray) -> list[int]:
    """68 different vertices nearest to the iBUG landmarks, in their order, mirrored landmarks on mirrored vertices."""
    places = on_surface(model.template, model.faces, embedding(model, "ibug68"))
    points = model.template.astype(np.float64)
    chosen = [-1] * len(places)
    for i, place in enumerate(places):
        if chosen[i] >= 0:
            continue
        other = int(np.linalg.norm(places - place * [-1, 1, 1], axis=1).argmin())
        free = usable[~np.isin(usable, chosen)]
        free = free[(partner[free] == free) == (other == i)]
        v = int(free[np.linalg.norm(points[free] - place, axis=1).argmin()])
        chosen[i], chosen[other] = v, int(partner[v])
    return chosen


def _at_vertices(model: HeadModel, vertices: IntArray) -> Embedding:
    """Vertices (N,) as points of one of their triangles each."""
    corners = model.faces.ravel()
    first = np.full(model.vertex_count, -1, np.int64)
    first[corners[::-1]] = np.arange(len(corners))[::-1]
    at = first[vertices]
    bary = np.zeros((len(vertices), 3), np.float32)
    bary[np.arange(len(vertices)), at % 3] = 1.0
    return Embedding(np.arange(len(vertices), dtype=np.int32), (at // 3).astype(np.int32), bary)


def _read() -> dict[str, NDArray[Any]]:
    try:
        with np.load(models_dir() / FILE, allow_pickle=False) as data:
            return {name: data[name] for name in data.files}
    except (OSError, ValueError) as error:
        raise HeadModelError(f"{FILE} cannot be read ({error}).", "Reinstall FaceStudio.") from error


def write(folder: Path | None = None, config: SelectionConfig | None = None) -> Path:
    """Select on the shipped OpenHead and write the file with its manifest entry; returns the file. Raises OutputError."""
    folder, config = folder or models_dir(), config or SelectionConfig()
    model = load(models_dir() / "openhead.npz")
    vertices, mirror = select(model, config)
    links = read_correspondence()
    kept = links.gap[vertices] < config.flame_gap_m
    with np.load(models_dir() / "flame_embeddings.npz", allow_pickle=False) as data:
        flame_topology = data["topology"]
    arrays = {
        "vertices": vertices,
        "mirror": mirror,
        "openhead_topology": np.array(topology_sha256(model.faces)),
        "flame_ids": np.flatnonzero(kept).astype(np.int32),
        "flame_faces": links.on_flame_faces[vertices[kept]].astype(np.int32),
        "flame_bary": links.on_flame_bary[vertices[kept]],
        "flame_topology": flame_topology,
    }
    write_file(folder / FILE, pack_arrays(arrays))
    manifest.record(folder, _ENTRY)
    return folder / FILE


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
