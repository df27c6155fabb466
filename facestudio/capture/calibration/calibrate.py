"""From a folder of board pictures to a calibrated rig with its report."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np

from facestudio.capture.calibration.board import BoardSpec
from facestudio.capture.calibration.detect import BoardFinder, Detection
from facestudio.capture.calibration.extrinsics import Extrinsics, calibrate_extrinsics
from facestudio.capture.calibration.intrinsics import Intrinsics, calibrate_intrinsics
from facestudio.capture.calibration.quality import ScaleError, scale_error
from facestudio.capture.calibration.rig_file import RigCalibration
from facestudio.capture.device import Identity
from facestudio.errors import CalibrationError
from facestudio.progress import CancelToken, Progress, silent
from facestudio.types import Camera, ViewName

_PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"}
_GOOD_RMSE, _GOOD_SCALE = 0.5, 0.003
_ENOUGH_SHOTS = 8  # with fewer a position is uncertain however well the corners fit


@dataclass(frozen=True)
class CalibrationReport:
    """A calibration and how good it is.

    found: pictures with the board, and all pictures, per view. moved: shots left out because the board moved between their pictures.
    """

    rig: RigCalibration
    lenses: Mapping[ViewName, Intrinsics]
    extrinsics: Extrinsics
    scale: ScaleError
    found: Mapping[ViewName, tuple[int, int]]
    spec: BoardSpec
    moved: int = 0

    @property
    def good(self) -> bool:
        """Good enough for millimetres."""
        e = self.extrinsics
        return e.together >= _ENOUGH_SHOTS and e.rmse_px < _GOOD_RMSE and abs(self.scale.mean) < _GOOD_SCALE

    @property
    def sentences(self) -> tuple[str, ...]:
        """The report in words, the verdict first."""
        e, s = self.extrinsics, self.scale
        few = f"Too few: {_ENOUGH_SHOTS} shots that two cameras or more saw are needed, with the board held still."
        poor = "Poor: take more pictures, sharper ones, and check that the board is flat and printed at 100 %."
        verdict = "Good." if self.good else few if e.together < _ENOUGH_SHOTS else poor
        lens = [
            f"{v}: focal length {e.cameras[v].K[0, 0]:.1f} px (± {i.focal_sigma:.2%}), lens error {i.rmse_px:.2f} px, "
            f"board in {self.found[v][0]} of {self.found[v][1]} pictures"
            for v, i in self.lenses.items()
        ]
        return (
            verdict,
            f"Corners are reprojected to {e.rmse_px:.2f} px over {len(e.shots)} shots, {e.together} of them seen by two or more cameras.",
            *([f"{self.moved} shots were left out: the board moved while they were taken."] if self.moved else []),
            f"Board edges of {self.spec.square_mm:g} mm are measured {abs(s.mean):.2%} too "
            f"{'long' if s.mean >= 0 else 'short'} on average, each to {s.rms_mm:.2f} mm.",
            *lens,
        )


def picture_files(folder: Path) -> dict[str, dict[ViewName, Path]]:
    """Shot -> view -> picture, laid out as left/001.jpg, front/001.jpg, … or as left_001.jpg, front_001.jpg and so on.

    Pictures of one shot share what is left of the name. Raises CalibrationError when there are none.
    """
    shots: dict[str, dict[ViewName, Path]] = defaultdict(dict)
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in _PICTURES) if folder.is_dir() else []
    for file in files:
        for view in ViewName:
            if file.parent.name == view.value:
                shots[file.stem][view] = file
            elif re.match(rf"{view.value}[_\- ]", file.stem):
                shots[file.stem[len(view.value) + 1 :]][view] = file
            elif file.stem == view.value:
                shots[str(file.parent.relative_to(folder))][view] = file
    if not shots:
        raise CalibrationError(
            f"{folder} holds no pictures of a left, front and right camera.",
            "Name them left/001.jpg, front/001.jpg, right/001.jpg, and so on: the same number for the same moment.",
        )
    return dict(sorted(shots.items()))


def calibrate_folder(
    folder: Path,
    spec: BoardSpec,
    identities: Mapping[ViewName, Identity] | None = None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> CalibrationReport:
    """Calibrate from a folder of pictures. Raises CalibrationError, Cancelled."""
    cancel = cancel or CancelToken()
    finder = BoardFinder(spec)
    shots: list[dict[ViewName, Detection]] = []
    sizes: dict[ViewName, tuple[int, int]] = {}
    tried: dict[ViewName, int] = defaultdict(int)
    files = picture_files(folder)
    for k, (name, views) in enumerate(files.items()):
        progress("find the board", k / len(files), name)
        seen: dict[ViewName, Detection] = {}
        for view, file in views.items():
            cancel.check()
            picture = cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
            if picture is None:
                raise CalibrationError(f"{file} is damaged.", "Remove it, or take it again.")
            size = (picture.shape[1], picture.shape[0])
            if sizes.setdefault(view, size) != size:
                raise CalibrationError(
                    f"{file} has another size than the other {view} pictures.", "Remove it, or take all again."
                )
            tried[view] += 1
            found = finder.find(np.asarray(picture, dtype=np.uint8))
            if found is not None:
                seen[view] = found
        shots.append(seen)
    progress("find the board", 1.0)
    return calibrate(shots, sizes, spec, identities, dict(tried), progress, cancel)


def calibrate(
    shots: list[dict[ViewName, Detection]],
    sizes: Mapping[ViewName, tuple[int, int]],
    spec: BoardSpec,
    identities: Mapping[ViewName, Identity] | None = None,
    tried: Mapping[ViewName, int] | None = None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> CalibrationReport:
    """Calibrate from detections; the same moment's views in each shot. tried: pictures looked at. Raises CalibrationError, Cancelled."""
    cancel = cancel or CancelToken()
    lenses: dict[ViewName, Intrinsics] = {}
    for k, (view, size) in enumerate(sizes.items()):
        progress("lenses", k / len(sizes), view)
        cancel.check()
        try:
            lenses[view] = calibrate_intrinsics([s[view] for s in shots if view in s], size, spec)
        except CalibrationError as error:
            raise CalibrationError(f"The {view} camera: {error.what}", error.remedy) from error
    progress("lenses", 1.0)
    progress("positions", 0.0)
    cameras: dict[ViewName, Camera] = {v: lens.camera for v, lens in lenses.items()}
    extrinsics = calibrate_extrinsics(cameras, shots, spec, cancel)
    used = [shots[i] for i in extrinsics.shots]
    scale = scale_error(extrinsics.cameras, used, spec)
    progress("positions", 1.0)
    rig = RigCalibration(extrinsics.cameras, dict(identities or {}), datetime.now(), extrinsics.rmse_px, scale.mean, spec.text)
    found = {v: sum(v in s for s in shots) for v in sizes}
    counts = {v: (n, (tried or found).get(v, n)) for v, n in found.items()}
    moved = sum(bool(s) for s in shots) - len(extrinsics.shots)
    return CalibrationReport(rig, lenses, extrinsics, scale, counts, spec, moved)
