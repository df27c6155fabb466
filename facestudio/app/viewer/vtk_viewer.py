"""The real viewer: pyvista's Qt interactor around a VTK scene.

Making one takes about a second, imports included. Draws only when Qt paints: any number of changes between two paints cost one
picture. Without graphics hardware it draws with Mesa's llvmpipe, for which multisampling stays off.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget
from pyvistaqt import QtInteractor
from vtkmodules.vtkCommonTransforms import vtkTransform
from vtkmodules.vtkRenderingCore import vtkActor, vtkCamera

from facestudio.app.viewer.colours import Rgb, ViewMode
from facestudio.app.viewer.hand import Hand, Move
from facestudio.app.viewer.orbit import orbited
from facestudio.app.viewer.placement import Placement, at_camera, between, home
from facestudio.app.viewer.surface import ShownHead
from facestudio.app.viewer.vtk_scene import DotsActor, HeadActor, PhotoPlanes, cloud_actor, lights
from facestudio.types import ByteArray, Camera, Float64Array, FloatArray, PointCloud

FLIGHT_SECONDS = 0.35
_FRAME_MS = 16
_TURN_DEGREES_PER_SECOND = 24.0
_START_LIGHT = 35.0
_STILL_MS = 160  # after this long without a change the picture is drawn once more, with smooth edges


def warm_up() -> None:
    """Import what pyvista would import when the first viewer is made; for a worker, before the GUI thread needs it."""
    for name in (
        "vtkInteractionStyle",
        "vtkInteractionWidgets",
        "vtkRenderingOpenGL2",
        "vtkRenderingUI",
        "vtkRenderingAnnotation",
    ):
        importlib.import_module(f"vtkmodules.{name}")


class VtkViewer(QObject):
    """A `Viewer` on VTK. One per process, closed before Qt ends."""

    def __init__(self, parent: QWidget | None = None, flight_seconds: float = FLIGHT_SECONDS) -> None:
        super().__init__(parent)
        self.on_photo_left: Callable[[], None] = lambda: None
        self._flight_seconds = flight_seconds
        make: Any = QtInteractor  # its decorated __init__ is beyond mypy
        self._window: QtInteractor = make(parent, auto_update=False, multi_samples=0)
        self._window.setAcceptDrops(False)  # dropped photos are the page's business
        self._window.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._renderer = self._window.renderer
        self._head: HeadActor | None = None
        self._dots: DotsActor | None = None
        self._cloud: vtkActor | None = None
        self._photo: PhotoPlanes | None = None
        self._at: Camera | None = None
        self._mode = ViewMode.TEXTURE
        self._stretch = 1.0
        self._closed = False
        self._flight: tuple[Placement, Placement, float] | None = None
        self._flying = QTimer(self)
        self._flying.setInterval(_FRAME_MS)
        self._flying.timeout.connect(self._fly)
        self._turning = QTimer(self)
        self._turning.setInterval(_FRAME_MS)
        self._turning.timeout.connect(self._turn)
        self._last_turn = 0.0
        self._still = QTimer(self)
        self._still.setSingleShot(True)
        self._still.setInterval(_STILL_MS)
        self._still.timeout.connect(self._smooth)
        lights(self._renderer, _START_LIGHT)
        self._window.installEventFilter(self)
        self._hand = Hand(self._window, self._depart, self._by_hand, lambda: self._at is not None)

    @property
    def widget(self) -> QWidget:
        """What to put into a layout."""
        return self._window

    def show_head(self, head: ShownHead) -> None:
        """Show another head; the eye stays where it is, or goes home when there was none."""
        first = self._head is None
        if self._head is not None:
            self._renderer.RemoveActor(self._head.actor)
        self._head = HeadActor(head)
        self._head.set_mode(self._mode)
        self._renderer.AddActor(self._head.actor)
        if first:
            self._place(home(head.vertices, *self._size()))
        self._draw()

    def move(self, vertices: FloatArray) -> None:
        """Move the shown head's vertices (V, 3), metres, head frame."""
        if self._head is not None:
            self._head.move(vertices)
            self._draw()

    def set_mode(self, mode: ViewMode) -> None:
        """Paint the head otherwise. A mode without data shows clay."""
        self._mode = mode
        if self._head is not None:
            self._head.set_mode(mode)
        self._draw()

    def set_landmarks(self, points: FloatArray | None) -> None:
        """Show dots at (N, 3), metres, head frame; None hides them."""
        if points is None:
            if self._dots is not None:
                self._renderer.RemoveActor(self._dots.actor)
                self._dots = None
        elif self._dots is None:
            self._dots = DotsActor(points)
            self._renderer.AddActor(self._dots.actor)
        else:
            self._dots.move(points)
        self._draw()

    def set_points(self, cloud: PointCloud | None) -> None:
        """Show the points that a head rests on, in their own colours; None hides them."""
        if self._cloud is not None:
            self._renderer.RemoveActor(self._cloud)
            self._cloud = None
        if cloud is not None:
            self._cloud = cloud_actor(cloud)
            self._renderer.AddActor(self._cloud)
        self._draw()

    def set_light(self, degrees: float) -> None:
        """Where the main light comes from: 0 from the front, positive from the right."""
        lights(self._renderer, degrees)
        self._draw()

    def set_turntable(self, on: bool) -> None:
        """Turn the eye steadily round the head."""
        if on:
            self._depart()
            self._last_turn = time.perf_counter()
            self._turning.start()
        else:
            self._turning.stop()

    def reset_eye(self) -> None:
        """Fly home."""
        self._depart()
        if self._head is not None:
            self._start(home(self._head.head.vertices, *self._size()))

    def fly_to(self, camera: Camera, photo: ByteArray) -> None:
        """Fly to where a photo (H, W, 3) uint8 sRGB was taken and put it behind the head."""
        self._turning.stop()
        self._drop_photo()
        near, far = self._depths(camera)
        self._photo = PhotoPlanes(camera, _undistorted(camera, photo), near, far)
        for actor in (self._photo.behind, self._photo.front):
            self._renderer.AddActor(actor)
        self._at = camera
        self._start(at_camera(camera, *self._size(), about=self._middle()))

    def set_photo_share(self, share: float) -> None:
        """0: the head in front of its photo; 1: the photo alone."""
        if self._photo is not None:
            self._photo.set_share(share)
            self._draw()

    def leave_photo(self) -> None:
        """Take the photo away."""
        self._drop_photo()
        placement = self._placement()
        self._place(Placement(placement.position, placement.focal_point, placement.up, placement.angle))
        self._draw()

    def set_background(self, colour: Rgb) -> None:
        """The colour behind the head, sRGB."""
        self._renderer.SetBackground(*(c / 255.0 for c in colour))
        self._draw()

    def picture(self) -> ByteArray:
        """What is seen now, (H, W, 3) uint8 sRGB."""
        self._renderer.UseFXAAOn()
        # Qt reads its own frame: pyvista's screenshot hands out memory that VTK still owns.
        seen = self._window.grabFramebuffer().convertToFormat(QImage.Format.Format_RGB888)
        rows = np.frombuffer(seen.constBits(), dtype=np.uint8).reshape(seen.height(), seen.bytesPerLine())
        return np.array(rows[:, : 3 * seen.width()].reshape(seen.height(), seen.width(), 3))

    def clear(self) -> None:
        """Show nothing."""
        self._turning.stop()
        self._flying.stop()
        self._drop_photo()
        self.set_landmarks(None)
        self.set_points(None)
        if self._head is not None:
            self._renderer.RemoveActor(self._head.actor)
            self._head = None
        self._draw()

    def close(self) -> None:
        """Give back what the graphics card holds. The viewer is of no use afterwards."""
        if self._closed:
            return
        self.clear()
        self._closed = True
        self._still.stop()
        self._window.removeEventFilter(self)
        window: Any = self._window
        window.close()
        # Before Qt frees the surface that its context drew on: PySide would take what is next allocated at that address for the surface,
        # and crash when either goes.
        window._forget_context()

    def capabilities(self) -> str:
        """What OpenGL says about itself: vendor, renderer, version, extensions."""
        window: Any = self._window.render_window
        return str(window.ReportCapabilities())

    def on_screen(self, points: FloatArray) -> Float64Array:
        """Points (N, 3), metres, head frame, to widget pixels (N, 2), x right, y down, pixel centres at integers."""
        width, height = self._size()
        camera = self._vtk_camera
        matrix = camera.GetCompositeProjectionTransformMatrix(width / height, -1.0, 1.0)
        rows = np.array([[matrix.GetElement(i, j) for j in range(4)] for i in range(4)])
        clip = np.concatenate([np.asarray(points, dtype=np.float64), np.ones((len(points), 1))], axis=1) @ rows.T
        ndc = clip[:, :2] / clip[:, 3:]
        return np.stack([(ndc[:, 0] + 1) / 2 * width - 0.5, (1 - ndc[:, 1]) / 2 * height - 0.5], axis=1)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the size of the window while the eye is at a photo."""
        if event.type() == QEvent.Type.Resize and self._at is not None:
            # After the window has told VTK its new size.
            QTimer.singleShot(0, self, self._arrive)
        return super().eventFilter(watched, event)

    def _by_hand(self, move: Move) -> None:
        if self._head is not None:
            self._place(move(self._placement()))

    @property
    def _vtk_camera(self) -> vtkCamera:
        camera: vtkCamera = self._renderer.GetActiveCamera()
        return camera

    def _size(self) -> tuple[int, int]:
        ratio = self._window.devicePixelRatioF()
        return max(1, round(self._window.width() * ratio)), max(1, round(self._window.height() * ratio))

    def _draw(self) -> None:
        if not self._closed:
            self._renderer.UseFXAAOff()
            self._still.start()
            self._window.update()

    def _smooth(self) -> None:
        self._renderer.UseFXAAOn()
        self._window.update()

    def _middle(self) -> Float64Array:
        if self._head is None:
            return np.zeros(3)
        points = np.asarray(self._head.vertices, dtype=np.float64)
        return np.asarray((points.min(axis=0) + points.max(axis=0)) / 2)

    def _depths(self, camera: Camera) -> tuple[float, float]:
        if self._head is None:
            return 0.2, 2.0
        depth = np.asarray(self._head.vertices, dtype=np.float64) @ camera.R[2] + camera.t[2]
        # Room for an open jaw and a turned neck on both sides.
        return max(float(depth.min()) - 0.08, 0.03), float(depth.max()) + 0.15

    def _placement(self) -> Placement:
        camera = self._vtk_camera
        centre = camera.GetWindowCenter()
        return Placement(
            np.array(camera.GetPosition()),
            np.array(camera.GetFocalPoint()),
            np.array(camera.GetViewUp()),
            camera.GetViewAngle(),
            (centre[0], centre[1]),
            self._stretch,
        )

    def _place(self, placement: Placement) -> None:
        camera = self._vtk_camera
        camera.SetPosition(*placement.position)
        camera.SetFocalPoint(*placement.focal_point)
        camera.SetViewUp(*placement.up)
        camera.SetViewAngle(placement.angle)
        camera.SetWindowCenter(*placement.centre)
        self._stretch = placement.stretch
        stretched = vtkTransform()
        stretched.Scale(placement.stretch, 1.0, 1.0)
        camera.SetUserTransform(stretched if abs(placement.stretch - 1.0) > 1e-9 else None)
        self._limit()
        self._draw()

    def _limit(self) -> None:
        self._renderer.ResetCameraClippingRange()
        if self._at is not None:
            near, far = self._depths(self._at)
            camera = self._vtk_camera
            first, last = camera.GetClippingRange()
            camera.SetClippingRange(min(first, near * 0.8), max(last, far * 1.2))

    def _start(self, target: Placement) -> None:
        if self._flight_seconds <= 0.0 or not self._window.isVisible():
            self._place(target)
            return
        self._flight = (self._placement(), target, time.perf_counter())
        self._flying.start()

    def _fly(self) -> None:
        if self._flight is None:
            self._flying.stop()
            return
        first, last, since = self._flight
        part = min((time.perf_counter() - since) / self._flight_seconds, 1.0)
        eased = part * part * (3.0 - 2.0 * part)
        self._place(between(first, last, eased))
        if part >= 1.0:
            self._flight = None
            self._flying.stop()

    def _arrive(self) -> None:
        if self._at is not None and not self._closed:
            self._place(at_camera(self._at, *self._size(), about=self._middle()))

    def _depart(self) -> None:
        """The operator takes the eye: stop what moves it, and leave the photo."""
        self._flight = None
        self._flying.stop()
        self._turning.stop()
        if self._at is not None:
            self.leave_photo()
            self.on_photo_left()

    def _turn(self) -> None:
        now = time.perf_counter()
        self._place(orbited(self._placement(), _TURN_DEGREES_PER_SECOND * (now - self._last_turn), 0.0))
        self._last_turn = now

    def _drop_photo(self) -> None:
        self._at = None
        if self._photo is not None:
            for actor in (self._photo.behind, self._photo.front):
                self._renderer.RemoveActor(actor)
            self._photo = None


def _undistorted(camera: Camera, photo: ByteArray) -> ByteArray:
    """The photo as a lens without distortion would have taken it with the same K: only then straight projection meets it."""
    if not np.any(camera.distortion):
        return photo
    import cv2

    return np.asarray(cv2.undistort(photo, camera.K, camera.distortion), dtype=np.uint8)
