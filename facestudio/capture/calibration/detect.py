"""The board's corners in a picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from facestudio.capture.calibration.board import BoardSpec, opencv_board
from facestudio.types import ByteArray, Float64Array, IntArray

FEWEST_CORNERS = 8  # fewer do not fix a board's pose well


@dataclass(frozen=True)
class Detection:
    """ids: (N,) int32 numbers of the corners. pixels: (N, 2) float64, pixel centres at integers."""

    ids: IntArray
    pixels: Float64Array


class BoardFinder:
    """Finds one kind of board."""

    def __init__(self, spec: BoardSpec) -> None:
        self.spec = spec
        self._detector = cv2.aruco.CharucoDetector(opencv_board(spec))

    def find(self, picture: ByteArray) -> Detection | None:
        """The corners in a picture (H, W) or (H, W, 3) BGR; None when fewer than FEWEST_CORNERS are seen, or all lie on one line."""
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) if picture.ndim == 3 else picture
        corners, ids, _, _ = self._detector.detectBoard(grey)
        if ids is None or len(ids) < FEWEST_CORNERS:
            return None
        numbers = np.asarray(ids, dtype=np.int32).ravel()
        on_board = self.spec.corners[numbers][:, :2]
        if np.linalg.matrix_rank(on_board - on_board.mean(axis=0), tol=1e-6) < 2:
            return None
        # CharucoDetector counts from the picture's corner, unlike the rest of OpenCV, which counts from the first pixel's centre: half a
        # pixel that would move every principal point (test_calibrate.py measures it on a rendered board).
        return Detection(numbers, np.asarray(corners, dtype=np.float64).reshape(-1, 2) - 0.5)
