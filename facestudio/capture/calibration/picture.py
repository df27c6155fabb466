"""A picture of the calibrated rig: the cameras, what they look at, and where the board was held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import cv2
import numpy as np

from facestudio.capture.calibration.board import BoardSpec
from facestudio.capture.calibration.extrinsics import Pose
from facestudio.types import ByteArray, Camera, Float64Array, ViewName

_BACKGROUND, _LINE, _TEXT = (26, 22, 20), (64, 52, 47), (237, 234, 232)  # BGR
_COLOURS = {ViewName.LEFT: (138, 195, 76), ViewName.FRONT: (255, 157, 91), ViewName.RIGHT: (84, 180, 229)}


def rig_picture(
    cameras: Mapping[ViewName, Camera], boards: Sequence[Pose], spec: BoardSpec, size: tuple[int, int] = (1000, 640)
) -> ByteArray:
    """(H, W, 3) uint8 BGR: seen from above and behind the front camera. size: (width, height). World: the reference camera's frame."""
    canvas = np.full((size[1], size[0], 3), _BACKGROUND, dtype=np.uint8)
    shapes = [(_frustum(c), _COLOURS[v], 2) for v, c in cameras.items()]
    outlines = [(_outline(b, spec), _LINE, 1) for b in boards]
    everything = np.concatenate([s for s, _, _ in (*shapes, *outlines)])
    view = _fitted(everything, size)
    for segments, colour, width in (*outlines, *shapes):
        for a, b in view(segments).reshape(-1, 2, 2):
            cv2.line(canvas, _point(a), _point(b), colour, width, cv2.LINE_AA)
    for name, camera in cameras.items():
        at = view(camera.centre[None])[0]
        cv2.circle(canvas, _point(at), 5, _COLOURS[name], -1, cv2.LINE_AA)
        _write(canvas, name.value, at + np.array([-18.0, 26.0]), _COLOURS[name])
    names = list(cameras)
    for a, b in pairwise(names):
        distance = float(np.linalg.norm(cameras[a].centre - cameras[b].centre)) * 1000
        middle = view((cameras[a].centre + cameras[b].centre)[None] / 2)[0]
        ends = view(np.stack([cameras[a].centre, cameras[b].centre]))
        cv2.line(canvas, _point(ends[0]), _point(ends[1]), _LINE, 1, cv2.LINE_AA)
        _write(canvas, f"{distance:.0f} mm", middle + np.array([6.0, 18.0]), _TEXT)
    return canvas


def _frustum(camera: Camera, depth: float = 0.14) -> Float64Array:
    """(2 n, 3) metres: pairs of ends of the lines from the camera to its picture's corners and around."""
    w, h = camera.width - 0.5, camera.height - 0.5
    pixels = np.array([[-0.5, -0.5, 1], [w, -0.5, 1], [w, h, 1], [-0.5, h, 1]])
    corners = (pixels @ np.linalg.inv(camera.K).T * depth - camera.t) @ camera.R
    centre = camera.centre
    lines = [(centre, c) for c in corners] + list(zip(corners, np.roll(corners, -1, axis=0), strict=True))
    return np.array(lines).reshape(-1, 3)


def _outline(board: Pose, spec: BoardSpec) -> Float64Array:
    w, h = spec.columns * spec.square_mm / 1000, spec.rows * spec.square_mm / 1000
    corners = np.array([[0, 0, 0], [w, 0, 0], [w, h, 0], [0, h, 0]]) @ board[0].T + board[1]
    return np.array(list(zip(corners, np.roll(corners, -1, axis=0), strict=True))).reshape(-1, 3)


class _fitted:
    """A parallel projection from above and behind, scaled so that all points (N, 3) fit the picture."""

    def __init__(self, points: Float64Array, size: tuple[int, int]) -> None:
        tilt = np.radians(50.0)
        # World y is down: the picture's y takes the depth foreshortened, and the height the rest.
        self._axes = np.array([[1.0, 0.0, 0.0], [0.0, np.cos(tilt), -np.sin(tilt)]])
        flat = points @ self._axes.T
        low, high = flat.min(axis=0), flat.max(axis=0)
        margin = 60
        self._scale = float(min((size[0] - 2 * margin) / (high[0] - low[0]), (size[1] - 2 * margin) / (high[1] - low[1])))
        self._middle, self._centre = (low + high) / 2, np.array(size) / 2

    def __call__(self, points: Float64Array) -> Float64Array:
        """(N, 3) metres to (N, 2) pixels."""
        return np.asarray((points @ self._axes.T - self._middle) * self._scale + self._centre)


def _point(at: Float64Array) -> tuple[int, int]:
    return round(float(at[0])), round(float(at[1]))


def _write(canvas: ByteArray, text: str, at: Float64Array, colour: tuple[int, int, int]) -> None:
    cv2.putText(canvas, text, _point(at), cv2.FONT_HERSHEY_SIMPLEX, 0.55, colour, 1, cv2.LINE_AA)
