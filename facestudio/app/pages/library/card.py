"""How a capture is drawn in the grid: its three photos and its head, its name, when it was taken, and how far it is."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from pathlib import Path

from PySide6.QtCore import QDateTime, QLocale, QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPainterPath, QPen, QPixmap

from facestudio.app.icons import pixmap
from facestudio.app.pages.library.states import Chip, Work, chip_of, draw_shape
from facestudio.app.pages.library.thumbnails import Thumbnails
from facestudio.app.strings import tr
from facestudio.app.theme import RADIUS, Tokens
from facestudio.library.records import CaptureRecord
from facestudio.types import ViewName

PADDING, GAP, LINE = 10, 6, 20
ASPECT = 4 / 3  # height of a tile over its width: portraits


def card_height(width: float) -> int:
    """Height of a card of a given width, pixels."""
    return round(_tile_width(width) * ASPECT + 2 * PADDING + 2 * LINE + 6)


def _tile_width(width: float) -> float:
    return (width - 2 * PADDING - 3 * GAP) / 4


def draw_card(
    painter: QPainter,
    box: QRectF,
    record: CaptureRecord,
    work: Work | None,
    thumbnails: Thumbnails,
    tokens: Tokens,
    font: QFont,
    selected: bool = False,
    current: bool = False,
    hovered: bool = False,
) -> None:
    """Draw one card. current: it has the keyboard."""
    painter.save()
    painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
    edge = QColor(tokens.accent if selected else tokens.text_dim if hovered else tokens.line)
    painter.setPen(QPen(edge, 2.0 if selected else 1.0))
    painter.setBrush(QColor(tokens.surface_2 if selected else tokens.surface_1))
    painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), RADIUS, RADIUS)
    if current:
        painter.setPen(QPen(QColor(tokens.text), 1.0, Qt.PenStyle.DotLine))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(box.adjusted(4, 4, -4, -4), RADIUS - 3, RADIUS - 3)
    size = QSizeF(_tile_width(box.width()), _tile_width(box.width()) * ASPECT)
    for k, view in enumerate((*ViewName, None)):
        place = QRectF(QPointF(box.left() + PADDING + k * (size.width() + GAP), box.top() + PADDING), size)
        path = record.preview if view is None else record.photos.get(view)
        draw_tile(painter, place, path, thumbnails, tokens, head=view is None)
    _draw_words(painter, box, box.top() + PADDING + size.height() + 6, record, chip_of(record, work), tokens, font)
    if work is not None and not work.waiting:
        _draw_bar(painter, box, work.fraction, tokens)
    painter.restore()


def draw_tile(
    painter: QPainter, place: QRectF, path: Path | None, thumbnails: Thumbnails, tokens: Tokens, head: bool = False
) -> None:
    """Draw one picture, cropped to fill its place; an icon where there is none (yet)."""
    painter.save()
    shape = QPainterPath()
    shape.addRoundedRect(place, 4, 4)
    painter.setClipPath(shape)
    painter.fillRect(place, QColor(tokens.surface_0))
    picture = thumbnails.get(path) if path is not None else None
    if picture is not None:
        painter.drawPixmap(place, picture, _crop(picture, place, head))
    elif path is None or thumbnails.is_broken(path):
        name = "warning" if path is not None else "head" if head else "photos"
        side = round(min(24.0, place.width() * 0.5))
        middle = place.center() - QPointF(side / 2, side / 2)
        ratio = painter.device().devicePixelRatio()
        painter.drawPixmap(middle, _mark(name, side, tokens.warn if name == "warning" else tokens.line, ratio))
    painter.restore()


@lru_cache(maxsize=64)
def _mark(name: str, side: int, colour: str, ratio: float) -> QPixmap:
    return pixmap(name, side, colour)  # kept: drawing it takes longer than the rest of the card


def _crop(picture: QPixmap, place: QRectF, head: bool) -> QRectF:
    """The part of a picture that fills a place without distortion. A head's preview shows it twice: the left half is textured."""
    width, height = picture.width() / (2 if head else 1), float(picture.height())
    scale = min(width / place.width(), height / place.height())
    size = QSizeF(place.width() * scale, place.height() * scale)
    return QRectF(QPointF((width - size.width()) / 2, (height - size.height()) / 2), size)


def _draw_words(
    painter: QPainter, box: QRectF, top: float, record: CaptureRecord, chip: Chip, tokens: Tokens, font: QFont
) -> None:
    left, right = box.left() + PADDING + 2, box.right() - PADDING - 2
    strong = QFont(font)
    strong.setWeight(QFont.Weight.DemiBold)
    painter.setFont(strong)
    painter.setPen(QColor(tokens.text))
    metrics = QFontMetrics(strong)
    name = metrics.elidedText(record.name, Qt.TextElideMode.ElideRight, int(right - left))
    painter.drawText(QRectF(left, top, right - left, LINE), Qt.AlignmentFlag.AlignVCenter, name)
    painter.setFont(font)
    metrics = QFontMetrics(font)
    below = QRectF(left, top + LINE, right - left, LINE)
    width = metrics.horizontalAdvance(chip.text)
    painter.setPen(QColor(getattr(tokens, chip.colour)))
    painter.drawText(below, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, chip.text)
    draw_shape(painter, QRectF(right - width - 17, below.center().y() - 5.5, 11, 11), chip, tokens)
    painter.setPen(QColor(tokens.text_dim))
    room = int(right - left - width - 26)
    when = date_text(record.created)
    if metrics.horizontalAdvance(when) > room:
        when = QLocale().toString(QDateTime(record.created), "d MMM yyyy")
    painter.drawText(below, Qt.AlignmentFlag.AlignVCenter, metrics.elidedText(when, Qt.TextElideMode.ElideRight, room))


def _draw_bar(painter: QPainter, box: QRectF, fraction: float, tokens: Tokens) -> None:
    track = QRectF(box.left() + PADDING, box.bottom() - 7, box.width() - 2 * PADDING, 3)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(tokens.line))
    painter.drawRoundedRect(track, 1.5, 1.5)
    painter.setBrush(QColor(tokens.accent))
    painter.drawRoundedRect(QRectF(track.topLeft(), QSizeF(track.width() * min(max(fraction, 0.0), 1.0), 3)), 1.5, 1.5)


def date_text(moment: datetime) -> str:
    """A date and time as the operator writes it."""
    return QLocale().toString(QDateTime(moment), "d MMM yyyy HH:mm")


def tile_name(view: ViewName) -> str:
    """A view in the operator's language."""
    return {ViewName.LEFT: tr("left"), ViewName.FRONT: tr("front"), ViewName.RIGHT: tr("right")}[view]
