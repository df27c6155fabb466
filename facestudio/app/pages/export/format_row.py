"""One format to choose: a tick, its name, and what it is for."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from facestudio.app.theme import tokens

_HEIGHT, _BOX, _MARGIN = 52, 18, 14


class FormatRow(QAbstractButton):
    """Checked when chosen; the whole row takes the click, and Space."""

    def __init__(self, key: str, label: str, sentence: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.key, self.sentence = key, sentence
        self.setText(label)
        self.setCheckable(True)
        self.setAccessibleName(label)
        self.setAccessibleDescription(sentence)
        self.setToolTip(sentence)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """As high as two lines of text need."""
        return QSize(420, _HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Box, name, sentence."""
        t = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        room = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        if self.isEnabled() and (self.underMouse() or self.hasFocus()):
            painter.setPen(QPen(QColor(t.accent if self.hasFocus() else t.surface_2), 1))
            painter.setBrush(QColor(t.surface_2))
            painter.drawRoundedRect(room, 6, 6)
        box = QRectF(_MARGIN, (self.height() - _BOX) / 2, _BOX, _BOX)
        on = self.isChecked() and self.isEnabled()
        painter.setPen(QPen(QColor(t.accent if on else t.text_dim if self.isEnabled() else t.line), 1.4))
        painter.setBrush(QColor(t.accent) if on else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(box, 4, 4)
        if on:
            pen = QPen(QColor(t.on_accent), 2.2)
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
            painter.setPen(pen)
            tick = [(4.2, 9.4), (7.6, 12.8), (13.8, 5.6)]
            painter.drawPolyline(QPolygonF([box.topLeft() + QPointF(x, y) for x, y in tick]))
        left = box.right() + 14
        bold = QFont(self.font())
        bold.setWeight(QFont.Weight.DemiBold)
        painter.setFont(bold)
        painter.setPen(QColor(t.text if self.isEnabled() else t.text_dim))
        width = self.width() - left - _MARGIN
        painter.drawText(QRectF(left, 7, width, 18), Qt.AlignmentFlag.AlignVCenter, self.text())
        painter.setFont(self.font())
        painter.setPen(QColor(t.text_dim))
        sentence = painter.fontMetrics().elidedText(self.sentence, Qt.TextElideMode.ElideRight, int(width))
        painter.drawText(QRectF(left, 27, width, 18), Qt.AlignmentFlag.AlignVCenter, sentence)
