"""A dial for where the light comes from, seen from above: the dot is the lamp, the head looks down at the operator."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QDial, QWidget

from facestudio.app.theme import tokens

_SIDE = 30


class LightDial(QDial):
    """Degrees in [-180, 180]: 0 from the front (below), positive from the right."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setRange(-180, 180)
        self.setWrapping(True)
        self.setSingleStep(10)
        self.setFixedSize(_SIDE, _SIDE)

    def sizeHint(self) -> QSize:
        """As small as a tool button."""
        return QSize(_SIDE, _SIDE)

    def minimumSizeHint(self) -> QSize:
        """The same."""
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        """A ring, and the lamp on it."""
        t = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        centre = QPointF(self.width() / 2, self.height() / 2)
        radius = _SIDE / 2 - 5.5
        painter.setPen(QPen(QColor(t.accent if self.hasFocus() else t.text_dim), 1.4))
        painter.drawEllipse(centre, radius, radius)
        angle = math.radians(self.value())
        lamp = centre + QPointF(math.sin(angle), math.cos(angle)) * radius
        painter.setPen(QPen(QColor(t.surface_0), 1.5))
        painter.setBrush(QColor(t.accent if self.hasFocus() or self.underMouse() else t.text))
        painter.drawEllipse(lamp, 4.0, 4.0)
        painter.setPen(Qt.PenStyle.NoPen)
