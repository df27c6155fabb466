"""Depth maps of several frames become one coloured point cloud.

Each pixel of each frame is a point with a normal. The other frames are asked what they see there: a surface near it supports the point
and draws it nearer to itself; a surface far behind it says that the point hangs in the air. What is left is thinned to one point per
small cube of space.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from facestudio.errors import FitError
from facestudio.geometry.camera import project, to_camera
from facestudio.reconstruct.sfm.frames import Frame, Look
from facestudio.types import BoolArray, ByteArray, Camera, Float32Array, Float64Array, PointCloud


@dataclass(frozen=True)
class FuseConfig:
    """Constants of fusing.

    finer: points per depth pixel and axis. agree_m: how far two surfaces may lie apart and still be one. steepest: least cosine between
    a point's normal and the ray to it. rim: pixels left out at the mask's border. cube_m: side of the cubes that keep one point each.
    """

    finer: int = 2
    agree_m: float = 0.008
    steepest: float = 0.25
    rim: int = 1
    cube_m: float = 0.0013


@dataclass(frozen=True)
class Surfaces:
    """One frame's points: points, normals (N, 3) float64, head frame; weight (N,), the cosine to the ray; support (N,) int."""

    points: Float64Array
    normals: Float64Array
    weight: Float64Array
    colours: ByteArray


def fuse(
    frames: Sequence[Frame],
    looks: Sequence[Look],
    depths: Sequence[Float32Array],
    config: FuseConfig | None = None,
) -> PointCloud:
    """The cloud of F frames. looks: their virtual views, with cameras from the head frame. depths: (S, S) float32 along the virtual axes.

    Colours come from the frames themselves, at their full size. Raises FitError when no point is left.
    """
    config = config or FuseConfig()
    parts = [surface(f, k, d, config) for f, k, d in zip(frames, looks, depths, strict=True)]
    points, normals, weights, colours, views = [], [], [], [], []
    for i, part in enumerate(parts):
        moved, support, contradicted = _asked(part, i, looks, depths, config)
        # Two frames that agree outvote one that does not: its own depth is wrong there.
        keep = ~contradicted | (support >= 2)
        points.append(moved[keep])
        normals.append(part.normals[keep])
        weights.append(part.weight[keep] * (1 + support[keep]))
        colours.append(part.colours[keep])
        views.append(1 + support[keep])
    if not sum(map(len, points)):
        raise FitError(
            "The frames agree on no point of the head.", "Use sharper photos that show the same face from nearer views."
        )
    return thinned(
        np.concatenate(points),
        np.concatenate(normals),
        np.concatenate(weights),
        np.concatenate(colours),
        np.concatenate(views),
        config.cube_m,
    )


def surface(frame: Frame, seen: Look, depth: Float32Array, config: FuseConfig) -> Surfaces:
    """The points of one depth map (S, S), metres, within the mask and not too steep."""
    size = len(depth)
    step = 1.0 / config.finer
    fine = np.arange(0.0, size - 1 + 1e-9, step)
    x, y = np.meshgrid(fine, fine)
    z = bilinear(depth, np.stack([x, y], -1).reshape(-1, 2)).reshape(x.shape)
    camera = seen.camera
    rays = np.stack([(x - camera.K[0, 2]) / camera.K[0, 0], (y - camera.K[1, 2]) / camera.K[1, 1], np.ones_like(x)], -1)
    points = rays * z[..., None]
    across, down = np.gradient(points, axis=1), np.gradient(points, axis=0)
    normals = np.cross(down, across)  # towards the camera: x right, y down, z forward
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-12)
    cosine = -(normals * rays).sum(-1) / np.linalg.norm(rays, axis=-1)
    inner = cv2.erode(seen.mask.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=config.rim) > 0
    keep = inner[np.rint(y).astype(int), np.rint(x).astype(int)] & (cosine > config.steepest) & (z > 0)
    back = camera.R  # rows are the camera's axes in the head frame
    at_head = (points[keep] - camera.t) @ back
    return Surfaces(at_head, normals[keep] @ back, cosine[keep], _colours(frame, at_head))


def _colours(frame: Frame, points: Float64Array) -> ByteArray:
    return np.rint(bilinear(frame.picture, project(frame.camera, points))).astype(np.uint8)


def bilinear(picture: ByteArray | Float32Array, pixels: Float64Array) -> Float64Array:
    """Values (N,) or (N, C) float64 of a picture (H, W) or (H, W, C) at pixels (N, 2); outside, the border's value."""
    limit = np.array([picture.shape[1] - 1, picture.shape[0] - 1])
    at = np.clip(pixels, 0.0, limit)
    low = np.minimum(np.floor(at).astype(np.int64), np.maximum(limit - 1, 0))
    fx, fy = (at - low).T.reshape(2, -1, *[1] * (picture.ndim - 2))
    (x, y), (x1, y1) = low.T, np.minimum(low + 1, limit).T
    top = (1 - fx) * picture[y, x] + fx * picture[y, x1]
    bottom = (1 - fx) * picture[y1, x] + fx * picture[y1, x1]
    return np.asarray((1 - fy) * top + fy * bottom, dtype=np.float64)


def _asked(
    part: Surfaces, own: int, looks: Sequence[Look], depths: Sequence[Float32Array], config: FuseConfig
) -> tuple[Float64Array, Float64Array, BoolArray]:
    """Points (N, 3) drawn to the surfaces that support them, their number (N,), and (N,) bool whether one says that nothing is there."""
    pull, total = np.zeros_like(part.points), part.weight.copy()
    support, contradicted = np.zeros(len(part.points)), np.zeros(len(part.points), bool)
    for j, (seen, depth) in enumerate(zip(looks, depths, strict=True)):
        if j == own:
            continue
        gap, cosine, valid = _gap(part, seen.camera, seen.mask, depth)
        near = valid & (np.abs(gap) < config.agree_m) & (cosine > config.steepest)
        weight = np.where(near, cosine, 0.0)
        ray = part.points - seen.camera.centre
        ray /= np.linalg.norm(ray, axis=1, keepdims=True)
        pull += (weight * gap)[:, None] * ray
        total += weight
        support += near
        contradicted |= valid & (gap > 3 * config.agree_m) & (cosine > config.steepest)
    return part.points + pull / np.maximum(total, 1e-9)[:, None], support, contradicted


def _gap(part: Surfaces, camera: Camera, mask: BoolArray, depth: Float32Array) -> tuple[Float64Array, Float64Array, BoolArray]:
    """How far another frame's surface lies behind each point, metres; the cosine at which it looks at it; whether it can say."""
    z = to_camera(camera, part.points)[:, 2]
    pixels = project(camera, part.points)
    size = len(depth)
    inside = (pixels > 0).all(1) & (pixels < size - 1).all(1) & (z > 0)
    column, row = np.clip(np.rint(pixels), 0, size - 1).astype(int).T
    ray = part.points - camera.centre
    cosine = -(part.normals * ray).sum(1) / np.linalg.norm(ray, axis=1)
    return bilinear(depth, pixels) - z, cosine, inside & mask[row, column] & (cosine > 0)


def thinned(
    points: Float64Array,
    normals: Float64Array,
    weights: Float64Array,
    colours: ByteArray,
    views: Float64Array,
    cube_m: float,
) -> PointCloud:
    """One point per cube of space with this side, metres: the weighted mean of those in it; the most views of any of them."""
    cell = np.floor(points / cube_m).astype(np.int64)
    cell -= cell.min(0)
    key = (cell[:, 0] * (cell[:, 1].max() + 1) + cell[:, 1]) * (cell[:, 2].max() + 1) + cell[:, 2]
    unique, inverse = np.unique(key, return_inverse=True)
    count = len(unique)
    total = np.bincount(inverse, weights, count)

    def mean(values: Float64Array) -> Float64Array:
        return np.stack([np.bincount(inverse, weights * column, count) for column in values.T], axis=1) / total[:, None]

    n = mean(normals)
    n /= np.maximum(np.linalg.norm(n, axis=1, keepdims=True), 1e-12)
    most = np.zeros(count)
    np.maximum.at(most, inverse, views)
    return PointCloud(
        mean(points).astype(np.float32),
        np.rint(mean(colours.astype(np.float64))).astype(np.uint8),
        n.astype(np.float32),
        np.minimum(most, 255).astype(np.uint8),
    )
