"""What pages may ask of a 3D viewer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from PySide6.QtWidgets import QWidget

from facestudio.app.viewer.colours import Rgb, ViewMode
from facestudio.app.viewer.surface import ShownHead
from facestudio.types import ByteArray, Camera, FloatArray, PointCloud


class Viewer(Protocol):
    """Shows one head. Every call belongs to the GUI thread and returns at once; drawing follows when Qt paints.

    on_photo_left: called when the operator turned the head away from a photo's view.
    """

    on_photo_left: Callable[[], None]

    @property
    def widget(self) -> QWidget:
        """What to put into a layout."""

    def show_head(self, head: ShownHead) -> None:
        """Show another head; the eye stays where it is, or goes home when there was none."""

    def move(self, vertices: FloatArray) -> None:
        """Move the shown head's vertices (V, 3), metres, head frame."""

    def set_mode(self, mode: ViewMode) -> None:
        """Paint the head otherwise. A mode without data shows clay."""

    def set_landmarks(self, points: FloatArray | None) -> None:
        """Show dots at (N, 3), metres, head frame; None hides them."""

    def set_points(self, cloud: PointCloud | None) -> None:
        """Show the points that a head rests on, in their own colours; None hides them."""

    def set_light(self, degrees: float) -> None:
        """Where the main light comes from, round the eye's axis to the head: 0 from the front, positive from the right."""

    def set_turntable(self, on: bool) -> None:
        """Turn the eye steadily round the head."""

    def reset_eye(self) -> None:
        """Fly home."""

    def fly_to(self, camera: Camera, photo: ByteArray) -> None:
        """Fly to where a photo (H, W, 3) uint8 sRGB was taken and put it behind the head."""

    def set_photo_share(self, share: float) -> None:
        """0: the head in front of its photo; 1: the photo alone."""

    def leave_photo(self) -> None:
        """Take the photo away."""

    def set_background(self, colour: Rgb) -> None:
        """The colour behind the head, sRGB."""

    def picture(self) -> ByteArray:
        """What is seen now, (H, W, 3) uint8 sRGB."""

    def clear(self) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Give back what the graphics card holds. The viewer is of no use afterwards."""
