"""How far a person's lids must travel to close: the blink of the head model, lengthened or shortened for this head's own eyes.

A head model has one blink for everybody. On wide eyes it leaves a slit, on narrow ones the lids run into each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facestudio.geometry.camera import screen
from facestudio.geometry.rasterize import rasterize
from facestudio.head.model import HeadModel
from facestudio.types import BoolArray, Camera, Float64Array, FloatArray, IntArray

BLINKS = {"eyeBlinkLeft": "eye_left", "eyeBlinkRight": "eye_right"}


@dataclass(frozen=True)
class LidSettings:
    """shortest, longest: limits of the factor on the blink. steps: halvings of that range. margin: added, so that they surely touch.

    views: yaw and pitch, degrees, from which nothing of the eye may be seen. size: pixels of these pictures, which span `span_m`.
    """

    shortest: float = 0.8
    longest: float = 1.5
    steps: int = 6
    margin: float = 0.05
    views: tuple[tuple[float, float], ...] = ((0.0, 0.0), (42.0, 0.0), (-42.0, 0.0), (0.0, -20.0))
    size: int = 256
    span_m: float = 0.05


def lid_travel(
    model: HeadModel, vertices: FloatArray, name: str, blink: FloatArray, settings: LidSettings | None = None
) -> float:
    """The factor on a blink (V, 3), metres at weight 1, with which the lids of vertices (V, 3), metres, just close.

    name: "eyeBlinkLeft" or "eyeBlinkRight". 1 when the model has no such eye, or when no factor within the limits closes it.
    """
    config = settings or LidSettings()
    ball = model.part_faces(BLINKS[name])
    points, offsets = np.asarray(vertices, dtype=np.float64), np.asarray(blink, dtype=np.float64)
    if not ball.any() or not offsets.any():
        return 1.0
    eye = points[model.faces[ball]].reshape(-1, 3)
    centre = 0.5 * (eye.min(0) + eye.max(0))
    cameras = [_camera(centre, yaw, pitch, config) for yaw, pitch in config.views]

    def closed(factor: float) -> bool:
        shut = points + factor * offsets
        return not any(_sees(camera, shut, model.faces, ball) for camera in cameras)

    low, high = config.shortest, config.longest
    if not closed(high):
        return 1.0
    for _ in range(config.steps):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if closed(middle) else (middle, high)
    return min(high + config.margin, config.longest)


def _sees(camera: Camera, vertices: Float64Array, faces: IntArray, on_ball: BoolArray) -> bool:
    drawn = rasterize(screen(camera, vertices), faces, camera.height, camera.width).pix_to_face
    return bool(on_ball[drawn[drawn >= 0]].any())


def _camera(centre: Float64Array, yaw: float, pitch: float, config: LidSettings) -> Camera:
    """A camera half a metre away that looks at the eye."""
    y, p = np.radians(yaw), np.radians(pitch)
    back = np.array([np.sin(y) * np.cos(p), np.sin(p), np.cos(y) * np.cos(p)])
    right = np.array([np.cos(y), 0.0, -np.sin(y)])
    R = np.stack([right, -np.cross(back, right), -back])
    distance = 0.5
    focal = config.size * distance / config.span_m
    middle = (config.size - 1) / 2
    K = np.array([[focal, 0.0, middle], [0.0, focal, middle], [0.0, 0.0, 1.0]])
    return Camera(K, R, -R @ (centre + distance * back), config.size, config.size)
