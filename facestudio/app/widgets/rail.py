"""The rail at the window's left: one button for each page, icon over name, Ctrl+1 upwards."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QButtonGroup, QFrame, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from facestudio.app.icons import icon
from facestudio.app.page import Page
from facestudio.app.strings import tr
from facestudio.app.theme import theme

WIDTH = 64


class Rail(QFrame):
    """chosen(key): the operator asked for a page. The window says by `show_current` which one is in front."""

    chosen = Signal(str)

    def __init__(self, pages: Sequence[type[Page]], parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("look", "panel")
        self.setFixedWidth(WIDTH)
        self.setAccessibleName(tr("Pages"))
        self._icons: dict[str, str] = {}
        self._buttons: dict[str, QToolButton] = {}
        self._group = QButtonGroup(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 8)
        column.setSpacing(2)
        for number, page in enumerate(pages, start=1):
            if page.key == "settings":
                column.addStretch(1)
            column.addWidget(self._button(page, number))
        if not any(page.key == "settings" for page in pages):
            column.addStretch(1)
        theme().changed.connect(self._tint)
        self._tint()

    def show_current(self, key: str) -> None:
        """Mark the page in front; none, when the key is of no page (the welcome screen)."""
        self._group.setExclusive(False)
        for name, button in self._buttons.items():
            button.setChecked(name == key)
        self._group.setExclusive(True)

    def button(self, key: str) -> QToolButton:
        """The button of a page."""
        return self._buttons[key]

    def _button(self, page: type[Page], number: int) -> QToolButton:
        name, keys = tr(page.title), f"Ctrl+{number}"
        button = QToolButton(self)
        button.setText(name)
        button.setProperty("look", "rail")
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setIconSize(QSize(24, 24))
        button.setCheckable(True)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        button.setFixedHeight(60)
        button.setToolTip(f"{name} ({keys})")
        button.setAccessibleName(name)
        button.clicked.connect(lambda _checked=False, key=page.key: self.chosen.emit(key))
        shortcut = QShortcut(QKeySequence(keys), self.window())
        shortcut.activated.connect(lambda key=page.key: self.chosen.emit(key))
        self._group.addButton(button)
        self._buttons[page.key], self._icons[page.key] = button, page.icon
        return button

    def _tint(self) -> None:
        for key, button in self._buttons.items():
            button.setIcon(icon(self._icons[key]))
