"""FaceScape's three measures on a cylinder about the head: how far (CD), how differently turned (MNE), how complete (CR).

Yang et al., "FaceScape: 3D Facial Dataset and Benchmark for Single-View 3D Face Reconstruction" (TPAMI 2023). Both surfaces are
unrolled onto the cylinder about the +Y axis of the scan's frame, and compared where both have something. Unlike the benchmark we
measure after the NoW alignment, and MNE is the true angle between the normals; the benchmark adds one to every component first, as
`benchmark_mne` does, whose numbers alone may stand beside published ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from facestudio.evaluate.scan_to_mesh import Surface
from facestudio.types import BoolArray, Float64Array, IntArray, Mesh

SIZE = 256  # rows and columns of the map; the last column repeats the first
HALF_HEIGHT_MM = 150.0
_CUT_MM = 15.0  # neighbours in the map that differ by more lie on different surfaces
_AXIS_MM = 1e-6  # what is nearer to the axis has no direction
_MINIMUM_PIXELS = 10
_MM = 1000.0


@dataclass(frozen=True)
class CylinderScores:
    """cd_mm: mean distance between the unrolled surfaces, both ways. mne_rad: mean angle between normals. cr: share covered.

    cd_mm and mne_rad are NaN when the surfaces share too little of the cylinder to be compared.
    """

    cd_mm: float
    mne_rad: float
    cr: float

    def to_json(self) -> dict[str, float | None]:
        """As it stands in summary.json; what is NaN becomes null."""
        values = {"cd_mm": self.cd_mm, "mne_rad": self.mne_rad, "cr": self.cr}
        return {name: round(value, 4) if np.isfinite(value) else None for name, value in values.items()}


@dataclass(frozen=True)
class CylinderMap:
    """A surface unrolled. radius: (256, 256) float64, mm, 0 where there is none. normals: (256, 256, 3) float64, unit.

    faces: (256, 256) int64: the mesh's triangle behind each pixel, -1 where there is none.
    """

    radius: Float64Array
    normals: Float64Array
    faces: IntArray


def unroll(mesh: Mesh) -> CylinderMap:
    """Cast a ray from the axis through every pixel of the cylinder and keep the farthest hit: the outermost surface.

    mesh: metres, in a frame with +Y up the head and the origin inside it.
    Row i lies at y = 150 - 300 i / 255 mm; column j looks along (-sin, 0, -cos) of 2 pi j / 255.
    """
    corners = np.asarray(mesh.vertices, dtype=np.float64)[np.asarray(mesh.faces, dtype=np.int64)] * _MM
    radius, faces = _cast(np.ascontiguousarray(corners))
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    unit = cross / np.maximum(np.linalg.norm(cross, axis=1, keepdims=True), np.finfo(float).tiny)
    normals = np.where((faces >= 0)[..., None], unit[np.maximum(faces, 0)], 0.0)
    return CylinderMap(radius, normals, faces)


def region_pixels(truth: CylinderMap, mesh: Mesh, region: IntArray) -> BoolArray:
    """(256, 256) bool: the pixels of an unrolled mesh whose triangle lies wholly in a region, given as vertex numbers."""
    inside = np.zeros(len(mesh.vertices), dtype=bool)
    inside[region] = True
    counted = inside[mesh.faces].all(axis=1)
    return np.asarray((truth.faces >= 0) & counted[np.maximum(truth.faces, 0)])


def compare(truth: CylinderMap, counted: BoolArray, prediction: CylinderMap) -> CylinderScores:
    """Compare two unrolled surfaces over the counted pixels (256, 256) of the truth."""
    both = counted & (prediction.faces >= 0)
    cr = float(both.sum() / max(int(counted.sum()), 1))
    if both.sum() <= _MINIMUM_PIXELS:
        return CylinderScores(float("nan"), float("nan"), cr)
    mne = _mean_angle(truth.normals[both], prediction.normals[both])
    a, b = _grid(truth.radius * both), _grid(prediction.radius * both)
    if not len(a.faces) or not len(b.faces):
        return CylinderScores(float("nan"), mne, cr)
    there, back = Surface(b).nearest(a.vertices).distances, Surface(a).nearest(b.vertices).distances
    return CylinderScores(float(np.concatenate([there, back]).mean()), mne, cr)


def benchmark_mne(truth: CylinderMap, counted: BoolArray, prediction: CylinderMap) -> float:
    """MNE as the benchmark's code computes it and the papers print it: the angle between the vectors normal + (1, 1, 1), radians.

    Smaller than the true angle where normals point to positive axes, larger where they point to negative ones. NaN when nothing is shared.
    """
    both = counted & (prediction.faces >= 0)
    if not both.any():
        return float("nan")
    return _mean_angle(*(_unit(normals[both] + 1.0) for normals in (truth.normals, prediction.normals)))


def _unit(vectors: Float64Array) -> Float64Array:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(float).tiny))


def _mean_angle(a: Float64Array, b: Float64Array) -> float:
    """Mean angle, radians, between unit vectors (N, 3)."""
    return float(np.arccos(np.clip(np.einsum("ij,ij->i", a, b), -1.0, 1.0)).mean())


def _grid(radius: Float64Array) -> Mesh:
    """The map as a mesh, mm: two triangles per pixel that has neighbours to the right and below without a jump between."""
    angle = 2.0 * np.pi * np.arange(SIZE) / (SIZE - 1)
    y = np.linspace(HALF_HEIGHT_MM, -HALF_HEIGHT_MM, SIZE)[:, None]
    points = np.stack([-radius * np.sin(angle), np.broadcast_to(y, radius.shape), -radius * np.cos(angle)], axis=-1)
    right, below, across = ((0, -1), (-1, 0), (-1, -1))
    connected = radius != 0
    for shift in (right, below, across):
        connected = connected & (np.abs(radius - np.roll(radius, shift, (0, 1))) < _CUT_MM)
    number = np.arange(SIZE * SIZE).reshape(SIZE, SIZE)
    here, r, b, x = (n[connected] for n in (number, *(np.roll(number, shift, (0, 1)) for shift in (right, below, across))))
    faces = np.concatenate([np.stack([here, r, b], 1), np.stack([x, b, r], 1)])
    used, renumbered = np.unique(faces, return_inverse=True)
    return Mesh(points.reshape(-1, 3)[used], renumbered.reshape(-1, 3))


@njit(cache=True)
def _cast(corners: Float64Array) -> tuple[Float64Array, IntArray]:
    """The farthest hit in every direction: a triangle meets a row's plane in a segment, and the segment spans some columns."""
    radius = np.zeros((SIZE, SIZE))
    faces = np.full((SIZE, SIZE), -1)
    step = 2.0 * np.pi / (SIZE - 1)
    pitch = 2.0 * HALF_HEIGHT_MM / (SIZE - 1)
    for f in range(len(corners)):
        ya, yb, yc = corners[f, 0, 1], corners[f, 1, 1], corners[f, 2, 1]
        top = max(0, int(np.ceil((HALF_HEIGHT_MM - max(ya, yb, yc)) / pitch)))
        bottom = min(SIZE - 1, int(np.floor((HALF_HEIGHT_MM - min(ya, yb, yc)) / pitch)))
        for i in range(top, bottom + 1):
            y = HALF_HEIGHT_MM - i * pitch
            found = 0
            x0, z0, x1, z1 = 0.0, 0.0, 0.0, 0.0
            for e in range(3):
                p, q = corners[f, e], corners[f, (e + 1) % 3]
                # Half-open, so that a corner that lies on the plane is met by exactly one of its two edges.
                if (p[1] <= y) == (q[1] <= y):
                    continue
                k = (y - p[1]) / (q[1] - p[1])
                x, z = p[0] + k * (q[0] - p[0]), p[2] + k * (q[2] - p[2])
                if found == 0:
                    x0, z0 = x, z
                else:
                    x1, z1 = x, z
                found += 1
            if found != 2:
                continue
            start = np.arctan2(-x0, -z0)
            # A straight segment that misses the axis turns by less than half a circle.
            turn = (np.arctan2(-x1, -z1) - start + np.pi) % (2.0 * np.pi) - np.pi
            low = int(np.ceil(min(start, start + turn) / step - 1e-9))
            high = int(np.floor(max(start, start + turn) / step + 1e-9))
            for j in range(low, high + 1):
                dx, dz = -np.sin(j * step), -np.cos(j * step)
                across = (x1 - x0) * dz - (z1 - z0) * dx
                if abs(across) < 1e-12:
                    r = max(x0 * dx + z0 * dz, x1 * dx + z1 * dz)
                else:
                    s = min(max((z0 * dx - x0 * dz) / across, 0.0), 1.0)
                    r = (x0 + s * (x1 - x0)) * dx + (z0 + s * (z1 - z0)) * dz
                column = j % (SIZE - 1)
                if r > _AXIS_MM and r > radius[i, column]:
                    radius[i, column], faces[i, column] = r, f
    radius[:, SIZE - 1] = radius[:, 0]
    faces[:, SIZE - 1] = faces[:, 0]
    return radius, faces
