"""Do the photos, their cameras and one head go together at all? Said before a texture is made from what does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facestudio.errors import CameraFileError, FitError
from facestudio.head.landmarks import LandmarkBasis
from facestudio.landmarks.mediapipe_detector import POINTS
from facestudio.landmarks.upright import WAYS, quarters_needed
from facestudio.pipeline.evidence import all_dense
from facestudio.progress import CancelToken
from facestudio.reconstruct.detector_error import DetectorError
from facestudio.reconstruct.one_head import one_head_cost
from facestudio.types import FloatArray, View


@dataclass(frozen=True)
class FitLimits:
    """Median distance between a head and the landmarks of a photo, as a share of the face's longer side in it.

    Right cameras and photos of one moment give 0.003 to 0.015; cameras of another rig, or left and right exchanged, 0.05 and more.
    doubtful: beyond it the operator is told. wrong: beyond it the result would be meaningless, and there is none.

    strangers: `one_head_cost` of dense landmarks beyond which the photos may show different people. Genuine photos of our own synthetic
    subjects reach 11 (three photos) and 16 (two). Strangers that look alike stay below it: it finds 94 % of three such people and 58 % of
    those with one photo of another; on bench/dev, whose heads are more alike, 61 and 44 %, with no false alarm (docs/method.md).
    """

    doubtful: float = 0.02
    wrong: float = 0.04
    strangers: float = 20.0


def check_fit(
    views: Sequence[View], reprojection_px: Sequence[float] | FloatArray, calibrated: bool, limits: FitLimits | None = None
) -> tuple[str, ...]:
    """What to tell the operator of a fit: nothing when every photo agrees with the head.

    reprojection_px: median landmark distance per view, pixels. Raises CameraFileError (calibrated) or FitError when it is hopeless.
    """
    limits = limits or FitLimits()
    shares = [float(px) / _face_px(view) for view, px in zip(views, reprojection_px, strict=True)]
    worst = int(np.argmax([share if np.isfinite(share) else np.inf for share in shares]))
    view, px = views[worst], float(reprojection_px[worst])
    name = view.image.source.name if view.image.source else f"the {view.name} photo"
    if not shares[worst] <= limits.wrong:
        if calibrated:
            raise CameraFileError(
                f"The cameras do not fit the photos: the best head is {px:.0f} pixels off in {name}.",
                "Use the camera file of the rig that took these photos (lengths in metres), or leave the cameras out.",
            )
        what = f"No head fits the photos: the best one is {px:.0f} pixels off in {name}."
        needed = [quarters_needed(mesh) for v in views if (mesh := v.mediapipe()) is not None]
        if any(needed):
            way = WAYS[next(q for q in needed if q)]
            raise FitError(what, f"The head does not stand upright: turn the photos {way} and try again.")
        raise FitError(what, "Use undistorted photos of one person with the same expression.")
    if shares[worst] > limits.doubtful:
        cause = "the camera file" if calibrated else "that all photos show one person with the same expression"
        return (f"The head fits {name} poorly ({px:.0f} pixels): check {cause}.",)
    return ()


def check_one_head(
    views: Sequence[View],
    basis: LandmarkBasis,
    error: DetectorError,
    cancel: CancelToken | None = None,
    limits: FitLimits | None = None,
) -> tuple[str, ...]:
    """What to tell the operator when the photos do not look like one still head. basis, error: as the landmark fit uses them.

    Nothing is claimed from mediapipe's landmarks: their errors differ so much from photo to photo that strangers drown in them.
    """
    if not all_dense(basis):
        return ()
    cost = one_head_cost(views, basis, error, cancel=cancel)
    if cost is None or cost <= (limits or FitLimits()).strangers:
        return ()
    return (
        "The photos may show different people, or the face changed between them: a head for each fits far better than one for all.",
    )


def _face_px(view: View) -> float:
    # Mediapipe's points, which come first, span the face; dense ones behind them the whole head.
    points = view.landmarks.points[:POINTS] if view.landmarks is not None else np.zeros((1, 2))
    return max(float(np.ptp(points, axis=0).max()), 1.0)
