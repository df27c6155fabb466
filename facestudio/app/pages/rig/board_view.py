"""A live camera with the board's corners marked, and where in its picture the board has been."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from facestudio.app.from_below import said
from facestudio.app.pages.rig.presenter import BoardTile
from facestudio.app.strings import tr
from facestudio.app.theme import tokens
from facestudio.types import ViewName

_HIGHEST = 300  # pixels: the steps below stay in sight on a large screen


def fitted(area: QRectF, width: int, height: int) -> QRectF:
    """The largest rectangle with a picture's proportions in the middle of another."""
    scale = min(area.width() / width, area.height() / height)
    result = QRectF(0.0, 0.0, scale * width, scale * height)
    result.moveCenter(area.center())
    return result


class BoardPicture(QWidget):
    """The picture, the corners found in it, and a veil over the parts where the board has not been yet."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tile: BoardTile | None = None
        self.setMinimumSize(180, 101)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_tile(self, tile: BoardTile) -> None:
        """Show a camera's state."""
        self._tile = tile
        self.update()

    def sizeHint(self) -> QSize:
        """Of a webcam's picture."""
        return QSize(320, 180)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """As high as a webcam's picture of this width."""
        self.setFixedHeight(min(round(self.width() * 9 / 16), _HIGHEST))
        super().resizeEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Picture, veil, corners."""
        t, tile = tokens(), self._tile
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.SmoothPixmapTransform | QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        clip = QPainterPath()
        clip.addRoundedRect(area, 8, 8)
        painter.setClipPath(clip)
        painter.fillRect(area, QColor(t.surface_1))
        if tile is None or tile.picture is None:
            painter.setPen(QColor(t.text_dim))
            words = tr("No camera chosen") if tile is None or not tile.name else tr("Connecting…")
            if tile is not None and tile.health is not None and tile.health.error is not None:
                words = said(f"{tile.health.error.what} {tile.health.error.remedy}")
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(area.adjusted(12, 8, -12, -8), int(flags), words)
        else:
            bgr = tile.picture.bgr
            h, w = bgr.shape[:2]
            inside = fitted(area, w, h)
            painter.drawImage(inside, QImage(bgr.data, w, h, int(bgr.strides[0]), QImage.Format.Format_BGR888))
            self._veil(painter, inside, tile)
            self._corners(painter, inside, tile)
        painter.setClipping(False)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(t.line), 1))
        painter.drawRoundedRect(area, 8, 8)

    def _veil(self, painter: QPainter, area: QRectF, tile: BoardTile) -> None:
        if tile.coverage is None:
            return
        veil = QColor(tokens().accent)
        veil.setAlpha(70)
        rows, columns = tile.coverage.cells.shape
        for row in range(rows):
            for column in range(columns):
                if tile.coverage.cells[row, column] == 0:
                    x, y = area.x() + area.width() * column / columns, area.y() + area.height() * row / rows
                    painter.fillRect(QRectF(x, y, area.width() / columns, area.height() / rows).adjusted(1, 1, -1, -1), veil)

    def _corners(self, painter: QPainter, area: QRectF, tile: BoardTile) -> None:
        if tile.seen is None or tile.seen.detection is None:
            return
        width, height = tile.seen.size
        painter.setPen(QPen(QColor(tokens().surface_0), 1))
        painter.setBrush(QColor(tokens().ok))
        for x, y in tile.seen.detection.pixels:
            at = QPointF(area.x() + (x + 0.5) / width * area.width(), area.y() + (y + 0.5) / height * area.height())
            painter.drawEllipse(at, 3.0, 3.0)


class BoardView(QWidget):
    """Title, picture, and the next thing to do with the board before this camera."""

    def __init__(self, view: ViewName, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view = view
        heading = QLabel(title, self)
        heading.setProperty("look", "section")
        self.picture = BoardPicture(self)
        self.advice = QLabel("", self)
        self.advice.setWordWrap(True)
        self.advice.setMinimumHeight(36)
        self.advice.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(heading)
        column.addWidget(self.picture, 1)
        column.addWidget(self.advice)

    def show_tile(self, tile: BoardTile) -> None:
        """Show a camera's state."""
        self.picture.show_tile(tile)
        coverage = tile.coverage
        if coverage is None:
            words = tr("Show the board to this camera.") if tile.picture is not None else ""
        else:
            words = tr("{count} pictures. {advice}", count=coverage.views, advice=said(coverage.advice))
        if words != self.advice.text():
            self.advice.setText(words)
            self.advice.setProperty("look", "ok" if coverage is not None and coverage.enough else "dim")
            self.advice.style().polish(self.advice)
