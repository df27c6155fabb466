"""A slider that shows how far it is from zero, and that nobody moves by accident."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QSlider, QStyle

from facestudio.app.theme import tokens

_HANDLE = 6.5  # radius


class CalmSlider(QSlider):
    """Filled from zero, wherever zero lies. The wheel scrolls the page unless the slider was chosen first."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Only with the keyboard's focus: passing over a slider must not change a face."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Groove, fill and handle in the theme's colours."""
        t = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        middle = self.height() / 2
        here, zero = self._x(self.value()), self._x(0)
        painter.setBrush(QColor(t.line))
        painter.drawRoundedRect(QRectF(_HANDLE, middle - 1.5, self.width() - 2 * _HANDLE, 3), 1.5, 1.5)
        if self.value():
            painter.setBrush(QColor(t.accent))
            painter.drawRoundedRect(QRectF(min(here, zero), middle - 1.5, abs(here - zero), 3), 1.5, 1.5)
        held = self.isSliderDown() or self.hasFocus()
        painter.setBrush(QColor(t.accent if held else t.text if self.value() or self.underMouse() else t.text_dim))
        painter.setPen(QPen(QColor(t.surface_1), 1.5))
        painter.drawEllipse(QPointF(here, middle), _HANDLE, _HANDLE)

    def _x(self, value: int) -> float:
        # Where Qt's own style puts the handle, so that what is drawn is what is grabbed.
        length = self.style().pixelMetric(QStyle.PixelMetric.PM_SliderLength, None, self)
        span = self.width() - length
        return length / 2 + QStyle.sliderPositionFromValue(self.minimum(), self.maximum(), value, span)
