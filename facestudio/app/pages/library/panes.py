"""Small parts that the library's panes are made of."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from facestudio.app.widgets.pieces import show_through


def line(parent: QWidget) -> QFrame:
    """A thin line between two parts."""
    frame = QFrame(parent)
    frame.setProperty("look", "line")
    frame.setFixedHeight(1)
    return frame


def scrolled(inner: QWidget, parent: QWidget) -> QScrollArea:
    """A column that scrolls when the window is low."""
    area = QScrollArea(parent)
    area.setWidgetResizable(True)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(inner)
    show_through(area)
    return area


class Leaving(QObject):
    """Calls something when a field is left: QPlainTextEdit has no editingFinished."""

    def __init__(self, parent: QObject, left: Callable[[], None]) -> None:
        super().__init__(parent)
        self._left = left

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Called by Qt; lets everything pass."""
        if event.type() == QEvent.Type.FocusOut:
            self._left()
        return False
