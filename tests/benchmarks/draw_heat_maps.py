"""Where heads are wrong: `python tests/benchmarks/draw_heat_maps.py BENCH OUT.png RESULTS [RESULTS …]`.

RESULTS are folders that `facestudio evaluate BENCH --calibrated -o RESULTS` wrote; beside each other they show before and after.
Every head's face region is coloured on its photos by the signed distance of the truth from the head, nothing aligned:
blue, the truth lies 2 mm inside; green, it fits; red, the truth lies 2 mm outside.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from facestudio.evaluate.datasets.bench import BenchHead, head_names, read_head
from facestudio.evaluate.prediction import read_prediction
from facestudio.evaluate.scan_to_mesh import Surface
from facestudio.geometry.camera import screen
from facestudio.geometry.rasterize import interpolate, rasterize
from facestudio.pipeline.cameras_file import read_cameras
from facestudio.types import ByteArray, Camera, Float64Array, Mesh, ViewName

RANGE_MM, TILE, PER_ROW = 2.0, (200, 250), 4


def signed_mm(head: BenchHead, results: Path) -> Float64Array:
    """(P,) millimetres: how far each point of the face region lies outside the reconstructed head."""
    found = read_prediction(results / "meshes" / f"{head.name}.glb")
    if found.world_from_head is None:
        raise SystemExit(f"{results} holds no calibrated heads.")
    placed = found.mesh.vertices @ found.world_from_head[:3, :3].T + found.world_from_head[:3, 3]
    nearest = Surface(Mesh(placed, found.mesh.faces)).nearest(head.scan)
    corners = placed[found.mesh.faces[nearest.faces]]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    outside = np.sign(((head.scan - nearest.points) * normals).sum(1))
    return np.asarray(1000.0 * nearest.distances * outside)


def coloured(head: BenchHead, camera: Camera, photo: Path, errors: Float64Array) -> ByteArray:
    """The photo, cropped to the face, with the face region coloured."""
    vertices, faces = np.asarray(head.truth.vertices, np.float64), head.truth.faces
    values = np.zeros((len(vertices), 2), np.float32)
    values[head.region, 0], values[head.region, 1] = errors, 1.0
    seen = rasterize(screen(camera, vertices), faces, camera.height, camera.width)
    at_pixel = interpolate(seen, faces, values)
    face = (seen.pix_to_face >= 0) & (at_pixel[..., 1] > 0.9)
    picture = cv2.imread(str(photo))
    level = np.clip((at_pixel[..., 0] / RANGE_MM * 0.5 + 0.5) * 255.0, 0, 255).astype(np.uint8)
    picture[face] = cv2.applyColorMap(level, cv2.COLORMAP_JET)[face]
    rows, columns = np.nonzero(face)
    crop = picture[max(rows.min() - 60, 0) : rows.max() + 20, max(columns.min() - 30, 0) : columns.max() + 30]
    return np.asarray(cv2.resize(crop, TILE, interpolation=cv2.INTER_AREA), np.uint8)


def strip(bench: Path, name: str, results: list[Path]) -> ByteArray:
    """One head: front and left photo, once per result."""
    head = read_head(bench, name, calibrated=True)
    cameras = read_cameras(head.cameras)
    tiles = []
    for folder in results:
        errors = signed_mm(head, folder)
        for view, photo in ((ViewName.FRONT, head.photos[1]), (ViewName.LEFT, head.photos[0])):
            tiles.append(coloured(head, cameras[view], photo, errors))
        words = f"{name}  {np.median(np.abs(errors)):.2f} mm"
        cv2.putText(tiles[-2], words, (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1, cv2.LINE_AA)
    return np.hstack(tiles)


def main() -> None:
    """Draw all heads of the bench into one picture."""
    bench, out, results = Path(sys.argv[1]), Path(sys.argv[2]), [Path(a) for a in sys.argv[3:]]
    strips = [strip(bench, name, results) for name in head_names(bench)]
    per_row = max(1, PER_ROW // len(results))
    strips += [np.zeros_like(strips[0])] * (-len(strips) % per_row)
    sheet = np.vstack([np.hstack(strips[k : k + per_row]) for k in range(0, len(strips), per_row)])
    cv2.imwrite(str(out), sheet, [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    main()
