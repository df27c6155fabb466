"""Where on the head mediapipe's landmarks, the iBUG 68 and the NoW 7 lie, found by detecting them in renders.

A landmark's place is what the detector means by it: every hit of its pixel on the surface, carried back to the template through
triangle and barycentric coordinates, over many subjects and views in which that spot faces the camera; the median of these places,
put back on the surface. Left and right are made symmetric. Points that scatter too much are left out.

Run `python -m facestudio.training.landmark_embedding --assets FOLDER` with the folder of MakeHuman's CC0 assets; with `--flame FILE`
the landmarks are carried to FLAME's topology as well.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from facestudio import manifest
from facestudio.errors import NoFaceError
from facestudio.geometry.camera import screen
from facestudio.geometry.rasterize import rasterize
from facestudio.geometry.rotations import exp_so3
from facestudio.geometry.shading import vertex_normals
from facestudio.head.flame_import import EMBEDDINGS_NAME, read_flame, write_embeddings
from facestudio.head.landmarks import on_surface
from facestudio.head.model import Embedding, HeadModel
from facestudio.head.open_head.flame_correspondence import read_correspondence
from facestudio.head.registration import closest_points
from facestudio.head.store import load_head
from facestudio.landmarks.mediapipe_detector import POINTS, SCHEME, MediapipeDetector
from facestudio.landmarks.mirror_map import MEDIAPIPE_MIRROR
from facestudio.paths import models_dir
from facestudio.training.subjects import PICTURE, photograph_subject
from facestudio.training.synth.portrait import Wardrobe, read_wardrobe
from facestudio.types import BoolArray, Float32Array, Float64Array, Image, IntArray

_LOG = logging.getLogger(__name__)

# iBUG's 68 points (Sagonas et al. 2013) by the mediapipe point at the same anatomical place.
IBUG_FROM_MEDIAPIPE = (
    *(
        127,
        234,
        93,
        132,
        58,
        172,
        150,
        176,
        152,
        400,
        379,
        397,
        288,
        361,
        323,
        454,
        356,
    ),  # jaw line, the subject's right to left
    *(70, 63, 105, 66, 107, 336, 296, 334, 293, 300),  # brows
    *(168, 197, 5, 4, 98, 97, 2, 326, 327),  # nose
    *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),  # eyes
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181),  # outer lips
    *(78, 82, 13, 312, 308, 317, 14, 87),  # inner lips
)
NOW_FROM_MEDIAPIPE = (33, 133, 362, 263, 2, 61, 291)
_MOVABLE = tuple(range(468, 478))  # irises: on the eyeballs
_FLAME_ENTRY = {
    "name": "flame-embeddings",
    "file": EMBEDDINGS_NAME,
    "licence": "CC0-1.0 AND CC-BY-4.0",
    "made_by": "python -m facestudio.training.landmark_embedding --flame ../shared/data/flame2023_open/flame2023_open_shape60.npz",
    "source": "triangle numbers and barycentric coordinates of our landmarks on FLAME 2023 Open's topology (CC BY 4.0); no coordinates",
}


@dataclass(frozen=True)
class EmbeddingConfig:
    """Constants of the embedding: subjects and yaws rendered, how squarely a spot must face the camera, and the largest scatter kept."""

    subjects: int = 48
    yaws: tuple[float, ...] = (-35.0, -18.0, 0.0, 18.0, 35.0)
    facing: float = 0.35
    largest_scatter: float = 0.006
    fewest_hits: int = 12
    contour_yaws: tuple[float, ...] = (-60.0, -45.0, -30.0, -15.0, 0.0, 15.0, 30.0, 45.0, 60.0)


def embed(model: HeadModel, wardrobe: Wardrobe, config: EmbeddingConfig | None = None) -> HeadModel:
    """The model with embeddings "mediapipe478", "ibug68", "now7" and the sliding jaw line."""
    config = config or EmbeddingConfig()
    places, facing = _hits(model, wardrobe, config)
    ids, points, scatter = _consensus(places, facing, config)
    steady = scatter <= config.largest_scatter
    _LOG.info("%d of %d landmarks are steady, median scatter %.2f mm", steady.sum(), POINTS, 1000 * float(np.median(scatter)))
    _LOG.info("left out: %s", sorted(set(range(POINTS)) - set(ids[steady].tolist())))
    return attach(model, ids, _symmetric(ids, points), steady, config)


def attach(model: HeadModel, ids: IntArray, points: Float64Array, steady: BoolArray, config: EmbeddingConfig) -> HeadModel:
    """The model with all embeddings, from places (N, 3) of mediapipe landmarks `ids` near its template's surface, metres.

    steady: (N,) bool: the landmarks that belong into "mediapipe478"; the other two schemes need some of the rest as well.
    """
    skin = np.flatnonzero(~model.part_faces("eye_left", "eye_right", "teeth", "tongue", "mouth_interior"))
    eyes = np.flatnonzero(model.part_faces("eye_left", "eye_right"))
    movable = np.isin(ids, _MOVABLE)
    faces, bary = np.zeros(len(ids), np.int32), np.zeros((len(ids), 3), np.float32)
    for chosen, allowed in ((~movable, skin), (movable, eyes)):
        if chosen.any() and len(allowed):
            faces[chosen], bary[chosen] = on_template(model, points[chosen], allowed)
    mediapipe = Embedding(ids[steady].astype(np.int32), faces[steady], bary[steady])
    row = {int(k): i for i, k in enumerate(ids)}

    def subset(names: Sequence[int]) -> Embedding:
        rows = [row[k] for k in names]
        return Embedding(np.arange(len(names), dtype=np.int32), faces[rows], bary[rows])

    ibug = subset(IBUG_FROM_MEDIAPIPE)
    contour_faces, contour_bary = sliding_jaw(model, ibug, config.contour_yaws)
    return replace(
        model,
        embeddings={**model.embeddings, "mediapipe478": mediapipe, "ibug68": ibug, "now7": subset(NOW_FROM_MEDIAPIPE)},
        contour_yaws=np.asarray(config.contour_yaws, np.float32),
        contour_faces=contour_faces,
        contour_bary=contour_bary,
    )


def on_template(model: HeadModel, points: Float64Array, allowed: IntArray) -> tuple[IntArray, Float32Array]:
    """Triangles (N,) int32 and barycentrics (N, 3) float32 of the template's surface points nearest to points (N, 3)."""
    hit = closest_points(points, model.template, model.faces[allowed])
    return allowed[hit.faces].astype(np.int32), hit.bary.astype(np.float32)


def _hits(model: HeadModel, wardrobe: Wardrobe, config: EmbeddingConfig) -> tuple[Float64Array, Float64Array]:
    """Places on the template (views, 478, 3), NaN where the pixel misses the head, and how squarely the spot faced the camera."""
    places, facing = [], []
    with MediapipeDetector() as detector:
        for seed in range(config.subjects):
            subject = photograph_subject(model, wardrobe, config.yaws, 10_000 + seed)
            normals = vertex_normals(subject.vertices, model.faces)
            for photo in subject.photographs:
                try:
                    points = detector.detect(Image(photo.picture), f"subject {seed}").landmarks.points
                except NoFaceError:
                    continue
                fragments = rasterize(screen(photo.camera, subject.vertices), model.faces, *PICTURE)
                x, y = np.rint(points).astype(int).T
                inside = (x >= 0) & (y >= 0) & (x < PICTURE[1]) & (y < PICTURE[0])
                face = np.where(inside, fragments.pix_to_face[y.clip(0, PICTURE[0] - 1), x.clip(0, PICTURE[1] - 1)], -1)
                bary = fragments.bary[y.clip(0, PICTURE[0] - 1), x.clip(0, PICTURE[1] - 1)].astype(np.float64)
                corners = model.faces[face]
                place = np.einsum("nk,nkc->nc", bary, model.template[corners].astype(np.float64))
                normal = np.einsum("nk,nkc->nc", bary, normals[corners])
                place[face < 0] = np.nan
                places.append(place)
                facing.append(np.where(face >= 0, -(normal @ photo.camera.R[2]), -1.0))
    return np.array(places), np.array(facing)


def _consensus(
    places: Float64Array, facing: Float64Array, config: EmbeddingConfig
) -> tuple[IntArray, Float64Array, Float64Array]:
    """The landmarks that were hit often enough: ids (N,), places (N, 3), scatter (N,) metres (median distance from the median)."""
    ids, points, scatters = [], [], []
    for i in range(POINTS):
        hit = np.isfinite(places[:, i, 0])
        good = hit & (facing[:, i] > config.facing)
        if good.sum() < config.fewest_hits:
            good = hit  # a contour point never faces a camera squarely: take what there is
        if good.sum() < config.fewest_hits:
            continue
        place = np.median(places[good, i], axis=0)
        ids.append(i)
        points.append(place)
        scatters.append(float(np.median(np.linalg.norm(places[good, i] - place, axis=1))))
    return np.array(ids), np.array(points), np.array(scatters)


def _symmetric(ids: IntArray, points: Float64Array) -> Float64Array:
    """Average every place with its mirror partner's mirrored place."""
    by_id = dict(zip(ids.tolist(), points, strict=True))
    flip = np.array([-1.0, 1.0, 1.0])
    return np.array([(p + flip * by_id.get(int(MEDIAPIPE_MIRROR[i]), flip * p)) / 2 for i, p in zip(ids, points, strict=True)])


def sliding_jaw(model: HeadModel, ibug: Embedding, yaws: Sequence[float]) -> tuple[IntArray, Float32Array]:
    """The jaw line's 17 points for each yaw, (Y, 17) faces and (Y, 17, 3) barycentrics.

    Points on the side that faces the camera stay; on the averted side each slides, at its own height, to the silhouette of the cheek.
    """
    skin = np.flatnonzero(
        ~model.part_faces("eye_left", "eye_right", "teeth", "tongue", "mouth_interior", "ears", "neck", "scalp")
    )
    corners = model.template.astype(np.float64)[model.faces[skin]]
    centres = corners.mean(1)
    jaw = np.einsum(
        "nk,nkc->nc", ibug.bary[:17].astype(np.float64), model.template[model.faces[ibug.faces[:17]]].astype(np.float64)
    )
    faces, bary = np.repeat(ibug.faces[None, :17], len(yaws), 0), np.repeat(ibug.bary[None, :17], len(yaws), 0)
    for k, yaw in enumerate(yaws):
        if abs(yaw) < 1.0:
            continue
        seen = centres @ exp_so3(np.radians([0.0, -yaw, 0.0])).T  # as the camera at this yaw sees them, x to its right
        outward = -np.sign(yaw)  # the averted side's direction in that picture
        for i in range(17):
            averted = jaw[i, 0] * yaw < 0 and not 7 <= i <= 9
            if not averted:
                continue
            level = np.flatnonzero((np.abs(centres[:, 1] - jaw[i, 1]) < 0.006) & (centres[:, 2] > jaw[i, 2] - 0.005))
            if not len(level):
                continue
            edge = level[int(np.argmax(outward * seen[level, 0]))]
            # The side the point started from must lie behind the silhouette, else it is the silhouette already.
            faces[k, i], bary[k, i] = skin[edge], np.full(3, 1 / 3, np.float32)
    return faces.astype(np.int32), bary.astype(np.float32)


def carry_to_flame(model: HeadModel, flame: HeadModel, config: EmbeddingConfig | None = None) -> HeadModel:
    """FLAME with OpenHead's landmarks, carried through the dense correspondence between the two."""
    as_openhead = read_correspondence().to_openhead(flame.template, flame.faces)
    full, ids = model.embeddings[SCHEME], model.embeddings[SCHEME].ids
    # The iBUG 68 and NoW points that are not steady enough for the 478 are carried from their own embeddings.
    extra = {
        k: (e.faces[i], e.bary[i])
        for scheme, names in (("ibug68", IBUG_FROM_MEDIAPIPE), ("now7", NOW_FROM_MEDIAPIPE))
        for e in (model.embeddings[scheme],)
        for i, k in enumerate(names)
        if k not in set(ids.tolist())
    }
    everything = Embedding(
        np.concatenate([ids, np.array(list(extra), np.int32)]),
        np.concatenate([full.faces, np.array([f for f, _ in extra.values()], np.int32)]),
        np.concatenate([full.bary, np.array([b for _, b in extra.values()], np.float32).reshape(-1, 3)]),
    )
    points = on_surface(as_openhead, model.faces, everything)
    return attach(flame, everything.ids, points, np.arange(len(everything.ids)) < len(ids), config or EmbeddingConfig())


def main() -> None:
    """Embed the landmarks into the shipped OpenHead, and with --flame carry them to FLAME's topology."""
    from facestudio.head.open_head.build import save

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=Path, help="MakeHuman's CC0 assets: detect and embed anew")
    parser.add_argument("--flame", type=Path, help="a FLAME file: write the embeddings for its topology")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    model = load_head("open")
    if arguments.assets:
        model = embed(model, read_wardrobe(arguments.assets, model))
        save(model, models_dir())
    if arguments.flame:
        write_embeddings(carry_to_flame(model, read_flame(arguments.flame)), models_dir() / EMBEDDINGS_NAME)
        manifest.record(models_dir(), _FLAME_ENTRY)


if __name__ == "__main__":
    main()
