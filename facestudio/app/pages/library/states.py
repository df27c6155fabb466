"""The state of a capture as the operator sees it: a word and a shape, never colour alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from facestudio.app.strings import mark, tr
from facestudio.app.theme import Tokens
from facestudio.library.records import CaptureRecord, CaptureState


class Shape(StrEnum):
    """What is drawn beside the word."""

    RING = "ring"
    DISC = "disc"
    TICK = "tick"
    TRIANGLE = "triangle"
    DOTS = "dots"
    ARC = "arc"


@dataclass(frozen=True)
class Chip:
    """word: untranslated; colour: the name of a token."""

    word: str
    shape: Shape
    colour: str

    @property
    def text(self) -> str:
        """The word in the operator's language."""
        return tr(self.word)


CHIPS = {
    CaptureState.CAPTURED: Chip(mark("captured"), Shape.RING, "text_dim"),
    CaptureState.RECONSTRUCTED: Chip(mark("reconstructed"), Shape.DISC, "accent"),
    CaptureState.EXPORTED: Chip(mark("exported"), Shape.TICK, "ok"),
    CaptureState.NEEDS_ATTENTION: Chip(mark("needs attention"), Shape.TRIANGLE, "warn"),
}
WAITING = Chip(mark("waiting"), Shape.DOTS, "text_dim")
RUNNING = Chip(mark("reconstructing"), Shape.ARC, "accent")
ELSEWHERE = Chip(mark("in another window"), Shape.ARC, "text_dim")


@dataclass(frozen=True)
class Work:
    """What happens to a capture now. fraction: in [0, 1]; waiting: not begun."""

    fraction: float = 0.0
    waiting: bool = False


def chip_of(record: CaptureRecord, work: Work | None) -> Chip:
    """The chip of a capture."""
    if work is not None:
        return WAITING if work.waiting else RUNNING
    return ELSEWHERE if record.running else CHIPS[record.state]


def draw_shape(painter: QPainter, box: QRectF, chip: Chip, tokens: Tokens) -> None:
    """Draw a chip's shape into a square box."""
    colour = QColor(getattr(tokens, chip.colour))
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    pen = QPen(colour, max(1.4, box.width() / 7), Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
    inner = box.adjusted(1, 1, -1, -1)
    painter.setPen(pen)
    if chip.shape is Shape.RING:
        painter.drawEllipse(inner)
    elif chip.shape is Shape.ARC:
        painter.drawArc(inner, 90 * 16, -250 * 16)
    elif chip.shape is Shape.TICK:
        painter.drawPolyline(QPolygonF([_at(inner, 0.05, 0.55), _at(inner, 0.38, 0.88), _at(inner, 0.98, 0.15)]))
    elif chip.shape is Shape.DISC:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawEllipse(inner)
    elif chip.shape is Shape.DOTS:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        for x in (0.12, 0.5, 0.88):
            painter.drawEllipse(_at(inner, x, 0.5), inner.width() / 9, inner.width() / 9)
    else:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawPolygon(QPolygonF([_at(inner, 0.5, 0.0), _at(inner, 1.06, 0.96), _at(inner, -0.06, 0.96)]))
        painter.setPen(QPen(QColor(tokens.surface_1), box.width() / 8, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawLine(_at(inner, 0.5, 0.38), _at(inner, 0.5, 0.6))
        painter.drawPoint(_at(inner, 0.5, 0.8))
    painter.restore()


def _at(box: QRectF, x: float, y: float) -> QPointF:
    return QPointF(box.left() + x * box.width(), box.top() + y * box.height())
