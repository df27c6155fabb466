"""Where the viewer's eye is: orbiting a head, or exactly where a photo was taken. Maths only; no Qt, no VTK.

VTK describes a camera by position, focal point, up and a vertical view angle. Its optical axis meets the middle of the picture
unless the window's centre is moved, which is how an off-centre principal point is expressed; unequal focal lengths become a
stretch of x after the projection.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from facestudio.geometry.rotations import exp_so3, log_so3
from facestudio.types import Camera, Float64Array, FloatArray

HOME_ANGLE = 24.0  # degrees: a portrait lens; wider ones make noses large
_HOME_YAW, _HOME_PITCH = 18.0, 4.0
_AIR = 1.12  # how much larger than the head the picture is


@dataclass(frozen=True)
class Placement:
    """A view. position, focal_point (3,) metres, head frame; up (3,) unit length. angle: vertical, degrees.

    centre: VTK's window centre (x, y), in half pictures. stretch: factor on x after the projection.
    """

    position: Float64Array
    focal_point: Float64Array
    up: Float64Array
    angle: float
    centre: tuple[float, float] = (0.0, 0.0)
    stretch: float = 1.0


def home(vertices: FloatArray, width: int, height: int) -> Placement:
    """The view a head is first seen in: three-quarter, whole, in a viewport of width x height pixels."""
    points = np.asarray(vertices, dtype=np.float64)
    low, high = points.min(axis=0), points.max(axis=0)
    middle = (low + high) / 2
    half = float(np.linalg.norm(high - low)) / 2 * _AIR * 0.82  # the box's corners are empty
    narrow = min(1.0, width / max(height, 1))
    distance = half / np.sin(np.radians(HOME_ANGLE / 2)) / max(narrow, 0.2)
    yaw, pitch = np.radians(_HOME_YAW), np.radians(_HOME_PITCH)
    towards = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
    return Placement(middle + distance * towards, middle, np.array([0.0, 1.0, 0.0]), HOME_ANGLE)


def at_camera(camera: Camera, width: int, height: int, about: FloatArray) -> Placement:
    """Exactly a photo's view, with the whole photo in the middle of a viewport of width x height pixels.

    about (3,): a point near the head's middle, metres: the focal point is put at its depth. Lens distortion is not part of it: the
    photo has to be undistorted instead.
    """
    scale = photo_scale(camera, width, height)
    axis = camera.R[2]
    depth = float((camera.R @ np.asarray(about, dtype=np.float64) + camera.t)[2])
    fx, fy = float(camera.K[0, 0]), float(camera.K[1, 1])
    angle = 2.0 * np.degrees(np.arctan2(height / 2.0, fy * scale))
    # Pixel centres are integers, so that the photo's middle is at (W - 1) / 2.
    right = (camera.K[0, 2] - (camera.width - 1) / 2.0) * scale
    down = (camera.K[1, 2] - (camera.height - 1) / 2.0) * scale
    stretch = fx / fy
    centre = (-2.0 * right / width / stretch, 2.0 * down / height)
    return Placement(camera.centre, camera.centre + max(depth, 0.05) * axis, -camera.R[1], angle, centre, stretch)


def photo_scale(camera: Camera, width: int, height: int) -> float:
    """Viewport pixels per photo pixel when the whole photo is to be seen."""
    return min(width / camera.width, height / camera.height)


def photo_corners(camera: Camera, depth: float) -> Float64Array:
    """(4, 3) metres, head frame: the photo's corners at a depth, top left, top right, bottom right, bottom left."""
    w, h = camera.width - 0.5, camera.height - 0.5
    pixels = np.array([[-0.5, -0.5, 1.0], [w, -0.5, 1.0], [w, h, 1.0], [-0.5, h, 1.0]])
    rays = pixels @ np.linalg.inv(camera.K).T * depth
    return np.asarray((rays - camera.t) @ camera.R)


def between(first: Placement, second: Placement, part: float) -> Placement:
    """The view on the way from one to the other at part in [0, 1]: round the head rather than through it."""
    if part >= 1.0:
        return second
    turn = _frame(second) @ _frame(first).T
    frame = exp_so3(log_so3(turn) * part) @ _frame(first)
    far = [float(np.linalg.norm(p.position - p.focal_point)) for p in (first, second)]
    # In logarithms, so that flying in looks as fast as flying out.
    distance = float(np.exp((1 - part) * np.log(far[0]) + part * np.log(far[1])))
    focal = (1 - part) * first.focal_point + part * second.focal_point
    mixed = [(1 - part) * a + part * b for a, b in zip(first.centre, second.centre, strict=True)]
    return replace(
        second,
        position=focal - distance * frame[:, 2],
        focal_point=focal,
        up=frame[:, 1],
        angle=(1 - part) * first.angle + part * second.angle,
        centre=(mixed[0], mixed[1]),
        stretch=(1 - part) * first.stretch + part * second.stretch,
    )


def _frame(placement: Placement) -> Float64Array:
    """Right, up and forward as the columns of a rotation (3, 3)."""
    forward = placement.focal_point - placement.position
    forward = forward / np.linalg.norm(forward)
    side = np.cross(forward, placement.up)
    side = side / np.linalg.norm(side)
    up = np.cross(side, forward)
    return np.stack([-side, up, forward], axis=1)
