"""MFNet on the bench: three views against one photo three times, how little it minds the picture's accidents, and its time.

`python -m tests.benchmarks.bench_mfnet ../shared/bench/dev [--weights FILE]` prints three tables in Markdown.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch

from facestudio.evaluate.datasets.bench import BenchHead, head_names, read_head
from facestudio.evaluate.now import Variant
from facestudio.evaluate.prediction import Prediction, mean_head
from facestudio.evaluate.scoring import score
from facestudio.evaluate.summary import Score
from facestudio.head.landmarks import now_landmarks
from facestudio.head.model import HeadModel
from facestudio.head.store import load_head
from facestudio.landmarks.mediapipe_detector import MediapipeDetector
from facestudio.landmarks.mirror_map import MEDIAPIPE_MIRROR
from facestudio.landmarks.resnet import ResNet
from facestudio.pipeline.evidence import evidence_basis
from facestudio.pipeline.import_triplet import find_views, read_photos
from facestudio.progress import CancelToken
from facestudio.reconstruct.mfnet.network import MFNet
from facestudio.reconstruct.mfnet.predict import SCALES, predict_head, read_network, shipped
from facestudio.types import Float64Array, Landmarks, Mesh, View, ViewName


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
    options = parser.parse_args()
    model = load_head("open")
    net = read_network(options.weights, model) if options.weights else shipped(model)
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


def robustness(captures: Sequence[tuple[BenchHead, tuple[View, ...]]], model: HeadModel, net: MFNet) -> None:
    """Millimetres that the face moves when nothing about the subject has changed."""

    def flip_back(vertices: Float64Array) -> Float64Array:
        return np.asarray(vertices[model.mirror] * [-1.0, 1.0, 1.0])

    same: Callable[[Float64Array], Float64Array] = lambda v: v  # noqa: E731 - one line says it
    changes: dict[str, tuple[Callable[[Sequence[View]], list[View]], Callable[[Float64Array], Float64Array]]] = {
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
