"""What any landmark detector must offer, so that detectors can be exchanged and faked in tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from facestudio.types import Float64Array, Image, Landmarks


@dataclass(frozen=True)
class Face:
    """One face found in a picture.

    landmarks: in the picture's pixels. box: (4,) float64, x0 y0 x1 y1 of the landmarks, pixels.
    rivals: how many other faces the picture shows.
    """

    landmarks: Landmarks
    box: Float64Array
    rivals: int = 0

    @property
    def size(self) -> float:
        """The longer side of the box, pixels."""
        return float(max(self.box[2] - self.box[0], self.box[3] - self.box[1]))


class LandmarkDetector(Protocol):
    """Finds the largest face of a picture. Create, use and close a detector in one thread: the engines behind it are not shareable."""

    scheme: str

    def detect(self, image: Image, where: str) -> Face:
        """The largest face. `where` names the picture in the NoFaceError raised when there is none."""

    def close(self) -> None:
        """Release the engine."""
