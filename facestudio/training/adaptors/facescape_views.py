"""FaceScape's multi-view photographs: ID/EXPRESSION/{0.jpg, 1.jpg, …, params.json}, calibrated, about sixty cameras round the head.

params.json holds for camera i: "i_K" (3 x 3), "i_Rt" (3 x 4, millimetres), "i_distortion", "i_width", "i_height", "i_valid".
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from facestudio.errors import DatasetError
from facestudio.geometry.frames import yaw_degrees
from facestudio.training.adaptors.sequences import Picture
from facestudio.types import ByteArray, Camera

_MILLIMETRE = 0.001
_REMEDY = "Copy the data set again."


@dataclass(frozen=True)
class Capture:
    """One expression of one subject: the photos and their cameras, metres, of those that the data set calls valid."""

    name: str
    photos: tuple[Path, ...]
    cameras: tuple[Camera, ...]


def read_capture(folder: Path) -> Capture:
    """The photos of a folder with a params.json. Raises DatasetError when it is missing, damaged, or names no photo that is there."""
    try:
        params = json.loads((folder / "params.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{folder}/params.json cannot be read ({error}).", _REMEDY) from error
    photos, cameras = [], []
    numbers = sorted(int(key.removesuffix("_K")) for key in params if key.endswith("_K"))
    for i in numbers:
        photo = folder / f"{i}.jpg"
        if not params.get(f"{i}_valid", True) or not photo.is_file():
            continue
        try:
            cameras.append(_camera(params, i))
        except (KeyError, TypeError, ValueError) as error:
            raise DatasetError(f"{folder}/params.json says nothing usable about camera {i} ({error}).", _REMEDY) from error
        photos.append(photo)
    if not photos:
        raise DatasetError(f"{folder} holds no photo that its params.json knows.", _REMEDY)
    return Capture(f"{folder.parent.name}_{folder.name}", tuple(photos), tuple(cameras))


def frontal_half(capture: Capture, reach: float = 60.0) -> Capture:
    """Only the cameras within so many degrees of the face's front, ordered from the subject's right to the left."""
    yaws = [yaw_degrees(camera) for camera in capture.cameras]
    rows = [i for i in np.argsort(yaws) if abs(yaws[i]) <= reach]
    return replace(capture, photos=tuple(capture.photos[i] for i in rows), cameras=tuple(capture.cameras[i] for i in rows))


def pictures(capture: Capture, size: int, span_m: float = 0.36) -> list[Picture]:
    """The photos without lens distortion, cut to a square of `size` pixels that shows `span_m` metres about the scan's origin."""
    found = []
    for path, camera in zip(capture.photos, capture.cameras, strict=True):
        pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if pixels is None:
            raise DatasetError(f"{path} cannot be read.", _REMEDY)
        straight = cv2.undistort(np.asarray(pixels, np.uint8), camera.K, camera.distortion)
        found.append(_cut(np.ascontiguousarray(straight[..., ::-1], dtype=np.uint8), camera, size, span_m))
    return found


def _cut(pixels: ByteArray, camera: Camera, size: int, span_m: float) -> Picture:
    centre = camera.K @ camera.t / camera.t[2]  # where the origin, within the head, is seen
    zoom = size * float(camera.t[2]) / (span_m * camera.K[0, 0])
    shift = (size - 1) / 2.0 - zoom * centre[:2]
    to = np.array([[zoom, 0.0, shift[0]], [0.0, zoom, shift[1]]])
    if zoom < 0.6:
        pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), 0.4 / zoom), np.uint8)
    square = np.asarray(cv2.warpAffine(pixels, to, (size, size), flags=cv2.INTER_LINEAR), np.uint8)
    K = np.vstack([to, [0.0, 0.0, 1.0]]) @ camera.K
    return Picture(square, np.zeros((size, size), np.float32), Camera(K, camera.R, camera.t, size, size))


def _camera(params: dict[str, object], i: int) -> Camera:
    K = np.asarray(params[f"{i}_K"], dtype=np.float64)
    Rt = np.asarray(params[f"{i}_Rt"], dtype=np.float64)
    distortion = np.resize(np.asarray(params.get(f"{i}_distortion", np.zeros(5)), dtype=np.float64), 5)
    if K.shape != (3, 3) or Rt.shape[0] < 3 or Rt.shape[1] != 4:
        raise ValueError(f"K is {K.shape}, Rt is {Rt.shape}")
    width, height = params[f"{i}_width"], params[f"{i}_height"]
    if not isinstance(width, int) or not isinstance(height, int):
        raise TypeError("its size is no number")
    return Camera(K, Rt[:3, :3], Rt[:3, 3] * _MILLIMETRE, width, height, distortion)
