"""The Capture page's inspector: who sits there, what happens to the pictures, and the state of the cameras."""

from __future__ import annotations

import sys
from datetime import date

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QCompleter,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from facestudio.app.settings import CHOICES
from facestudio.app.strings import tr
from facestudio.app.widgets.pieces import words


class Details(QWidget):
    """Fields and switches; the page connects them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.subject = _field(tr("Subject"), tr("Name or number"))
        self.session = _field(tr("Session"), date.today().isoformat())
        self.session.setText(date.today().isoformat())
        self.notes = QPlainTextEdit(self)
        self.notes.setAccessibleName(tr("Notes on this capture"))
        self.notes.setTabChangesFocus(True)
        self.notes.setFixedHeight(84)
        self.reconstruct = QCheckBox(tr("Reconstruct at once"), self)
        self.block = QCheckBox(tr("Bad checks close the shutter"), self)
        self.lock = QPushButton(tr("Lock exposure, white balance, focus"), self)
        self.lock.setCheckable(True)
        self.picture_size, self.backend = QComboBox(self), QComboBox(self)
        self.picture_size.setAccessibleName(tr("Picture size"))
        self.backend.setAccessibleName(tr("How cameras are reached"))
        self.backend.setToolTip(tr("How cameras are reached: change it only when a camera does not open"))
        for value in CHOICES["camera_size"]:
            self.picture_size.addItem(value.replace("x", " × "), value)
        for value in backends():
            self.backend.addItem(tr("Usual access") if value == "auto" else value.upper(), value)
        self.swap = QPushButton(tr("Swap left and right"), self)
        self.look = QPushButton(tr("Look for cameras"), self)
        self.between, self.lock_state, self.usb, self.rig = (words("", "dim", self) for _ in range(4))
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(8)
        for title, widgets in (
            (tr("Subject"), (self.subject,)),
            (tr("Session"), (self.session,)),
            (tr("Notes on this capture"), (self.notes,)),
            ("", (self.reconstruct, self.block)),
            (tr("All three views"), (self.between,)),
            (tr("Cameras"), (self.lock, self.lock_state, self.picture_size, self.backend, self.swap, self.look, self.usb)),
            (tr("Rig"), (self.rig,)),
        ):
            if title:
                label = QLabel(title, self)
                label.setProperty("look", "section")
                column.addWidget(label)
            for widget in widgets:
                column.addWidget(widget)
            column.addSpacing(4)
        column.addStretch(1)

    def complete_subjects(self, names: list[str]) -> None:
        """Offer the library's subjects while a name is typed."""
        completer = QCompleter(names, self)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.subject.setCompleter(completer)


def backends() -> tuple[str, ...]:
    """The ways to reach cameras that this system knows."""
    here = {"win32": ("msmf", "dshow"), "darwin": ("avfoundation",)}.get(sys.platform, ("v4l2",))
    return ("auto", *here)


def _field(name: str, hint: str) -> QLineEdit:
    field = QLineEdit()
    field.setAccessibleName(name)
    field.setPlaceholderText(hint)
    return field
