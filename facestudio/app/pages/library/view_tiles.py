"""The three photos of a capture side by side. One is dragged onto another to swap them; the buttons between them do it by key."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QMimeData, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QDrag, QDragEnterEvent, QDropEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QApplication, QGridLayout, QLabel, QSizePolicy, QToolButton, QWidget

from facestudio.app.icons import icon
from facestudio.app.pages.library.card import draw_tile, tile_name
from facestudio.app.pages.library.thumbnails import Thumbnails
from facestudio.app.strings import tr
from facestudio.app.theme import theme, tokens
from facestudio.types import ViewName

HEIGHT = 112  # pixels
_MIME = "application/x-facestudio-view"


class ViewTile(QWidget):
    """One view. swap_wanted(other view): a tile was dropped here, or Alt and an arrow pressed."""

    swap_wanted = Signal(object)

    def __init__(self, view: ViewName, thumbnails: Thumbnails, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view, self._thumbnails = view, thumbnails
        self._path: Path | None = None
        self._pressed: QPoint | None = None
        self._target = False
        self.setAcceptDrops(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        # A height that follows the width would fight with the scroll bar, which takes width away when the pane is too low.
        self.setFixedHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(tr("Drag onto another view to swap. Keys: Alt and an arrow."))
        self.show_photo(None)

    def show_photo(self, path: Path | None) -> None:
        """Show a photo, or that there is none."""
        self._path = path
        name = tile_name(self.view)
        self.setAccessibleName(name if path is not None else tr("{view}: no photo", view=name))
        self.update()

    def sizeHint(self) -> QSize:
        """A portrait at the inspector's usual width."""
        return QSize(84, HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The photo."""
        painter, colours = QPainter(self), tokens()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        place = QRectF(1, 1, self.width() - 2, self.height() - 2)
        draw_tile(painter, place, self._path, self._thumbnails, colours)
        colour = colours.accent if self.hasFocus() or self._target else colours.line
        painter.setPen(QPen(QColor(colour), 2.0 if self._target or self.hasFocus() else 1.0))
        painter.drawRoundedRect(place, 4, 4)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A drag may begin."""
        self._pressed = event.position().toPoint() if event.button() == Qt.MouseButton.LeftButton else None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Begin to drag."""
        if self._pressed is None or self._path is None:
            return
        if (event.position().toPoint() - self._pressed).manhattanLength() < QApplication.startDragDistance():
            return
        drag, mime = QDrag(self), QMimeData()
        mime.setData(_MIME, str(self.view).encode())
        drag.setMimeData(mime)
        picture = self._thumbnails.get(self._path)
        if picture is not None:
            drag.setPixmap(picture.scaledToWidth(72, Qt.TransformationMode.SmoothTransformation))
        self._pressed = None
        drag.exec(Qt.DropAction.MoveAction)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Alt and an arrow swap with the neighbour."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        other = list(ViewName).index(self.view) + step
        if step and event.modifiers() & Qt.KeyboardModifier.AltModifier and 0 <= other < len(ViewName):
            self.swap_wanted.emit(list(ViewName)[other])
        else:
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Light up for another tile."""
        if event.mimeData().hasFormat(_MIME) and self._dragged(event) != self.view:
            event.acceptProposedAction()
            self._target = True
            self.update()

    def dragLeaveEvent(self, event: object) -> None:
        """It went elsewhere."""
        self._target = False
        self.update()

    def dropEvent(self, event: QDropEvent) -> None:
        """Swap."""
        self._target = False
        event.acceptProposedAction()
        self.update()
        self.swap_wanted.emit(self._dragged(event))

    def _dragged(self, event: QDropEvent) -> ViewName:
        return ViewName(bytes(event.mimeData().data(_MIME).data()).decode())


class ViewTiles(QWidget):
    """swap_wanted(view, other view)."""

    swap_wanted = Signal(object, object)

    def __init__(self, thumbnails: Thumbnails, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._thumbnails = thumbnails
        self.tiles = {view: ViewTile(view, thumbnails, self) for view in ViewName}
        self.buttons: list[QToolButton] = []
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(0)
        grid.setVerticalSpacing(2)
        for k, (view, tile) in enumerate(self.tiles.items()):
            word = QLabel(tile_name(view), self)
            word.setProperty("look", "dim")
            word.setAlignment(Qt.AlignmentFlag.AlignCenter)
            grid.addWidget(tile, 0, 2 * k)
            grid.addWidget(word, 1, 2 * k)
            grid.setColumnStretch(2 * k, 1)
            tile.swap_wanted.connect(lambda other, one=view: self.swap_wanted.emit(one, other))
        for k, (one, other) in enumerate(itertools.pairwise(ViewName)):
            button = QToolButton(self)
            button.setAccessibleName(tr("Swap {one} and {other}", one=tile_name(one), other=tile_name(other)))
            button.setToolTip(button.accessibleName())
            button.setIconSize(QSize(16, 16))
            button.clicked.connect(lambda _=False, a=one, b=other: self.swap_wanted.emit(a, b))
            # It stands astride the gap, on the line of the words.
            grid.addWidget(button, 1, 2 * k + 1, Qt.AlignmentFlag.AlignCenter)
            grid.setColumnMinimumWidth(2 * k + 1, 8)
            self.buttons.append(button)
        thumbnails.arrived.connect(self._arrived)
        theme().changed.connect(self._tint)
        self._tint()

    def show_photos(self, photos: Mapping[ViewName, Path]) -> None:
        """Show the photos of a capture."""
        for view, tile in self.tiles.items():
            tile.show_photo(photos.get(view))
        for button in self.buttons:
            button.setEnabled(len(photos) > 1)

    def _arrived(self, path: object) -> None:
        for tile in self.tiles.values():
            tile.update()

    def _tint(self) -> None:
        for button in self.buttons:
            button.setIcon(icon("swap"))
