"""From three cameras to a metric head for Blender without leaving the window: cameras over loopback, shutter, library, job, export."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from facestudio.app.application import Application
from facestudio.app.pages.capture.page import CapturePage
from facestudio.app.pages.capture.state import Phase
from facestudio.capture.calibration.rig_file import RigCalibration, save_rig
from facestudio.capture.device import address_identity
from facestudio.library.records import CaptureState
from facestudio.pipeline.cameras_file import read_cameras
from facestudio.pipeline.export_head import export_saved
from facestudio.types import ViewName
from tests.capture.mjpeg_server import streaming
from tests.gui.watchdog import Watchdog, gaps

SUBJECT = "Hispanic_F_2"
SCREENSHOTS = "FACESTUDIO_SCREENSHOTS"  # a folder: what the operator sees is left there as pictures


@pytest.mark.slow
def test_three_streams_become_a_metric_head_for_blender(
    program: Application, shared: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = shared / "bench" / "dev" / SUBJECT
    program.settings.update(engine="fit", texture_size=1024)
    watchdog = Watchdog()
    with streaming(1280, 720, 6.0, bases=tuple(folder / f"{v}.jpg" for v in ViewName)) as streams:
        identities = {v: address_identity(streams.url(v)) for v in ViewName}
        cameras = {v: replace(c, width=1280, height=720) for v, c in read_cameras(folder / "cameras.json").items()}
        save_rig(RigCalibration(cameras, identities, datetime.now(), 0.2, 0.0, "known cameras"))
        program.navigator.open_page("capture")
        page = program.window.stage.pages["capture"]
        assert isinstance(page, CapturePage)
        p = page.presenter
        for view, identity in identities.items():
            p.assign(view, identity)
        qtbot.waitUntil(lambda: all(p.tile(v).report is not None for v in ViewName), timeout=120_000)
        qtbot.waitUntil(lambda: "metric" in page.details.rig.text(), timeout=10_000)
        look(program, "capture_live")
        page.details.subject.setText("Anna B.")
        p.countdown = 0
        watchdog.start()
        p.press()
        qtbot.waitUntil(lambda: p.phase is Phase.REVIEW, timeout=60_000)
        look(program, "capture_review")
        jobs: list[object] = []
        program.jobs.started.connect(jobs.append)
        page.bar.keep.click()
        qtbot.waitUntil(lambda: bool(jobs) and not program.jobs.active(), timeout=240_000)
        watchdog.stop()
    (record,) = program.context.library.captures()
    assert record.state is CaptureState.RECONSTRUCTED, record.attention
    assert record.cameras is not None and record.head is not None
    said = json.loads(next((record.path / "head").glob("capture 1.json")).read_text())
    assert "metric" in json.dumps(said).lower()
    files = export_saved(record.head, tmp_path / "blender", ["glb"])
    assert any(f.suffix == ".glb" and f.stat().st_size > 100_000 for f in files)
    stood_still = gaps(watchdog.all)
    if os.environ.get(SCREENSHOTS):
        (Path(os.environ[SCREENSHOTS]) / "gaps.txt").write_text(str(stood_still))
    assert stood_still.p50 < 50, stood_still


def look(program: Application, name: str) -> None:
    """Leave a picture of the window where the environment asks for it."""
    QTest.qWait(300)
    if os.environ.get(SCREENSHOTS):
        program.window.grab().save(str(Path(os.environ[SCREENSHOTS]) / f"{name}.png"))
