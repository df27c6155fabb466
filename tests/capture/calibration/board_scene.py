"""Pictures of the board through known cameras, as a webcam would take them: lens distortion, blur, noise, uneven light."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from facestudio.capture.calibration.board import BoardSpec, board_picture
from facestudio.capture.calibration.detect import Detection
from facestudio.geometry.camera import project
from facestudio.geometry.rotations import exp_so3
from facestudio.types import ByteArray, Camera, Float64Array, ViewName

Pose = tuple[Float64Array, Float64Array]


def looking_at_subject(yaw_degrees: float, focal: float, size: tuple[int, int], seed: int) -> Camera:
    """A camera 0.6 m from the subject at the origin of a frame whose z points from the front camera to the subject."""
    rng = np.random.default_rng(seed)
    R = exp_so3(np.array([rng.normal(0, 0.03), np.radians(yaw_degrees), rng.normal(0, 0.02)]))
    K = np.array(
        [[focal, 0, size[0] / 2 - 0.5 + rng.normal(0, 5)], [0, focal * 1.001, size[1] / 2 - 0.5 + rng.normal(0, 5)], [0, 0, 1]]
    )
    distortion = np.array([-0.12 + rng.normal(0, 0.03), 0.06, rng.normal(0, 5e-4), rng.normal(0, 5e-4), 0.0])
    t = -R @ np.zeros(3) + np.array([rng.normal(0, 0.02), rng.normal(0, 0.02), 0.6])
    return Camera(K, R, t, size[0], size[1], distortion)


def true_rig(size: tuple[int, int] = (1280, 720)) -> dict[ViewName, Camera]:
    """Three different webcams, their poses relative to the front one."""
    focal = 0.86 * size[0]
    yaws = {ViewName.LEFT: 38.0, ViewName.FRONT: 0.0, ViewName.RIGHT: -41.0}
    rig = {v: looking_at_subject(y, focal * (1 + 0.03 * k), size, k + 1) for k, (v, y) in enumerate(yaws.items())}
    front = rig[ViewName.FRONT]
    return {
        v: Camera(c.K, c.R @ front.R.T, c.t - c.R @ front.R.T @ front.t, c.width, c.height, c.distortion)
        for v, c in rig.items()
    }


def board_poses(count: int, spec: BoardSpec, seed: int = 0, near: float = 0.45, far: float = 0.8) -> list[Pose]:
    """Boards held here and there before the front camera, tilted to all sides."""
    rng = np.random.default_rng(seed)
    middle = np.array([spec.columns, spec.rows, 0.0]) * spec.square_mm / 2000.0
    poses = []
    for _ in range(count):
        R = exp_so3(np.array([rng.uniform(-0.6, 0.6), rng.uniform(-0.7, 0.7), rng.uniform(-0.3, 0.3)]))
        depth = rng.uniform(near, far)
        centre = np.array([rng.uniform(-0.28, 0.28) * depth, rng.uniform(-0.2, 0.2) * depth, depth])
        poses.append((R, centre - R @ middle))
    return poses


@dataclass(frozen=True)
class Webcam:
    """blur: sigma in pixels. noise: sigma of 255."""

    blur: float = 0.7
    noise: float = 3.0


def render(camera: Camera, board: Pose, spec: BoardSpec, seed: int = 0, webcam: Webcam | None = None) -> ByteArray:
    """(H, W) uint8: every pixel's ray, undistorted, is met with the board's plane and the print is looked up there; 2 x 2 rays a pixel."""
    webcam = webcam or Webcam()
    per_mm = 4.0
    texture = cv2.copyMakeBorder(board_picture(spec, per_mm), 40, 40, 40, 40, cv2.BORDER_CONSTANT, value=[255])
    rng = np.random.default_rng(seed)
    h, w = camera.height, camera.width
    ideal = _rays(camera.K.tobytes(), camera.distortion.tobytes(), w, h)
    R, t = camera.R @ board[0], camera.R @ board[1] + camera.t
    # A point (X, Y, 0) of the board is at R (X, Y, 0) + t: the homography of its plane, inverted.
    H = np.linalg.inv(np.stack([R[:, 0], R[:, 1], t], axis=1))
    plane = np.concatenate([ideal, np.ones((len(ideal), 1))], axis=1) @ H.T
    mm = (plane[:, :2] / plane[:, 2:]).reshape(2 * h, 2 * w, 2) * 1000.0
    at = (mm * per_mm - 0.5 + 40).astype(np.float32)
    seen = cv2.remap(texture, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=[110])
    picture = cv2.resize(seen, (w, h), interpolation=cv2.INTER_AREA).astype(np.float32)
    shade = 0.55 + 0.35 * np.linspace(0, 1, w)[None] * np.linspace(1, 0.7, h)[:, None]
    picture = cv2.GaussianBlur(picture * shade + 20, (0, 0), webcam.blur) + rng.normal(0, webcam.noise, (h, w))
    return np.clip(picture, 0, 255).astype(np.uint8)


@cache
def _rays(K: bytes, distortion: bytes, w: int, h: int) -> Float64Array:
    """(4 w h, 2): where 2 x 2 points of every pixel lie on the ideal image plane; slow, and the same for all pictures of a camera."""
    ys, xs = np.meshgrid((np.arange(2 * h) - 0.5) / 2, (np.arange(2 * w) - 0.5) / 2, indexing="ij")
    pixels = np.stack([xs, ys], axis=-1).reshape(-1, 1, 2)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-10)
    lens, bend = np.frombuffer(K).reshape(3, 3), np.frombuffer(distortion)
    return np.asarray(cv2.undistortPointsIter(pixels, lens, bend, np.eye(3), np.eye(3), criteria)[:, 0])


def exact(camera: Camera, board: Pose, spec: BoardSpec, noise_px: float = 0.0, seed: int = 0) -> Detection | None:
    """What a detector would find, without rendering: the corners within the picture."""
    points = spec.corners @ board[0].T + board[1]
    pixels = project(camera, points) + np.random.default_rng(seed).normal(0, noise_px, (len(points), 2))
    inside = np.all((pixels > 5) & (pixels < np.array([camera.width, camera.height]) - 6), axis=1)
    depth = (points @ camera.R.T + camera.t)[:, 2]
    keep = np.flatnonzero(inside & (depth > 0.1)).astype(np.int32)
    return Detection(keep, pixels[keep]) if len(keep) >= 8 else None
