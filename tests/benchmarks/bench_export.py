"""Times the whole export of a shipped head with a 2048 x 2048 texture and three 1280 x 720 photos.

Run by hand: `.venv/bin/python tests/benchmarks/bench_export.py`. The target is 1 s on two cores. Synthetic photos and texture:
smooth colour with a little noise, which PNG and JPEG find about as hard as skin.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from facestudio.export.folder import export_head
from facestudio.export.formats import DEFAULT
from facestudio.geometry.shading import portrait_camera
from facestudio.head.model import HeadModel, load
from facestudio.paths import models_dir
from facestudio.types import ByteArray, Image, Landmarks, Reconstruction, Scale, Texture, View, ViewName, ViewQuality

SIZE = 2048
YAWS = {ViewName.LEFT: 40.0, ViewName.FRONT: 0.0, ViewName.RIGHT: -40.0}
REPEATS = 5


def skin_like(height: int, width: int, seed: int) -> ByteArray:
    """Soft blotches and a grain of two grey levels."""
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(rng.integers(90, 210, (24, 24, 3)).astype(np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(coarse + rng.normal(0, 2, (height, width, 3)), 0, 255).astype(np.uint8)


def example(model: HeadModel, size: int = SIZE) -> tuple[Reconstruction, Texture]:
    """A head of random identity before three cameras."""
    rng = np.random.default_rng(1)
    identity = rng.normal(size=model.identity_basis.shape[-1])
    vertices = model.template + model.identity_basis.astype(np.float64) @ identity
    cameras = tuple(portrait_camera(vertices, 720, 1280, yaw) for yaw in YAWS.values())
    points = Landmarks(rng.uniform((500, 200), (800, 500), (478, 2)), "mediapipe478", np.ones(478))
    views = tuple(View(n, Image(skin_like(720, 1280, i)), landmarks=points) for i, n in enumerate(YAWS))
    reconstruction = Reconstruction(
        head_model=model.name,
        identity=identity,
        expression=np.zeros(len(model.expression_names)),
        vertices=vertices,
        posed_vertices=vertices,
        views=views,
        cameras=cameras,
        scale=Scale.ASSUMED,
        quality=tuple(ViewQuality(n, 1.0, None, yaw) for n, yaw in YAWS.items()),
    )
    albedo = skin_like(size, size, 9)
    texture = Texture(albedo, np.ones((size, size), np.uint8), rng.integers(0, 4, model.vertex_count).astype(np.uint8))
    return reconstruction, texture


def timed(model: HeadModel, formats: tuple[str, ...], folder: Path) -> float:
    """Seconds of one export of these formats: the best of `REPEATS` after one for warming up."""
    reconstruction, texture = example(model)
    best = np.inf
    for _ in range(1 + REPEATS):
        start = time.perf_counter()
        export_head(model, reconstruction, texture, folder, "bench", formats)
        best = min(best, time.perf_counter() - start)
    return float(best)


def main() -> None:
    """Print seconds per format and for all of them."""
    model = load(models_dir() / "openhead.npz")
    with tempfile.TemporaryDirectory() as folder:
        for formats in (*((f,) for f in DEFAULT), DEFAULT):
            seconds = timed(model, formats, Path(folder))
            sys.stdout.write(f"{'+'.join(formats):32s} {seconds:.3f} s\n")
        sizes = ", ".join(f"{p.name} {p.stat().st_size / 1e6:.2f} MB" for p in sorted(Path(folder).iterdir()))
        sys.stdout.write(f"{sizes}\n")


if __name__ == "__main__":
    main()
