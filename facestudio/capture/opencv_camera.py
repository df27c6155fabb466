"""Cameras through OpenCV: USB devices, network streams and video files. The only file that opens a `cv2.VideoCapture`."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from facestudio.capture import driver_errors
from facestudio.capture.camera import CameraInfo, CameraSettings, Control, Frame
from facestudio.capture.device import Backend, Identity, Match, list_devices, resolve
from facestudio.errors import CameraError
from facestudio.types import ByteArray, ViewName

# FFmpeg would otherwise collect half a second of a stream before it hands out a picture.
os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "fflags;nobuffer|flags;low_delay")

_PROPERTIES = {
    Control.AUTO_EXPOSURE: cv2.CAP_PROP_AUTO_EXPOSURE,
    Control.EXPOSURE: cv2.CAP_PROP_EXPOSURE,
    Control.GAIN: cv2.CAP_PROP_GAIN,
    Control.AUTO_WHITE_BALANCE: cv2.CAP_PROP_AUTO_WB,
    Control.WHITE_BALANCE: cv2.CAP_PROP_WB_TEMPERATURE,
    Control.AUTO_FOCUS: cv2.CAP_PROP_AUTOFOCUS,
    Control.FOCUS: cv2.CAP_PROP_FOCUS,
}
# V4L2 counts its exposure menu (3 = automatic, 1 = manual); DirectShow and Media Foundation a fraction.
_AUTO_EXPOSURE = {cv2.CAP_V4L2: (1.0, 3.0), cv2.CAP_DSHOW: (0.25, 0.75), cv2.CAP_MSMF: (0.25, 0.75)}
_DECODED = ("", "BGR3", "RGB3")  # what some backends state once the picture is unpacked


@dataclass(frozen=True)
class Source:
    """Where pictures come from: either identity, a plugged-in camera, or address, a URL or a video file.

    rig: all cameras of the rig by view, this one among them: cameras of one make are told apart only by looking for all of them at once.
    """

    identity: Identity | None = None
    address: str = ""
    rig: Mapping[ViewName, Identity] = field(default_factory=dict)


@dataclass(frozen=True)
class ReadConfig:
    """open_ms, read_ms: how long a stream may be silent before it is given up: a stalled one is dead for good, a new one opens at once.

    queued_share: a picture that came faster than this share of a frame's time had been waiting. skip_after: when more than this many in a
    row had, they are dropped unread, or the lag would grow.
    """

    open_ms: int = 2500
    read_ms: int = 1500
    queued_share: float = 0.3
    skip_after: int = 2


class OpenCvCamera:
    """`LiveCamera` over OpenCV."""

    repeats = False

    def __init__(
        self,
        source: Source,
        settings: CameraSettings | None = None,
        backend: Backend = Backend.AUTO,
        config: ReadConfig | None = None,
    ) -> None:
        self.source = source
        self.settings = settings or CameraSettings()
        self.backend = backend
        self._config = config or ReadConfig()
        self._capture: cv2.VideoCapture | None = None
        self._index = 0
        self._queued = 0
        self._period_ns = 1e9 / self.settings.fps

    @property
    def name(self) -> str:
        """The device's name, or the address."""
        return (self.source.identity.name or self.source.identity.path) if self.source.identity else self.source.address

    def open(self) -> CameraInfo:
        """Find the camera anew, open it, set it up and read back what it does. Raises CameraError."""
        self.close()
        self._index = self._queued = 0
        return self._open_device(self.source.identity) if self.source.identity else self._open_address()

    def read(self) -> Frame:
        """The next picture, stamped when `grab` returned. Pictures that have queued up are dropped. Raises CameraError."""
        capture = self._capture
        if capture is None:
            raise CameraError(f"The camera {self.name} is not open.", "Open it first.")
        while True:
            asked = time.perf_counter_ns()
            if not capture.grab():
                raise CameraError(
                    f"The camera {self.name} stopped sending pictures.", "Check its cable; it is reopened by itself."
                )
            arrived = time.perf_counter_ns()
            waited = arrived - asked > self._config.queued_share * self._period_ns
            self._queued = 0 if waited else self._queued + 1
            self._index += 1
            if self._queued <= self._config.skip_after:
                break
        ok, picture = capture.retrieve()
        if not ok or picture is None:
            raise CameraError(
                f"The camera {self.name} sends pictures that cannot be read.", "Check its cable and its settings."
            )
        return Frame(np.asarray(picture, dtype=np.uint8), arrived, self._index - 1, fresh=self._queued == 0)

    def close(self) -> None:
        """Release the device."""
        if self._capture is not None:
            with contextlib.suppress(cv2.error):
                self._capture.release()
            self._capture = None

    def set_control(self, control: Control, value: float) -> bool:
        """Ask the driver; True when it agreed."""
        if self._capture is None or self.source.identity is None:
            return False
        if control is Control.AUTO_EXPOSURE:
            value = self._auto_exposure_values()[int(value > 0)]
        return bool(self._capture.set(_PROPERTIES[control], value))

    def control(self, control: Control) -> float | None:
        """The driver's value. OpenCV states -1 or 0 for controls that are absent: those count as such where they mean nothing else."""
        if self._capture is None or self.source.identity is None:
            return None
        value = float(self._capture.get(_PROPERTIES[control]))
        if control is Control.AUTO_EXPOSURE:
            return float(value == self._auto_exposure_values()[1])
        return None if value == -1.0 or (control is Control.WHITE_BALANCE and value <= 0) else value

    def _auto_exposure_values(self) -> tuple[float, float]:
        assert self._capture is not None
        return _AUTO_EXPOSURE.get(int(self._capture.get(cv2.CAP_PROP_BACKEND)), (0.0, 1.0))

    def find(self, identity: Identity) -> Match:
        """The device that this camera is now. Raises CameraError when it is not plugged in."""
        wanted = dict(self.source.rig) or {ViewName.FRONT: identity}
        view = next((v for v, i in wanted.items() if i == identity), ViewName.FRONT)
        found = resolve(wanted, list_devices(self.backend))
        if view not in found:
            raise CameraError(
                f"The camera {self.name} is not plugged in.", "Plug it in, or choose another camera for this view."
            )
        return found[view]

    def _open_device(self, identity: Identity) -> CameraInfo:
        match = self.find(identity)
        device = match.device
        capture = cv2.VideoCapture(device.index, device.backend)
        if not capture.isOpened():
            capture.release()
            raise driver_errors.refused(self.name, f"/dev/video{device.index}" if device.backend == cv2.CAP_V4L2 else "")
        s = self.settings
        # The order matters: the compression decides which sizes there are, and the size which rates.
        fourcc = cv2.VideoWriter.fourcc(*s.fourcc) if len(s.fourcc) == 4 else 0
        for key, value in (
            (cv2.CAP_PROP_FOURCC, float(fourcc)),
            (cv2.CAP_PROP_FRAME_WIDTH, float(s.width)),
            (cv2.CAP_PROP_FRAME_HEIGHT, float(s.height)),
            (cv2.CAP_PROP_FPS, s.fps),
            (cv2.CAP_PROP_BUFFERSIZE, 1.0),
        ):
            capture.set(key, value)
        if not capture.grab():
            capture.release()
            raise driver_errors.silent_start(self.name)
        self._capture = capture
        return self._read_back(capture, certain=match.certain)

    def _open_address(self) -> CameraInfo:
        address = self.source.address
        is_file = "://" not in address
        if is_file and not Path(address).is_file():
            raise driver_errors.unreadable_file(Path(address))
        timeouts = [
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
            self._config.open_ms,
            cv2.CAP_PROP_READ_TIMEOUT_MSEC,
            self._config.read_ms,
        ]
        capture = cv2.VideoCapture(address, cv2.CAP_FFMPEG, [] if is_file else timeouts)
        if not capture.isOpened():
            capture.release()
            raise driver_errors.unreadable_file(Path(address)) if is_file else driver_errors.unreachable(address)
        self._capture = capture
        return self._read_back(capture, ask=False)

    def _read_back(self, capture: cv2.VideoCapture, ask: bool = True, certain: bool = True) -> CameraInfo:
        """What the camera really does, with a note for each setting it refused."""
        s = self.settings
        width, height = round(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), round(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        fps = float(capture.get(cv2.CAP_PROP_FPS)) if ask else 0.0  # a stream states its time base, not its rate
        fourcc = _text(round(capture.get(cv2.CAP_PROP_FOURCC)))
        notes = []
        if not certain:
            notes.append(
                f"{self.name} is on another port than before and has twins: look whether left is left and right is right."
            )
        if ask and (width, height) != (s.width, s.height):
            notes.append(f"{self.name} gives {width} x {height}, not {s.width} x {s.height}.")
        if ask and fourcc not in (s.fourcc, *_DECODED):
            notes.append(f"{self.name} sends {fourcc}, not {s.fourcc}: several such cameras may not fit one USB bus.")
        if ask and fps > 0 and abs(fps - s.fps) > 0.5:
            notes.append(f"{self.name} gives {fps:.0f} pictures per second, not {s.fps:.0f}.")
        return CameraInfo(self.name, str(capture.getBackendName()), width, height, fps, fourcc, tuple(notes))


def video_frames(path: Path) -> Iterator[ByteArray]:
    """The pictures of a video file, (H, W, 3) uint8 BGR, as fast as they decode. Raises CameraError."""
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        ok, picture = capture.read() if capture.isOpened() else (False, None)
        if not ok:
            raise driver_errors.unreadable_file(path)
        while ok and picture is not None:
            yield np.asarray(picture, dtype=np.uint8)
            ok, picture = capture.read()
    finally:
        capture.release()


def _text(fourcc: int) -> str:
    """A four-character code as text; "" when it is none."""
    letters = "".join(chr((fourcc >> 8 * i) & 0xFF) for i in range(4))
    return letters.strip() if letters.isprintable() else ""
