"""The photos below the head, with what is drawn over them."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from facestudio.app.pages.head.evidence import Evidence
from facestudio.app.pages.head.opened import Tile
from facestudio.app.pages.head.photo_tile import PhotoTile
from facestudio.app.strings import tr

TILE = QSize(104, 130)


class FilmStrip(QFrame):
    """chosen(index): fly to this photo's camera; -1: leave it. evidence_wanted(): flow or mask was asked for and is not there yet."""

    chosen = Signal(int)
    evidence_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", "panel")
        self.tiles: list[PhotoTile] = []
        self._evident = False
        self.landmarks, self.mesh, self.flow, self.person = (QToolButton(self) for _ in range(4))
        choices = QVBoxLayout()
        choices.setSpacing(2)
        choices.addStretch(1)
        for button, label, tip in (
            (self.landmarks, tr("Landmarks"), tr("The points that were found in the photo")),
            (self.mesh, tr("Projected mesh"), tr("The head as this photo's camera sees it")),
            (
                self.flow,
                tr("Flow"),
                tr("Where the photos still disagree through the head; arrows are drawn eight times as long"),
            ),
            (self.person, tr("Mask"), tr("What was taken for the person; the rest is veiled")),
        ):
            button.setText(label)
            button.setToolTip(tip)
            button.setCheckable(True)
            button.setMinimumHeight(30)
            button.toggled.connect(self._overlay)
            choices.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        choices.addStretch(1)
        self._row = QHBoxLayout()
        self._row.setSpacing(12)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(12, 8, 12, 4)
        whole.addLayout(choices, 1)
        whole.addLayout(self._row)
        whole.addStretch(1)

    def show_tiles(self, tiles: tuple[Tile, ...]) -> None:
        """Show other photos."""
        if [tile.name for tile in self.tiles] != [tile.name for tile in tiles]:
            self._rebuild(tiles)
        for widget, tile in zip(self.tiles, tiles, strict=True):
            widget.show_photo(tile.plain, tile.wired, tile.landmarks)
        self.mesh.setEnabled(any(tile.wired is not None for tile in tiles))
        self.landmarks.setEnabled(any(len(tile.landmarks) > 0 for tile in tiles))
        self._evident = False
        for button in (self.flow, self.person):
            button.setEnabled(any(tile.wired is not None for tile in tiles))
        self._overlay()

    def show_evidence(self, evidence: tuple[Evidence, ...]) -> None:
        """Show what speaks for the head in each photo."""
        self._evident = True
        by_view = {part.name: part for part in evidence}
        for widget in self.tiles:
            widget.show_evidence(by_view.get(widget.name))

    def show_current(self, index: int) -> None:
        """Mark the photo at whose camera the viewer stands; -1 marks none."""
        for number, widget in enumerate(self.tiles):
            widget.setChecked(number == index)

    def _rebuild(self, tiles: tuple[Tile, ...]) -> None:
        for old in self.tiles:
            self._row.removeWidget(old)
            old.deleteLater()
        self.tiles = [PhotoTile(tile.name, TILE, self) for tile in tiles]
        for number, widget in enumerate(self.tiles):
            widget.setToolTip(tr("Fly to this photo's camera"))
            widget.clicked.connect(lambda checked, n=number: self.chosen.emit(n if checked else -1))
            self._row.addWidget(widget, 0, Qt.AlignmentFlag.AlignVCenter)

    def _overlay(self) -> None:
        flow, person = (button.isChecked() and button.isEnabled() for button in (self.flow, self.person))
        if (flow or person) and not self._evident:
            self.evidence_wanted.emit()
        for widget in self.tiles:
            widget.overlay(self.mesh.isChecked(), self.landmarks.isChecked(), flow, person)
