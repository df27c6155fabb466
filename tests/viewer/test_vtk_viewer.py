"""The real viewer draws what it was told, exactly where a photo was taken, and gives everything back."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QOffscreenSurface, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMainWindow
from shiboken6 import Shiboken

from facestudio.app.viewer.colours import ViewMode
from facestudio.app.viewer.surface import ShownHead
from facestudio.app.viewer.viewer import Viewer
from facestudio.app.viewer.vtk_viewer import VtkViewer
from facestudio.geometry.camera import project
from facestudio.geometry.rotations import exp_so3
from facestudio.types import ByteArray, Camera, Float64Array, FloatArray
from tests.viewer.conftest import spin, wait_for

pytestmark = pytest.mark.viewer
BACKGROUND = (20, 22, 26)


@pytest.fixture
def viewer(window: QMainWindow) -> Iterator[VtkViewer]:
    made = VtkViewer(window, flight_seconds=0.0)
    as_protocol: Viewer = made  # mypy checks the promise
    as_protocol.set_background(BACKGROUND)
    window.setCentralWidget(made.widget)
    window.show()
    spin(100)
    yield made
    made.close()


def rig_camera(fx: float = 1085.0, fy: float = 1085.0, cx: float = 700.5, cy: float = 330.25) -> Camera:
    """Off-centre principal point, turned about every axis."""
    R = np.diag([1.0, -1.0, -1.0]) @ exp_so3(np.array([0.1, -0.5, 0.15]))
    return Camera(np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]]), R, np.array([0.02, -0.03, 0.7]), 1280, 720)


def scattered(shown: ShownHead, camera: Camera, apart_px: float) -> Float64Array:
    """Vertices of the front (N, 3) that lie apart_px or more from each other in the photo."""
    chosen: list[int] = []
    pixels = project(camera, shown.vertices.astype(np.float64))
    for index in np.flatnonzero(shown.vertices[:, 2] > 0.02):
        if all(np.linalg.norm(pixels[index] - pixels[other]) >= apart_px for other in chosen):
            chosen.append(int(index))
    assert len(chosen) >= 8
    return shown.vertices[chosen].astype(np.float64)


def head_pixels(picture: ByteArray) -> ByteArray:
    return picture[np.abs(picture.astype(int) - BACKGROUND).max(axis=2) > 12]


def test_the_texture_is_seen_and_is_not_grey(viewer: VtkViewer, shown: ShownHead) -> None:
    assert len(head_pixels(viewer.picture())) == 0
    viewer.show_head(shown)
    face = head_pixels(viewer.picture()).astype(int)
    assert len(face) > 20000
    assert np.median(face.max(axis=1) - face.min(axis=1)) > 40


def test_the_texture_lies_where_its_coordinates_say(viewer: VtkViewer, shown: ShownHead) -> None:
    """A texture whose colour is its own coordinate: what is drawn at a vertex must be that vertex's u and v."""
    size = 512
    v, u = np.meshgrid(np.linspace(250, 5, size), np.linspace(5, 250, size), indexing="ij")
    albedo = np.stack([u, v, np.full_like(u, 128)], axis=-1).astype(np.uint8)
    viewer.show_head(replace(shown, albedo=albedo))
    viewer._renderer.RemoveAllLights()  # ambient light only: colours in proportion
    picture = viewer.picture().astype(float)
    at = viewer.on_screen(shown.vertices)
    normals = shown.surface.normals(shown.vertices)
    towards = np.asarray(viewer._placement().position) - shown.vertices
    facing = np.flatnonzero(np.sum(normals * towards, axis=1) / np.linalg.norm(towards, axis=1) > 0.8)
    facing = facing[shown.vertices[facing, 2] > 0.0]
    one_place = np.bincount(shown.surface.vertex_ids)[facing] == 1
    facing = facing[one_place]
    x, y = np.rint(at[facing]).astype(int).T
    drawn = picture[y, x]
    expected = 5 + 245 * shown.surface.uv[facing]
    error = np.abs(drawn[:, :2] / drawn[:, 2:] * 128 - expected)
    assert len(facing) > 300
    assert np.median(error) < 3.0


@pytest.mark.parametrize("mode", list(ViewMode))
def test_every_mode_draws_its_own_picture(viewer: VtkViewer, shown: ShownHead, mode: ViewMode) -> None:
    viewer.show_head(shown)
    pictures = {}
    for each in ViewMode:
        viewer.set_mode(each)
        pictures[each] = viewer.picture().astype(int)
    for other in ViewMode:
        if other is not mode:
            assert np.abs(pictures[mode] - pictures[other]).max(axis=2).mean() > 1.0, other


def test_clay_is_grey_and_a_mode_without_data_shows_clay(viewer: VtkViewer, shown: ShownHead) -> None:
    viewer.show_head(replace(shown, albedo=None, sigma=None))
    viewer.set_mode(ViewMode.CLAY)
    clay = viewer.picture()
    assert np.median(np.ptp(head_pixels(clay).astype(int), axis=1)) < 25
    for mode in (ViewMode.TEXTURE, ViewMode.CONFIDENCE):
        viewer.set_mode(mode)
        assert np.array_equal(viewer.picture(), clay)


@pytest.mark.parametrize("camera", [rig_camera(), rig_camera(fx=1000.0, fy=1100.0), rig_camera(cx=500.0, cy=200.0)])
@pytest.mark.parametrize("size", [(640, 480), (900, 400)])
def test_a_vertex_is_drawn_on_its_pixel_of_the_photo(
    viewer: VtkViewer, window: QMainWindow, shown: ShownHead, camera: Camera, size: tuple[int, int]
) -> None:
    """Measured in the picture: a photo with white squares where vertices project, and the head's dots drawn over it."""
    window.resize(*size)
    spin(100)
    points = scattered(shown, camera, 50.0)
    pixels = project(camera, points)
    photo = np.zeros((720, 1280, 3), np.uint8)
    for x, y in np.rint(pixels).astype(int):
        photo[y - 2 : y + 3, x - 2 : x + 3] = 255
    viewer.show_head(shown)
    viewer.fly_to(camera, photo)
    width, height = viewer.widget.width(), viewer.widget.height()
    scale = min(width / 1280, height / 720)
    expected = (pixels - [(1280 - 1) / 2, (720 - 1) / 2]) * scale + [(width - 1) / 2, (height - 1) / 2]
    assert np.abs(viewer.on_screen(points) - expected).max() < 0.01
    viewer.set_photo_share(1.0)
    picture = viewer.picture().astype(float)
    for x, y in expected:
        patch = picture[int(y) - 4 : int(y) + 6, int(x) - 4 : int(x) + 6].mean(axis=2)
        rows, columns = np.mgrid[int(y) - 4 : int(y) + 6, int(x) - 4 : int(x) + 6]
        centre = np.array([(columns * patch).sum(), (rows * patch).sum()]) / patch.sum()
        assert np.abs(centre - [x, y]).max() < 1.0


def test_a_distorted_photo_is_straightened_before_it_is_laid_behind_the_head(viewer: VtkViewer, shown: ShownHead) -> None:
    camera = replace(rig_camera(), distortion=np.array([-0.25, 0.08, 0.001, -0.001, 0.0]))
    points = scattered(shown, camera, 40.0)
    photo = np.zeros((720, 1280, 3), np.uint8)
    for x, y in np.rint(project(camera, points)).astype(int):
        photo[y - 3 : y + 4, x - 3 : x + 4] = 255
    viewer.show_head(shown)
    viewer.fly_to(camera, photo)
    viewer.set_photo_share(1.0)
    picture = viewer.picture()
    for x, y in np.rint(viewer.on_screen(points)).astype(int):
        assert picture[y - 1 : y + 2, x - 1 : x + 2].max() > 120


def test_cross_fading_goes_from_the_head_to_the_photo_alone(viewer: VtkViewer, shown: ShownHead) -> None:
    photo = np.full((720, 1280, 3), (30, 200, 60), np.uint8)
    viewer.show_head(shown)
    viewer.fly_to(rig_camera(), photo)
    greens = []
    for share in (0.0, 0.5, 1.0):
        viewer.set_photo_share(share)
        picture = viewer.picture().astype(int)
        x, y = np.rint(viewer.on_screen(shown.vertices[[int(np.argmax(shown.vertices[:, 2]))]])[0]).astype(int)
        greens.append(int(picture[y, x, 1] - picture[y, x, 0]))
    assert greens[0] < greens[1] < greens[2]
    assert greens[2] > 150
    viewer.leave_photo()
    assert np.abs(viewer.picture()[5, 5].astype(int) - BACKGROUND).max() < 3


def test_resizing_keeps_the_photo_s_exact_view(viewer: VtkViewer, window: QMainWindow, shown: ShownHead) -> None:
    camera = rig_camera()
    viewer.show_head(shown)
    viewer.fly_to(camera, np.zeros((720, 1280, 3), np.uint8))
    window.resize(820, 610)
    spin(200)
    width, height = viewer.widget.width(), viewer.widget.height()
    scale = min(width / 1280, height / 720)
    expected = (project(camera, shown.vertices.astype(np.float64)) - [639.5, 359.5]) * scale + [
        (width - 1) / 2,
        (height - 1) / 2,
    ]
    assert np.abs(viewer.on_screen(shown.vertices) - expected).max() < 0.01


def test_moving_vertices_moves_what_is_drawn(viewer: VtkViewer, shown: ShownHead) -> None:
    viewer.show_head(shown)
    before = viewer.picture()
    moved: FloatArray = shown.vertices + np.array([0.05, 0.0, 0.0], np.float32)
    viewer.move(moved)
    after = viewer.picture()
    assert np.abs(after.astype(int) - before).max(axis=2).mean() > 2.0
    viewer.move(shown.vertices)
    assert np.array_equal(viewer.picture(), before)


def test_landmarks_are_dots_on_the_head(viewer: VtkViewer, shown: ShownHead) -> None:
    viewer.show_head(replace(shown, albedo=None))
    nose = shown.vertices[[int(np.argmax(shown.vertices[:, 2]))]]
    viewer.set_landmarks(nose)
    x, y = np.rint(viewer.on_screen(nose)[0]).astype(int)
    dot = viewer.picture()[y, x].astype(int)
    assert dot[0] - dot[2] > 100
    viewer.set_landmarks(None)
    assert np.ptp(viewer.picture()[y, x].astype(int)) < 40


def test_light_comes_from_where_the_dial_says(viewer: VtkViewer, shown: ShownHead) -> None:
    viewer.show_head(replace(shown, albedo=None))
    sides = []
    for degrees in (-80.0, 80.0):
        viewer.set_light(degrees)
        picture = viewer.picture().astype(float).sum(axis=2)
        half = picture.shape[1] // 2
        sides.append(picture[:, half:].sum() - picture[:, :half].sum())
    assert sides[0] < sides[1]


def test_letters_of_vtk_do_nothing_and_arrows_turn_the_head(viewer: VtkViewer, shown: ShownHead) -> None:
    viewer.show_head(shown)
    before = viewer.picture()
    for key in "qewspr3":
        QTest.keyClicks(viewer.widget, key)
    assert np.array_equal(viewer.picture(), before)
    QTest.keyClick(viewer.widget, Qt.Key.Key_Right)
    assert not np.array_equal(viewer.picture(), before)


def test_dragging_turns_the_head_and_draws_it_once_per_paint(viewer: VtkViewer, shown: ShownHead) -> None:
    viewer.show_head(shown)
    spin(50)
    before, start = viewer.picture(), viewer._placement()
    frames: list[str] = []
    render_window: Any = viewer._window.render_window
    render_window.AddObserver("EndEvent", lambda *_: frames.append("drawn"))
    middle = viewer.widget.rect().center()
    QTest.mousePress(viewer.widget, Qt.MouseButton.LeftButton, pos=middle)
    for step in range(1, 6):
        QTest.mouseMove(viewer.widget, middle + QPoint(12 * step, 0))
        QApplication.processEvents()
    QTest.mouseRelease(viewer.widget, Qt.MouseButton.LeftButton, pos=middle + QPoint(60, 0))
    assert len(frames) <= 6
    assert viewer._placement().position[0] < start.position[0]  # the head turned right, so the eye went left
    assert not np.array_equal(viewer.picture(), before)


def test_the_wheel_comes_closer(viewer: VtkViewer, shown: ShownHead) -> None:
    viewer.show_head(shown)
    far = len(head_pixels(viewer.picture()))
    middle = QPointF(viewer.widget.rect().center())
    none = Qt.KeyboardModifier.NoModifier
    phase = Qt.ScrollPhase.NoScrollPhase
    turned = QWheelEvent(middle, middle, QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton, none, phase, False)
    QApplication.sendEvent(viewer.widget, turned)
    assert len(head_pixels(viewer.picture())) > 1.1 * far


def test_turning_by_hand_leaves_the_photo_and_says_so(viewer: VtkViewer, shown: ShownHead) -> None:
    left: list[bool] = []
    viewer.on_photo_left = lambda: left.append(True)
    viewer.show_head(shown)
    viewer.fly_to(rig_camera(), np.full((720, 1280, 3), 200, np.uint8))
    QTest.mousePress(viewer.widget, Qt.MouseButton.LeftButton)
    QTest.mouseRelease(viewer.widget, Qt.MouseButton.LeftButton)
    assert left == [True]
    assert np.abs(viewer.picture()[5, 5].astype(int) - BACKGROUND).max() < 3
    viewer.reset_eye()
    assert left == [True]


def test_the_turntable_turns_until_it_is_stopped(viewer: VtkViewer, shown: ShownHead) -> None:
    viewer.show_head(shown)
    start = viewer._placement().position
    viewer.set_turntable(True)
    assert wait_for(lambda: float(np.linalg.norm(viewer._placement().position - start)) > 0.01)
    viewer.set_turntable(False)
    here = viewer._placement().position
    spin(100)
    assert np.array_equal(viewer._placement().position, here)


def test_a_closed_viewer_leaves_no_wrapper_of_what_qt_frees(window: QMainWindow, shown: ShownHead) -> None:
    """PySide keeps wrappers by address: one that outlives its object meets another object there, and the process crashes, some day."""

    def surfaces() -> list[int]:
        return [id(found) for found in Shiboken.getAllValidWrappers() if isinstance(found, QOffscreenSurface)]

    before = surfaces()
    made = VtkViewer(window)
    window.setCentralWidget(made.widget)
    window.show()
    made.show_head(shown)
    assert wait_for(lambda: len(surfaces()) > len(before))
    made.close()
    assert surfaces() == before  # without help from the garbage collector, which comes too late


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096 / 1e6


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's own account of memory")
def test_opening_and_closing_gives_the_memory_back(window: QMainWindow, shown: ShownHead) -> None:
    window.show()

    def cycle() -> None:
        made = VtkViewer(window)
        window.setCentralWidget(made.widget)
        made.show_head(shown)
        spin(60)
        made.close()
        made.widget.deleteLater()
        made.deleteLater()
        spin(1)
        gc.collect()

    for _ in range(4):
        cycle()
    before = resident_mb()
    for _ in range(12):
        cycle()
    assert resident_mb() - before < 20.0
