"""The first screen of an empty library: what one can begin with, and nothing else."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from facestudio.app.context import Navigator
from facestudio.app.icons import icon
from facestudio.app.strings import tr
from facestudio.app.theme import theme


class Welcome(QWidget):
    """Buttons: the sample subject, photos of one's own, and cameras when there is a page for them."""

    def __init__(self, navigator: Navigator, cameras: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = QLabel(tr("Three photos become a head"), self)
        title.setProperty("look", "title")
        line = QLabel(tr("From the left, the front and the right. No picture leaves this computer."), self)
        line.setProperty("look", "dim")
        self.sample = self._button(tr("Try the sample subject"), "primary")
        self.photos = self._button(tr("Load three photos"))
        self.cameras = self._button(tr("Connect cameras"))
        self.cameras.setVisible(cameras)
        self.sample.clicked.connect(navigator.try_sample)
        self.photos.clicked.connect(lambda: navigator.offer_photos([]))
        self.cameras.clicked.connect(lambda: navigator.open_page("capture"))
        column = QVBoxLayout(self)
        column.setSpacing(12)
        column.addStretch(2)
        for widget in (title, line):
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(16)
        for button in (self.sample, self.photos, self.cameras):
            column.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)
        theme().changed.connect(self._tint)
        self._tint()

    def _button(self, text: str, look: str = "") -> QPushButton:
        button = QPushButton("\u2002" + text, self)  # Qt puts the icon too close to the words
        button.setAccessibleName(text)
        button.setProperty("look", look)
        button.setProperty("big", True)
        button.setMinimumWidth(280)
        button.setIconSize(QSize(20, 20))
        return button

    def _tint(self) -> None:
        self.sample.setIcon(icon("head", theme().tokens.on_accent))
        self.photos.setIcon(icon("photos"))
        self.cameras.setIcon(icon("capture"))
