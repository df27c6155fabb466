"""What any live camera must offer, so that USB devices, streams, files and faults are exchangeable."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from facestudio.types import ByteArray


@dataclass(frozen=True)
class Frame:
    """One picture from a camera.

    bgr: (H, W, 3) uint8, OpenCV's channel order as it comes from the decoder: only what is shown or kept is converted.
    t_ns: `time.perf_counter_ns()` when the picture had arrived. index: counts the pictures of this opening from 0.
    fresh: the reader waited for it; False when it had been lying in a queue, and t_ns is later than its arrival by an unknown time.
    """

    bgr: ByteArray
    t_ns: int
    index: int
    fresh: bool = True


@dataclass(frozen=True)
class CameraSettings:
    """What a camera is asked for; it may do otherwise, and `CameraInfo` says what it really does.

    width, height: pixels. fps: pictures per second. fourcc: the compression on the wire; three
    uncompressed cameras do not fit one USB 2 bus.
    """

    width: int = 1280
    height: int = 720
    fps: float = 30.0
    fourcc: str = "MJPG"


@dataclass(frozen=True)
class CameraInfo:
    """What an opened camera really does, read back from it.

    fps: as the driver states it, 0 when it does not say (streams state nonsense: the group measures). fourcc: "" when unknown.
    notes: sentences for the operator where a setting was refused.
    """

    name: str
    backend: str
    width: int
    height: int
    fps: float
    fourcc: str
    notes: tuple[str, ...] = ()


class Control(StrEnum):
    """The camera controls that must not change between the calibration and the shot, or between cameras."""

    AUTO_EXPOSURE = "auto exposure"
    EXPOSURE = "exposure"
    GAIN = "gain"
    AUTO_WHITE_BALANCE = "auto white balance"
    WHITE_BALANCE = "white balance"
    AUTO_FOCUS = "auto focus"
    FOCUS = "focus"


class LiveCamera(Protocol):
    """A source of pictures. Opened, read and closed by one thread: its reader."""

    @property
    def name(self) -> str:
        """What the operator calls it."""

    @property
    def repeats(self) -> bool:
        """True when equal pictures in a row are no fault here (a still image played as a camera)."""

    def open(self) -> CameraInfo:
        """Start it. Raises CameraError, saying what to do."""

    def read(self) -> Frame:
        """The next picture; waits for it. Raises CameraError when the camera is gone; may hang for ever when its driver does."""

    def close(self) -> None:
        """Stop it; never raises. Closing twice is allowed."""

    def set_control(self, control: Control, value: float) -> bool:
        """Ask for a value, in the driver's own unit; True when the driver took it. AUTO_*: 1 on, 0 off."""

    def control(self, control: Control) -> float | None:
        """The current value in the driver's own unit; None when the camera has no such control."""
