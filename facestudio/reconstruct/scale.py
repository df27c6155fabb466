"""How large a head is when no camera is calibrated: photographs alone cannot tell, average anatomy can to about 3 %.

Three independent hints about the same unknown, log(true size / fitted size), each with its standard deviation over adults:

* the visible iris is 11.7 mm wide, sd 0.5 mm (Ruefer et al. 2005), measured here with about 3 %;
* pupils are 63 mm apart, sd 3.6 mm (Dodgson 2004);
* the head model's own prior on size, sd 4 %, which is where the fit left it (zero).

They are combined by inverse variance. The result is always labelled `Scale.ASSUMED`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facestudio.geometry.camera import to_camera
from facestudio.types import Camera, Float64Array, View

# Horizontal ends of each iris among mediapipe's 478: (right eye), (left eye); and the ring's centre.
_IRIS_ENDS = ((471, 469), (474, 476))
IRIS_CENTRES = (468, 473)


@dataclass(frozen=True)
class ScaleConfig:
    """Anatomy, metres, and the relative standard deviations of the three hints."""

    iris: float = 0.0117
    iris_sigma: float = 0.053  # 0.5 / 11.7 anatomical and 3 % measured, in quadrature
    pupil_distance: float = 0.063
    pupil_sigma: float = 0.057
    prior_sigma: float = 0.04
    frontal_degrees: float = 25.0


def assumed_scale(
    views: Sequence[View],
    cameras: Sequence[Camera],
    eyes: Float64Array,
    yaws: Sequence[float],
    config: ScaleConfig | None = None,
) -> float:
    """The factor by which an uncalibrated head must grow to have the most plausible size.

    eyes: (2, 3) float64, metres, head frame: the centres of the right and left eyeball of the fitted head. Irises are measured in
    views nearer to frontal than `frontal_degrees`; without one, the pupils' distance and the prior decide.
    """
    config = config or ScaleConfig()
    hints = [(0.0, config.prior_sigma)]
    distance = float(np.linalg.norm(eyes[0] - eyes[1]))
    if distance > 0.02:
        hints.append((float(np.log(config.pupil_distance / distance)), config.pupil_sigma))
    widths = []
    for view, camera, yaw in zip(views, cameras, yaws, strict=True):
        if view.landmarks is None or len(view.landmarks.points) <= IRIS_CENTRES[1] or abs(yaw) > config.frontal_degrees:
            continue
        depth = to_camera(camera, eyes)[:, 2]
        for (a, b), z in zip(_IRIS_ENDS, depth, strict=True):
            pixels = float(np.linalg.norm(view.landmarks.points[a] - view.landmarks.points[b]))
            widths.append(pixels * z / camera.K[0, 0])
    if widths:
        iris = float(np.median(widths))
        if 0.006 < iris < 0.02:
            hints.append((float(np.log(config.iris / iris)), config.iris_sigma))
    logs, sigmas = np.array(hints).T
    weights = sigmas**-2
    return float(np.exp((weights @ logs) / weights.sum()))
