"""Where the webcams of a synthetic capture stand, and which part of their frames a detector would cut out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facestudio.geometry.camera import project
from facestudio.geometry.rotations import exp_so3
from facestudio.landmarks.crop import Crop, crop_square
from facestudio.types import Camera, Float64Array


@dataclass(frozen=True)
class WebcamConfig:
    """Ranges of the webcams. field_of_view: vertical, degrees. distance: metres. yaw_jitter, pitch, roll: half-ranges, degrees.

    wide_share of the side cameras stand up to wide_yaw off. tallest: the largest share of the frame's height a head of 0.24 m takes.
    distorted: share with radial distortion |k1| <= distortion. shift, scale: the crop's jitter.
    """

    width: int = 1280
    height: int = 720
    field_of_view: tuple[float, float] = (36.0, 50.0)
    distance: tuple[float, float] = (0.4, 0.8)
    yaw_jitter: float = 15.0
    wide_share: float = 0.15
    wide_yaw: float = 65.0
    pitch: float = 10.0
    roll: float = 6.0
    tallest: float = 0.8
    distorted: float = 0.15
    distortion: float = 0.05
    shift: float = 0.08
    scale: float = 0.12


def random_webcam(yaw: float, centre: Float64Array, rng: np.random.Generator, config: WebcamConfig | None = None) -> Camera:
    """A webcam about `yaw` degrees to the subject's left that looks about at `centre` (3,), metres, head frame."""
    config = config or WebcamConfig()
    turned = yaw + rng.uniform(-config.yaw_jitter, config.yaw_jitter)
    if rng.random() < config.wide_share:
        turned = float(np.sign(yaw) * rng.uniform(abs(yaw), config.wide_yaw)) if yaw else rng.uniform(-30.0, 30.0)
    pitch, roll = rng.uniform(-config.pitch, config.pitch), rng.uniform(-config.roll, config.roll)
    focal = 0.5 * config.height / np.tan(np.radians(rng.uniform(*config.field_of_view)) / 2)
    nearest = max(0.24 * focal / (config.tallest * config.height), config.distance[0])
    distance = rng.uniform(nearest, max(config.distance[1], nearest + 0.05))
    half = 0.12 * focal / distance
    aim = np.array(
        [
            rng.uniform(-1, 1) * min(0.5 * config.width - half, 260),
            rng.uniform(-1, 1) * max(0.5 * config.height - 1.15 * half, 0.0),
        ]
    )
    return _camera(turned, pitch, roll, focal, distance, aim, centre, rng, config)


def _camera(
    yaw: float,
    pitch: float,
    roll: float,
    focal: float,
    distance: float,
    aim: Float64Array,
    centre: Float64Array,
    rng: np.random.Generator,
    config: WebcamConfig,
) -> Camera:
    tilt = exp_so3(np.radians([0, 0, roll])) @ exp_so3(np.radians([pitch, 0, 0]))
    R = tilt @ np.diag([1.0, -1.0, -1.0]) @ exp_so3(np.radians([0, -yaw, 0]))
    cx, cy = (config.width - 1) / 2 + rng.uniform(-8, 8), (config.height - 1) / 2 + rng.uniform(-6, 6)
    K = np.array([[focal, 0, cx], [0, focal, cy], [0, 0, 1.0]])
    place = np.array([*(aim / focal * distance), distance])
    distortion = np.zeros(5)
    if rng.random() < config.distorted:
        distortion[0] = rng.uniform(-config.distortion, config.distortion)
    return Camera(K, R, place - R @ centre, config.width, config.height, distortion)


def detector_crop(
    points: Float64Array, camera: Camera, size: int, rng: np.random.Generator, config: WebcamConfig | None = None
) -> Crop:
    """The square a detector would give for a face's points (N, 3), metres, with its usual inexactness."""
    config = config or WebcamConfig()
    exact = crop_square(project(camera, points), size)
    side = exact.side * (1.0 + rng.uniform(-config.scale, config.scale))
    return Crop(exact.centre + rng.uniform(-config.shift, config.shift, 2) * exact.side, side, size)


def orbit_camera(yaw: float, centre: Float64Array, size: int, distance: float = 0.42) -> tuple[Camera, Crop]:
    """A virtual camera on a circle about the head, as the deep-SfM paper has it (f = 500 px at 384 pixels), and its crop: all of it."""
    focal = 500.0 * size / 384.0
    R = np.diag([1.0, -1.0, -1.0]) @ exp_so3(np.radians([0, -yaw, 0]))
    K = np.array([[focal, 0, (size - 1) / 2], [0, focal, (size - 1) / 2], [0, 0, 1.0]])
    camera = Camera(K, R, np.array([0.0, 0.0, distance]) - R @ centre, size, size)
    return camera, Crop(np.full(2, (size - 1) / 2), float(size), size)
