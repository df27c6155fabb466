"""Do the photos show one head? What it costs to explain all of them by one, instead of each by its own.

The landmark fit's cost is twice a negative log posterior, so the difference is a log likelihood ratio between "one head in all photos" and
"a head in each". What a detector gets wrong in every photo is in both; so are strong priors and faces unlike the model's. That is why it
tells strangers where residuals do not: a left-out photo's depends mostly on how typical the face is.

The cameras' places are not used, only their lenses: then a head that sat elsewhere, or a camera that was moved, is not taken for another
person (that is `pipeline.check_fit`'s matter), and the genuine photos of our own subjects stay closer together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from facestudio.errors import FitError
from facestudio.head.landmarks import LandmarkBasis
from facestudio.progress import CancelToken
from facestudio.reconstruct.detector_error import DetectorError
from facestudio.reconstruct.fit import FitConfig, fit_landmarks
from facestudio.reconstruct.pose import undistorted
from facestudio.types import View


def one_head_cost(
    views: Sequence[View],
    basis: LandmarkBasis,
    error: DetectorError,
    config: FitConfig | None = None,
    cancel: CancelToken | None = None,
) -> float | None:
    """Twice the log likelihood ratio, by the fit's own model, of a head in each photo to one head in all; None for one photo or no fit.

    views: with landmarks, with or without cameras. About 0 (-10 to 10) for photos of one still head.
    """
    if len(views) < 2:
        return None
    free = [lens_only(view) for view in views]
    try:
        together = fit_landmarks(free, basis, error, config, cancel=cancel).cost
        return together - sum(fit_landmarks([view], basis, error, config, cancel=cancel).cost for view in free)
    except FitError:
        return None


def lens_only(view: View) -> View:
    """The view without its camera's place: landmarks as a lens without distortion, centred on the picture, of the same focal sees them."""
    camera = view.camera
    if camera is None or view.landmarks is None:
        return view
    middle = np.array([(camera.width - 1) / 2.0, (camera.height - 1) / 2.0])
    points = undistorted(camera, view.landmarks.points) - camera.K[:2, 2] + middle
    image = replace(view.image, focal_px=float(camera.K[0, 0]))
    return replace(view, camera=None, image=image, landmarks=replace(view.landmarks, points=points))
