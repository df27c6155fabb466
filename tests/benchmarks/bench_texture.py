"""Times the texture of a shipped head from three 1280 x 720 photos, and says how much memory the process needed.

Run by hand: `.venv/bin/python tests/benchmarks/bench_texture.py [SIZE]`. The targets at 2048: 3 s warm on two cores, 2 GB. The photos are
renders of the head itself with a made-up skin. CPU seconds are printed too: they do not depend on what else the machine is doing.
"""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import replace

import cv2
import numpy as np

from facestudio.geometry.shading import portrait_camera, render, resized
from facestudio.head.model import load
from facestudio.paths import models_dir
from facestudio.texture.build import build_texture
from facestudio.types import Camera, Image, View, ViewName

REPEATS = 4
YAWS = {ViewName.LEFT: 40.0, ViewName.FRONT: 0.0, ViewName.RIGHT: -40.0}


def widescreen(camera: Camera) -> Camera:
    """A square camera with room left and right: 720 rows, 1280 columns."""
    square = resized(camera, 720, 720)
    K = square.K.copy()
    K[0, 2] += 280.0
    return replace(square, K=K, width=1280)


def main() -> None:
    """Build the texture a few times and print the best."""
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 2048
    model = load(models_dir() / "openhead.npz")
    rng = np.random.default_rng(0)
    skin = cv2.resize(rng.integers(120, 220, (48, 48, 3)).astype(np.uint8), (1024, 1024), interpolation=cv2.INTER_CUBIC)
    cameras = [widescreen(portrait_camera(model.template, 720, 720, yaw)) for yaw in YAWS.values()]
    pictures = [
        render(model.template, model.faces, c, texture=np.asarray(skin), uv=model.uv, uv_faces=model.uv_faces) for c in cameras
    ]
    views = [View(name, Image(picture)) for name, picture in zip(YAWS, pictures, strict=True)]
    walls, cpus = [], []
    for _ in range(REPEATS + 1):
        wall, cpu = time.perf_counter(), time.process_time()
        build_texture(model, model.template, views, cameras, size)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(
        f"{size} x {size} from three photos: first {walls[0]:.2f} s; warm {min(walls[1:]):.2f} s wall, {min(cpus[1:]):.2f} s CPU; "
        f"peak {peak:.0f} MB\n"
    )


if __name__ == "__main__":
    main()
