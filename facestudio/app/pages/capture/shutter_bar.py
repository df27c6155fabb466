"""The bar below the pictures: countdown, the shutter, and how far apart in time the pictures are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from facestudio.app.pages.capture.state import COUNTDOWNS
from facestudio.app.pages.capture.words import spread_words
from facestudio.app.strings import tr
from facestudio.app.theme import theme, tokens

if TYPE_CHECKING:
    from facestudio.capture.sync import Spread

_WORST_MS = 40.0


class ShutterButton(QAbstractButton):
    """A big round button; while it counts, the seconds and a ring stand in it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words, self._fraction = "", 0.0
        self.setFixedSize(84, 84)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(tr("Shutter"))
        self.setToolTip(tr("Take the pictures (Space)"))
        theme().changed.connect(lambda _tokens: self.update())

    def count(self, words: str, fraction: float) -> None:
        """Show a countdown; "" shows the plain button."""
        self._words, self._fraction = words, fraction
        self.update()

    def sizeHint(self) -> QSize:
        """Fixed."""
        return QSize(84, 84)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ring and disc."""
        t = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ring = QRectF(4, 4, 76, 76)
        on = self.isEnabled()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(t.accent if self.hasFocus() and on else t.text if on else t.line), 3))
        painter.drawEllipse(ring)
        if self._words:
            painter.setPen(QPen(QColor(t.accent), 5))
            painter.drawArc(ring, 90 * 16, -round(self._fraction * 360 * 16))
            font = QFont(self.font())
            font.setPixelSize(30 if len(self._words) < 3 else 11)
            font.setWeight(QFont.Weight.DemiBold)
            painter.setFont(font)
            painter.setPen(QColor(t.text))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(ring.adjusted(10, 10, -10, -10), int(flags), self._words)
            return
        painter.setPen(Qt.PenStyle.NoPen)
        colour = QColor(t.accent if on else t.surface_2)
        painter.setBrush(colour.darker(115) if self.isDown() else colour.lighter(108) if self.underMouse() and on else colour)
        painter.drawEllipse(ring.adjusted(7, 7, -7, -7))


class SpreadBar(QWidget):
    """Milliseconds between the pictures of one moment, as a bar with limits, and the words."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value: float | None = None
        self._certain = True
        self.setMinimumSize(210, 56)
        self.setMaximumWidth(300)

    def show_spread(self, spread: Spread | None) -> None:
        """None: not known."""
        value = None if spread is None else spread.p50_ms
        if value != self._value:
            self._value = value
            self.setAccessibleName(self._text())
            self.update()

    def _text(self) -> str:
        if self._value is None:
            return tr("Timing not known yet")
        return spread_words(self._value)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Words above, bar below with ticks at 10 and 25 ms."""
        t = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QColor(t.text if self._value is not None else t.text_dim))
        painter.drawText(
            QRectF(0, 4, self.width(), 20), int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), self._text()
        )
        bar = QRectF(0, 30, self.width(), 8)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(t.surface_2))
        painter.drawRoundedRect(bar, 4, 4)
        if self._value is not None:
            colour = t.ok if self._value <= 10 else t.warn if self._value <= 25 else t.bad
            painter.setBrush(QColor(colour))
            width = bar.width() * min(1.0, max(0.03, self._value / _WORST_MS))
            painter.drawRoundedRect(QRectF(0, 30, width, 8), 4, 4)
        painter.setPen(QPen(QColor(t.text_dim), 1))
        for limit in (10.0, 25.0):
            x = bar.width() * limit / _WORST_MS
            painter.drawLine(round(x), 28, round(x), 40)
            painter.drawText(QRectF(x - 20, 40, 40, 14), int(Qt.AlignmentFlag.AlignHCenter), f"{limit:.0f}")


class ShutterBar(QWidget):
    """Countdown at the left, shutter (or keep and retake) in the middle, spread at the right."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.shutter = ShutterButton(self)
        self.keep = QPushButton(tr("Keep  ⏎"), self)
        self.keep.setProperty("look", "primary")
        self.keep.setAccessibleName(tr("Keep this capture (Enter)"))
        self.retake = QPushButton(tr("Retake  ⌫"), self)
        self.retake.setAccessibleName(tr("Take it again (Backspace)"))
        for button in (self.keep, self.retake):
            button.setMinimumSize(150, 44)
        self.spread = SpreadBar(self)
        self.reason = QLabel("", self)
        self.reason.setProperty("look", "dim")
        self.reason.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.countdowns = QButtonGroup(self)
        left = QHBoxLayout()
        left.setSpacing(4)
        label = QLabel(tr("Countdown"), self)
        label.setProperty("look", "dim")
        left.addWidget(label)
        left.addSpacing(4)
        for seconds in COUNTDOWNS:
            button = QPushButton(tr("{seconds} s", seconds=seconds), self)
            button.setCheckable(True)
            button.setAccessibleName(tr("Countdown of {seconds} seconds", seconds=seconds))
            self.countdowns.addButton(button, seconds)
            left.addWidget(button)
        left.addStretch(1)
        review = QWidget(self)
        buttons = QHBoxLayout(review)
        buttons.addStretch(1)
        buttons.addWidget(self.retake)
        buttons.addWidget(self.keep)
        buttons.addStretch(1)
        live = QWidget(self)
        centred = QHBoxLayout(live)
        centred.setContentsMargins(0, 0, 0, 0)
        centred.addWidget(self.shutter, 0, Qt.AlignmentFlag.AlignCenter)
        self.middle = QStackedWidget(self)
        self.middle.addWidget(live)
        self.middle.addWidget(review)
        self.middle.setFixedHeight(88)
        row = QHBoxLayout()
        row.addLayout(left, 1)
        row.addWidget(self.middle, 1)
        right = QHBoxLayout()
        right.addStretch(1)
        right.addWidget(self.spread)
        row.addLayout(right, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.reason)

    def show_review(self, review: bool) -> None:
        """Keep and retake instead of the shutter."""
        self.middle.setCurrentIndex(int(review))
