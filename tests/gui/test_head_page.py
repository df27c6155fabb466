"""The Head and Export pages in the real window, driven by clicks and keys, with the real viewer."""

from __future__ import annotations

import gc
import shutil
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QStandardPaths, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMainWindow, QWidget

from facestudio.app.application import Application
from facestudio.app.pages.export.page import ExportPage
from facestudio.app.pages.export.presenter import Stands
from facestudio.app.pages.head.opened import open_saved
from facestudio.app.pages.head.page import HeadPage
from facestudio.app.pages.head.presenter import Shows
from facestudio.app.viewer.colours import ViewMode
from facestudio.app.viewer.viewer import Viewer
from facestudio.types import ByteArray, Reconstruction, Texture, Triplet
from tests.app.head.conftest import capture, head_file, reconstruction, texture, until
from tests.app.head.test_presenter import Steps
from tests.gui.conftest import nameless, settle
from tests.viewer.test_vtk_viewer import resident_mb

__all__ = ["capture", "head_file", "reconstruction", "texture"]  # fixtures of the presenters' tests
pytestmark = pytest.mark.viewer
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def page(program: Application, head_file: Path) -> HeadPage:
    """The Head page with a head open."""
    program.navigator.open_capture(head_file)
    found = program.window.stage.pages["head"]
    assert isinstance(found, HeadPage)
    until(lambda: found.presenter.shows is Shows.HEAD)
    assert QTest.qWaitForWindowActive(program.window)  # also after Qt has made it anew for OpenGL
    return found


def picture(page: HeadPage) -> ByteArray:
    assert page.view.viewer is not None
    return page.view.viewer.picture()


def colourfulness(image: ByteArray) -> float:
    """The middle of the picture: 0 for grey."""
    height, width = image.shape[:2]
    middle = image[height // 3 : 2 * height // 3, width * 2 // 5 : width * 3 // 5].astype(int)
    return float(np.median(np.ptp(middle, axis=2)))


def test_an_opened_head_is_seen_in_its_colours(page: HeadPage) -> None:
    assert page.tools.modes[ViewMode.TEXTURE].isChecked()
    assert colourfulness(picture(page)) > 30
    assert len(page.film.tiles) == 3


def test_a_click_on_a_mode_paints_the_head_otherwise(page: HeadPage) -> None:
    before = picture(page)
    QTest.mouseClick(page.tools.modes[ViewMode.CLAY], LEFT)
    assert colourfulness(picture(page)) < 25
    assert not page.view.legend.isVisible()
    QTest.mouseClick(page.tools.modes[ViewMode.CONFIDENCE], LEFT)
    assert page.view.legend.isVisible()
    assert "mm" in page.view.legend.accessibleName()
    QTest.mouseClick(page.tools.modes[ViewMode.TEXTURE], LEFT)
    assert np.array_equal(picture(page), before)


def test_a_slider_moves_the_head_and_ctrl_z_moves_it_back(page: HeadPage, program: Application) -> None:
    page.tabs.setCurrentWidget(page.face)
    QTest.keyClicks(page.face.search, "jaw open")
    rows = [row for row in page.face.rows.values() if row.isVisible()]
    assert [row.title for row in rows] == ["Jaw open", "Jaw open"]  # the joint and the expression
    before = picture(page)
    slider = rows[0].slider
    QTest.mousePress(slider, LEFT, pos=QPoint(3, slider.height() // 2))
    for x in range(3, slider.width() - 4, 6):
        QTest.mouseMove(slider, QPoint(x, slider.height() // 2))
    QTest.mouseRelease(slider, LEFT, pos=QPoint(slider.width() - 4, slider.height() // 2))
    assert rows[0].slider.value() > 0
    assert np.abs(picture(page).astype(int) - before).max() > 60
    assert program.context.undo.count() == 1
    QTest.keyClick(program.window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert rows[0].slider.value() == 0
    assert np.array_equal(picture(page), before)
    QTest.keyClick(program.window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert rows[0].slider.value() > 0


def test_a_slider_is_long_enough_to_be_set_in_the_smallest_window(page: HeadPage, program: Application) -> None:
    program.window.resize(1280, 720)
    page.tabs.setCurrentWidget(page.face)
    until(lambda: page.face.rows["expression:24"].slider.width() >= 200)  # two pixels for each of its hundred steps


def test_keys_move_a_slider_in_one_step_back(page: HeadPage, program: Application) -> None:
    page.tabs.setCurrentWidget(page.face)
    slider = page.face.rows["pose:jaw_open"].slider
    slider.setFocus()
    for _ in range(4):
        QTest.keyClick(slider, Qt.Key.Key_Right)
    assert page.presenter.face.value("pose:jaw_open") > 0
    assert program.context.undo.count() == 1


def test_a_click_on_a_photo_flies_there_and_the_cross_fade_shows_it(page: HeadPage) -> None:
    QTest.mouseClick(page.film.tiles[1], LEFT)
    assert page.view.fade.isVisible()
    QTest.qWait(700)
    page.view.fade.slider.setValue(100)
    middle = picture(page)
    assert np.abs(np.median(middle[middle.shape[0] // 2].astype(int), axis=0) - [90, 100, 110]).max() < 6  # the photo's grey
    page.view.fade.slider.setValue(0)
    assert colourfulness(picture(page)) > 30
    assert page.view.viewer is not None
    QTest.keyClick(page.view.viewer.widget, Qt.Key.Key_Escape)
    assert not page.view.fade.isVisible()
    assert not page.film.tiles[1].isChecked()
    QTest.mouseClick(page.film.tiles[2], LEFT)
    page.view.fade.slider.setFocus()
    QTest.keyClick(page.view.fade.slider, Qt.Key.Key_Escape)
    assert not page.view.fade.isVisible()


def test_a_screenshot_is_kept_and_said(
    page: HeadPage, program: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QStandardPaths, "writableLocation", lambda _kind: str(tmp_path / "pictures"))
    said: list[str] = []
    program.navigator.said.connect(said.append)
    QTest.mouseClick(page.tools.modes[ViewMode.SEEN], LEFT)
    QTest.keyClick(program.window, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    until(lambda: bool(said))
    (kept,) = (tmp_path / "pictures" / "FaceStudio").iterdir()
    assert str(kept) in said[0]
    image = QImage(str(kept))
    viewer = page.view.viewer
    assert viewer is not None
    assert image.width() == viewer.widget.width()


def test_with_a_head_open_whatever_the_keyboard_reaches_has_a_name(page: HeadPage, program: Application) -> None:
    QTest.mouseClick(page.film.tiles[1], LEFT)
    for number in range(page.tabs.count()):
        page.tabs.setCurrentIndex(number)
        QTest.qWait(30)
        assert not nameless(program.window), page.tabs.tabText(number)


def test_the_theme_changes_what_is_behind_the_head(page: HeadPage, program: Application) -> None:
    program.theme.choose("dark")
    dark = picture(page)[4, 4]
    program.theme.choose("light")
    assert int(picture(page)[4, 4].sum()) > int(dark.sum()) + 300


def test_a_job_s_landmarks_and_clay_are_shown_and_stop_stops_it(
    program: Application, capture: Path, head_file: Path, reconstruction: Reconstruction, texture: Texture
) -> None:
    work = Steps([Triplet(reconstruction.views), reconstruction], lambda: None)
    program.navigator.open_capture(capture)
    page = program.window.stage.pages["head"]
    assert isinstance(page, HeadPage)
    until(lambda: page.presenter.shows is Shows.PHOTOS)
    assert page.board.button.text() == "Reconstruct"
    job = program.jobs.submit("reconstruct", work, capture=capture)
    until(lambda: page.presenter.job is job)
    assert page.board.button.text() == "Stop"
    work.gates[0].set()
    work.gates[1].set()
    until(lambda: page.presenter.shows is Shows.HEAD)
    assert page.view.viewer is not None
    assert colourfulness(picture(page)) < 25  # clay: there is no colour yet
    assert not page.tools.modes[ViewMode.TEXTURE].isEnabled()
    job.cancel()
    until(lambda: page.presenter.shows is Shows.PHOTOS)
    assert page.board.button.text() == "Reconstruct"


def test_from_the_head_to_files_in_a_folder(page: HeadPage, program: Application, tmp_path: Path) -> None:
    page.tabs.setCurrentWidget(page.export)
    page.presenter.export()
    export = program.window.stage.pages["export"]
    assert isinstance(export, ExportPage)
    assert program.window.stage.current == "export"
    export.presenter.choose_folder(tmp_path / "out")
    for key, row in export.rows.items():
        if row.isChecked() and key not in ("glb", "json"):
            QTest.mouseClick(row, LEFT)
    assert export.files.text().split() == ["anna.glb", "anna.json"]
    QTest.mouseClick(export.start, LEFT)
    until(lambda: export.presenter.stands is Stands.DONE)
    assert (tmp_path / "out" / "anna" / "anna.glb").read_bytes()[:4] == b"glTF"
    assert export.show_folder.isVisible()
    assert [line.text() for line in export.checklist.lines] == [check.rule for check in export.presenter.checks]
    assert export.checklist.isVisible()


def test_what_cannot_be_opened_says_so_on_the_page_and_try_again_works(
    program: Application, head_file: Path, tmp_path: Path
) -> None:
    path = tmp_path / "torn.head.npz"
    path.write_bytes(head_file.read_bytes()[:4000])
    program.navigator.open_capture(path)
    page = program.window.stage.pages["head"]
    assert isinstance(page, HeadPage)
    until(lambda: page.presenter.shows is Shows.FAILED)
    assert "damaged" in page.board.words.text()
    shutil.copy(head_file, path)
    QTest.mouseClick(page.board.button, LEFT)
    until(lambda: page.presenter.shows is Shows.HEAD)


def test_without_3d_the_page_says_so_once_and_the_rest_works(
    program: Application, head_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(parent: QWidget) -> Viewer:
        raise RuntimeError("no OpenGL")

    page = program.window.stage.show_page("head")
    assert isinstance(page, HeadPage)
    monkeypatch.setattr(page, "_make_viewer", fail)
    errors: list[BaseException] = []
    program.navigator.error.connect(errors.append)
    page.presenter.open(head_file)
    until(lambda: page.presenter.shows is Shows.HEAD)
    page.presenter.face.set("pose:jaw_open", 5.0)
    QTest.mouseClick(page.film.tiles[0], LEFT)
    assert len(errors) == 1
    assert "no OpenGL" in str(errors[0])
    assert page.presenter.opened is not None


def test_an_empty_page_leads_to_the_library(program: Application) -> None:
    wanted: list[str] = []
    program.navigator.requested.connect(wanted.append)
    page = program.window.stage.show_page("head")
    assert isinstance(page, HeadPage)
    QTest.mouseClick(page.board.button, LEFT)
    assert wanted == ["library"]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's own account of memory")
def test_opening_and_closing_the_page_fifty_times_keeps_less_than_20_mb(program: Application, head_file: Path) -> None:
    opened = open_saved(head_file)
    window = QMainWindow()
    window.resize(900, 700)
    window.show()

    def cycle() -> None:
        page = HeadPage(program.context)
        window.setCentralWidget(page)
        page.presenter.open_made(opened)
        QTest.qWait(30)
        assert page.view.viewer is not None
        page.presenter.face.set("pose:jaw_open", 5.0)
        page.shut_down()
        window.takeCentralWidget()
        page.tabs.deleteLater()
        page.deleteLater()
        settle()
        program.context.undo.clear()
        gc.collect()

    for _ in range(8):
        cycle()
    before = resident_mb()
    for _ in range(50):
        cycle()
    kept = resident_mb() - before
    window.close()
    window.deleteLater()
    settle()
    assert kept < 20.0


def test_flow_and_mask_are_drawn_over_the_photos_when_asked_for(page: HeadPage) -> None:
    before = page.film.tiles[1].grab().toImage()
    QTest.mouseClick(page.film.flow, LEFT)
    QTest.mouseClick(page.film.person, LEFT)
    until(lambda: page.film.tiles[1].grab().toImage() != before, 120)
    QTest.mouseClick(page.film.flow, LEFT)
    QTest.mouseClick(page.film.person, LEFT)
    assert page.film.tiles[1].grab().toImage() == before
