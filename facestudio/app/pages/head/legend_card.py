"""How to read a mode's colours: a small card over the viewer, and the same painted into a screenshot."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QLocale, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from facestudio.app.theme import RADIUS, tokens
from facestudio.app.viewer.colours import Legend

SIZE = QSize(232, 64)
_MARGIN = 12.0


class LegendCard(QWidget):
    """Hidden while there is nothing to explain."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.title = ""
        self.legend: Legend | None = None
        self.resize(SIZE)
        self.hide()

    def explain(self, legend: Legend | None, title: str) -> None:
        """Show a legend under a title in the operator's language; None hides the card."""
        if legend is not None:
            legend = replace(legend, labels=tuple(label.replace(".", QLocale().decimalPoint()) for label in legend.labels))
        self.legend, self.title = legend, title
        self.setAccessibleName("" if legend is None else f"{title}: {', '.join(legend.labels)}")
        self.setVisible(legend is not None)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the card."""
        if self.legend is not None:
            paint_legend(QPainter(self), QRectF(self.rect()), self.legend, self.title)


def paint_legend(painter: QPainter, room: QRectF, legend: Legend, title: str) -> None:
    """Paint a legend into a rectangle of `SIZE`."""
    t = tokens()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QColor(t.line))
    painter.setBrush(QColor(t.surface_1))
    painter.drawRoundedRect(room.adjusted(0.5, 0.5, -0.5, -0.5), RADIUS, RADIUS)
    inner = room.adjusted(_MARGIN, 8, -_MARGIN, -8)
    painter.setPen(QColor(t.text))
    painter.drawText(QRectF(inner.left(), inner.top(), inner.width(), 18), Qt.AlignmentFlag.AlignLeft, title)
    bar = QRectF(inner.left(), inner.top() + 20, inner.width(), 8)
    labels = QRectF(inner.left(), bar.bottom() + 3, inner.width(), 18)
    painter.setPen(Qt.PenStyle.NoPen)
    if legend.gradient:
        sweep = QLinearGradient(bar.topLeft(), bar.topRight())
        for number, colour in enumerate(legend.colours):
            sweep.setColorAt(number / (len(legend.colours) - 1), QColor(*colour))
        painter.setBrush(sweep)
        painter.drawRoundedRect(bar, 3, 3)
        _labels_along(painter, labels, legend.labels, t.text_dim)
        return
    width = bar.width() / len(legend.colours)
    for number, (colour, label) in enumerate(zip(legend.colours, legend.labels, strict=True)):
        patch = QRectF(bar.left() + number * width, bar.top(), width - 4, bar.height())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(*colour))
        painter.drawRoundedRect(patch, 3, 3)
        painter.setPen(QColor(t.text_dim))
        painter.drawText(QRectF(patch.left(), labels.top(), patch.width(), 18), Qt.AlignmentFlag.AlignHCenter, label)


def _labels_along(painter: QPainter, room: QRectF, labels: tuple[str, ...], colour: str) -> None:
    painter.setPen(QColor(colour))
    metrics = painter.fontMetrics()
    for number, label in enumerate(labels):
        width = metrics.horizontalAdvance(label)
        part = number / max(len(labels) - 1, 1)
        left = room.left() + part * (room.width() - width)
        painter.drawText(QPointF(left, room.top() + metrics.ascent()), label)
