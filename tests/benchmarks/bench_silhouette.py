"""Does a head's outline lie on the truth's? `python -m tests.benchmarks.bench_silhouette BENCH RESULTS`.

For every head of BENCH (`../shared/bench/dev`) with RESULTS/NAME/NAME.head.npz: intersection over union of the silhouettes that each
photo's camera sees of the reconstructed head and of truth.ply, above the row where the truth is cut off under the chin, and left and
right as far as the truth reaches (it has no neck).
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import trimesh

from facestudio.export.saved import SavedHead, load_head
from facestudio.geometry.camera import screen
from facestudio.geometry.rasterize import rasterize
from facestudio.pipeline.cameras_file import read_cameras
from facestudio.types import BoolArray, Camera, FloatArray, IntArray


def silhouette(camera: Camera, vertices: FloatArray, faces: IntArray) -> BoolArray:
    """(H, W) bool, without holes: eyes and mouth are open in the truth."""
    mask = (
        rasterize(screen(camera, np.asarray(vertices, np.float64)), faces, camera.height, camera.width).pix_to_face >= 0
    ).astype(np.uint8)
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(np.zeros_like(mask), outlines, -1, (1.0,), cv2.FILLED) > 0)


def overlaps(saved: SavedHead, folder: Path) -> list[float]:
    """Intersection over union per photo of a head with the truth of its bench folder (truth.ply, cameras.json)."""
    cameras, truth = read_cameras(folder / "cameras.json"), trimesh.load(folder / "truth.ply", process=False)
    assert isinstance(truth, trimesh.Trimesh)
    found = []
    for view, camera in zip(saved.reconstruction.views, saved.reconstruction.cameras, strict=True):
        real = silhouette(cameras[view.name], truth.vertices, np.asarray(truth.faces))
        ours = silhouette(camera, saved.reconstruction.posed_vertices, saved.model.faces)
        rows, columns = np.flatnonzero(real.any(axis=1)), np.flatnonzero(real.any(axis=0))
        # The cut is a slanted plane: its last rows show the neck's stump.
        last = rows[0] + int(0.88 * (rows[-1] - rows[0]))
        ours[last:], real[last:] = False, False
        ours[:, : columns[0]], ours[:, columns[-1] + 1 :] = False, False
        found.append(float((ours & real).sum() / (ours | real).sum()))
    return found


def main(bench: Path, results: Path) -> None:
    """Print one row per head, and the mean."""
    every = []
    for folder in sorted(p for p in bench.iterdir() if (p / "truth.ply").is_file()):
        path = results / folder.name / f"{folder.name}.head.npz"
        if not path.is_file():
            continue
        found = overlaps(load_head(path), folder)
        every += found
        sys.stdout.write(f"{folder.name:>14}: " + ", ".join(f"{x:.3f}" for x in found) + "\n")
    sys.stdout.write(f"mean {np.mean(every):.3f}, worst {np.min(every):.3f}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
