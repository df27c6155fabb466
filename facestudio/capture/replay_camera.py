"""A folder of pictures, one picture or a video, played as a camera: for tests, demonstrations, and a window without cameras."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from facestudio.capture.camera import CameraInfo, Control, Frame
from facestudio.capture.clock import Clock, RealClock
from facestudio.capture.opencv_camera import video_frames
from facestudio.errors import CameraError
from facestudio.types import ByteArray

_PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}


class ReplayCamera:
    """`LiveCamera` over files. Picture k is due, and stamped, at start + phase + k / fps; those that are overdue are dropped.

    path: a picture, a folder of pictures in the order of their names, or a video; played in a loop. phase_ns: shift against other cameras.
    """

    def __init__(self, path: Path, fps: float = 30.0, phase_ns: int = 0, clock: Clock | None = None) -> None:
        self.path = path
        self._period_ns = round(1e9 / fps)
        self._fps = fps
        self._phase_ns = phase_ns
        self._clock = clock or RealClock()
        self._pictures: list[ByteArray] = []
        self._video: Iterator[ByteArray] | None = None
        self._start_ns = 0
        self._index = 0

    @property
    def name(self) -> str:
        """The file's or folder's name."""
        return self.path.name

    @property
    def repeats(self) -> bool:
        """A single picture never changes."""
        return len(self._pictures) == 1

    def open(self) -> CameraInfo:
        """Read the pictures. Raises CameraError."""
        self.close()
        if self.path.is_dir() or self.path.suffix.lower() in _PICTURES:
            self._pictures = _read_pictures(self.path)
            first = self._pictures[0]
        else:
            first = next(video_frames(self.path))
            self._video = video_frames(self.path)
        self._start_ns = self._clock.now_ns() + self._phase_ns
        self._index = 0
        return CameraInfo(self.name, "replay", first.shape[1], first.shape[0], self._fps, "")

    def read(self) -> Frame:
        """Wait until the next picture is due."""
        if not self._pictures and self._video is None:
            raise CameraError(f"{self.name} is not open.", "Open it first.")
        overdue = (self._clock.now_ns() - self._start_ns) // self._period_ns
        while self._index < overdue - 1:
            self._next()
        index = self._index
        due = self._start_ns + index * self._period_ns
        picture = self._next()
        self._clock.sleep_until(due)
        return Frame(picture, due, index)

    def close(self) -> None:
        """Forget the pictures."""
        self._pictures = []
        self._video = None

    def set_control(self, control: Control, value: float) -> bool:
        """Files have no controls."""
        del control, value
        return False

    def control(self, control: Control) -> float | None:
        """Files have no controls."""
        del control
        return None

    def _next(self) -> ByteArray:
        index = self._index
        self._index += 1
        if self._video is None:
            return self._pictures[index % len(self._pictures)]
        picture = next(self._video, None)
        if picture is None:
            self._video = video_frames(self.path)
            picture = next(self._video)
        return picture


def _read_pictures(path: Path) -> list[ByteArray]:
    files = sorted(f for f in path.iterdir() if f.suffix.lower() in _PICTURES) if path.is_dir() else [path]
    pictures = []
    for file in files:
        try:
            decoded = cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
        except (OSError, cv2.error) as error:
            raise CameraError(f"{file} cannot be read.", "Check that it is a picture and yours to read.") from error
        if decoded is None:
            raise CameraError(f"{file} is not a picture.", "Use JPEG or PNG files.")
        pictures.append(np.asarray(decoded, dtype=np.uint8))
    if not pictures:
        raise CameraError(f"{path} holds no pictures.", "Choose a folder of JPEG or PNG files.")
    return pictures
