"""How one camera's lens draws, from views of the board (Zhang 2000), and which views are still missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from facestudio.capture.calibration.board import BoardSpec
from facestudio.capture.calibration.detect import Detection
from facestudio.errors import CalibrationError
from facestudio.geometry.camera import default_focal_px
from facestudio.types import Camera, Float64Array, IntArray

_REMEDY = "Take more pictures of the board: everywhere in the picture, near and far, tilted to all sides."


@dataclass(frozen=True)
class IntrinsicsConfig:
    """fewest: views needed. outlier: views whose error exceeds this multiple of the median are left out.

    worst_focal: standard deviation of the focal length, as a share, above which the views did not determine it.
    """

    fewest: int = 6
    outlier: float = 3.0
    worst_focal: float = 0.01


@dataclass(frozen=True)
class Intrinsics:
    """camera: at the origin. rmse_px: reprojection error. focal_sigma: one standard deviation of the focal length, as a share of it.

    used: which of the views were used.
    """

    camera: Camera
    rmse_px: float
    focal_sigma: float
    used: tuple[int, ...]


def calibrate_intrinsics(
    detections: Sequence[Detection], size: tuple[int, int], spec: BoardSpec, config: IntrinsicsConfig | None = None
) -> Intrinsics:
    """Calibrate one camera from views of the board. size: (width, height). k3 stays 0: webcam lenses do not need it, and it is unstable.

    Raises CalibrationError when the views do not determine the camera.
    """
    config = config or IntrinsicsConfig()
    used = list(range(len(detections)))
    for _ in range(2):
        if len(used) < config.fewest:
            raise CalibrationError(f"The board was found in {len(used)} pictures; {config.fewest} are needed.", _REMEDY)
        result = _solve([detections[i] for i in used], size, spec)
        errors = result[2]
        good = [i for i, e in zip(used, errors, strict=True) if e <= config.outlier * float(np.median(errors))]
        if len(good) == len(used):
            break
        used = good
    else:
        result = _solve([detections[i] for i in used], size, spec)
    camera, rmse, _, sigma = result
    if sigma > config.worst_focal:
        raise CalibrationError(f"The pictures determine the focal length only to {sigma:.1%}.", _REMEDY)
    return Intrinsics(camera, rmse, sigma, tuple(used))


def _solve(
    detections: Sequence[Detection], size: tuple[int, int], spec: BoardSpec
) -> tuple[Camera, float, Float64Array, float]:
    """(camera, RMSE in pixels, error of each view, sigma of the focal length as a share)."""
    f = default_focal_px(*size)
    K = np.array([[f, 0.0, (size[0] - 1) / 2.0], [0.0, f, (size[1] - 1) / 2.0], [0.0, 0.0, 1.0]])
    world = [spec.corners[d.ids].astype(np.float32) for d in detections]
    pixels = [d.pixels.astype(np.float32) for d in detections]
    flags = cv2.CALIB_USE_INTRINSIC_GUESS | cv2.CALIB_FIX_K3
    try:
        rmse, K, distortion, _, _, deviations, _, errors = cv2.calibrateCameraExtended(
            world, pixels, size, K, np.zeros(5), flags=flags
        )
    except cv2.error as error:
        raise CalibrationError("The pictures of the board do not determine the camera.", _REMEDY) from error
    K = np.asarray(K, dtype=np.float64)
    if not np.isfinite(K).all() or not 0.2 * max(size) < K[0, 0] < 10 * max(size):
        raise CalibrationError("The pictures of the board do not determine the camera.", _REMEDY)
    camera = Camera(K, np.eye(3), np.zeros(3), size[0], size[1], np.asarray(distortion, dtype=np.float64).ravel()[:5])
    return camera, float(rmse), np.asarray(errors, dtype=np.float64).ravel(), float(np.ravel(deviations)[0] / K[0, 0])


@dataclass(frozen=True)
class Coverage:
    """Which views there are already.

    cells: (3, 4) int64, corners seen in each part of the picture. views, tilted, near: how many there are in all, turned by more than
    20°, and large. enough: the camera can be calibrated. advice: the next view to take.
    """

    cells: IntArray
    views: int
    tilted: int
    near: int
    enough: bool
    advice: str


@dataclass(frozen=True)
class CoverageConfig:
    """What is enough: views in all, tilted ones, near ones, and empty parts of the picture at most. near: share of the picture's width."""

    views: int = 12
    tilted: int = 5
    near_views: int = 2
    empty: int = 1
    near: float = 0.5


_ROWS, _COLUMNS = ("upper", "middle", "lower"), ("left", "middle left", "middle right", "right")


def coverage(
    detections: Sequence[Detection], size: tuple[int, int], spec: BoardSpec, config: CoverageConfig | None = None
) -> Coverage:
    """What the views taken so far cover, and which one is wanted next. Directions are those of the picture."""
    c = config or CoverageConfig()
    cells = np.zeros((3, 4), dtype=np.int64)
    tilted = near = 0
    for d in detections:
        column = np.clip(d.pixels[:, 0] / size[0] * 4, 0, 3).astype(int)
        row = np.clip(d.pixels[:, 1] / size[1] * 3, 0, 2).astype(int)
        np.add.at(cells, (row, column), 1)
        tilted += _tilt(d, size, spec) > 20.0
        near += float(np.ptp(d.pixels[:, 0])) > c.near * size[0]
    empty = np.argwhere(cells == 0)
    if len(empty) > c.empty:
        first_row, first_column = (int(v) for v in empty[0])
        advice = f"Hold the board to the {_ROWS[first_row]} {_COLUMNS[first_column]} of the picture."
    elif tilted < c.tilted:
        advice = "Tilt the board: left, right, up and down, about 30°."
    elif near < c.near_views:
        advice = "Hold the board closer, so that it fills most of the picture."
    elif len(detections) < c.views:
        advice = f"{c.views - len(detections)} more pictures, each from another place."
    else:
        return Coverage(cells, len(detections), tilted, near, True, "Enough: this camera can be calibrated.")
    return Coverage(cells, len(detections), tilted, near, False, advice)


def _tilt(detection: Detection, size: tuple[int, int], spec: BoardSpec) -> float:
    """Degrees between the board's normal and the line of sight, with an assumed lens."""
    f = default_focal_px(*size)
    K = np.array([[f, 0.0, size[0] / 2], [0.0, f, size[1] / 2], [0.0, 0.0, 1.0]])
    ok, rvec, _ = cv2.solvePnP(spec.corners[detection.ids], detection.pixels, K, np.zeros(5), flags=cv2.SOLVEPNP_IPPE)
    if not ok:
        return 0.0
    normal = np.asarray(cv2.Rodrigues(rvec)[0])[:, 2]
    return float(np.degrees(np.arccos(np.clip(abs(normal[2]), 0.0, 1.0))))
