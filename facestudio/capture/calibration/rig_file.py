"""cameras.json as our calibration writes it: the cameras, and a stamp that says for which devices, sizes and day they hold.

`pipeline.cameras_file.read_cameras` reads the same file and needs only the cameras in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from facestudio.atomic import write_file
from facestudio.capture.device import Identity
from facestudio.errors import CalibrationError, said_by_system
from facestudio.paths import user_data_dir
from facestudio.types import Camera, ViewName

SCHEMA = 1
_REMEDY = "Calibrate the rig again (Rig page, or `facestudio rig calibrate`)."
_OLD_DAYS = 90


@dataclass(frozen=True)
class RigCalibration:
    """A calibrated rig. cameras: the front camera's frame is the world's (or the first one's, without a front camera), metres.

    identities: which device each camera is; empty for imported calibrations, which then fit any device of the right size.
    rmse_px: reprojection error. scale_error: of board edges, as a share. board: its specification. origin: who made it.
    """

    cameras: Mapping[ViewName, Camera]
    identities: Mapping[ViewName, Identity] = field(default_factory=dict)
    created: datetime | None = None
    rmse_px: float | None = None
    scale_error: float | None = None
    board: str = ""
    origin: str = "FaceStudio"


@dataclass(frozen=True)
class Fit:
    """Whether a calibration holds for these cameras. sentence: for the operator, in either case."""

    fits: bool
    sentence: str


def rig_file() -> Path:
    """Where this computer keeps its rig's calibration."""
    return user_data_dir() / "cameras.json"


def rig_bytes(rig: RigCalibration) -> bytes:
    """The file's content."""
    content = {
        "schema": SCHEMA,
        "stamp": {
            "created": rig.created.isoformat(timespec="seconds") if rig.created else None,
            "rmse_px": rig.rmse_px,
            "scale_error": rig.scale_error,
            "board": rig.board,
            "origin": rig.origin,
        },
        "cameras": {view.value: _camera_json(camera, rig.identities.get(view)) for view, camera in rig.cameras.items()},
    }
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def save_rig(rig: RigCalibration, path: Path | None = None) -> Path:
    """Write the calibration. Raises OutputError."""
    target = path or rig_file()
    write_file(target, rig_bytes(rig))
    return target


def load_rig(path: Path | None = None) -> RigCalibration | None:
    """Read a calibration; None when there is none. Raises CalibrationError when it is damaged or may not be read."""
    source = path or rig_file()
    try:
        content = json.loads(source.read_text(encoding="utf-8-sig"))  # some editors on Windows begin a file with a mark
        stamp = content.get("stamp") or {}
        cameras, identities = {}, {}
        entries = content.get("cameras") or {
            v.value: content[v] for v in ViewName if v in content
        }  # without a stamp, as the bench's
        if not entries:
            raise KeyError("no left, front or right camera")
        for name, entry in entries.items():
            view = ViewName(name)
            cameras[view] = _camera(entry)
            if entry.get("device"):
                identities[view] = Identity(**{k: str(entry["device"][k]) for k in ("path", "usb", "name")})
        return RigCalibration(
            cameras=cameras,
            identities=identities,
            created=datetime.fromisoformat(stamp["created"]) if stamp.get("created") else None,
            rmse_px=_number(stamp.get("rmse_px")),
            scale_error=_number(stamp.get("scale_error")),
            board=str(stamp.get("board") or ""),
            origin=str(stamp.get("origin") or ""),
        )
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CalibrationError(
            f"{source} cannot be read ({said_by_system(error)}).", "Check that the file is yours to read."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise CalibrationError(f"The rig's calibration {source} is damaged ({error}).", _REMEDY) from error


def fit(
    rig: RigCalibration | None,
    identities: Mapping[ViewName, Identity],
    sizes: Mapping[ViewName, tuple[int, int]],
    today: datetime | None = None,
) -> Fit:
    """Whether a calibration holds for pictures from these devices of these sizes (width, height)."""
    if rig is None:
        return Fit(False, "The rig is not calibrated: heads get an assumed size.")
    for view, size in sizes.items():
        camera = rig.cameras.get(view)
        if camera is None:
            return Fit(
                False, f"The calibration has no {view} camera, so it was not used: the head gets an assumed size. {_REMEDY}"
            )
        if size != (camera.width, camera.height):
            then, now = f"{camera.width} x {camera.height}", f"{size[0]} x {size[1]}"
            what = f"The {view} camera was calibrated at {then}, but gives {now}, so the calibration was not used."
            return Fit(False, f"{what} {_REMEDY}")
        known, given = rig.identities.get(view), identities.get(view)
        if known is not None and given is not None and known.path != given.path:
            what = f"The {view} camera is another one, or on another port, than at the calibration, so it was not used."
            return Fit(False, f"{what} {_REMEDY}")
    age = ((today or datetime.now()) - rig.created).days if rig.created else None
    dated = f"Calibrated rig of {rig.created:%Y-%m-%d}: the head is metric." if rig.created else ""
    words = dated or "Calibrated rig: the head is metric."
    if age is not None and age > _OLD_DAYS:
        return Fit(True, f"{words} " + f"The calibration is {age} days old: check it for drift.")
    return Fit(True, words)


def _camera_json(camera: Camera, identity: Identity | None) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "K": camera.K.tolist(),
        "R": camera.R.tolist(),
        "t": camera.t.tolist(),
        "width": camera.width,
        "height": camera.height,
        "distortion": camera.distortion.tolist(),
    }
    if identity is not None:
        entry["device"] = asdict(identity)
    return entry


def _camera(entry: Mapping[str, Any]) -> Camera:
    distortion = np.zeros(5)
    given = np.asarray(entry.get("distortion") or [], dtype=np.float64).ravel()[:5]
    distortion[: len(given)] = given
    return Camera(
        np.asarray(entry["K"], dtype=np.float64).reshape(3, 3),
        np.asarray(entry["R"], dtype=np.float64).reshape(3, 3),
        np.asarray(entry["t"], dtype=np.float64).reshape(3),
        int(entry["width"]),
        int(entry["height"]),
        distortion,
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
