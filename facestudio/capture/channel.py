"""What is known of one camera of the rig at this moment: its last second of pictures, its preview and its health. Thread-safe."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import cv2
import numpy as np

from facestudio.capture.camera import CameraInfo, Frame, LiveCamera
from facestudio.errors import FaceStudioError


@dataclass(frozen=True)
class GroupConfig:
    """ring_s, ring_bytes: how much of each camera is kept. preview_fps, preview_width: the small pictures for the window.

    stall_s: no picture for so long, and the camera is reopened. freeze_s: the same for identical pictures. open_s: how long opening may
    take (Media Foundation needs up to 20 s). backoff_s: first and longest wait between attempts. healthy_s: so long must a camera work
    before the waits start small again. abandoned: hanging reader threads allowed for one camera. damaged: bad pictures in a row allowed.
    """

    ring_s: float = 1.2
    ring_bytes: int = 250_000_000
    preview_fps: float = 15.0
    preview_width: int = 640
    stall_s: float = 1.5
    freeze_s: float = 1.5
    open_s: float = 25.0
    backoff_s: tuple[float, float] = (0.1, 1.0)
    healthy_s: float = 1.0
    abandoned: int = 8
    damaged: int = 15
    watch_s: float = 0.1


class ChannelState(StrEnum):
    """CONNECTING: being opened. LIVE: pictures come. LOST: none come; it is tried again and again. STOPPED: the group is not running."""

    STOPPED = "stopped"
    CONNECTING = "connecting"
    LIVE = "live"
    LOST = "lost"


@dataclass(frozen=True)
class Health:
    """How one camera does.

    fps: measured over the ring. age_s: since the last picture, None before the first. frames: pictures taken in since the start.
    dropped: pictures missing between them, judged by the camera's own rate. reconnects: times it had to be opened again.
    error: why it is lost, None when it is not.
    """

    state: ChannelState
    fps: float
    age_s: float | None
    frames: int
    dropped: int
    reconnects: int
    info: CameraInfo | None
    error: FaceStudioError | None


class Channel:
    """One camera's state, written by its reader thread and the group's watchdog, read by everybody."""

    def __init__(self, config: GroupConfig) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._ring: deque[Frame] = deque()
        self._ring_bytes = 0
        self._preview: Frame | None = None
        self._intervals: deque[int] = deque(maxlen=30)
        self._digest = b""
        self._changed_ns = 0  # when the picture last differed from the one before
        self._woke_ns = 0
        self._opened_ns = 0
        self._frames = self._dropped = self._openings = self._damaged = 0
        self._last_index = -1
        self._info: CameraInfo | None = None
        self._error: FaceStudioError | None = None
        self._repeats = False
        self.state = ChannelState.STOPPED
        self.attempts = 0  # failed openings in a row
        self.since_ns = 0  # when the state began
        self.requests: deque[tuple[Callable[[LiveCamera], Any], Future[Any]]] = deque()

    def connecting(self, now_ns: int) -> None:
        """A reader begins to open the camera."""
        with self._lock:
            self.state, self.since_ns = ChannelState.CONNECTING, now_ns

    def opened(self, info: CameraInfo, repeats: bool, now_ns: int) -> None:
        """The camera is open."""
        with self._lock:
            self._info, self._error, self._repeats = info, None, repeats
            self._openings += 1
            self._opened_ns = self._changed_ns = self._woke_ns = self.since_ns = now_ns
            self._digest, self._last_index, self._damaged = b"", -1, 0
            self._intervals.clear()
            self.state = ChannelState.LIVE

    def lost(self, error: FaceStudioError, now_ns: int) -> None:
        """The camera failed, is silent or frozen. Its ring stays: a shutter pressed just now may still use it."""
        with self._lock:
            if self.state is ChannelState.LIVE and now_ns - self._opened_ns > self._config.healthy_s * 1e9:
                self.attempts = 0
            self.attempts += 1
            self._error, self.state, self.since_ns = error, ChannelState.LOST, now_ns
            waiting = list(self.requests)
            self.requests.clear()
        for _, future in waiting:
            future.set_exception(error)

    def stopped(self) -> None:
        """The group stopped."""
        with self._lock:
            self.state = ChannelState.STOPPED

    def push(self, frame: Frame) -> bool:
        """Take in a picture; False when it is damaged (of another size or kind than the camera announced)."""
        if not self._whole(frame):
            with self._lock:
                self._damaged += 1
            return False
        # Every 16th pixel of every 16th row: sensor noise never leaves these equal in two pictures.
        digest = frame.bgr[::16, ::16].tobytes()
        preview = self._scaled(frame)
        with self._lock:
            self._damaged = 0
            # A lens cap gives equal black pictures: that is for the exposure check, not a fault of the connection.
            if digest != self._digest or self._repeats or digest == digest[:1] * len(digest):
                self._changed_ns = frame.t_ns
            self._digest = digest
            self._woke_ns = frame.t_ns
            self._dropped += self._missed(frame)
            self._last_index = frame.index
            self._frames += 1
            self._ring.append(frame)
            self._ring_bytes += frame.bgr.nbytes
            oldest = frame.t_ns - round(self._config.ring_s * 1e9)
            while len(self._ring) > 1 and (self._ring[0].t_ns < oldest or self._ring_bytes > self._config.ring_bytes):
                self._ring_bytes -= self._ring.popleft().bgr.nbytes
            self._preview = preview
        return True

    @property
    def too_damaged(self) -> bool:
        """More bad pictures in a row than a glitch explains."""
        return self._damaged > self._config.damaged

    def silent_s(self, now_ns: int) -> float:
        """Seconds since the last picture, or since the opening."""
        return (now_ns - self._woke_ns) / 1e9

    def frozen_s(self, now_ns: int) -> float:
        """Seconds since the picture last changed."""
        return (now_ns - self._changed_ns) / 1e9

    def ring(self) -> tuple[Frame, ...]:
        """The last second, oldest first."""
        with self._lock:
            return tuple(self._ring)

    def latest(self) -> Frame | None:
        """The newest picture."""
        with self._lock:
            return self._ring[-1] if self._ring else None

    def preview(self) -> Frame | None:
        """The newest small picture, at most `preview_fps` a second."""
        with self._lock:
            return self._preview

    def health(self, now_ns: int) -> Health:
        """How the camera does now."""
        with self._lock:
            times = [f.t_ns for f in self._ring]
            span = (times[-1] - times[0]) / 1e9 if len(times) > 1 else 0.0
            return Health(
                state=self.state,
                fps=(len(times) - 1) / span if span > 0 and self.state is ChannelState.LIVE else 0.0,
                age_s=(now_ns - self._woke_ns) / 1e9 if self._frames else None,
                frames=self._frames,
                dropped=self._dropped,
                reconnects=max(0, self._openings - 1),
                info=self._info,
                error=self._error,
            )

    def _whole(self, frame: Frame) -> bool:
        shape = (self._info.height, self._info.width, 3) if self._info else frame.bgr.shape
        return frame.bgr.dtype == np.uint8 and frame.bgr.shape == shape

    def _missed(self, frame: Frame) -> int:
        """Pictures lost before this one: skipped by the reader (they were counted), or never sent (a gap of several periods)."""
        if self._last_index < 0 or not self._ring:
            return 0
        interval = frame.t_ns - self._ring[-1].t_ns
        usual = float(np.median(self._intervals)) if len(self._intervals) >= 10 else float(interval)
        self._intervals.append(interval)
        return max(frame.index - self._last_index - 1, round(interval / max(usual, 1.0)) - 1, 0)

    def _scaled(self, frame: Frame) -> Frame | None:
        last = self._preview
        if last is not None and frame.t_ns - last.t_ns < 0.9e9 / self._config.preview_fps:
            return last
        height, width = frame.bgr.shape[:2]
        factor = min(1.0, self._config.preview_width / width)
        size = (round(width * factor), round(height * factor))
        small = frame.bgr if factor == 1.0 else cv2.resize(frame.bgr, size, interpolation=cv2.INTER_AREA)
        return Frame(np.asarray(small, dtype=np.uint8), frame.t_ns, frame.index)
