"""The stage while there is no head: what is the case in a few words, the photos if there are any, and the next step as one big button."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from facestudio.app.icons import pixmap
from facestudio.app.pages.head.opened import Tile
from facestudio.app.pages.head.photo_tile import PhotoTile
from facestudio.app.theme import tokens
from facestudio.app.widgets.progress_line import ProgressLine

TILE = QSize(208, 260)


class PhotoBoard(QWidget):
    """pressed(): the big button."""

    pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tiles: list[PhotoTile] = []
        self._icon_name = ""
        self.sign = QLabel(self)
        self.heading = QLabel(self)
        self.heading.setProperty("look", "heading")
        self.words = QLabel(self)
        self.words.setProperty("look", "dim")
        self.words.setWordWrap(True)
        self.words.setFixedWidth(520)
        for label in (self.sign, self.heading, self.words):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.button = QPushButton(self)
        self.button.setProperty("look", "primary")
        self.button.setMinimumSize(220, 44)
        self.button.clicked.connect(self.pressed)
        self.bar = ProgressLine(self)
        self.bar.setRange(0, 1000)
        self.bar.setFixedWidth(320)
        self._row = QHBoxLayout()
        self._row.setSpacing(16)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 24)
        column.setSpacing(12)
        column.addStretch(1)
        column.addWidget(self.sign, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self.heading, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self.words, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(4)
        column.addLayout(self._row)
        column.addSpacing(4)
        column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self.bar, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)

    def say(self, icon_name: str, heading: str, words: str, button: str = "", fraction: float = -1.0) -> None:
        """Say what is the case. icon_name, button: "" for none. fraction: of the work, in [0, 1]; negative hides the bar."""
        self._icon_name = icon_name
        self.retint()
        self.sign.setVisible(bool(icon_name))
        self.heading.setText(heading)
        self.words.setText(words)
        self.words.setVisible(bool(words))
        self.button.setText(button)
        self.button.setAccessibleName(button)
        self.button.setVisible(bool(button))
        self.show_progress(fraction)

    def show_progress(self, fraction: float) -> None:
        """Move the bar; negative hides it."""
        self.bar.setVisible(fraction >= 0.0)
        if fraction >= 0.0:
            self.bar.setValue(round(1000 * fraction))

    def show_tiles(self, tiles: tuple[Tile, ...]) -> None:
        """Show photos, with their landmarks as soon as there are any."""
        if [tile.name for tile in self.tiles] != [tile.name for tile in tiles]:
            for old in self.tiles:
                self._row.removeWidget(old)
                old.deleteLater()
            self.tiles = [PhotoTile(tile.name, TILE, self) for tile in tiles]
            while self._row.count():
                self._row.takeAt(0)
            self._row.addStretch(1)
            for widget in self.tiles:
                widget.setEnabled(False)  # to look at; there is no camera to fly to yet
                self._row.addWidget(widget)
            self._row.addStretch(1)
        for widget, tile in zip(self.tiles, tiles, strict=True):
            widget.show_photo(tile.plain, tile.wired, tile.landmarks)
            widget.overlay(mesh=False, landmarks=True)

    def retint(self) -> None:
        """Draw the icon in the theme's colours."""
        if self._icon_name:
            self.sign.setPixmap(pixmap(self._icon_name, 48, tokens().text_dim))
