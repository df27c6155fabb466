"""The face in one live picture: where it is, how far it is turned, how open its eyes and mouth are. Quick rather than exact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from facestudio.capture.camera import Frame
from facestudio.errors import FitError, NoFaceError
from facestudio.head.landmarks import landmark_basis
from facestudio.head.store import load_head
from facestudio.landmarks.detector import LandmarkDetector
from facestudio.reconstruct.pose import estimated_yaws
from facestudio.types import Float64Array, Image, View, ViewName

# mediapipe's numbering: (outer corner, inner corner, upper lid, lower lid) of the subject's right and left eye.
_EYES = ((33, 133, 159, 145), (263, 362, 386, 374))
_LIPS = (13, 14)
_FOREHEAD_CHIN = (10, 152)


@dataclass(frozen=True)
class Sight:
    """box: (4,) float64, x0 y0 x1 y1, pixels. yaw_degrees: positive when the camera stands on the subject's left.

    eye_opening: lid distance over eye width, of the eye that is better seen; mouth_opening: lip distance over face height. Both fall with
    blinking and closing and depend little on the view. rivals: other faces in the picture.
    """

    box: Float64Array
    yaw_degrees: float
    eye_opening: float
    mouth_opening: float
    rivals: int = 0


class Looker(Protocol):
    """Looks at a live picture. Make, use and close it in one thread."""

    def look(self, frame: Frame) -> Sight | None:
        """What is seen; None when there is no face."""

    def close(self) -> None:
        """Release the engine."""


MakeLooker = Callable[[], Looker]


class FaceLooker:
    """`Looker` over a landmark detector and the average head."""

    def __init__(self, detector: LandmarkDetector | None = None) -> None:
        if detector is None:
            from facestudio.landmarks.mediapipe_detector import DetectorConfig, MediapipeDetector

            # One crop, not mirrored: a sixth of the time, and live checks need no better.
            detector = MediapipeDetector(DetectorConfig(crop_scales=(1.5,), shifts=((0.0, 0.0),), mirror=False))
        self._detector = detector
        basis = landmark_basis(load_head("open"), detector.scheme)
        skin = basis.ids < 468
        self._ids, self._points = basis.ids[skin], basis.mean[skin]

    def look(self, frame: Frame) -> Sight | None:
        """The largest face."""
        image = Image(np.asarray(cv2.cvtColor(frame.bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8))
        try:
            face = self._detector.detect(image, "the live picture")
            view = View(ViewName.FRONT, image, landmarks=face.landmarks)
            (yaw,) = estimated_yaws([view], self._points, self._ids)
        except (NoFaceError, FitError):
            return None
        return Sight(face.box, yaw, eye_opening(face.landmarks.points, yaw), mouth_opening(face.landmarks.points), face.rivals)

    def close(self) -> None:
        """Release the detector."""
        self._detector.close()


def eye_opening(points: Float64Array, yaw_degrees: float) -> float:
    """Lid distance over eye width, of the mean of both eyes from the front and of the nearer eye from the side; points (478, 2) pixels.

    The width is seen shortened by the turn of the head, which is undone.
    """
    ratios = []
    for outer, inner, upper, lower in _EYES:
        width = float(np.linalg.norm(points[outer] - points[inner])) / max(0.5, float(np.cos(np.radians(yaw_degrees))))
        ratios.append(float(np.linalg.norm(points[upper] - points[lower])) / max(width, 1e-6))
    right, left = ratios
    if abs(yaw_degrees) < 15.0:
        return (left + right) / 2.0
    return left if yaw_degrees > 0 else right


def mouth_opening(points: Float64Array) -> float:
    """Distance of the inner lips over the height of the face; points (478, 2) pixels."""
    lips = float(np.linalg.norm(points[_LIPS[0]] - points[_LIPS[1]]))
    return lips / max(float(np.linalg.norm(points[_FOREHEAD_CHIN[0]] - points[_FOREHEAD_CHIN[1]])), 1e-6)
