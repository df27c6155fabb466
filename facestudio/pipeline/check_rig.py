"""Does the rig's calibration still hold? Answered by the landmarks of a face, from any capture taken after it."""

from __future__ import annotations

from pathlib import Path

from facestudio.capture.calibration.quality import Drift, drift
from facestudio.capture.calibration.rig_file import RigCalibration
from facestudio.errors import CalibrationError
from facestudio.landmarks.detector import LandmarkDetector
from facestudio.library.layout import find_photos
from facestudio.pipeline.cameras_file import fit_to_picture
from facestudio.pipeline.read_picture import read_picture
from facestudio.progress import CancelToken, Progress, silent


def check_rig(
    capture: Path,
    rig: RigCalibration,
    detector: LandmarkDetector | None = None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> Drift:
    """Compare where a capture's views put the landmarks of its face. Raises CalibrationError, PictureError, NoFaceError, Cancelled."""
    if detector is None:
        from facestudio.landmarks.mediapipe_detector import MediapipeDetector

        with MediapipeDetector() as own:
            return check_rig(capture, rig, own, progress, cancel)
    photos = {v: p for v, p in find_photos(capture).items() if v in rig.cameras}
    if len(photos) < 2:
        raise CalibrationError(
            f"{capture.name} has fewer than two photos of the rig's cameras.", "Choose a capture with two views or three."
        )
    cameras, points = {}, {}
    for k, (view, path) in enumerate(photos.items()):
        progress("landmarks", k / len(photos), path.name)
        if cancel is not None:
            cancel.check()
        image = read_picture(path)
        cameras[view] = fit_to_picture(rig.cameras[view], image, view)
        points[view] = detector.detect(image, f"the {view} photo").landmarks.points[:468]
    progress("landmarks", 1.0)
    return drift(cameras, points)
