"""Small made heads for the tests of deep SfM: OpenHead's own landmarks, seen by cameras that circle it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from facestudio.geometry.camera import project, screen
from facestudio.geometry.rasterize import rasterize
from facestudio.geometry.rotations import exp_so3
from facestudio.head.landmarks import LandmarkBasis, landmark_basis
from facestudio.head.store import load_head
from facestudio.reconstruct.sfm.bundle import Sighting
from facestudio.reconstruct.sfm.objective import Sequences
from facestudio.types import BoolArray, ByteArray, Camera, Float64Array

SIZE = 96


@dataclass(frozen=True)
class Orbit:
    """F pictures (F, S, S, 3) uint8, depth (F, S, S) metres (0 = none), landmarks (F, L, 2) pixels, visible (F, L)."""

    cameras: tuple[Camera, ...]
    pictures: ByteArray
    depth: Float64Array
    landmarks: Float64Array
    visible: BoolArray


def basis() -> LandmarkBasis:
    """Every fourth of mediapipe's landmarks: enough to bundle, quick to solve."""
    full = landmark_basis(load_head("open"), "mediapipe478")
    keep = np.flatnonzero(full.ids < 468)[::4]
    return LandmarkBasis(full.ids[keep], full.mean[keep], full.identity[keep], full.expression[keep], full.named)


def orbit_camera(yaw_degrees: float, distance: float = 0.55, size: int = SIZE) -> Camera:
    """A camera of the paper's orbit (f = 500 px at 384 px), `yaw_degrees` to the subject's left, looking at the head."""
    f = 500.0 / 384.0 * size
    K = np.array([[f, 0, (size - 1) / 2], [0, f, (size - 1) / 2], [0, 0, 1.0]])
    flip = np.diag([1.0, -1.0, -1.0])
    R = flip @ exp_so3(np.array([0.0, np.radians(-yaw_degrees), 0.0]))
    return Camera(K, R, np.array([0.0, 0.01, distance]), size, size)


def sightings(points: Float64Array, cameras: list[Camera], noise_px: float = 0.0, seed: int = 0) -> list[Sighting]:
    """Every landmark in every camera, with Gaussian noise."""
    rng = np.random.default_rng(seed)
    n = len(points)
    seen = [project(c, points) + noise_px * rng.standard_normal((n, 2)) for c in cameras]
    return [Sighting(np.arange(n), p, np.full(n, max(noise_px, 0.3))) for p in seen]


@lru_cache(maxsize=4)
def orbit(yaws: tuple[float, ...], size: int = SIZE, seed: int = 0) -> Orbit:
    """OpenHead's mean in a paint that depends on the place alone, circled at the given yaws; with true depth, landmarks and visibility."""
    model, marks = load_head("open"), basis()
    vertices = model.template.astype(np.float64)
    rng = np.random.default_rng(seed)
    waves = 90.0 * rng.standard_normal((3, 3, 2))
    paint = 0.5 + 0.2 * np.cos(np.einsum("vx,xcw->vcw", vertices, waves)).sum(2)
    cameras = [orbit_camera(yaw, size=size) for yaw in yaws]
    pictures, depths, seen = [], [], []
    for camera in cameras:
        drawn = rasterize(screen(camera, vertices), model.faces, size, size)
        inside = drawn.pix_to_face >= 0
        colours = np.einsum("hwk,hwkc->hwc", drawn.bary, paint[model.faces[np.maximum(drawn.pix_to_face, 0)]])
        pictures.append(np.where(inside[..., None], np.clip(255 * colours, 0, 255), 40).astype(np.uint8))
        depths.append(np.where(inside, drawn.zbuf, 0.0))
        at = screen(camera, marks.mean)
        column, row = np.clip(np.rint(at[:, :2]), 0, size - 1).astype(int).T
        seen.append(at[:, 2] < depths[-1][row, column] + 0.004)
    pixels = np.stack([project(c, marks.mean) for c in cameras])
    return Orbit(tuple(cameras), np.stack(pictures), np.stack(depths), pixels, np.stack(seen))


def sequences(scene: Orbit) -> Sequences:
    """The orbit as a batch of one sequence, with its true cameras as the start."""
    pose = np.stack([np.concatenate([c.R, c.t[:, None]], 1) for c in scene.cameras])

    def tensor(values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))[None]

    return Sequences(
        tensor(scene.pictures.transpose(0, 3, 1, 2) / 255.0),
        tensor(np.stack([c.K for c in scene.cameras])),
        tensor(pose),
        tensor(scene.landmarks),
        torch.from_numpy(scene.visible)[None],
        torch.from_numpy(scene.depth > 0)[None],
        tensor(scene.depth),
    )
