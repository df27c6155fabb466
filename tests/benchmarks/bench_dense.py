"""The dense landmarks beside mediapipe's, on a bench: `python -m tests.benchmarks.bench_dense accuracy BENCH` or `speed`.

accuracy: OpenHead is registered to each truth mesh (its NoW points, its surface); landmarks of that head, projected by the true cameras,
are the truth. "common": dense points within 4 mm of a mediapipe landmark on the head, and those landmarks. speed: per view, warm, two
threads, without mediapipe's own pass.
"""

from __future__ import annotations

import logging
import sys
import time
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
from facestudio.evaluate.registered import register_head
from facestudio.head.dense import attach_dense, dense_ids, dense_on_face
from facestudio.head.landmarks import embedding, on_surface
from facestudio.head.store import load_head
from facestudio.landmarks.dense_net import dense_landmarks
from facestudio.landmarks.mediapipe_detector import MediapipeDetector
from facestudio.pipeline.cameras_file import read_cameras
from facestudio.types import Image, Landmarks, ViewName

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


def speed(weights: Path | None) -> None:
    """Milliseconds per view for three views in one call."""
    import torch

    torch.set_num_threads(2)
    rng = np.random.default_rng(0)
    images = [Image(rng.integers(0, 256, (720, 1280, 3), dtype=np.uint8)) for _ in range(3)]
    points = rng.uniform([500, 200], [800, 520], (478, 2))
    faces = [Landmarks(points, "mediapipe478", np.ones(478))] * 3
    dense_landmarks(images, faces, weights)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        dense_landmarks(images, faces, weights)
        times.append((time.perf_counter() - start) / 3)
    _LOG.info(f"{1000 * np.median(times):.1f} ms per view (median of 20 calls with three views, best {1000 * min(times):.1f})")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    chosen = next((Path(a.split("=")[1]) for a in sys.argv if a.startswith("--weights=")), None)
    if sys.argv[1] == "speed":
        speed(chosen)
    else:
        accuracy(Path(sys.argv[2]), chosen)
