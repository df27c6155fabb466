"""How good a fit is, measured on its own evidence: the average head as baseline, and each view predicted from the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from facestudio.errors import FitError
from facestudio.geometry.camera import project
from facestudio.geometry.frames import yaw_degrees
from facestudio.head.landmarks import LandmarkBasis
from facestudio.progress import CancelToken
from facestudio.reconstruct.detector_error import DetectorError
from facestudio.reconstruct.fit import Fit, FitConfig, fit_landmarks
from facestudio.types import Camera, Float64Array, View, ViewQuality


def rigid(basis: LandmarkBasis, points: Float64Array) -> LandmarkBasis:
    """The landmarks of one finished head, (N, 3) metres, as a basis that can only be moved."""
    n = len(points)
    return LandmarkBasis(basis.ids, points, np.zeros((n, 3, 0)), np.zeros((n, 3, 0)))


def mean_head_reprojection(views: Sequence[View], basis: LandmarkBasis, error: DetectorError) -> float:
    """The baseline, pixels: the average head's median landmark residual of a view, with its own best cameras; the mean over the views."""
    return float(np.mean(fit_landmarks(views, basis, error, mean_head=True).reprojection_px))


def held_out_residual(
    views: Sequence[View], basis: LandmarkBasis, error: DetectorError, left_out: int, config: FitConfig
) -> float | None:
    """Median residual, pixels, of view `left_out` for the head that the other views give; None with fewer than two views.

    Uncalibrated, the left-out view still chooses its own camera (otherwise nothing would say where it stood); calibrated, it does not.
    """
    others = [v for i, v in enumerate(views) if i != left_out]
    if not others:
        return None
    try:
        fit = fit_landmarks(others, basis, error, config)
        head = rigid(basis, basis.points(fit.identity, fit.expression))
        view = views[left_out]
        if fit.world_from_head is None or view.camera is None:
            return float(fit_landmarks([view], head, error, config).reprojection_px[0])
    except FitError:
        return None
    R, t = fit.world_from_head[:, :3], fit.world_from_head[:, 3]
    camera = replace(view.camera, R=view.camera.R @ R, t=view.camera.R @ t + view.camera.t)
    return landmark_residual(view, camera, head, error)


def landmark_residual(view: View, camera: Camera, head: LandmarkBasis, error: DetectorError) -> float:
    """Median distance, pixels, of a view's landmarks from where the detector is known to place those of a finished head (`rigid`)."""
    if view.landmarks is None:
        return float("nan")
    per_metre = camera.K[0, 0] / float(camera.t[2])
    expected = project(camera, head.mean) + per_metre * error.at(yaw_degrees(camera), head.ids).bias
    return float(np.median(np.linalg.norm(expected - view.landmarks.points[head.ids], axis=1)))


def view_qualities(
    views: Sequence[View], fit: Fit, basis: LandmarkBasis, error: DetectorError, config: FitConfig, cancel: CancelToken
) -> tuple[ViewQuality, ...]:
    """One `ViewQuality` per view."""
    result = []
    for i, view in enumerate(views):
        cancel.check()
        held_out = held_out_residual(views, basis, error, i, config)
        result.append(ViewQuality(view.name, float(fit.reprojection_px[i]), held_out, yaw_degrees(fit.cameras[i])))
    return tuple(result)
