"""The first guess of where the head is: PnP of the average head's landmarks, view by view."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from facestudio.errors import FitError
from facestudio.geometry.camera import default_focal_px
from facestudio.geometry.frames import yaw_degrees
from facestudio.geometry.rotations import nearest_rotation
from facestudio.types import Camera, Float64Array, Image, IntArray, View

_NO_DISTORTION = np.zeros(5)


def assumed_camera(image: Image) -> Camera:
    """A camera for an unknown lens: EXIF's focal length or 60 degrees, principal point in the middle, identity pose."""
    f = image.focal_px or default_focal_px(image.width, image.height)
    K = np.array([[f, 0.0, (image.width - 1) / 2.0], [0.0, f, (image.height - 1) / 2.0], [0.0, 0.0, 1.0]])
    return Camera(K, np.eye(3), np.zeros(3), image.width, image.height)


def undistorted(camera: Camera, points: Float64Array) -> Float64Array:
    """Pixels (N, 2) as the same camera without lens distortion would see them, (N, 2) float64."""
    if not np.any(camera.distortion):
        return points
    undone = cv2.undistortPoints(points[:, None, :].astype(np.float64), camera.K, camera.distortion, P=camera.K)
    return np.asarray(undone[:, 0], dtype=np.float64)


def head_pose(camera: Camera, head_points: Float64Array, pixels: Float64Array, where: str) -> Camera:
    """The camera with the pose (R, t) from which the head's points (N, 3), metres, appear at the pixels (N, 2), undistorted.

    SQPnP (Terzakis & Lourakis 2020) and Levenberg-Marquardt. Raises FitError when the head would be behind the camera.
    """
    nowhere = FitError(
        f"The face in the {where} has no plausible position.",
        "Check that the picture is a photo of a face, not mirrored or distorted.",
    )
    try:
        ok, rvec, tvec = cv2.solvePnP(head_points, pixels, camera.K, _NO_DISTORTION, flags=cv2.SOLVEPNP_SQPNP)
        if ok:
            rvec, tvec = cv2.solvePnPRefineLM(head_points, pixels, camera.K, _NO_DISTORTION, rvec, tvec)
    except cv2.error as error:  # points that all but coincide
        raise nowhere from error
    if not ok or not np.isfinite(tvec).all() or float(tvec[2, 0]) <= 0.05:
        raise nowhere
    R = nearest_rotation(np.asarray(cv2.Rodrigues(rvec)[0], dtype=np.float64))
    return Camera(camera.K, R, np.asarray(tvec[:, 0], dtype=np.float64), camera.width, camera.height)


def estimated_yaws(views: Sequence[View], head_points: Float64Array, rows: IntArray) -> list[float]:
    """Yaw of the head in each view, degrees, from its landmarks alone. rows: which detected landmarks the head points are."""
    yaws = []
    for view in views:
        assert view.landmarks is not None
        pose = head_pose(assumed_camera(view.image), head_points, view.landmarks.points[rows], f"{view.name} photo")
        yaws.append(yaw_degrees(pose))
    return yaws
