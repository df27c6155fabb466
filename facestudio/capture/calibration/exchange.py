"""Calibrations from and for other programs: caliscope's camera_array.toml, and OpenCV's YAML."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from facestudio.atomic import write_file
from facestudio.capture.calibration.rig_file import RigCalibration
from facestudio.errors import CalibrationError
from facestudio.geometry.rotations import nearest_rotation
from facestudio.types import Camera, Float64Array, ViewName

_REMEDY = "Export it again from the program that made it."


def read_calibration(path: Path, order: Sequence[ViewName] = tuple(ViewName)) -> RigCalibration:
    """Read a calibration of another program. order: the views of caliscope's cameras, in the order of their numbers.

    Imported calibrations name no devices; they hold for any cameras of their picture size. Raises CalibrationError.
    """
    try:
        if path.suffix.lower() == ".toml":
            return RigCalibration(_read_caliscope(path, order), created=_modified(path), origin="caliscope")
        return RigCalibration(_read_opencv(path), created=_modified(path), origin="OpenCV")
    except FileNotFoundError as error:
        raise CalibrationError(f"{path} does not exist.", "Check the file name.") from error
    except (OSError, ValueError, KeyError, TypeError, SystemError, cv2.error) as error:
        raise CalibrationError(f"{path.name} is no calibration that can be read ({error}).", _REMEDY) from error


def write_caliscope(rig: RigCalibration, path: Path) -> None:
    """Write camera_array.toml: cameras 0, 1, 2 are left, front, right. Raises OutputError."""
    blocks = []
    for number, (view, camera) in enumerate((v, rig.cameras[v]) for v in ViewName if v in rig.cameras):
        vector = np.asarray(cv2.Rodrigues(camera.R)[0]).ravel()
        lines = [
            f"[cameras.{number}]",
            f"# {view}",
            f"cam_id = {number}",
            f"size = [{camera.width}, {camera.height}]",
            "rotation_count = 0",
            *([f"error = {rig.rmse_px!r}"] if rig.rmse_px is not None else []),
            f"matrix = {camera.K.tolist()}",
            f"distortions = {camera.distortion.tolist()}",
            "ignore = false",
            f"translation = {camera.t.tolist()}",
            f"rotation = {vector.tolist()}",
            "fisheye = false",
        ]
        blocks.append("\n".join(lines))
    write_file(path, ("\n\n".join(blocks) + "\n").encode())


def write_opencv(rig: RigCalibration, path: Path) -> None:
    """Write a YAML file that `cv2.FileStorage` reads: per view image_width, image_height, camera_matrix, distortion_coefficients, R, T."""
    storage = cv2.FileStorage(".yml", cv2.FILE_STORAGE_WRITE | cv2.FILE_STORAGE_MEMORY)
    for view, camera in rig.cameras.items():
        storage.startWriteStruct(view.value, cv2.FileNode_MAP)
        storage.write("image_width", camera.width)
        storage.write("image_height", camera.height)
        storage.write("camera_matrix", camera.K)
        storage.write("distortion_coefficients", camera.distortion.reshape(1, -1))
        storage.write("R", camera.R)
        storage.write("T", camera.t.reshape(3, 1))
        storage.endWriteStruct()
    write_file(path, storage.releaseAndGetString().encode())


def _read_caliscope(path: Path, order: Sequence[ViewName]) -> dict[ViewName, Camera]:
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    entries = sorted(content["cameras"].items(), key=lambda item: int(item[0]))
    posed = [entry for _, entry in entries if not entry.get("ignore") and entry.get("rotation") is not None]
    if any(entry.get("fisheye") for entry in posed):
        raise CalibrationError(f"{path.name} describes fisheye lenses.", "FaceStudio knows ordinary lenses only.")
    if any(entry.get("rotation_count") for entry in posed):
        raise CalibrationError(f"{path.name} turns pictures on their side.", "Mount the cameras upright, or calibrate here.")
    if not 2 <= len(posed) <= len(order):
        raise CalibrationError(f"{path.name} has {len(posed)} cameras with a position; two or three are needed.", _REMEDY)
    return {
        view: _camera(entry["matrix"], entry["distortions"], entry["rotation"], entry["translation"], entry["size"])
        for view, entry in zip(order, posed, strict=False)
    }


def _read_opencv(path: Path) -> dict[ViewName, Camera]:
    path.stat()  # FileStorage says nothing about a missing file
    storage = cv2.FileStorage(path.read_text(encoding="utf-8"), cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)
    cameras = {}
    for view in ViewName:
        node = storage.getNode(view.value)
        if node.empty():
            continue
        size = (int(node.getNode("image_width").real()), int(node.getNode("image_height").real()))
        parts = [node.getNode(key).mat() for key in ("camera_matrix", "distortion_coefficients", "R", "T")]
        if any(part is None for part in parts):
            raise KeyError(f"{view} is incomplete")
        cameras[view] = _camera(parts[0], parts[1], parts[2], parts[3], size)
    if len(cameras) < 2:
        raise CalibrationError(f"{path.name} names no left, front and right cameras.", _REMEDY)
    return cameras


def _camera(matrix: Any, distortions: Any, rotation: Any, translation: Any, size: Any) -> Camera:
    coefficients = np.zeros(5)
    given: Float64Array = np.asarray(distortions, dtype=np.float64).ravel()
    if len(given) > 5 and np.any(given[5:]):
        raise ValueError(f"{len(given)} distortion coefficients")
    coefficients[: min(5, len(given))] = given[:5]
    turn = np.asarray(rotation, dtype=np.float64)
    R = turn.reshape(3, 3) if turn.size == 9 else np.asarray(cv2.Rodrigues(turn.reshape(3))[0], dtype=np.float64)
    K = np.asarray(matrix, dtype=np.float64).reshape(3, 3)
    t = np.asarray(translation, dtype=np.float64).reshape(3)
    if not all(np.isfinite(a).all() for a in (K, R, t, coefficients)) or min(K[0, 0], K[1, 1]) <= 0:
        raise ValueError("a value is not a number, or a focal length not positive")
    if np.abs(nearest_rotation(R) - R).max() > 1e-3:
        raise ValueError("a rotation is none")
    return Camera(K, nearest_rotation(R), t, int(size[0]), int(size[1]), coefficients)


def _modified(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime)
