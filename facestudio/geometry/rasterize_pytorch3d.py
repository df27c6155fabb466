"""The z-buffer on a graphics card, through pytorch3d, behind the same `Rasterizer` protocol; optional."""

from __future__ import annotations

import importlib.util

import numpy as np

from facestudio.geometry.rasterize import NEAR_M, Fragments, Rasterizer, rasterize
from facestudio.types import BoolArray, Float64Array, FloatArray, IntArray


def best_rasterizer() -> Rasterizer:
    """pytorch3d's rasteriser where it imports and CUDA is there, else ours (pytorch3d's is a thousand times slower on a CPU)."""
    if importlib.util.find_spec("pytorch3d") is None:
        return rasterize
    try:
        import torch
        from pytorch3d.renderer.mesh.rasterize_meshes import rasterize_meshes  # noqa: F401 - the import is the test
    except (ImportError, OSError):  # a wheel built for another torch fails at loading its library
        return rasterize
    return rasterize_pytorch3d if torch.cuda.is_available() else rasterize


def rasterize_pytorch3d(
    screen: FloatArray, faces: IntArray, height: int, width: int, cull_backfaces: bool = False
) -> Fragments:
    """The same as `geometry.rasterize.rasterize`, drawn by pytorch3d on the graphics card if there is one.

    Faces that ours skips are taken out beforehand, so that both follow one contract. Pixels exactly on an edge may differ:
    pytorch3d knows no top-left rule.
    """
    import torch
    from pytorch3d.renderer.mesh.rasterize_meshes import rasterize_meshes
    from pytorch3d.structures import Meshes

    points = np.asarray(screen, dtype=np.float64)
    triangles = np.asarray(faces, dtype=np.int64)
    kept = np.flatnonzero(_drawable(points, triangles, cull_backfaces))
    if not len(kept):
        return rasterize(points, triangles[:0], height, width)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    used, corners = np.unique(triangles[kept], return_inverse=True)
    mesh = Meshes(
        [torch.tensor(to_ndc(points[used], height, width), dtype=torch.float32, device=device)],
        [torch.tensor(corners.reshape(-1, 3), device=device)],
    )
    pix_to_face, zbuf, bary, _ = rasterize_meshes(
        mesh, image_size=(height, width), blur_radius=0.0, faces_per_pixel=1, perspective_correct=True
    )
    index = pix_to_face[0, ..., 0].cpu().numpy()
    seen = index >= 0
    return Fragments(
        np.where(seen, kept[np.maximum(index, 0)], -1).astype(np.int32),
        np.where(seen[..., None], bary[0, :, :, 0].cpu().numpy(), -1.0).astype(np.float32),
        np.where(seen, zbuf[0, ..., 0].cpu().numpy(), -1.0).astype(np.float32),
    )


def to_ndc(screen: Float64Array, height: int, width: int) -> Float64Array:
    """Our screen (V, 3) (x px, y px, depth; pixel centres at integers) to pytorch3d's: x left, y up, the shorter side in [-1, 1]."""
    x, y, depth = screen.T
    half = 0.5 * min(height, width)
    return np.stack([(0.5 * (width - 1) - x) / half, (0.5 * (height - 1) - y) / half, depth], axis=1)


def _drawable(points: Float64Array, triangles: IntArray, cull: bool) -> BoolArray:
    corners = points[triangles]
    with np.errstate(invalid="ignore", over="ignore"):
        (ax, ay), (bx, by) = (corners[:, 1] - corners[:, 0]).T[:2], (corners[:, 2] - corners[:, 0]).T[:2]
        area = ax * by - ay * bx
    good = np.isfinite(corners).all(axis=(1, 2)) & (corners[..., 2] >= NEAR_M).all(axis=1) & np.isfinite(area)
    return np.asarray(good & ((area < 0.0) if cull else (area != 0.0)))
