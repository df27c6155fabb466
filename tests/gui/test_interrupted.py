"""A program that was killed in the middle of its work: what the next start says and does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from facestudio.app.application import Application
from facestudio.app.engine import Engine
from facestudio.app.sample import sample_photos
from tests.gui.conftest import bring_to_front, end

# The real window, which says when it is in the middle of its work.
WINDOW = """
from PySide6.QtWidgets import QApplication
from facestudio.app.application import Application
app = QApplication([])
program = Application(app)
def tell(stage, *_):
    if stage == "refine":
        print("refining", flush=True)
program.jobs.started.connect(lambda job: job.progressed.connect(tell))
program.show()
program.navigator.try_sample()
app.exec()
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="sends SIGKILL")
def test_after_kill_9_the_capture_is_there_and_its_work_is_offered_again(
    folders: Path, qapp: QApplication, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    with subprocess.Popen([sys.executable, "-c", WINDOW], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as window:
        assert window.stdout is not None
        assert window.stdout.readline() == b"refining\n"
        window.send_signal(signal.SIGKILL)
    (job,) = (folders / "library").glob("*/*/*/job.json")
    capture = job.parent
    again: list[Path] = []
    monkeypatch.setattr(
        "facestudio.pipeline.reconstruct_capture.reconstruct_capture", lambda capture, *_: again.append(capture)
    )
    started = Application(qapp, Engine(modules=()))
    started.show()
    bring_to_front(started)
    qtbot.waitUntil(lambda: bool(started.window.stage.errors.cards()))
    (card,) = started.window.stage.errors.cards()
    assert "Sample subject" in card.what.text()
    record = started.context.library.capture(capture)
    assert record.interrupted
    assert {view: path.read_bytes() for view, path in record.photos.items()} == {
        view: path.read_bytes() for view, path in sample_photos().items()
    }
    (button,) = (b for b in card.findChildren(QPushButton) if b.text() == "Run again")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not started.jobs.active())
    assert again == [capture]
    end(started)
