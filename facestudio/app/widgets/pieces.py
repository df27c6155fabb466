"""Small parts that pages and inspectors are made of."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget


class Scrolled(QScrollArea):
    """A tab's content in one column, scrolled when it is long. `column` is where to put it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget(self)
        self.column = QVBoxLayout(inside)
        self.column.setContentsMargins(16, 16, 16, 16)
        self.column.setSpacing(8)
        self.setWidget(inside)
        show_through(self)


def show_through(area: QScrollArea) -> None:
    """Let the colour of the pane under a scrolled widget show: `setWidget` paints the window's colour over it."""
    for widget in (area.viewport(), area.widget()):
        if widget is not None:
            widget.setAutoFillBackground(False)


def words(text: str, look: str = "", parent: QWidget | None = None) -> QLabel:
    """Text that wraps and may be copied with the mouse. look: one of the style sheet's."""
    label = QLabel(text, parent) if parent is not None else QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
    if look:
        label.setProperty("look", look)
    return label


def section(title: str) -> QLabel:
    """A section's heading."""
    label = words(title, "section")
    label.setContentsMargins(0, 12, 0, 0)
    return label


def side_by_side(*widgets: QWidget) -> QWidget:
    """Widgets side by side, at the left."""
    holder = QWidget()
    inside = QHBoxLayout(holder)
    inside.setContentsMargins(0, 0, 0, 0)
    inside.setSpacing(8)
    for widget in widgets:
        inside.addWidget(widget)
    inside.addStretch(1)
    return holder


def line(parent: QWidget, vertical: bool = False) -> QFrame:
    """A thin line between two parts."""
    drawn = QFrame(parent)
    drawn.setProperty("look", "line")
    drawn.setFixedWidth(1) if vertical else drawn.setFixedHeight(1)
    return drawn


def table(rows: tuple[tuple[str, str], ...]) -> QWidget:
    """Two columns: what, and its number at the right."""
    whole = QWidget()
    grid = QGridLayout(whole)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setVerticalSpacing(4)
    grid.setColumnStretch(0, 1)
    for number, (what, value) in enumerate(rows):
        grid.addWidget(words(what, "dim"), number, 0)
        right = words(value)
        right.setWordWrap(False)
        right.setAlignment(Qt.AlignmentFlag.AlignRight)
        grid.addWidget(right, number, 1)
    return whole


def emptied(column: QVBoxLayout) -> QVBoxLayout:
    """The column, with everything taken out of it."""
    while column.count():
        item = column.takeAt(0)
        widget = item.widget() if item is not None else None
        if widget is not None:
            widget.hide()
            widget.deleteLater()
    return column
