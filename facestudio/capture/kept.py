"""A shot as files: the encoded pictures, and sync.json with everything that is known about how they were taken."""

from __future__ import annotations

import json
import time
from typing import Any

import cv2

from facestudio.capture.camera import Frame
from facestudio.capture.channel import Health
from facestudio.capture.checks import CheckName, ViewReport, check_between
from facestudio.capture.shutter import Shot
from facestudio.errors import OutputError
from facestudio.types import ViewName

SYNC_FILE = "sync.json"
SCHEMA = 1
_QUALITY = 96  # of JPEG: dense matching reads single grey levels, and a capture has but three pictures


def photos(shot: Shot) -> dict[ViewName, bytes]:
    """The chosen pictures as JPEG, colour not subsampled."""
    return {view: _jpeg(frame) for view, frame in shot.frames.items()}


def sync_json(shot: Shot, exposure: dict[ViewName, str] | None = None) -> bytes:
    """How the shot was taken: times, spread, cameras, checks, and why this moment. exposure: what became of each camera's lock."""
    choice = shot.choice
    first = min(f.t_ns for f in shot.frames.values())
    content = {
        "schema": SCHEMA,
        "taken": shot.taken.isoformat(timespec="milliseconds"),
        "spread_ms": round(choice.spread_ms, 3),
        "spread_certain": choice.certain,
        "reason": choice.reason,
        "triplets_considered": choice.considered,
        "eyes_open": choice.eyes_open,
        "views": {
            view.value: {
                "arrived_ms": round((frame.t_ns - first) / 1e6, 3),
                "monotonic_ns": frame.t_ns,
                "sharpness": round(choice.sharpness.get(view, 0.0), 4),
                "camera": _camera(shot.health[view]) if view in shot.health else None,
                "exposure": (exposure or {}).get(view, "automatic"),
                "checks": _checks(shot.reports[view]) if view in shot.reports else None,
            }
            for view, frame in shot.frames.items()
        },
        "between": {c.name.value: {"verdict": c.verdict.value, "words": c.words} for c in check_between(shot.reports)},
        "missing": [v.value for v in shot.health if v not in shot.frames],
        "clock": {"monotonic_ns": time.perf_counter_ns(), "unix_s": time.time()},
    }
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def _jpeg(frame: Frame) -> bytes:
    settings = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    ok, encoded = cv2.imencode(".jpg", frame.bgr, settings)
    if not ok:
        raise OutputError("A picture could not be encoded.", "Take it again.")
    return encoded.tobytes()


def _camera(health: Health) -> dict[str, Any]:
    info = health.info
    known = (
        {"name": info.name, "backend": info.backend, "width": info.width, "height": info.height, "fourcc": info.fourcc}
        if info
        else {}
    )
    return {**known, "fps": round(health.fps, 2), "dropped": health.dropped, "reconnects": health.reconnects}


def _checks(report: ViewReport) -> dict[str, Any]:
    answers = {c.name.value: {"verdict": c.verdict.value, "words": c.words} for c in report.checks}
    sight = report.sight
    if sight is not None:
        answers[CheckName.TURNED.value]["degrees"] = f"{sight.yaw_degrees:.1f}"
    return answers
