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
from facestudio.library.add import NewCapture
from facestudio.library.store import Library
from tests.gui.conftest import bring_to_front, end

KILLED = """
import sys, time
from pathlib import Path
from facestudio.pipeline.reconstruct_capture import reconstruct_capture
def build(*photos, **settings):
    print("working", flush=True)
    time.sleep(600)
reconstruct_capture(Path(sys.argv[1]), build=build)
"""


@pytest.mark.skipif(os.name != "posix", reason="sends SIGKILL")
def test_after_kill_9_the_capture_is_there_and_its_work_is_offered_again(
    folders: Path, qapp: QApplication, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = Library.open(folders / "library")
    record = library.add_capture(NewCapture("Anna", "first visit", sample_photos()))
    library.close()
    with subprocess.Popen([sys.executable, "-c", KILLED, str(record.path)], stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"working\n"
        worker.send_signal(signal.SIGKILL)
    again: list[Path] = []
    monkeypatch.setattr(
        "facestudio.pipeline.reconstruct_capture.reconstruct_capture", lambda capture, *_: again.append(capture)
    )
    started = Application(qapp, Engine(modules=()))
    started.show()
    bring_to_front(started)
    qtbot.waitUntil(lambda: bool(started.window.stage.errors.cards()))
    (card,) = started.window.stage.errors.cards()
    assert "Anna" in card.what.text()
    assert started.context.library.capture(record.path).photos.keys() == record.photos.keys()
    (button,) = (b for b in card.findChildren(QPushButton) if b.text() == "Run again")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not started.jobs.active())
    assert again == [record.path]
    end(started)
