"""One press of the shutter: countdown, a burst of one second, and the best triplet in it."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from facestudio.capture.camera import Frame
from facestudio.capture.channel import Health
from facestudio.capture.checks import CheckConfig, ViewReport, check_view
from facestudio.capture.group import CameraGroup
from facestudio.capture.sight import Looker
from facestudio.capture.sync import Choice, SyncConfig, best_triplet
from facestudio.errors import CameraError
from facestudio.progress import CancelToken, Progress, silent
from facestudio.types import ViewName


@dataclass(frozen=True)
class ShutterConfig:
    """burst_s: length of the burst. countdown_s: wait before it. tick_s: how often the countdown is told."""

    burst_s: float = 1.0
    countdown_s: float = 0.0
    tick_s: float = 0.1


@dataclass(frozen=True)
class Shot:
    """What one press of the shutter gave, in memory. health: of every camera at that moment. reports: the checks of the chosen pictures."""

    choice: Choice
    taken: datetime
    health: Mapping[ViewName, Health]
    reports: Mapping[ViewName, ViewReport] = field(default_factory=dict)

    @property
    def frames(self) -> Mapping[ViewName, Frame]:
        """The chosen pictures."""
        return self.choice.frames


def shoot(
    group: CameraGroup,
    config: ShutterConfig | None = None,
    looker: Looker | None = None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
    sync: SyncConfig | None = None,
    checks: CheckConfig | None = None,
) -> Shot:
    """Press the shutter. Uses the cameras that send pictures; never waits for one that does not.

    looker: to prefer open eyes and to check the chosen pictures. Raises CameraError when no camera sends any, Cancelled.
    """
    config, cancel = config or ShutterConfig(), cancel or CancelToken()
    pause = threading.Event()
    steps = max(1, round(config.countdown_s / config.tick_s)) if config.countdown_s > 0 else 0
    for step in range(steps):
        left = config.countdown_s - step * config.tick_s
        progress("countdown", step / steps, f"{math.ceil(left - 1e-9)}")
        cancel.check()
        pause.wait(config.tick_s)
    start = group.now_ns()
    end = start + round(config.burst_s * 1e9)
    while (now := group.now_ns()) < end:
        progress("burst", 1.0 - (end - now) / (config.burst_s * 1e9), "keep still")
        cancel.check()
        pause.wait(min(config.tick_s, (end - now) / 1e9))
    rings = group.rings()
    health = {view: group.health(view) for view in group.views}
    progress("choose", 0.0, "choosing the best moment")
    sights: dict[int, bool | None] = {}

    def eyes_open(frames: Mapping[ViewName, Frame]) -> bool | None:
        """Of the picture that shows them best: the front one, else any."""
        frame = frames.get(ViewName.FRONT) or next(iter(frames.values()))
        assert looker is not None
        if id(frame) not in sights:
            sight = looker.look(frame)
            sights[id(frame)] = None if sight is None else sight.eye_opening >= (checks or CheckConfig()).eyes[0]
        return sights[id(frame)]

    choice = best_triplet(rings, (start, end), eyes_open if looker else None, sync)
    cancel.check()
    if choice is None:
        raise CameraError("No camera sent a picture during the burst.", "Wait until the cameras show pictures, then try again.")
    reports = {v: check_view(v, f, looker.look(f), checks) for v, f in choice.frames.items()} if looker else {}
    progress("choose", 1.0, choice.reason)
    return Shot(choice, datetime.now(), health, reports)
