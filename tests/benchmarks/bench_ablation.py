"""What each part of dense refinement is worth, and what worse photos cost: `python tests/benchmarks/bench_ablation.py FOLDER [VARIANT …]`.

FOLDER is a bench (see `facestudio evaluate --help`). Every variant refines from the landmark fit
with the bench's cameras, and is scored by the NoW protocol and without any alignment, all points of all heads pooled. Prints one line per
variant, in millimetres: NoW median / mean / 90 %; the same without alignment; the same without alignment on the sides of the face (jaw,
cheek and temple more than 65 degrees from straight ahead); and the share of errors without alignment inside one stated standard deviation.
With RAFT_WEIGHTS=FILE in the environment (`facestudio train raft` makes one) two more variants match by RAFT instead of DIS.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from facestudio.evaluate.datasets.bench import head_names, read_head
from facestudio.evaluate.now import Variant, measure
from facestudio.evaluate.scan_to_mesh import Surface
from facestudio.geometry.camera import scaled
from facestudio.head.landmarks import embedding, on_surface
from facestudio.head.model import HeadModel
from facestudio.head.store import load_head
from facestudio.landmarks.mediapipe_detector import MediapipeDetector
from facestudio.landmarks.segmentation import foreground_mask
from facestudio.pipeline.cameras_file import read_cameras
from facestudio.pipeline.evidence import Evidence, evidence_basis, evidence_error, landmark_term, with_dense
from facestudio.pipeline.import_triplet import find_views, read_photos
from facestudio.progress import CancelToken, silent
from facestudio.reconstruct.fit import Fit, fit_landmarks, head_to_world
from facestudio.reconstruct.mfnet.predict import measured_by, predict_head
from facestudio.reconstruct.refinement import RefineConfig, refine_config
from facestudio.training.raft.estimate import RaftFlow
from facestudio.types import BoolArray, ByteArray, Float32Array, Float64Array, Image, Mesh, Triplet, ViewName
from tests.benchmarks.finer_mesh import finer

EVERY = 4  # scan points that are measured: one in so many
SIDE_DEGREES = 65.0
Pixels = Callable[[ByteArray, ViewName, np.random.Generator], ByteArray]


def jpeg(pixels: ByteArray, view: ViewName, rng: np.random.Generator) -> ByteArray:
    """Compressed at quality 30."""
    _, packed = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 30])
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)


def noisy(pixels: ByteArray, view: ViewName, rng: np.random.Generator) -> ByteArray:
    """Grain of 8.5 / 255 on top of the bench's 2 to 4: three times its 3 in all."""
    return np.asarray(np.clip(pixels + rng.normal(0.0, 8.5, pixels.shape), 0, 255), np.uint8)


def brighter(pixels: ByteArray, view: ViewName, rng: np.random.Generator) -> ByteArray:
    """The left photo exposed 30 % more."""
    return np.asarray(np.clip(pixels * 1.3, 0, 255), np.uint8) if view == ViewName.LEFT else pixels


def darker(pixels: ByteArray, view: ViewName, rng: np.random.Generator) -> ByteArray:
    """The left photo exposed 30 % less."""
    return np.asarray(pixels * 0.7, np.uint8) if view == ViewName.LEFT else pixels


def half(pixels: ByteArray, view: ViewName, rng: np.random.Generator) -> ByteArray:
    """Half as wide and high."""
    return np.asarray(cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)


@dataclass(frozen=True)
class Trial:
    """One line of the table.

    config: None for the landmark fit alone. pixels: what is done to the photos. scale: of their size. finer: the head's mesh is
    subdivided; keep_finer: and scored so, else on its old vertices. network: MFNet's identity is weighed, as the product does.
    evidence: whose landmarks the head starts from and is held by.
    """

    config: RefineConfig | None = field(default_factory=RefineConfig)
    pixels: Pixels | None = None
    scale: float = 1.0
    masks: bool = True
    finer: bool = False
    keep_finer: bool = False
    network: bool = True
    evidence: Evidence = "dense"


def trials() -> dict[str, Trial]:
    """All variants by name."""
    c = RefineConfig()
    no_outline = replace(c, contour=replace(c.contour, least_contrast=2.0))
    wide = replace(c.sweep, reach_m=0.004, steps=33)
    plain_only = replace(c, flow=replace(c.flow, layer_sigma=(1.0, 1e3)))
    by_raft = replace(c, flow=replace(c.flow, estimator=raft_flow()))
    raft = {"RAFT": Trial(by_raft), "RAFT, no sweep": Trial(replace(by_raft, sweep_rounds=0))} if by_raft.flow.estimator else {}
    return raft | {
        "standard": Trial(),
        "draft": Trial(refine_config("draft")),
        "full": Trial(refine_config("full")),
        "landmarks only": Trial(None),
        "no outline": Trial(no_outline),
        "no dull reading": Trial(plain_only),
        "neither": Trial(replace(plain_only, contour=no_outline.contour)),
        "no sweep": Trial(replace(c, sweep_rounds=0)),
        "one sweep": Trial(replace(c, sweep_rounds=1)),
        "blur not in the equations": Trial(
            replace(c, flow=replace(c.flow, blur_px=1e-3), sweep=replace(c.sweep, blur_px=1e-3))
        ),
        "flow as sure as ever": Trial(replace(c, sweep_flow_inflation=1.0)),
        "sweep, no flow": Trial(
            replace(c, robust_m=(c.robust_m[-1],), sweep_rounds=8, sweep=wide, flow=replace(c.flow, layer_sigma=(1e3, 1e3)))
        ),
        "no landmarks": Trial(replace(c, landmark_inflation=1e3)),
        "mediapipe's landmarks": Trial(evidence="mediapipe"),
        "both landmarks": Trial(evidence="both"),
        "no network": Trial(network=False),
        "no symmetry": Trial(replace(c, surface=replace(c.surface, symmetry=0.0))),
        "no displacement": Trial(replace(c, surface=replace(c.surface, sigma_m=1e-5))),
        "weak prior (3 sigma)": Trial(replace(c, solve=replace(c.solve, identity_sigma=3.0))),
        "one round": Trial(replace(c, robust_m=(0.002,), focal_rounds=1, sweep_rounds=0)),
        "no person mask": Trial(masks=False),
        "JPEG quality 30": Trial(pixels=jpeg),
        "noise x 3": Trial(pixels=noisy),
        "left photo +30 %": Trial(pixels=brighter),
        "left photo -30 %": Trial(pixels=darker),
        "subdivided mesh": Trial(finer=True, keep_finer=True),
        "subdivided mesh, old vertices": Trial(finer=True),
        "640 x 360": Trial(pixels=half, scale=0.5),
    }


@cache
def raft_flow() -> RaftFlow | None:
    """RAFT with the weights that RAFT_WEIGHTS names, once per process."""
    weights = os.environ.get("RAFT_WEIGHTS")
    if not weights:
        return None
    return RaftFlow(Path(weights))


@cache
def model() -> HeadModel:
    """OpenHead, once per process."""
    return load_head("open")


@cache
def fine_model() -> HeadModel:
    """OpenHead subdivided, once per process."""
    return finer(model())


@cache
def fitted(
    dataset: Path, name: str, pixels: Pixels | None = None, scale: float = 1.0, evidence: Evidence = "dense"
) -> tuple[Triplet, list[Float32Array], Fit]:
    """Landmarks, person masks and landmark fit of one head's photos, once per process."""
    head, rng = read_head(dataset, name, calibrated=True), np.random.default_rng(0)
    rig = {name: scaled(camera, scale) for name, camera in read_cameras(head.cameras).items()}
    images = read_photos(list(head.photos), silent, CancelToken())
    if pixels is not None:
        names = (ViewName.LEFT, ViewName.FRONT, ViewName.RIGHT)
        images = [replace(i, pixels=pixels(i.pixels, name, rng)) for i, name in zip(images, names, strict=True)]
    with closing(MediapipeDetector()) as detector:
        triplet = find_views(images, evidence_basis(model()), detector, rig, silent, CancelToken())
    if evidence != "mediapipe":
        triplet = with_dense(triplet)
    fit = fit_landmarks(triplet.views, evidence_basis(model(), evidence), evidence_error(evidence))
    return triplet, [_mask(v.image) for v in triplet.views], fit


def _mask(image: Image) -> Float32Array:
    return foreground_mask(image)


@dataclass(frozen=True)
class Result:
    """One head in one variant. now, absolute: (P,) millimetres. side: (P,) bool. inside: (P,) bool, error within the stated sigma."""

    now: Float64Array
    absolute: Float64Array
    side: BoolArray
    inside: BoolArray


def run(job: tuple[Path, str, str]) -> Result:
    """Refine and score one head in one variant."""
    dataset, name, variant = job
    from facestudio.reconstruct.refine import refine  # the package offers a function of this name, too

    torch.set_num_threads(1)
    trial, head = trials()[variant], read_head(dataset, name, calibrated=True)
    triplet, masks, fit = fitted(dataset, name, trial.pixels, trial.scale, trial.evidence)
    mesh = fine_model() if trial.finer else model()
    neutral = mesh.template.astype(np.float64) + mesh.identity_basis @ fit.identity
    posed, cameras = neutral + mesh.expression_basis @ fit.expression, fit.cameras
    sigma_mm = np.full(len(neutral), np.nan)
    if trial.config is not None:
        given = [m if trial.masks else None for m in masks]
        found = refine(
            triplet.views,
            fit.cameras,
            mesh,
            fit.identity,
            fit.expression,
            given,
            trial.config,
            calibrated=True,
            landmarks=[landmark_term(model(), trial.evidence)],
            measured=measured_by(predict_head(triplet.views, model()).identity) if trial.network else None,
        )
        neutral, posed, cameras, sigma_mm = found.vertices, found.posed_vertices, found.cameras, 1000.0 * found.sigma_m
    if not trial.keep_finer:
        mesh = model()
        neutral, posed, sigma_mm = (a[: mesh.vertex_count] for a in (neutral, posed, sigma_mm))
    scan = head.scan[::EVERY]
    points = on_surface(neutral, mesh.faces, embedding(mesh, "now7"))
    now = measure(Mesh(neutral, mesh.faces), points, scan, head.landmarks, Variant.NOW).distances_mm
    first = triplet.views[0].camera
    assert first is not None
    world = head_to_world(first, (cameras[0].R, cameras[0].t))
    nearest = Surface(Mesh(posed @ world[:, :3].T + world[:, 3], mesh.faces)).nearest(scan)
    absolute = 1000.0 * nearest.distances
    local = (scan - world[:, 3]) @ world[:, :3]
    side = np.abs(np.degrees(np.arctan2(local[:, 0], local[:, 2]))) > SIDE_DEGREES
    return Result(now, absolute, side, absolute < sigma_mm[mesh.faces[nearest.faces]].mean(1))


def line(distances: Iterable[Float64Array]) -> str:
    """Median / mean / 90 % of all distances together."""
    pooled = np.concatenate(list(distances))
    return f"{np.median(pooled):.3f} / {pooled.mean():.3f} / {np.percentile(pooled, 90):.2f}"


def main() -> None:
    """Run the variants that were named, or all."""
    dataset, wanted = Path(sys.argv[1]), sys.argv[2:] or list(trials())
    with ProcessPoolExecutor(max(1, (os.cpu_count() or 2))) as pool:
        for variant in wanted:
            found = list(pool.map(run, [(dataset, name, variant) for name in head_names(dataset)]))
            columns = (line(r.now for r in found), line(r.absolute for r in found), line(r.absolute[r.side] for r in found))
            inside = np.concatenate([r.inside for r in found]).mean()
            sys.stdout.write(f"| {variant} | {' | '.join(columns)} | {100 * inside:.0f} % |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
