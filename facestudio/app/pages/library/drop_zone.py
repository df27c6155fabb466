"""Where photos are dropped. It is a button, too: who has no mouse, or does not drag, presses it."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from facestudio.app.icons import pixmap
from facestudio.app.strings import tr
from facestudio.app.theme import RADIUS, theme, tokens


class DropZone(QAbstractButton):
    """A dashed field. large: with a heading, for a page with nothing else on it; else one line."""

    def __init__(self, large: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._large, self._lit = large, False
        self.setText(tr("Drop three photos or a folder here"))
        self.setAccessibleName(tr("Drop three photos or a folder here, or press to choose them"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        vertical = QSizePolicy.Policy.Expanding if large else QSizePolicy.Policy.Fixed
        self.setSizePolicy(QSizePolicy.Policy.Expanding, vertical)
        if large:
            column = QVBoxLayout(self)
            column.addStretch(1)
            column.addSpacing(190)
            row = QHBoxLayout()
            row.addStretch(1)
            self.folder = QPushButton(tr("Add a folder…"), self)
            self.photos = QPushButton(tr("Add photos…"), self)
            for button in (self.photos, self.folder):
                button.setCursor(Qt.CursorShape.ArrowCursor)
                row.addWidget(button)
            row.addStretch(1)
            column.addLayout(row)
            column.addStretch(1)
            self.photos.clicked.connect(self.click)
        theme().changed.connect(self.update)

    def light_up(self, lit: bool) -> None:
        """Something is held over the page."""
        self._lit = lit
        self.update()

    def sizeHint(self) -> QSize:
        """One line, or a field."""
        return QSize(360, 260 if self._large else 44)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Dashes, an icon, words."""
        painter, colours = QPainter(self), tokens()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        bright = self._lit or self.hasFocus() or self.underMouse()
        painter.setPen(QPen(QColor(colours.accent if bright else colours.line), 1.5, Qt.PenStyle.DashLine))
        painter.setBrush(QColor(colours.surface_2 if self._lit else colours.surface_0))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), RADIUS, RADIUS)
        if self._large:
            self._paint_large(painter)
            return
        width = painter.fontMetrics().horizontalAdvance(self.text())
        left = (self.width() - width - 28) / 2
        painter.drawPixmap(int(left), (self.height() - 18) // 2, pixmap("photos", 18, colours.text_dim))
        painter.setPen(QColor(colours.text if bright else colours.text_dim))
        painter.drawText(QRectF(left + 28, 0, width + 4, self.height()), Qt.AlignmentFlag.AlignVCenter, self.text())

    def _paint_large(self, painter: QPainter) -> None:
        colours, middle = tokens(), self.height() / 2
        painter.drawPixmap(int(self.width() / 2 - 24), int(middle - 84), pixmap("photos", 48, colours.text_dim))
        heading = QFont(self.font())
        heading.setPixelSize(16)
        heading.setWeight(QFont.Weight.DemiBold)
        painter.setFont(heading)
        painter.setPen(QColor(colours.text))
        painter.drawText(QRectF(0, middle - 20, self.width(), 28), Qt.AlignmentFlag.AlignCenter, self.text())
        painter.setFont(self.font())
        painter.setPen(QColor(colours.text_dim))
        lines = (
            tr("From the left, the front and the right. A folder may hold many people."),
            tr("Names like anna_left, anna_front, anna_right are understood; else the turn of the head tells."),
        )
        for k, line in enumerate(lines):
            painter.drawText(QRectF(0, middle + 14 + 22 * k, self.width(), 22), Qt.AlignmentFlag.AlignCenter, line)
