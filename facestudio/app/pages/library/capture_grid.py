"""The grid of captures. A QListView, so that screen readers know it, which lays out and paints by itself: only what is in sight."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFont,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QRegion,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QListView, QWidget

from facestudio.app.pages.library.capture_model import RECORD, CaptureModel
from facestudio.app.pages.library.card import draw_card
from facestudio.app.pages.library.grid_layout import GridLayout
from facestudio.app.pages.library.presenter import LibraryPresenter
from facestudio.app.strings import tr
from facestudio.app.theme import theme, tokens
from facestudio.library.records import CaptureRecord

_Index = QModelIndex | QPersistentModelIndex
_MOVES = {
    QAbstractItemView.CursorAction.MoveLeft: (0, -1),
    QAbstractItemView.CursorAction.MoveRight: (0, 1),
    QAbstractItemView.CursorAction.MovePrevious: (0, -1),
    QAbstractItemView.CursorAction.MoveNext: (0, 1),
    QAbstractItemView.CursorAction.MoveUp: (-1, 0),
    QAbstractItemView.CursorAction.MoveDown: (1, 0),
}


class CaptureGrid(QListView):
    """opened(record): double click or Enter. menu_wanted(position on the screen). delete_wanted(), rename_wanted(): by key."""

    opened = Signal(object)
    menu_wanted = Signal(QPoint)
    delete_wanted = Signal()
    rename_wanted = Signal()

    def __init__(self, presenter: LibraryPresenter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._presenter = presenter
        self._layout = GridLayout((), 1)
        self._hovered = -1
        self._kept_keys: set[int] = set()
        self._wanted: Path | None = None
        self.captures = CaptureModel(presenter, self)
        self.setModel(self.captures)
        self.setAccessibleName(tr("Captures"))
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setMouseTracking(True)
        self.doubleClicked.connect(self._open)
        self.captures.modelAboutToBeReset.connect(self._remember)
        self.captures.modelReset.connect(self._restore)
        self.selectionModel().selectionChanged.connect(self._selected)
        presenter.listed.connect(self._show_wanted)
        presenter.worked.connect(self._repaint)
        presenter.thumbnails.arrived.connect(self._arrived)
        theme().changed.connect(self.viewport().update)

    # --- where things are: what Qt asks an item view ------------------------------------------------------------------

    def doItemsLayout(self) -> None:
        """Lay everything out anew."""
        # Room is kept for the scroll bar, needed or not: else it would come, take width, and by that become needless again.
        bar = self.verticalScrollBar().sizeHint().width()
        self._layout = GridLayout(self._presenter.listing.groups, self.width() - bar)
        self.updateGeometries()
        self.viewport().update()

    def updateGeometries(self) -> None:
        """Tell the scroll bar how much there is."""
        bar, page = self.verticalScrollBar(), self.viewport().height()
        bar.setRange(0, max(0, self._layout.height - page))
        bar.setEnabled(bar.maximum() > 0)  # a bar is always there, so that cards do not jump; it has a handle when it can move
        bar.setPageStep(page)
        bar.setSingleStep(max(1, self._layout.card_height // 3))

    def visualRect(self, index: _Index) -> QRect:
        """Where a card lies in the viewport."""
        if not index.isValid() or index.row() >= self.captures.rowCount():
            return QRect()
        return self._layout.rect(index.row()).translated(0, -self.verticalOffset())

    def indexAt(self, point: QPoint) -> QModelIndex:
        """The card at a point of the viewport."""
        row = self._layout.row_at(point.x(), point.y() + self.verticalOffset())
        return QModelIndex() if row is None else self.captures.index(row)

    def verticalOffset(self) -> int:
        """How far it is scrolled, pixels."""
        return self.verticalScrollBar().value()

    def horizontalOffset(self) -> int:
        """It never scrolls sideways."""
        return 0

    def isIndexHidden(self, index: _Index) -> bool:
        """No card is hidden."""
        return False

    def scrollTo(self, index: _Index, hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible) -> None:
        """Bring a card into sight, and its heading with it when it is among the first of its group."""
        rect = self.visualRect(index)
        if rect.isNull():
            return
        bar, height = self.verticalScrollBar(), self.viewport().height()
        if rect.top() < 48:
            bar.setValue(bar.value() + rect.top() - 48)
        elif rect.bottom() > height - 12:
            bar.setValue(bar.value() + rect.bottom() - height + 12)

    def moveCursor(self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        """Where an arrow key leads."""
        total, row = self.captures.rowCount(), self.currentIndex().row()
        if not total:
            return QModelIndex()
        if row < 0:
            return self.captures.index(0)
        lines = max(1, self.viewport().height() // (self._layout.card_height + 12) - 1)
        if action in _MOVES:
            row = self._layout.beside(row, *_MOVES[action])
        elif action == QAbstractItemView.CursorAction.MovePageUp:
            row = self._layout.beside(row, -lines, 0)
        elif action == QAbstractItemView.CursorAction.MovePageDown:
            row = self._layout.beside(row, lines, 0)
        else:
            row = 0 if action == QAbstractItemView.CursorAction.MoveHome else total - 1
        return self.captures.index(row)

    def setSelection(self, rect: QRect, command: QItemSelectionModel.SelectionFlag) -> None:
        """Select the run of captures between two cards, or, when there is none at the corners, what the rectangle touches."""
        ends = [self.indexAt(point) for point in (rect.topLeft(), rect.bottomRight())]
        if all(index.isValid() for index in ends):
            first, last = sorted(ends, key=lambda index: index.row())
            self.selectionModel().select(QItemSelection(first, last), command)
            return
        area = rect.normalized().translated(0, self.verticalOffset())
        _, rows = self._layout.visible(area.top(), area.bottom() + 1)
        selection = QItemSelection()
        for row in rows:
            if self._layout.rect(row).intersects(area):
                selection.select(self.captures.index(row), self.captures.index(row))
        self.selectionModel().select(selection, command)

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:
        """What to repaint when a selection changes: the cards in sight."""
        return QRegion(self.viewport().rect())

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """Scrolled: paint what came into sight."""
        self.viewport().scroll(0, dy)
        self._hovered = -1

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another width: other columns."""
        self.doItemsLayout()

    # --- painting -----------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the headings and cards that the event touches."""
        painter = QPainter(self.viewport())
        colours, offset, area = tokens(), self.verticalOffset(), event.rect()
        painter.fillRect(area, QColor(colours.surface_0))
        headings, rows = self._layout.visible(area.top() + offset, area.bottom() + 1 + offset)
        for number in headings:
            self._draw_heading(painter, number, self._layout.heading(number).translated(0, -offset))
        current = self.currentIndex().row() if self.hasFocus() else -1
        for row in rows:
            record = self.captures.record(row)
            rect = self._layout.rect(row).translated(0, -offset)
            if record is None or not rect.intersects(area):
                continue
            draw_card(
                painter,
                QRectF(rect),
                record,
                self._presenter.work_of(record.path),
                self._presenter.thumbnails,
                colours,
                self.font(),
                selected=self.selectionModel().isSelected(self.captures.index(row)),
                current=row == current,
                hovered=row == self._hovered,
            )

    def _draw_heading(self, painter: QPainter, number: int, rect: QRect) -> None:
        group, colours = self._presenter.listing.groups[number], tokens()
        strong = QFont(self.font())
        strong.setPixelSize(15)
        strong.setWeight(QFont.Weight.DemiBold)
        base = rect.adjusted(2, 8, 0, 0)
        metrics = QFontMetrics(strong)
        subject = metrics.elidedText(group.subject, Qt.TextElideMode.ElideRight, base.width() * 3 // 5)
        painter.setFont(strong)
        painter.setPen(QColor(colours.text))
        painter.drawText(base, Qt.AlignmentFlag.AlignVCenter, subject)
        painter.setFont(self.font())
        painter.setPen(QColor(colours.text_dim))
        count = "" if group.count == 1 else f"  ·  {tr('{count} captures', count=group.count)}"
        rest = base.adjusted(metrics.horizontalAdvance(subject) + 12, 1, 0, 0)
        text = QFontMetrics(self.font()).elidedText(f"{group.session}{count}", Qt.TextElideMode.ElideRight, rest.width())
        painter.drawText(rest, Qt.AlignmentFlag.AlignVCenter, text)

    def _repaint(self, capture: Path) -> None:
        for row in self.captures.rows_of({capture}):
            self.viewport().update(self.visualRect(self.captures.index(row)))

    def _arrived(self, picture: Path) -> None:
        folders = {picture.parent, picture.parent.parent}  # a photo lies in the capture, the head's preview in its head/
        for row in self.captures.rows_of(folders):
            self.viewport().update(self.visualRect(self.captures.index(row)))

    # --- mouse and keys -----------------------------------------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Light up the card under the mouse."""
        super().mouseMoveEvent(event)
        self._hover(self.indexAt(event.position().toPoint()).row())

    def leaveEvent(self, event: QEvent) -> None:
        """The mouse is elsewhere."""
        super().leaveEvent(event)
        self._hover(-1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter opens, Delete deletes, F2 renames; the rest moves."""
        key = event.key()
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._open(self.currentIndex())
        elif key == Qt.Key.Key_Delete:
            self.delete_wanted.emit()
        elif key == Qt.Key.Key_F2:
            self.rename_wanted.emit()
        elif key == Qt.Key.Key_Menu:
            self.menu_wanted.emit(self.viewport().mapToGlobal(self.visualRect(self.currentIndex()).center()))
        else:
            super().keyPressEvent(event)
            return
        event.accept()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """A right click on a card."""
        if self.indexAt(event.pos()).isValid():
            self.menu_wanted.emit(event.globalPos())

    def show_capture(self, path: Path) -> None:
        """Select a capture and bring it into sight, as soon as the listing has it."""
        self._wanted = path
        self._show_wanted()

    def _show_wanted(self) -> None:
        key = self._presenter.library.key(self._wanted) if self._wanted is not None else None
        row = self.captures.row_of_key(key) if key is not None else None
        if row is not None:
            self._wanted = None
            self.setCurrentIndex(self.captures.index(row))
            self.scrollTo(self.captures.index(row))

    def _hover(self, row: int) -> None:
        if row != self._hovered:
            for old in (self._hovered, row):
                if 0 <= old < self.captures.rowCount():
                    self.viewport().update(self.visualRect(self.captures.index(old)))
            self._hovered = row

    def _open(self, index: _Index) -> None:
        record = index.data(RECORD) if index.isValid() else None
        if isinstance(record, CaptureRecord):
            self.opened.emit(record)

    def _selected(self) -> None:
        rows = sorted(index.row() for index in self.selectionModel().selectedIndexes())
        records = [record for record in map(self.captures.record, rows) if record is not None]
        self._presenter.select(records)

    def _remember(self) -> None:
        self._kept_keys = {self.captures.key(index.row()) for index in self.selectionModel().selectedIndexes()}

    def _restore(self) -> None:
        """After a reset: the same captures are selected, and the view stands where it stood."""
        self.doItemsLayout()
        paths = {record.path for record in self._presenter.selection}
        rows = [row for key in self._kept_keys if (row := self.captures.row_of_key(key)) is not None]
        if not rows and paths:
            rows = self.captures.rows_of(paths)
        selection = QItemSelection()
        for row in rows:
            selection.select(self.captures.index(row), self.captures.index(row))
        self.selectionModel().select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        if rows:
            self.selectionModel().setCurrentIndex(self.captures.index(rows[0]), QItemSelectionModel.SelectionFlag.NoUpdate)
