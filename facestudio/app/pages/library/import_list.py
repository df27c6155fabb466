"""The list of proposed captures: each a row with a tick, its photos, its names, and what should be known of it."""

from __future__ import annotations

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    QSize,
    QSizeF,
    Qt,
)
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import (
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from facestudio.app.from_below import said
from facestudio.app.pages.library.card import ASPECT, draw_tile
from facestudio.app.pages.library.import_presenter import ImportPresenter
from facestudio.app.pages.library.thumbnails import Thumbnails
from facestudio.app.strings import tr
from facestudio.app.theme import RADIUS, tokens
from facestudio.pipeline.import_captures import ProposedCapture
from facestudio.types import ViewName

ROW, TILE = 92, 54
CAPTURE = Qt.ItemDataRole.UserRole + 1
_Index = QModelIndex | QPersistentModelIndex


class ProposalModel(QAbstractListModel):
    """Proposed captures as rows with a tick."""

    def __init__(self, presenter: ImportPresenter, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._presenter = presenter
        self._rows = 0
        presenter.changed.connect(self._changed)
        presenter.closed.connect(lambda: self._changed(-1))

    def rowCount(self, parent: _Index | None = None) -> int:
        """How many there are."""
        return 0 if parent is not None and parent.isValid() else self._rows

    def flags(self, index: _Index) -> Qt.ItemFlag:
        """They can be ticked."""
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsUserCheckable

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """CAPTURE: the ProposedCapture; its subject; whether it comes in."""
        if not index.isValid() or index.row() >= len(self._presenter.captures):
            return None
        capture = self._presenter.captures[index.row()]
        if role == CAPTURE:
            return capture
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return ", ".join(filter(None, (capture.subject, capture.session, capture.name, *capture.notes)))
        if role == Qt.ItemDataRole.CheckStateRole:
            left_out = index.row() in self._presenter.left_out
            return Qt.CheckState.Unchecked if left_out else Qt.CheckState.Checked
        return None

    def setData(self, index: _Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Tick or untick."""
        if role != Qt.ItemDataRole.CheckStateRole:
            return False
        self._presenter.include(index.row(), Qt.CheckState(value) == Qt.CheckState.Checked)
        return True

    def _changed(self, row: int) -> None:
        if row >= 0:
            self.dataChanged.emit(self.index(row), self.index(row))
            return
        self.beginResetModel()
        self._rows = len(self._presenter.captures)
        self.endResetModel()


class ProposalDelegate(QStyledItemDelegate):
    """Draws a proposed capture: tick, photos, names, and what should be known."""

    def __init__(self, thumbnails: Thumbnails, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thumbnails = thumbnails

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        """All rows are alike."""
        return QSize(320, ROW)

    def tick_rect(self, rect: QRect) -> QRect:
        """Where the tick is."""
        return QRect(rect.left() + 14, rect.center().y() - 9, 18, 18)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        """Draw one row."""
        capture, colours = index.data(CAPTURE), tokens()
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        if not isinstance(capture, ProposedCapture):
            return
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        card = QRectF(rect).adjusted(1, 2, -1, -2)
        painter.setPen(QPen(QColor(colours.accent if chosen else colours.line), 1.5 if chosen else 1.0))
        painter.setBrush(QColor(colours.surface_2 if chosen else colours.surface_1))
        painter.drawRoundedRect(card, RADIUS, RADIUS)
        comes_in = index.data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked
        self._draw_tick(painter, QRectF(self.tick_rect(rect)), comes_in)
        painter.setOpacity(1.0 if comes_in else 0.45)
        left = rect.left() + 44.0
        for view in ViewName:
            place = QRectF(QPointF(left, rect.top() + (ROW - TILE * ASPECT) / 2), QSizeF(TILE, TILE * ASPECT))
            draw_tile(painter, place, capture.photos.get(view), self._thumbnails, colours)
            left += TILE + 6
        painter.setOpacity(1.0)  # the words say why it stays out, and must be read
        self._draw_words(painter, QRectF(left + 8, rect.top(), rect.right() - left - 20, ROW), capture, option)
        painter.restore()

    def _draw_tick(self, painter: QPainter, box: QRectF, ticked: bool) -> None:
        colours = tokens()
        painter.setPen(QPen(QColor(colours.accent if ticked else colours.text_dim), 1.5))
        painter.setBrush(QColor(colours.accent) if ticked else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(box, 4, 4)
        if ticked:
            painter.setPen(QPen(QColor(colours.on_accent), 2.0, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            corners = [
                box.topLeft() + QPointF(x * box.width(), y * box.height()) for x, y in ((0.25, 0.52), (0.43, 0.7), (0.76, 0.32))
            ]
            painter.drawPolyline(corners)

    def _draw_words(self, painter: QPainter, box: QRectF, capture: ProposedCapture, option: QStyleOptionViewItem) -> None:
        colours = tokens()
        font: QFont = option.font
        strong = QFont(font)
        strong.setWeight(QFont.Weight.DemiBold)
        known = tr("In the library already: {name}", name=capture.known_as) if capture.known_as else ""
        note = known or said(" ".join(capture.notes))
        cameras = tr("with cameras") if capture.cameras else ""
        second = "  ·  ".join(filter(None, (capture.session, capture.name, cameras)))
        lines = [(capture.subject, strong, colours.text), (second, font, colours.text_dim)]
        if note:
            lines.append((note, font, colours.warn))
        top = box.center().y() - 11 * len(lines)
        for text, face, colour in lines:
            painter.setFont(face)
            painter.setPen(QColor(colour))
            shown = QFontMetrics(face).elidedText(text, Qt.TextElideMode.ElideRight, int(box.width()))
            painter.drawText(QRectF(box.left(), top, box.width(), 22), Qt.AlignmentFlag.AlignVCenter, shown)
            top += 22


class ProposalList(QListView):
    """Space and a click on the tick leave a capture out."""

    def __init__(self, thumbnails: Thumbnails, parent: QWidget) -> None:
        super().__init__(parent)
        self._delegate = ProposalDelegate(thumbnails, self)
        self.setItemDelegate(self._delegate)
        self.setUniformItemSizes(True)
        self.setSpacing(2)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setAccessibleName(tr("Captures found"))
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.clicked.connect(self._clicked)
        self.setStyleSheet("QListView { background: transparent; }")

    def keyPressEvent(self, event: object) -> None:
        """Space ticks."""
        index = self.currentIndex()
        if event.key() == Qt.Key.Key_Space and index.isValid():  # type: ignore[attr-defined]
            self._toggle(index)
        else:
            super().keyPressEvent(event)  # type: ignore[arg-type]

    def _clicked(self, index: QModelIndex) -> None:
        point = self.viewport().mapFromGlobal(self.cursor().pos())
        if self._delegate.tick_rect(self.visualRect(index)).adjusted(-8, -8, 8, 8).contains(point):
            self._toggle(index)

    def _toggle(self, index: QModelIndex) -> None:
        ticked = index.data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked
        new = Qt.CheckState.Unchecked if ticked else Qt.CheckState.Checked
        self.model().setData(index, new, Qt.ItemDataRole.CheckStateRole)
