"""A made-up face whose landmarks, cameras and coefficients are known: the oracle of the fitting tests."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from facestudio.geometry.camera import project
from facestudio.geometry.rotations import exp_so3
from facestudio.head.landmarks import LandmarkBasis
from facestudio.types import Camera, Image, Landmarks, View, ViewName

WIDTH, HEIGHT = 640, 480


@dataclass(frozen=True)
class Scene:
    """A face basis and views that see one known head."""

    basis: LandmarkBasis
    identity: np.ndarray
    expression: np.ndarray
    views: tuple[View, ...]
    cameras: tuple[Camera, ...]

    @property
    def uncalibrated(self) -> tuple[View, ...]:
        """The same views without their cameras."""
        return tuple(replace(v, camera=None) for v in self.views)

    @property
    def truth(self) -> np.ndarray:
        """The landmarks of the known head, metres."""
        return self.basis.points(self.identity, self.expression)


def camera_at(yaw: float, focal: float = 600.0, distance: float = 0.6) -> Camera:
    """A camera at the given yaw (degrees, positive: on the subject's left) that looks at the head."""
    turn = exp_so3(np.array([0.0, np.radians(-yaw), 0.0]))
    R = np.diag([1.0, -1.0, -1.0]) @ turn
    K = np.array([[focal, 0, (WIDTH - 1) / 2], [0, focal, (HEIGHT - 1) / 2], [0, 0, 1.0]])
    return Camera(K, R, np.array([0.005, -0.01, distance]), WIDTH, HEIGHT)


def make_scene(seed: int = 0, noise_px: float = 0.0, identity_size: float = 1.0) -> Scene:
    """90 landmarks on the front of an ellipsoid, 6 smooth identity and 2 expression modes, cameras at +40, 0, -40 degrees."""
    rng = np.random.default_rng(seed)
    angles = np.column_stack([rng.uniform(-1.0, 1.0, 90), rng.uniform(-0.9, 0.9, 90)])
    direction = np.column_stack(
        [np.sin(angles[:, 0]) * np.cos(angles[:, 1]), np.sin(angles[:, 1]), np.cos(angles[:, 0]) * np.cos(angles[:, 1])]
    )
    mean = direction * [0.075, 0.10, 0.09]
    phases, waves = rng.uniform(0, 6, (8, 3)), rng.normal(0, 18, (8, 3, 3))
    modes = np.stack([0.003 * np.sin(mean @ w.T + p) for w, p in zip(waves, phases, strict=True)], axis=-1)
    basis = LandmarkBasis(np.arange(90), mean, modes[..., :6], modes[..., 6:])
    identity, expression = identity_size * rng.normal(size=6), 0.1 * rng.normal(size=2)
    head = basis.points(identity, expression)
    cameras = tuple(camera_at(yaw) for yaw in (40.0, 0.0, -40.0))
    picture = Image(np.zeros((HEIGHT, WIDTH, 3), np.uint8), focal_px=600.0)
    views = []
    for name, camera in zip(ViewName, cameras, strict=True):
        pixels = project(camera, head) + noise_px * rng.normal(size=(90, 2))
        views.append(View(name, picture, camera, Landmarks(pixels, "made-up", np.full(90, 0.3))))
    return Scene(basis, identity, expression, tuple(views), cameras)
