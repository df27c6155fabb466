"""FaceScape's benchmark protocol (Yang et al. 2023): a prediction in the source picture's own camera, aligned in depth alone.

No rotation, shift or size is taken out, only the depth: the predicted pose counts. Then both surfaces are unrolled about the head's own
axis, which the benchmark's `predef` files say, and compared (`facescape`). All lengths here are millimetres.

FS-Lab: the frame of an OpenCV camera, perspective. FS-Wild: x right, y up, the viewer on +z, orthographic; the picture is the square
[-1, 1]² in units of the subject's scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facestudio.errors import DatasetError, said_by_system
from facestudio.evaluate.datasets.facescape_bench import LAB_FOCALS, LAB_VIEWS, WILD_COUNT, depth_offset
from facestudio.evaluate.facescape import benchmark_mne, compare, unroll
from facestudio.geometry.rasterize import rasterize
from facestudio.types import Camera, Float64Array, Mesh

SIDE = 256  # pixels of the source pictures
_FAR_MM = 10_000.0  # an orthographic picture drawn from so far that perspective does not show


@dataclass(frozen=True)
class ProtocolScores:
    """CD (mm), MNE as the benchmark prints it (rad), CR (share), and the true mean angle between normals (rad)."""

    cd_mm: float
    mne_rad: float
    cr: float
    true_mne_rad: float


@dataclass(frozen=True)
class Predef:
    """The benchmark's `predef` folder: where each head looks, (N, 3, 3), head to picture, and its middle (N, 3).

    Of FS-Wild by picture (middles in units of the scale), of FS-Lab by view, its middles by focal length and in millimetres.
    """

    rotations: Float64Array
    centres: Float64Array


def read_predef(folder: Path, which: str) -> Predef:
    """which: "wild" or "lab". Raises DatasetError when a file is missing or not what it should be."""
    counts = (WILD_COUNT, WILD_COUNT) if which == "wild" else (LAB_VIEWS, len(LAB_FOCALS))
    arrays = []
    for name, shape in ((f"{which}_rotations.npy", (counts[0], 3, 3)), (f"{which}_head_centers.npy", (counts[1], 3))):
        try:
            array = np.asarray(np.load(folder / name, allow_pickle=False), dtype=np.float64)
        except (OSError, ValueError) as error:
            raise DatasetError(
                f"{folder / name} cannot be read ({said_by_system(error)}).",
                "Copy predef from the benchmark again.",
            ) from error
        if array.shape != shape:
            raise DatasetError(f"{name} holds {array.shape}, not {shape}.", "Copy predef from the benchmark again.")
        arrays.append(array)
    return Predef(*arrays)


def score_lab(truth: Mesh, prediction: Mesh, K: Float64Array, rotation: Float64Array, centre: Float64Array) -> ProtocolScores:
    """FS-Lab: both surfaces in the camera's frame, mm; K (3, 3) of the 256 pixel picture; rotation (3, 3), centre (3,) of the head.

    The prediction grows about the camera until its depth is right, which moves nothing in the picture. All NaN with a CR of 0 when the two
    share no pixel.
    """
    try:
        depths = [_perspective_depth(mesh, K) for mesh in (truth, prediction)]
        offset = depth_offset(*depths)
    except ValueError:
        return _apart()
    both = (depths[0] != 0) & (depths[1] != 0)
    mean = float(depths[0][both].mean())
    grown = Mesh(prediction.vertices * (mean / (mean - offset)), prediction.faces)
    return _on_cylinder(truth, grown, rotation, centre)


def score_wild(truth: Mesh, prediction: Mesh, scale: float, rotation: Float64Array, centre: Float64Array) -> ProtocolScores:
    """FS-Wild: both surfaces in the picture's frame, mm (units of [-1, 1] times scale); centre (3,) in units of the scale."""
    try:
        offset = depth_offset(*(_flat_depth(mesh, scale) for mesh in (truth, prediction)))
    except ValueError:
        return _apart()
    moved = Mesh(prediction.vertices - [0.0, 0.0, offset], prediction.faces)
    return _on_cylinder(truth, moved, rotation, centre * scale)


def flattened(vertices: Float64Array, camera: Camera, scale: float) -> Float64Array:
    """A head (V, 3), head frame, seen by a perspective camera, as FS-Wild wants it: orthographic, mm, its mean depth at -2 scales.

    Weak perspective about the mean depth: there is no exact answer, for the benchmark's pictures have no centre of projection.
    """
    cam = vertices @ camera.R.T + camera.t
    depth = float(cam[:, 2].mean())
    zoom = camera.K[0, 0] / depth / (0.5 * camera.width)
    x = cam[:, 0] * zoom + (camera.K[0, 2] + 0.5) / (0.5 * camera.width) - 1.0
    y = -cam[:, 1] * zoom - (camera.K[1, 2] + 0.5) / (0.5 * camera.height) + 1.0
    return np.asarray(np.stack([x, y, -(cam[:, 2] - depth) * zoom - 2.0], axis=1) * scale)


def _perspective_depth(mesh: Mesh, K: Float64Array) -> Float64Array:
    z = np.maximum(mesh.vertices[:, 2], 1e-9)
    pixels = mesh.vertices[:, :2] / z[:, None] * K[[0, 1], [0, 1]] + K[:2, 2]
    return _depth(np.column_stack([pixels, mesh.vertices[:, 2]]), mesh)


def _flat_depth(mesh: Mesh, scale: float) -> Float64Array:
    x, y, z = mesh.vertices.T
    half = 0.5 * SIDE
    screen = np.stack([(x / scale + 1.0) * half - 0.5, (1.0 - y / scale) * half - 0.5, _FAR_MM - z], axis=1)
    return _depth(screen, mesh)


def _depth(screen: Float64Array, mesh: Mesh) -> Float64Array:
    drawn = rasterize(screen, mesh.faces, SIDE, SIDE)
    return np.where(drawn.pix_to_face >= 0, drawn.zbuf.astype(np.float64), 0.0)


def _on_cylinder(truth: Mesh, prediction: Mesh, rotation: Float64Array, centre: Float64Array) -> ProtocolScores:
    a, b = (unroll(Mesh((mesh.vertices - centre) @ rotation / 1000.0, mesh.faces)) for mesh in (truth, prediction))
    counted = a.faces >= 0
    s = compare(a, counted, b)
    return ProtocolScores(s.cd_mm, benchmark_mne(a, counted, b), s.cr, s.mne_rad)


def _apart() -> ProtocolScores:
    return ProtocolScores(float("nan"), float("nan"), 0.0, float("nan"))
