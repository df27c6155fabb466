"""When no folder for the library can be used, the program asks instead of ending on a line that nobody reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox, QPushButton

from facestudio.app.application import Application
from facestudio.app.engine import Engine
from facestudio.app.settings import SettingsStore
from facestudio.errors import FaceStudioError
from tests.gui.conftest import bring_to_front, end


@pytest.fixture
def blocked(folders: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file where the library's folder should go: not even the administrator can make it there."""
    monkeypatch.setenv("FACESTUDIO_LIBRARY", str(folders / "file" / "library"))
    (folders / "file").write_text("in the way")
    return folders / "file"


def click(qapp: QApplication, text: str, heard: list[str]) -> None:
    """Click the button of this text in the next question, and keep what the question said."""

    def look() -> None:
        box = qapp.activeModalWidget()
        if not isinstance(box, QMessageBox):
            QTimer.singleShot(20, look)
            return
        heard.append(box.text())
        next(b for b in box.findChildren(QPushButton) if b.text() == text).click()

    QTimer.singleShot(20, look)


def test_another_folder_can_be_chosen_and_is_remembered(
    blocked: Path, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen, heard = blocked.parent / "elsewhere", list[str]()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(chosen))
    click(qapp, "Choose another folder…", heard)
    program = Application(qapp, Engine(modules=()))
    program.show()
    bring_to_front(program)
    assert "cannot be opened" in heard[0]
    assert program.context.library.root == chosen.resolve()
    assert SettingsStore().value.library == str(chosen)
    end(program)


def test_trying_again_helps_when_the_cause_is_gone(blocked: Path, qapp: QApplication) -> None:
    heard: list[str] = []
    click(qapp, "Try again", heard)
    QTimer.singleShot(0, blocked.unlink)
    program = Application(qapp, Engine(modules=()))
    program.show()
    bring_to_front(program)
    assert program.context.library.root == (blocked / "library").resolve()
    end(program)


def test_giving_up_says_why_and_leaves_nothing_running(blocked: Path, qapp: QApplication) -> None:
    click(qapp, "Quit", [])
    with pytest.raises(FaceStudioError, match="cannot be opened"):
        Application(qapp, Engine(modules=()))
