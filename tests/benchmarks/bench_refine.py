"""Times dense refinement of a shipped head on three 1280 x 720 photos, for each quality, and says how near it came.

Run by hand: `.venv/bin/python tests/benchmarks/bench_refine.py`. The targets for `standard`: 20 s on two cores, 2 GB. The photos are
drawings of a random identity with a made-up skin; the start is the average head. CPU seconds depend little on what else the machine does.
After the qualities: what a further view costs (`standard`; a view is matched with those up to 62 degrees away), and a larger picture.
"""

from __future__ import annotations

import resource
import sys
import time

import numpy as np

from facestudio.head.model import HeadModel, load
from facestudio.paths import models_dir
from facestudio.reconstruct.refine import Quality, RefineConfig, choose_pairs, refine_config
from tests.reconstruct.refine_scene import Capture, error_mm, given_cameras, make_capture, refined

YAWS = ((40.0, 0.0), (40.0, 0.0, -40.0), (60.0, 20.0, -20.0, -60.0), (60.0, 30.0, 0.0, -30.0, -60.0))
SIZES = (360, 720, 1080)


def _seconds(model: HeadModel, capture: Capture) -> float:
    """CPU seconds of a refinement in `standard`."""
    began = time.process_time()
    refined(model, capture, given_cameras(capture), config=refine_config(Quality.STANDARD))
    return time.process_time() - began


def main() -> None:
    """Refine once to compile, then once per quality."""
    model = load(models_dir() / "openhead.npz")
    capture = make_capture(model, size=720)
    cameras = given_cameras(capture)
    refined(model, capture, cameras, config=refine_config(Quality.DRAFT))
    start = error_mm(model, capture, model.template.astype(np.float64), cameras[0])
    sys.stdout.write(f"average head: {np.median(start):.2f} mm median\n")
    for quality in Quality:
        wall, cpu = time.perf_counter(), time.process_time()
        result = refined(model, capture, cameras, config=refine_config(quality))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        error = error_mm(model, capture, result.posed_vertices, result.cameras[0])
        sys.stdout.write(
            f"{quality}: {wall:.1f} s, {cpu:.1f} CPU s, {np.median(error):.2f} mm median, {result.reason or 'accepted'}\n"
        )
    for yaws in YAWS:
        views = make_capture(model, yaws=yaws, size=720)
        cpu = _seconds(model, views)
        pairs = len(choose_pairs(given_cameras(views), RefineConfig().pair_degrees))
        sys.stdout.write(f"{len(yaws)} views, {pairs} ordered pairs: {cpu:.1f} CPU s\n")
    for size in SIZES:
        cpu = _seconds(model, make_capture(model, size=size))
        sys.stdout.write(f"3 views of {size} x {size}, {size * size / 1e6:.2f} megapixels each: {cpu:.1f} CPU s\n")
    sys.stdout.write(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB\n")


if __name__ == "__main__":
    main()
