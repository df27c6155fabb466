"""MFNet on the bench: three views against one photo three times, how little it minds the picture's accidents, and its time.

`python -m tests.benchmarks.bench_mfnet ../shared/bench/dev [--weights FILE]` prints three tables in Markdown. With `--sheet FILE` it draws
the sample's three photos instead, each looked at alone (as the paper does with AFLW2000-3D's), then all three at once, and the truth.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from facestudio.evaluate.datasets.bench import BenchHead, head_names, read_head
from facestudio.evaluate.now import Variant
from facestudio.evaluate.prediction import Prediction, mean_head
from facestudio.evaluate.scoring import score
from facestudio.evaluate.summary import Score
from facestudio.geometry.camera import screen
from facestudio.geometry.rasterize import interpolate, rasterize
from facestudio.geometry.rotations import exp_so3
from facestudio.geometry.shading import vertex_normals
from facestudio.head.landmarks import now_landmarks
from facestudio.head.model import HeadModel
from facestudio.head.store import load_head
from facestudio.landmarks.crop import crop_square, warp
from facestudio.landmarks.detector import Face
from facestudio.landmarks.mediapipe_detector import MediapipeDetector
from facestudio.landmarks.mirror_map import MEDIAPIPE_MIRROR
from facestudio.landmarks.resnet import ResNet
from facestudio.paths import resources_dir
from facestudio.pipeline.evidence import evidence_basis
from facestudio.pipeline.import_triplet import find_views, read_photos
from facestudio.progress import CancelToken
from facestudio.reconstruct.mfnet.network import MFNet
from facestudio.reconstruct.mfnet.predict import SCALES, predict_head, read_network, shipped
from facestudio.types import BoolArray, ByteArray, Camera, Float64Array, Image, Landmarks, Mesh, View, ViewName


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(text + "\n")


def head_of(views: Sequence[View], model: HeadModel, net: MFNet, crop: float = 1.0) -> Float64Array:
    """The network's neutral head (V, 3); crop: factor on the side of its crops."""
    said = predict_head(views, model, net, tuple(crop * scale for scale in SCALES))
    return np.asarray(model.template + model.identity_basis @ said.identity, np.float64)


def mirrored(views: Sequence[View]) -> list[View]:
    """The capture in a mirror: pictures flipped, left and right exchanged."""
    out = []
    for view in views:
        assert view.landmarks is not None
        points = view.landmarks.points[:478][MEDIAPIPE_MIRROR] * [-1.0, 1.0] + [view.image.width - 1.0, 0.0]
        name = {ViewName.LEFT: ViewName.RIGHT, ViewName.RIGHT: ViewName.LEFT}.get(view.name, view.name)
        image = replace(view.image, pixels=np.ascontiguousarray(view.image.pixels[:, ::-1]))
        out.append(replace(view, name=name, image=image, landmarks=replace(view.landmarks, points=points)))
    return sorted(out, key=lambda v: list(ViewName).index(v.name))


def brighter(views: Sequence[View], factor: float) -> list[View]:
    """The same photos, exposed differently."""

    def lit(view: View) -> View:
        pixels = np.clip(view.image.pixels.astype(np.float32) * factor, 0, 255).astype(np.uint8)
        return replace(view, image=replace(view.image, pixels=pixels))

    return [lit(v) for v in views]


def resized(views: Sequence[View], factor: float) -> list[View]:
    """The same capture with pictures of another size."""

    def scaled(view: View) -> View:
        assert view.landmarks is not None
        pixels = cv2.resize(view.image.pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        marks: Landmarks = replace(view.landmarks, points=(view.landmarks.points + 0.5) * factor - 0.5)
        return replace(view, image=replace(view.image, pixels=np.asarray(pixels, np.uint8)), landmarks=marks)

    return [scaled(v) for v in views]


def moved_mm(a: Float64Array, b: Float64Array, model: HeadModel) -> float:
    """Mean distance on the face between two heads after the best similarity, millimetres."""
    face = model.part_vertices("face", "lips", "eyelids")
    x, y = a[face] - a[face].mean(0), b[face] - b[face].mean(0)
    U, S, Vt = np.linalg.svd(x.T @ y)
    aligned = x @ U @ Vt * (S.sum() / (x**2).sum())
    return float(1000.0 * np.linalg.norm(aligned - y, axis=1).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bench", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args()
    model = load_head("open")
    net = read_network(options.weights, model) if options.weights else shipped(model)
    if options.sheet:
        with closing(MediapipeDetector()) as detector:
            photos = [resources_dir() / "sample" / f"{name}.jpg" for name in ViewName]
            views = find_views(read_photos(photos), evidence_basis(model), detector).views
        cv2.imwrite(str(options.sheet), sheet(views, model, net)[..., ::-1])
        return
    captures: list[tuple[BenchHead, tuple[View, ...]]] = []
    with closing(MediapipeDetector()) as detector:
        for name in head_names(options.bench):
            head = read_head(options.bench, name, calibrated=False)
            captures.append((head, find_views(read_photos(head.photos), evidence_basis(model), detector).views))
    accuracy(captures, model, net)
    robustness(captures, model, net)
    seconds(captures[0][1], model, net)


def accuracy(captures: Sequence[tuple[BenchHead, tuple[View, ...]]], model: HeadModel, net: MFNet) -> None:
    """Three views, one photo three times, and the mean head."""
    rows: dict[str, list[Score]] = {"mean head": [], "front photo x 3": [], "three views": []}
    average = mean_head(model)
    for head, views in captures:
        front = [v for v in views if v.name is ViewName.FRONT]
        for name, vertices in (("front photo x 3", head_of(front, model, net)), ("three views", head_of(views, model, net))):
            rows[name].append(score(predicted(vertices, model), head, CancelToken())[0])
        rows["mean head"].append(score(average, head, CancelToken())[0])
    say("| | NoW median | mean | CD | MNE | CR | heads better than mean head |\n|---|---|---|---|---|---|---|")
    base = [float(np.median(s.distances_mm[Variant.NOW])) for s in rows["mean head"]]
    for name, scores in rows.items():
        pooled = np.concatenate([s.distances_mm[Variant.NOW] for s in scores])
        ratio = [float(np.median(s.distances_mm[Variant.NOW])) / b for s, b in zip(scores, base, strict=True)]
        cylinder = np.mean([[c.cd_mm, c.mne_rad, c.cr] for c in (s.cylinder for s in scores) if c is not None], axis=0)
        numbers = " | ".join(f"{x:.3f}" for x in (np.median(pooled), pooled.mean(), *cylinder))
        say(f"| {name} | {numbers} | {sum(r < 1 for r in ratio)} of {len(ratio)}, worst {max(ratio) - 1:+.0%} |")


def predicted(vertices: Float64Array, model: HeadModel) -> Prediction:
    """A head as the scorer takes it."""
    return replace(mean_head(model), mesh=Mesh(vertices, model.faces), landmarks=now_landmarks(model, vertices))


def swapped(views: Sequence[View], model: HeadModel) -> list[View]:
    """The photos given in the wrong places, left for right, and put in order as the product does."""

    class Known:
        """Says again where the landmarks were found."""

        scheme = "mediapipe478"

        def detect(self, image: Image, where: str) -> Face:
            found = next(v.landmarks for v in views if v.image is image)
            assert found is not None
            return Face(found, np.concatenate([found.points.min(0), found.points.max(0)]))

        def close(self) -> None:
            """Nothing to release."""

    return list(find_views([v.image for v in reversed(views)], evidence_basis(model), Known()).views)


def robustness(captures: Sequence[tuple[BenchHead, tuple[View, ...]]], model: HeadModel, net: MFNet) -> None:
    """Millimetres that the face moves when nothing about the subject has changed."""

    def flip_back(vertices: Float64Array) -> Float64Array:
        return np.asarray(vertices[model.mirror] * [-1.0, 1.0, 1.0])

    same: Callable[[Float64Array], Float64Array] = lambda v: v  # noqa: E731 - one line says it
    changes: dict[str, tuple[Callable[[Sequence[View]], list[View]], Callable[[Float64Array], Float64Array]]] = {
        "left and right swapped": (lambda v: swapped(v, model), same),
        "mirrored": (mirrored, flip_back),
        "brightness +20 %": (lambda v: brighter(v, 1.2), same),
        "brightness -20 %": (lambda v: brighter(v, 0.8), same),
        "photo at 80 % size": (lambda v: resized(v, 0.8), same),
    }
    say("\n| change | mean mm moved | worst head |\n|---|---|---|")
    for name, (change, undo) in changes.items():
        moves = [moved_mm(undo(head_of(change(v), model, net)), head_of(v, model, net), model) for _, v in captures]
        say(f"| {name} | {np.mean(moves):.2f} | {max(moves):.2f} |")
    for name, crop in (("crop +10 %", 1.1), ("crop -10 %", 0.9)):
        moves = [moved_mm(head_of(v, model, net, crop), head_of(v, model, net), model) for _, v in captures]
        say(f"| {name} | {np.mean(moves):.2f} | {max(moves):.2f} |")


def sheet(views: Sequence[View], model: HeadModel, net: MFNet, side: int = 320) -> ByteArray:
    """A picture (2 S, 5 S, 3) uint8 of what single photos and all three give.

    Above: each photo, then the true head twice. Below: the head of that photo alone, over it, then the neutral head of all three.
    """
    truth = json.loads((resources_dir() / "sample" / "truth.json").read_text(encoding="utf-8"))
    above: list[NDArray[Any]] = []
    below: list[NDArray[Any]] = []
    for view in views:
        assert view.landmarks is not None
        said = predict_head([view], model, net)
        posed = model.template + model.identity_basis @ said.identity + model.expression_basis @ said.expression
        crop = crop_square(view.landmarks.points, side)
        photo = warp(view.image.pixels, crop)
        grey, seen = drawn(posed, crop.camera(said.cameras[0]), model)
        above.append(photo)
        below.append(np.where(seen[..., None], 0.25 * photo + 0.75 * grey, photo))
    three = model.template + model.identity_basis @ predict_head(views, model, net).identity
    true = model.template + model.identity_basis @ np.array(truth["identity"])
    for yaw in (0.0, 60.0):
        R = np.diag([1.0, -1.0, -1.0]) @ exp_so3(np.radians([0.0, -yaw, 0.0]))
        K = np.array([[2.6 * side, 0, side / 2], [0, 2.6 * side, side / 2], [0, 0, 1.0]])
        middle = model.template[model.part_vertices("face", "scalp", "skin", "ears")].mean(0)
        camera = Camera(K, R, np.array([0.0, 0.0, 1.0]) - R @ middle, side, side)
        for row, head in ((above, true), (below, three)):
            row.append(drawn(head, camera, model)[0])
    return np.concatenate([np.concatenate(row, 1) for row in (above, below)]).astype(np.uint8)


def drawn(vertices: Float64Array, camera: Camera, model: HeadModel) -> tuple[Float64Array, BoolArray]:
    """A head in grey, lit from the camera, on white: (S, S, 3) in [0, 255], and where it is."""
    found = rasterize(screen(camera, vertices), model.faces, camera.height, camera.width)
    seen = found.pix_to_face >= 0
    normals = interpolate(found, model.faces, vertex_normals(vertices, model.faces))
    lit = 255.0 * (0.15 + 0.75 * np.clip(normals @ -camera.R[2], 0.0, 1.0))
    return np.repeat(np.where(seen, lit, 255.0)[..., None], 3, axis=2), np.asarray(seen)


def seconds(views: Sequence[View], model: HeadModel, net: MFNet, repeats: int = 15) -> None:
    """Warm: photos with landmarks to a head, against three bare trunks."""

    def timed(work: Callable[[], object]) -> float:
        work()
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
        return float(np.median(times))

    small = torch.rand(3, 3, net.config.side, net.config.side)
    large = torch.rand(3, 3, 224, 224)
    paper = ResNet(50).eval()
    with torch.inference_mode():
        whole = timed(lambda: head_of(views, model, net))
        own, fifty = timed(lambda: net.trunk(small)), timed(lambda: paper(large))
    say("\n| | ms |\n|---|---|")
    say(f"| three views to a head | {1e3 * whole:.0f} |")
    say(f"| three bare ResNet-50 at 224 | {1e3 * fifty:.0f} (ratio {whole / fifty:.2f}) |")
    say(f"| three bare ResNet-18 at {net.config.side} | {1e3 * own:.0f} (ratio {whole / own:.2f}) |")


if __name__ == "__main__":
    main()
