"""What to do when no folder for the library can be used: asked before there is a window to ask it in."""

from __future__ import annotations

from enum import Enum, auto
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QMessageBox, QPushButton

from facestudio.app.from_below import said
from facestudio.app.icons import pixmap
from facestudio.app.stop_signals import StopSignals
from facestudio.app.strings import tr
from facestudio.app.theme import Theme
from facestudio.errors import FaceStudioError


class Answer(Enum):
    """What the operator chose, when it was not a folder."""

    AGAIN = auto()
    QUIT = auto()


def ask_for_library(problem: FaceStudioError, folder: Path, theme: Theme) -> Path | Answer:
    """Say why the library in `folder` cannot be used, and ask for another folder, whether to try again, or to give up.

    A request to end from outside (Ctrl-C, SIGTERM) is an answer too: to give up.
    """
    box = QMessageBox()
    box.setWindowTitle("FaceStudio")
    box.setIconPixmap(pixmap("warning", 32, theme.tokens.warn))
    box.setText(said(problem.what))
    box.setInformativeText(tr("FaceStudio keeps every capture in its library: without one it cannot start. Nothing was lost."))
    choose, again, leave = (QPushButton(text, box) for text in (tr("Choose another folder…"), tr("Try again"), tr("Quit")))
    for button, role in (
        (choose, QMessageBox.ButtonRole.AcceptRole),
        (again, QMessageBox.ButtonRole.ActionRole),
        (leave, QMessageBox.ButtonRole.RejectRole),
    ):
        box.addButton(button, role)
    box.setDefaultButton(choose)
    box.setEscapeButton(leave)
    signals = StopSignals(leave.click)
    box.exec()
    signals.close()
    clicked = box.clickedButton()
    box.deleteLater()
    if clicked is choose:
        name = QFileDialog.getExistingDirectory(None, tr("Folder for the library"), str(folder.parent))
        return Path(name) if name else Answer.AGAIN
    return Answer.AGAIN if clicked is again else Answer.QUIT
