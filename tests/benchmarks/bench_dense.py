"""The dense landmarks beside mediapipe's, on a bench and on synthetic photos.

`python -m tests.benchmarks.bench_dense WHAT …`, WHAT being `accuracy BENCH`, `limit BENCH`, `floor`, `synthetic TRIPLETS` or `speed`.

accuracy: OpenHead is registered to each truth mesh (its NoW points, its surface); landmarks of that head, projected by the true cameras,
are the truth. "common": dense points within 4 mm of a mediapipe landmark on the head, and those landmarks. "same on all heads": length of
the mean error of a point over the heads, front photos. limit: the fit with those true landmarks instead of detected ones. floor: how far
a registered head's landmarks are from the true ones where these are known: on synthetic heads, some of them bent out of the model.
synthetic: start and answer on held-out photos that training.dense.detected has looked at, as they are and in another look. speed: per
view, warm, two threads, without mediapipe's own pass, beside its network as it was trained and a bare ResNet-18 on as many pictures.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from facestudio.evaluate.datasets.bench import head_names, read_head
from facestudio.evaluate.landmark_errors import (
    BANDS,
    LandmarkErrors,
    in_band,
    landmark_errors,
    mean_distance,
    share_inside,
    true_landmarks,
)
from facestudio.evaluate.now import Variant
from facestudio.evaluate.prediction import Prediction
from facestudio.evaluate.registered import register_head
from facestudio.evaluate.scoring import score
from facestudio.head.dense import attach_dense, dense_ids, dense_on_face
from facestudio.head.landmarks import embedding, now_landmarks, on_surface
from facestudio.head.store import load_head
from facestudio.landmarks.crop import MARGIN
from facestudio.landmarks.dense_net import DenseConfig, dense_landmarks
from facestudio.landmarks.mediapipe_detector import POINTS, MediapipeDetector
from facestudio.pipeline.cameras_file import read_cameras
from facestudio.pipeline.evidence import evidence_basis
from facestudio.progress import CancelToken
from facestudio.reconstruct.detector_error import ignorant
from facestudio.reconstruct.fit import fit_landmarks
from facestudio.training.dense.augment import another_look
from facestudio.training.dense.detected import read_detected
from facestudio.training.dense.examples import usable
from facestudio.training.dense.starts import true_points
from facestudio.training.synth.shard import read_dataset, read_shard
from facestudio.types import Float64Array, Image, Landmarks, Mesh, View, ViewName

_LOG = logging.getLogger(__name__)
Errors = dict[str, list[LandmarkErrors]]


def read_image(path: Path) -> Image:
    """A picture file as RGB."""
    return Image(np.ascontiguousarray(cv2.imread(str(path))[..., ::-1]), source=path)


def accuracy(bench: Path, weights: Path | None) -> None:
    """Print the table."""
    model = attach_dense(load_head("open"))
    schemes = {name: embedding(model, name) for name in ("mediapipe478", "dense800")}
    places = {k: on_surface(model.template, model.faces, e) for k, e in schemes.items()}
    gaps = np.linalg.norm(places["dense800"][:, None] - places["mediapipe478"][None], axis=2)
    skin = schemes["mediapipe478"].ids < 468
    common = {
        "dense800": schemes["dense800"].ids[gaps[:, skin].min(1) < 0.004],
        "mediapipe478": schemes["mediapipe478"].ids[(gaps.min(0) < 0.004) & skin],
    }
    _LOG.info("%s points in common", {k: len(v) for k, v in common.items()})
    found: Errors = {k: [] for k in ("mediapipe common", "dense common", "dense face", "dense all", "mediapipe all")}
    face = np.flatnonzero(dense_on_face(model))
    gap = []
    with MediapipeDetector() as detector:
        for name in head_names(bench):
            head = read_head(bench, name, calibrated=True)
            registered = register_head(model, head.truth, head.landmarks)
            gap.append(registered.gap[dense_ids(model)[face]])
            cameras = read_cameras(head.cameras)
            images = [read_image(path) for path in head.photos]
            faces = [detector.detect(image, name).landmarks for image in images]
            dense = dense_landmarks(images, faces, weights)
            row: list[str] = []
            for k, view in enumerate(ViewName):
                truth = {s: true_landmarks(model, e, registered, head.truth, cameras[view]) for s, e in schemes.items()}
                add(found, "mediapipe common", faces[k], truth["mediapipe478"], common["mediapipe478"], row)
                add(found, "dense common", dense[k], truth["dense800"], common["dense800"], row)
                add(found, "dense face", dense[k], truth["dense800"], face)
                add(found, "dense all", dense[k], truth["dense800"], None)
                add(found, "mediapipe all", faces[k], truth["mediapipe478"], np.arange(468))
            _LOG.info("%-14s %s", name, " ".join(row))
    _LOG.info(f"registration: {1000 * np.median(np.concatenate(gap)):.2f} mm median from the truth's surface")
    for name in ("mediapipe common", "dense common"):
        front = in_band(found[name], 0.0, 20.0)
        by_point: dict[int, list[Float64Array]] = {}
        for e in front:
            for number, error in zip(e.ids.tolist(), e.error, strict=True):
                by_point.setdefault(number, []).append(error)
        same = [np.linalg.norm(np.mean(v, axis=0)) for v in by_point.values() if len(v) > 6]
        _LOG.info(f"{name}: {np.mean(same):.2f} px of the front error is the same on all heads")
    for name, errors in found.items():
        if not errors:
            continue
        bands = [(band, in_band(errors, low, high)) for band, low, high in BANDS]
        text = "  ".join(f"{b} {mean_distance(e):5.2f} px, {100 * share_inside(e):3.0f} % inside 1 sigma" for b, e in bands)
        _LOG.info(f"{name:18s} {text}")


def add(found: Errors, kind: str, marks: Landmarks, truth: object, only: object, row: list[str] | None = None) -> None:
    """Keep one photo's errors, and say them in the head's row."""
    errors = landmark_errors(marks, truth, only)  # type: ignore[arg-type]
    found[kind].append(errors)
    if row is not None:
        row.append(f"{errors.distance.mean():5.2f}")


def limit(bench: Path, noise_px: float = 0.0) -> None:
    """Print what the fit makes of the true places of the dense landmarks of the face, and of these with noise."""
    model = attach_dense(load_head("open"))
    basis = evidence_basis(model, "dense")
    dense = embedding(model, "dense800")
    for noise in (noise_px, noise_px + 1.0, noise_px + 2.0):
        rng = np.random.default_rng(0)
        kept = []
        for name in head_names(bench):
            head = read_head(bench, name, calibrated=True)
            registered, cameras = register_head(model, head.truth, head.landmarks), read_cameras(head.cameras)
            views = []
            for path, view in zip(head.photos, ViewName, strict=True):
                true = true_landmarks(model, dense, registered, head.truth, cameras[view])
                points, sigma = np.zeros((POINTS + len(dense.ids), 2)), np.full(POINTS + len(dense.ids), 1e4)
                points[POINTS + true.ids] = true.points + noise * rng.standard_normal(true.points.shape)
                sigma[POINTS + true.ids[true.visible]] = max(noise, 0.5)
                views.append(View(view, read_image(path), cameras[view], Landmarks(points, "true", sigma)))
            fit = fit_landmarks(views, basis, ignorant(basis.ids, 0.0003))
            vertices = model.template.astype(np.float64) + model.identity_basis @ fit.identity
            own, _ = score(
                Prediction(Mesh(vertices, model.faces.astype(np.int64)), now_landmarks(model, vertices)), head, CancelToken()
            )
            kept.append(own.distances_mm[Variant.NOW])
        every = np.concatenate(kept)
        _LOG.info(f"true landmarks, {noise:.1f} px of independent noise: NoW {np.median(every):.3f} / {every.mean():.3f} mm")


def floor(subjects: int = 4, noise_m: float = 0.0009) -> None:
    """Print how far registered landmarks are from true ones, on heads of the model and on such heads bent smoothly by 2 mm.

    noise_m: of the seven NoW points, as the bench states it.
    """
    model = attach_dense(load_head("open"))
    now, rows = embedding(model, "now7"), dense_ids(model)
    marks = embedding(model, "mediapipe478")
    places = on_surface(model.template, model.faces, marks)[marks.ids < 468]
    common = np.linalg.norm(model.template[rows][:, None] - places[None], axis=2).min(1) < 0.004
    faces = model.faces[model.part_faces("face", "lips", "eyelids", "ears", "neck", "scalp", "eye_left", "eye_right")].astype(
        np.int64
    )
    for bent_m in (0.0, 0.002):
        gaps = []
        for seed in range(subjects):
            rng = np.random.default_rng(seed)
            vertices = model.template + model.identity_basis @ rng.normal(size=model.identity_basis.shape[2])
            waves, phases = rng.normal(0, 45, (6, 3)), rng.uniform(0, 6, 6)
            vertices = vertices + np.sin(vertices @ waves.T + phases) @ (bent_m / np.sqrt(3) * rng.normal(size=(6, 3)))
            points = on_surface(vertices, model.faces, now) + rng.normal(0, noise_m / np.sqrt(3), (7, 3))
            found = register_head(model, Mesh(vertices, faces), points).vertices
            gaps.append((found[rows] - vertices[rows])[common, :2])  # x and y: what a front photo shows of it
        gap = 1000 * np.linalg.norm(np.concatenate(gaps), axis=1).mean()
        _LOG.info(f"bent by {1000 * bent_m:.0f} mm: registered landmarks {gap:.2f} mm off, seen from the front")


def synthetic(folder: Path, weights: Path | None, each: int = 6) -> None:
    """Print mean errors in hundredths of the crop's side, visible points, every so many-th photo."""
    model = attach_dense(load_head("open"))
    ids = embedding(model, "mediapipe478").ids
    places = on_surface(model.template, model.faces, embedding(model, "mediapipe478"))[ids < 468]
    common = np.linalg.norm(model.template[dense_ids(model)][:, None] - places[None], axis=2).min(1) < 0.004
    kept: dict[tuple[str, str], list[Float64Array]] = {}
    for path in read_dataset(folder).shards:
        shard = read_shard(path)
        size = shard.picture(0).shape[0]
        said = read_detected(path, len(shard), len(ids))
        if said is None:
            continue
        for i in np.flatnonzero(usable(said, true_points(shard, model, size), size))[::each]:
            points = np.zeros((POINTS, 2))
            points[ids] = said[i]
            face = Landmarks(points, "mediapipe478", np.ones(POINTS))
            side = float(np.ptp(said[i], axis=0).max()) * MARGIN
            rng = np.random.default_rng(int(i))
            for kind, picture in (("as it is", shard.picture(i)), ("another look", another_look(shard.picture(i), rng))):
                found = dense_landmarks([Image(picture)], [face], weights)[0]
                far = 100 * np.linalg.norm(found.points - shard.landmarks[i], axis=1) / side
                band = "front" if shard.view[i] == 1 else "sides"
                kept.setdefault((kind, f"{band}, all"), []).append(far[shard.visible[i]])
                kept.setdefault((kind, f"{band}, common"), []).append(far[shard.visible[i] & common])
    for (kind, band), errors in kept.items():
        _LOG.info(f"{kind:12s} {band:14s} {np.concatenate(errors).mean():.3f} % of the crop's side")


def speed(weights: Path | None) -> None:
    """Milliseconds per view for three views in one call, and of parts and rivals on the six pictures this takes, by turns."""
    import torch

    from facestudio.landmarks.dense_model import DenseNet
    from facestudio.landmarks.inference import for_use, in_bfloat16
    from facestudio.landmarks.resnet import ResNet

    torch.set_num_threads(2)
    rng = np.random.default_rng(0)
    images = [Image(rng.integers(0, 256, (720, 1280, 3), dtype=np.uint8)) for _ in range(3)]
    points = rng.uniform([500, 200], [800, 520], (478, 2))
    faces = [Landmarks(points, "mediapipe478", np.ones(478))] * 3
    size = DenseConfig().size
    pictures = torch.rand(6, 3, size, size).contiguous(memory_format=torch.channels_last)
    start = torch.rand(6, 800, 2) - 0.5
    ready, trained, bare = in_bfloat16(for_use(DenseNet().eval())), DenseNet().eval(), ResNet(18).eval()
    bare.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    calls: dict[str, Callable[[], object]] = {
        "dense landmarks": lambda: dense_landmarks(images, faces, weights),
        "its network alone": lambda: ready(pictures, start),
        "the same, as it was trained": lambda: trained(pictures, start),
        "bare ResNet-18": lambda: bare.stages(pictures),
    }
    times: dict[str, list[float]] = {name: [] for name in calls}
    cores: dict[str, list[float]] = {name: [] for name in calls}
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        for turn in range(32):
            for name, call in calls.items():
                began, used = time.perf_counter(), time.process_time()
                call()
                if turn > 1:
                    times[name].append(1000 * (time.perf_counter() - began) / 3)
                    cores[name].append(1000 * (time.process_time() - used) / 3)
    for name in calls:
        _LOG.info(
            f"{name}: {np.median(times[name]):.1f} ms per view (median of {len(times[name])} calls with three views, "
            f"best {min(times[name]):.1f}; {np.median(cores[name]):.1f} ms of cores)"
        )


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    chosen = next((Path(a.split("=")[1]) for a in sys.argv if a.startswith("--weights=")), None)
    if sys.argv[1] == "speed":
        speed(chosen)
    elif sys.argv[1] == "floor":
        floor()
    elif sys.argv[1] == "limit":
        limit(Path(sys.argv[2]))
    elif sys.argv[1] == "synthetic":
        synthetic(Path(sys.argv[2]), chosen)
    else:
        accuracy(Path(sys.argv[2]), chosen)
