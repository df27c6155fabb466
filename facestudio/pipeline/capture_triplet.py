"""A shot from the live cameras is kept: in the library, or in a folder of its own; with the rig's calibration when it holds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from facestudio.capture import kept
from facestudio.capture.calibration.rig_file import RigCalibration, fit, rig_bytes
from facestudio.capture.device import Identity
from facestudio.capture.shutter import Shot
from facestudio.errors import OutputError
from facestudio.library import layout
from facestudio.library.add import SCHEMA, NewCapture, add_capture
from facestudio.library.staging import explained, publish, staging_folder
from facestudio.progress import CancelToken, Progress, silent
from facestudio.types import ViewName


@dataclass(frozen=True)
class ShotContext:
    """What belongs to a shot beside its pictures. identities: the devices of the views. exposure: what became of each camera's lock."""

    identities: Mapping[ViewName, Identity] = field(default_factory=dict)
    exposure: Mapping[ViewName, str] = field(default_factory=dict)
    rig: RigCalibration | None = None


def keep_in_library(
    root: Path,
    shot: Shot,
    subject: str,
    session: str,
    context: ShotContext | None = None,
    notes: str = "",
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> Path:
    """Add the shot to the library at `root`; returns the capture's folder. Whole or absent. Raises OutputError, Cancelled."""
    pictures, cameras, extra, facts = _content(shot, context or ShotContext())
    new = NewCapture(subject, session, pictures, cameras, created=shot.taken, notes=notes, extra=extra, facts=facts)
    return add_capture(root, new, progress, cancel)


def keep_in_folder(folder: Path, shot: Shot, context: ShotContext | None = None, notes: str = "") -> Path:
    """Write the shot into a new folder, laid out as a capture of the library. Whole or absent. Raises OutputError."""
    folder = folder.expanduser().absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder} exists already.", "Choose another folder: a capture is never overwritten.")
    pictures, cameras, extra, facts = _content(shot, context or ShotContext())
    noted = {}
    with explained(f"The capture cannot be written to {folder}"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with staging_folder(folder.parent) as staging:
            for view, content in pictures.items():
                (staging / f"{view}.jpg").write_bytes(content)
                noted[view.value] = {"file": f"{view}.jpg", "sha256": hashlib.sha256(content).hexdigest()}
            if cameras is not None:
                (staging / layout.CAMERAS_FILE).write_bytes(cameras)
            for name, content in extra.items():
                (staging / name).write_bytes(content)
            said = {"schema": SCHEMA, "name": folder.name, "created": shot.taken.isoformat(timespec="seconds"), "notes": notes}
            (staging / layout.CAPTURE_FILE).write_bytes(layout.json_bytes({**said, "photos": noted, **facts}))
            if folder.exists():
                folder.rmdir()
            publish(staging, folder)
    return folder


def _content(shot: Shot, context: ShotContext) -> tuple[dict[ViewName, bytes], bytes | None, dict[str, bytes], dict[str, Any]]:
    """(photos, cameras.json or None, further files, facts for capture.json)."""
    sizes = {view: (frame.bgr.shape[1], frame.bgr.shape[0]) for view, frame in shot.frames.items()}
    found = fit(context.rig, context.identities, sizes)
    cameras = rig_bytes(context.rig) if found.fits and context.rig is not None else None
    facts = {
        "source": "live cameras",
        "spread_ms": round(shot.choice.spread_ms, 3),
        "reason": shot.choice.reason,
        "devices": {view.value: asdict(identity) for view, identity in context.identities.items()},
        "calibration": found.sentence,
    }
    return kept.photos(shot), cameras, {kept.SYNC_FILE: kept.sync_json(shot, dict(context.exposure))}, facts
