"""Times dense refinement of a shipped head on three 1280 x 720 photos, for each quality, and says how near it came.

Run by hand: `.venv/bin/python tests/benchmarks/bench_refine.py`. The targets for `standard`: 20 s on two cores, 2 GB. The photos are
drawings of a random identity with a made-up skin; the start is the average head. CPU seconds do not depend on what else the machine does.
"""

from __future__ import annotations

import resource
import sys
import time

import numpy as np

from facestudio.head.model import load
from facestudio.paths import models_dir
from facestudio.reconstruct.refine import Quality, refine_config
from tests.reconstruct.refine_scene import error_mm, given_cameras, make_capture, refined


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
    sys.stdout.write(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB\n")


if __name__ == "__main__":
    main()
