"""How long the z-buffer takes: `python -m tests.benchmarks.bench_rasterize`. Goal: 15 ms at 384² for 10k faces on 2 cores."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from facestudio.geometry.camera import screen
from facestudio.geometry.rasterize import interpolate, rasterize
from facestudio.geometry.shading import portrait_camera, render
from facestudio.head.store import load_head


def timed(name: str, run: Callable[[], object], repeats: int = 30) -> None:
    """Print median and fastest of the repeats, milliseconds."""
    run()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    sys.stdout.write(f"{name:44s} median {1e3 * np.median(seconds):7.2f} ms   fastest {1e3 * min(seconds):7.2f} ms\n")


def main() -> None:
    head = load_head()
    for size in (224, 384, 1024):
        points = screen(portrait_camera(head.template, size, size), head.template.astype(np.float64))
        label = f"{len(head.faces)} faces at {size}²"
        timed(f"rasterize {label}", partial(rasterize, points, head.faces, size, size))
        timed(f"… back faces culled {label}", partial(rasterize, points, head.faces, size, size, True))
        fragments = rasterize(points, head.faces, size, size)
        timed(f"interpolate {label}", partial(interpolate, fragments, head.faces, head.template))
    square = np.column_stack([head.uv.astype(np.float64) * 2048, np.ones(len(head.uv))])
    timed("rasterize the texture square at 2048²", lambda: rasterize(square, head.uv_faces, 2048, 2048), 5)
    camera = portrait_camera(head.template, 384, 384)
    timed("clay picture at 384², supersampled twice", lambda: render(head.template, head.faces, camera), 10)


if __name__ == "__main__":
    main()
