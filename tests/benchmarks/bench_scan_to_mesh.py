"""How long scoring takes: `python tests/benchmarks/bench_scan_to_mesh.py`. A measurement, not a test."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from facestudio.evaluate.facescape import unroll
from facestudio.evaluate.now import Variant, measure
from facestudio.evaluate.scan_to_mesh import Surface
from facestudio.types import Mesh
from tests.evaluate.synthetic_bench import egg, egg_landmarks, points, region


def seconds(work: Callable[[], object], repeats: int = 5) -> float:
    """The best of several runs, after one that compiles."""
    work()
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    """A prediction of 20,000 triangles against a scan of 60,000 points."""
    truth, coarse = egg(7), egg(5)
    scan = points(truth)[region(truth)][:60_000]
    head = Mesh(points(coarse) * [1.05, 1.0, 0.97], coarse.faces)
    landmarks, marks = points(head)[egg_landmarks(coarse)], points(truth)[egg_landmarks(truth)]
    surface = Surface(head)
    lines = {
        f"tree over {len(head.faces):,} triangles": seconds(lambda: Surface(head)),
        f"nearest of {len(scan):,} points": seconds(lambda: surface.nearest(scan)),
        "NoW alignment, 7 degrees of freedom": seconds(lambda: measure(head, landmarks, scan, marks, Variant.NOW), 3),
        "metric alignment, 6 degrees of freedom": seconds(lambda: measure(head, landmarks, scan, marks, Variant.METRIC), 3),
        f"cylinder map of {len(truth.faces):,} triangles": seconds(lambda: unroll(truth), 3),
    }
    sys.stdout.writelines(f"{name:44s} {1000 * value:8.1f} ms\n" for name, value in lines.items())


if __name__ == "__main__":
    main()
