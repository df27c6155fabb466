"""A bar that shows how far something is. Qt's own repaints at every step, at once, on the window's thread; this one waits its turn."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QHideEvent, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from facestudio.app.strings import percent
from facestudio.app.theme import tokens

HEIGHT = 8
_STEP_MS = 40
_SHARE = 0.3  # of the width, for the part that moves while nothing is known
_SPEED = 0.02  # of the way at each step


class ProgressLine(QWidget):
    """As QProgressBar: a range and a value; the range (0, 0) moves to and fro."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._low, self._high, self._value = 0, 100, 0
        self._at = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(_STEP_MS)
        self._timer.timeout.connect(self._move)
        self.setFixedHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def setRange(self, low: int, high: int) -> None:
        """From where to where; (0, 0): nobody knows."""
        self._low, self._high = low, high
        self._run()
        self._say()

    def setValue(self, value: int) -> None:
        """How far."""
        if value != self._value:
            self._value = value
            self._say()

    def value(self) -> int:
        """How far."""
        return self._value

    def sizeHint(self) -> QSize:
        """Wide enough to be read."""
        return QSize(160, HEIGHT)

    @property
    def _busy(self) -> bool:
        return self._high <= self._low

    def _say(self) -> None:
        share = 0.0 if self._busy else (self._value - self._low) / (self._high - self._low)
        self.setAccessibleDescription("" if self._busy else percent(share))
        self.update()

    def _run(self) -> None:
        self._timer.start() if self._busy and self.isVisible() else self._timer.stop()

    def _move(self) -> None:
        self._at = (self._at + _SPEED) % 2.0
        self.update()

    def showEvent(self, event: QShowEvent) -> None:
        """Move only while it is seen."""
        super().showEvent(event)
        self._run()

    def hideEvent(self, event: QHideEvent) -> None:
        """Rest."""
        super().hideEvent(event)
        self._timer.stop()

    def paintEvent(self, event: QPaintEvent) -> None:
        """A groove, and the part of it that is done."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        whole = QRectF(self.rect())
        radius = whole.height() / 2
        painter.setBrush(QColor(tokens().surface_2))
        painter.drawRoundedRect(whole, radius, radius)
        if self._busy:
            length = _SHARE * whole.width()
            start = (1.0 - abs(self._at - 1.0)) * (whole.width() - length)
        else:
            length = whole.width() * min(max((self._value - self._low) / (self._high - self._low), 0.0), 1.0)
            start = 0.0
        if length > 0:
            painter.setBrush(QColor(tokens().accent))
            painter.drawRoundedRect(QRectF(start, 0, max(length, whole.height()), whole.height()), radius, radius)
