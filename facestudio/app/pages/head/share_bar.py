"""Shares of a whole as one bar, each with its word and its number: never colour alone."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QWidget

from facestudio.app.strings import percent
from facestudio.app.theme import tokens
from facestudio.app.viewer.colours import Rgb

_BAR, _ROW, _GAP = 10, 22, 8


@dataclass(frozen=True)
class Share:
    """label: in the operator's language. part: in [0, 1]."""

    label: str
    part: float
    colour: Rgb


class ShareBar(QWidget):
    """A bar, and below it a row for each share."""

    def __init__(self, shares: tuple[Share, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.shares = shares
        self.setFixedHeight(_BAR + _GAP + _ROW * len(shares))
        self.setAccessibleName(", ".join(f"{share.label} {percent(share.part)}" for share in shares))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Bar and rows."""
        t = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        shape = QPainterPath()
        shape.addRoundedRect(QRectF(0, 0, self.width(), _BAR), _BAR / 2, _BAR / 2)
        painter.setClipPath(shape)
        painter.fillRect(QRectF(0, 0, self.width(), _BAR), QColor(t.surface_2))
        left = 0.0
        for share in self.shares:
            width = share.part * self.width()
            painter.fillRect(QRectF(left, 0, max(width - 1.0, 0.0), _BAR), QColor(*share.colour))
            left += width
        painter.setClipping(False)
        for number, share in enumerate(self.shares):
            row = QRectF(0, _BAR + _GAP + number * _ROW, self.width(), _ROW)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(*share.colour))
            painter.drawRoundedRect(QRectF(0, row.center().y() - 5, 10, 10), 3, 3)
            painter.setPen(QColor(t.text_dim))
            painter.drawText(row.adjusted(18, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, share.label)
            painter.setPen(QColor(t.text))
            painter.drawText(row, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, percent(share.part))
