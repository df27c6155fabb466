"""The Rig page: the board is written, a folder of its pictures becomes this computer's rig, a poor result replaces nothing."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest
from pytestqt.qtbot import QtBot

from facestudio.app.application import Application
from facestudio.app.jobs import JobState
from facestudio.app.pages.rig.page import RigPage
from facestudio.capture.calibration import calibrate as calibration
from facestudio.capture.calibration.board import BOARDS
from facestudio.capture.calibration.exchange import write_caliscope
from facestudio.capture.calibration.rig_file import RigCalibration, load_rig
from facestudio.types import ViewName
from tests.capture.calibration.board_scene import board_poses, render, true_rig
from tests.capture.calibration.test_calibrate import SIZES, detections


@pytest.fixture
def page(program: Application) -> RigPage:
    program.navigator.open_page("rig")
    shown = program.window.stage.pages["rig"]
    assert isinstance(shown, RigPage)
    return shown


def test_without_cameras_and_calibration_it_says_so(page: RigPage) -> None:
    assert "Not calibrated" in page.state.text()
    assert "Capture page" in page.count.text()
    assert not page.check.isEnabled()
    assert not page.calibrate.isEnabled()


def test_the_board_is_written(page: RigPage, tmp_path: Path, qtbot: QtBot) -> None:
    page.presenter.write_board(tmp_path / "board.pdf")
    qtbot.waitUntil((tmp_path / "board.pdf").exists, timeout=20_000)


def test_a_good_calibration_becomes_the_rig_and_is_shown(
    page: RigPage, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = detections()
    monkeypatch.setattr(
        calibration,
        "calibrate_folder",
        lambda _folder, spec, ids, *_: calibration.calibrate(found, SIZES, spec, ids),  # type: ignore[arg-type]
    )
    job = page.presenter.calibrate(tmp_path)
    assert job is not None
    qtbot.waitUntil(lambda: job.state.ended, timeout=60_000)
    assert job.state is JobState.DONE, job.error
    rig = load_rig()
    assert rig is not None and rig.rmse_px is not None and rig.rmse_px < 0.3
    assert page.report.text().startswith("Good")
    assert not page.plan.pixmap().isNull()
    assert page.use.isHidden()
    assert "Calibrated on" in page.state.text()


def test_a_poor_calibration_replaces_nothing_unasked(
    page: RigPage, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = detections(noise_px=0.6)
    monkeypatch.setattr(
        calibration,
        "calibrate_folder",
        lambda _folder, spec, ids, *_: calibration.calibrate(found, SIZES, spec, ids),  # type: ignore[arg-type]
    )
    job = page.presenter.calibrate(tmp_path)
    assert job is not None
    qtbot.waitUntil(lambda: job.state.ended, timeout=60_000)
    assert job.state is JobState.DONE, job.error
    assert page.report.text().startswith("Poor")
    assert load_rig() is None
    page.use.click()
    assert load_rig() is not None
    assert page.use.isHidden()


def test_a_folder_without_the_board_is_an_error_and_no_rig(page: RigPage, qtbot: QtBot, tmp_path: Path) -> None:
    for view in ViewName:
        (tmp_path / view).mkdir()
        picture = render(true_rig((320, 180))[view], board_poses(1, BOARDS["A4"])[0], BOARDS["A4"])
        cv2.imwrite(str(tmp_path / view / "1.png"), picture)
    job = page.presenter.calibrate(tmp_path)
    assert job is not None
    qtbot.waitUntil(lambda: job.state.ended, timeout=60_000)
    assert job.state is JobState.FAILED
    assert load_rig() is None


def test_a_calibration_is_taken_over_and_given_away(page: RigPage, tmp_path: Path) -> None:
    write_caliscope(RigCalibration(true_rig()), tmp_path / "camera_array.toml")
    page.presenter.import_calibration(tmp_path / "camera_array.toml")
    assert load_rig() is not None
    assert "caliscope" in page.state.text()
    page.presenter.export_calibration(tmp_path / "rig.yml")
    assert (tmp_path / "rig.yml").exists()
