"""Where the eyes looked when the photos were taken: one turn per eyeball that puts its iris where all the photos show it.

Lids, not irises, fit a head, so a fitted eye looks straight ahead. The detector's iris landmarks (468 to 477) give the irises' middles;
the eyeball turns about its joint, the cameras are known, and so two angles per eye explain up to three points. The two eyes look at about
the same thing: their difference has a prior, and a pixel of error, four degrees for one eye in one photo, averages out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from facestudio.geometry.camera import project
from facestudio.geometry.rotations import exp_so3
from facestudio.head.model import EYES, JOINT_NAMES, HeadModel
from facestudio.types import Camera, Float64Array, View

_IRIS = (473, 468)  # the middle of the subject's left iris, and of the right one


@dataclass(frozen=True)
class GazeConfig:
    """Constants. Angles in degrees.

    sigma_px: of an iris landmark, per 1000 pixels of focal length, beside half a millimetre for the eyeball's place (sigma_m).
    steepest: an iris seen from farther aside is no evidence: the cornea bends it, and the detector guesses. apart: standard deviation of
    the two eyes' difference. aside: of the gaze itself. farthest: eyes do not turn beyond.
    """

    sigma_px: float = 1.2
    sigma_m: float = 0.0005
    steepest: float = 50.0
    apart: float = 2.5
    aside: float = 12.0
    farthest: float = 30.0


def estimate_gaze(
    model: HeadModel,
    posed_vertices: Float64Array,
    cameras: Sequence[Camera],
    views: Sequence[View],
    config: GazeConfig | None = None,
) -> Float64Array | None:
    """(2, 3) float64: the turn of the left and the right eyeball about its joint, axis-angle, radians, head frame.

    posed_vertices: (V, 3) metres, head frame, whose eyes look straight ahead. cameras: head frame to each photo, one per view. None when no
    photo has iris landmarks, or the model no eyes.
    """
    config = config or GazeConfig()
    aims = _aims(model, posed_vertices)
    if aims is None:
        return None
    joints, pupils = aims
    seen: list[tuple[int, Camera, Float64Array, float]] = []
    for view, camera in zip(views, cameras, strict=True):
        points = view.mediapipe()
        if points is None:
            continue
        for side in (0, 1):
            to_eye = camera.centre - joints[side]
            distance = float(np.linalg.norm(to_eye))
            ahead = (
                float((pupils[side] - joints[side]) @ to_eye) / distance / float(np.linalg.norm(pupils[side] - joints[side]))
            )
            if ahead < np.cos(np.radians(config.steepest)):
                continue
            sigma = np.hypot(config.sigma_px * camera.K[0, 0] / 1000.0, config.sigma_m * camera.K[0, 0] / distance)
            seen.append((side, camera, np.asarray(points[_IRIS[side]], np.float64), sigma / ahead))
    if not seen:
        return None

    def off(angles: Float64Array) -> Float64Array:
        turns = [exp_so3(turn) for turn in _turns(angles)]
        parts = []
        for side, camera, point, sigma in seen:
            place = joints[side] + turns[side] @ (pupils[side] - joints[side])
            parts.append((project(camera, place[None])[0] - point) / sigma)
        parts.append((angles[:2] - angles[2:]) / np.radians(config.apart))
        parts.append(0.5 * (angles[:2] + angles[2:]) / np.radians(config.aside))
        return np.concatenate(parts)

    limit = np.radians(config.farthest)
    found = least_squares(off, np.zeros(4), bounds=(-limit, limit), loss="soft_l1", f_scale=2.0)
    return _turns(found.x)


def turned_eyes(model: HeadModel, posed_vertices: Float64Array, gaze: Float64Array) -> Float64Array:
    """The vertices (V, 3), metres, with each eyeball turned by its row of gaze (2, 3), radians, about its joint."""
    joints = model.joint_regressor.astype(np.float64) @ posed_vertices
    turned = np.array(posed_vertices, dtype=np.float64)
    for side, name in enumerate(EYES):
        ball = model.part_vertices(name)
        joint = joints[JOINT_NAMES.index(name)]
        turned[ball] = joint + (turned[ball] - joint) @ exp_so3(gaze[side]).T
    return turned


def _turns(angles: Float64Array) -> Float64Array:
    """(2, 3) axis-angle of (down left, aside left, down right, aside right), radians: about x, then y; their sum to first order."""
    return np.array([[angles[0], angles[1], 0.0], [angles[2], angles[3], 0.0]])


def _aims(model: HeadModel, vertices: Float64Array) -> tuple[Float64Array, Float64Array] | None:
    """The eyes' joints (2, 3) and the middles of their irises (2, 3), metres; None for a model without eyes."""
    if model.eye_islands.shape != (2, 4):
        return None
    joints = (model.joint_regressor.astype(np.float64) @ vertices)[[JOINT_NAMES.index(name) for name in EYES]]
    middles = []
    for side, name in enumerate(EYES):
        faces = model.part_faces(name)
        corners, uv = model.faces[faces].ravel(), model.uv[model.uv_faces[faces].ravel()]
        if not len(corners):
            return None
        centre, iris = model.eye_islands[side, :2], float(model.eye_islands[side, 2])
        # The plane of the iris lies behind the eye's foremost point: it is where the limbus is.
        ring = np.abs(np.hypot(*(uv - centre).T) - iris)
        nearest = corners[np.argsort(ring, kind="stable")[:24]]
        middle = vertices[nearest].mean(axis=0)
        front = vertices[corners[np.argmin(np.hypot(*(uv - centre).T))]]
        axis = (front - joints[side]) / np.linalg.norm(front - joints[side])
        middles.append(joints[side] + axis * float((middle - joints[side]) @ axis))
    return joints, np.array(middles)
