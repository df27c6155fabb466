"""cameras.json: the calibration of a rig, one camera per view, as the bench and our own rig page write it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from facestudio.errors import CameraFileError
from facestudio.geometry.rotations import nearest_rotation
from facestudio.types import Camera, Image, ViewName

_REMEDY = "Calibrate the rig again, or leave the cameras out: the head then has an assumed size."

# Focal lengths in longer sides of the picture: a fisheye of 160 degrees has 0.1, the longest telephoto lenses have 40.
_FOCALS = (0.05, 100.0)


def read_cameras(path: Path) -> dict[ViewName, Camera]:
    """Read {"left"|"front"|"right": {K, R, t, width, height, distortion?}}, x_cam = R X + t, metres, integer pixel centres.

    Raises CameraFileError naming the file, the view and the entry that is wrong.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))  # some editors on Windows begin a file with a mark
    except FileNotFoundError as error:
        raise CameraFileError(f"{path} does not exist.", "Check the file name.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise CameraFileError(f"{path.name} is not a readable camera file ({error}).", _REMEDY) from error
    if isinstance(content, dict) and isinstance(content.get("cameras"), dict):
        content = content["cameras"]
    names = {n.value for n in ViewName}
    if not isinstance(content, dict) or not names & set(content):
        raise CameraFileError(f"{path.name} names no left, front or right camera.", _REMEDY)
    return {ViewName(k): _camera(v, f"{path.name}, {k}") for k, v in content.items() if k in names}


def _camera(entry: Any, where: str) -> Camera:
    try:
        K = np.asarray(entry["K"], dtype=np.float64).reshape(3, 3)
        R = np.asarray(entry["R"], dtype=np.float64).reshape(3, 3)
        t = np.asarray(entry["t"], dtype=np.float64).reshape(3)
        width, height = int(entry["width"]), int(entry["height"])
        distortion = np.zeros(5)
        given = np.asarray(entry.get("distortion") or [], dtype=np.float64).ravel()
        if len(given) > 5 and np.any(given[5:]):
            raise CameraFileError(
                f"{where}: lens distortion with {len(given)} coefficients is not supported.", "Calibrate with OpenCV's five."
            )
        distortion[: min(len(given), 5)] = given[:5]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise CameraFileError(f"{where}: missing or malformed entry ({error}).", _REMEDY) from error
    if not all(np.isfinite(a).all() for a in (K, R, t, distortion)):
        raise CameraFileError(f"{where}: a value is not a number.", _REMEDY)
    if min(K[0, 0], K[1, 1]) <= 0 or width <= 0 or height <= 0:
        raise CameraFileError(f"{where}: the focal length or picture size is not positive.", _REMEDY)
    f, side = K[[0, 1], [0, 1]], max(width, height)
    if f.min() < _FOCALS[0] * side or f.max() > _FOCALS[1] * side:
        raise CameraFileError(
            f"{where}: a focal length of {f[0]:.4g} does not belong to a picture of {width} x {height}.",
            "Give K in pixels of the picture, not in millimetres or shares of its width.",
        )
    upright = nearest_rotation(R)
    if np.abs(upright - R).max() > 1e-3:
        raise CameraFileError(f"{where}: R is not a rotation.", _REMEDY)
    return Camera(K, upright, t, width, height, distortion)


def fit_to_picture(camera: Camera, image: Image, where: str) -> Camera:
    """The camera for a photo that may have been resized since calibration. Raises CameraFileError when it was cropped instead."""
    sx, sy = image.width / camera.width, image.height / camera.height
    if abs(sx / sy - 1.0) > 0.01:
        raise CameraFileError(
            f"The {where} photo is {image.width} x {image.height}, but its camera was calibrated for {camera.width} x {camera.height}.",
            "Use uncropped photos from the calibrated rig, or leave the cameras out.",
        )
    if sx == sy == 1.0:
        return camera
    # Integer pixel centres: a picture's edge is at -0.5, and that edge is what scaling keeps in place.
    S = np.array([[sx, 0.0, 0.5 * sx - 0.5], [0.0, sy, 0.5 * sy - 0.5], [0.0, 0.0, 1.0]])
    return replace(camera, K=S @ camera.K, width=image.width, height=image.height)
