"""The sliders of a face: searched by name, grouped from the forehead down, identity folded away."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QShowEvent, QUndoStack
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from facestudio.app.icons import icon
from facestudio.app.pages.head.controls import IDENTITY_GROUP
from facestudio.app.pages.head.face import FacePresenter
from facestudio.app.pages.head.slider_row import SliderRow
from facestudio.app.strings import tr
from facestudio.app.theme import tokens
from facestudio.app.widgets.pieces import Scrolled, emptied, words


class FaceTab(QWidget):
    """Follows a `FacePresenter`."""

    def __init__(self, face: FacePresenter, undo: QUndoStack, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._face = face
        self.rows: dict[str, SliderRow] = {}
        self._stale = True
        self._groups: list[tuple[QToolButton, list[SliderRow]]] = []
        self.search = QLineEdit(self)
        self.search.setPlaceholderText(tr("Search sliders"))
        self.search.setAccessibleName(tr("Search sliders"))
        self.search.setClearButtonEnabled(True)
        self.undo, self.redo = (_tool(tr("Undo (Ctrl+Z)"), tr("Undo")), _tool(tr("Redo (Ctrl+Shift+Z)"), tr("Redo")))
        self.photographed = QPushButton(tr("Photographed"), self)
        self.photographed.setToolTip(tr("Show the expression that the photos show"))
        self.reset = QPushButton(tr("Reset"), self)
        self.reset.setToolTip(tr("All sliders to rest"))
        for button in (self.photographed, self.reset):
            button.setProperty("look", "quiet")
        top = QHBoxLayout()
        top.setSpacing(4)
        for widget in (self.photographed, self.reset):
            top.addWidget(widget)
        top.addStretch(1)
        for tool in (self.undo, self.redo):
            top.addWidget(tool)
        head = QVBoxLayout()
        head.setContentsMargins(16, 12, 16, 0)
        head.setSpacing(8)
        head.addWidget(self.search)
        head.addLayout(top)
        self.list = Scrolled(self)
        self.list.setAccessibleName(tr("Sliders"))
        self.list.column.setSpacing(2)
        self.list.column.setContentsMargins(16, 4, 16, 16)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(4)
        whole.addLayout(head)
        whole.addWidget(self.list, 1)
        self.search.textChanged.connect(self._filter)
        self.photographed.clicked.connect(face.show_photographed)
        self.reset.clicked.connect(face.reset)
        self.undo.clicked.connect(undo.undo)
        self.redo.clicked.connect(undo.redo)
        undo.canUndoChanged.connect(self.undo.setEnabled)
        undo.canRedoChanged.connect(self.redo.setEnabled)
        self.undo.setEnabled(undo.canUndo())
        self.redo.setEnabled(undo.canRedo())
        face.rebuilt.connect(self._rebuild)
        face.changed.connect(self._follow)
        self.retint()
        self._rebuild()

    def retint(self) -> None:
        """Draw the icons in the theme's colours."""
        for name, tool in (("undo", self.undo), ("redo", self.redo)):
            tool.setIcon(icon(name))
        for button, _ in self._groups:
            self._fold_icon(button)

    def showEvent(self, event: QShowEvent) -> None:
        """Make the sliders when somebody looks, not in the moment when a head arrives."""
        super().showEvent(event)
        if self._stale:
            self._rebuild()

    def _rebuild(self) -> None:
        self._stale = not self.isVisible()
        if self._stale:
            return
        if self.rows and [control.key for control in self._face.controls] == list(self.rows):
            self._follow(tuple(self.rows))  # another head of the same model: the same sliders
            return
        column = emptied(self.list.column)
        self.rows, self._groups = {}, []
        there = bool(self._face.controls)
        for widget in (self.search, self.photographed):
            widget.setEnabled(there)
        self._show_rest()
        if not there:
            column.addWidget(words(tr("There is no head yet."), "dim"))
            column.addStretch(1)
            return
        members: dict[str, list[SliderRow]] = {}
        for control in self._face.controls:
            row = SliderRow(control)
            row.grabbed.connect(self._face.begin_gesture)
            row.moved.connect(self._face.set)
            self.rows[control.key] = row
            members.setdefault(control.group, []).append(row)
        for group, rows in members.items():
            title = self._title(group)
            column.addWidget(title)
            for row in rows:
                column.addWidget(row)
            self._groups.append((title, rows))
        column.addStretch(1)
        self._filter(self.search.text())

    def _title(self, group: str) -> QToolButton:
        button = QToolButton()
        button.setText(tr(group))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setIconSize(QSize(16, 16))
        button.setCheckable(True)
        button.setChecked(group != IDENTITY_GROUP)
        button.setSizePolicy(
            QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed
        )  # a long title must not widen the sliders' column
        button.setStyleSheet(
            "QToolButton { font-weight: 600; padding: 10px 0 4px 0; } QToolButton, QToolButton:checked, QToolButton:hover "
            "{ background: transparent; color: palette(placeholder-text); } QToolButton:focus { color: palette(highlight); }"
        )
        button.toggled.connect(lambda _on: self._filter(self.search.text()))
        button.toggled.connect(lambda _on, b=button: self._fold_icon(b))
        self._fold_icon(button)
        return button

    def _fold_icon(self, button: QToolButton) -> None:
        button.setIcon(icon("unfold" if button.isChecked() else "fold", tokens().text_dim))

    def _filter(self, text: str) -> None:
        wanted = text.strip().casefold()
        for title, rows in self._groups:
            any_shown = False
            for row in rows:
                # A search looks into folded groups, too.
                shown = wanted in row.title.casefold() if wanted else title.isChecked()
                row.setVisible(shown)
                any_shown = any_shown or shown
            title.setVisible(any_shown or not wanted)

    def _follow(self, keys: tuple[str, ...]) -> None:
        for key in keys:
            if key in self.rows:
                self.rows[key].show_value(self._face.value(key))
        self._show_rest()

    def _show_rest(self) -> None:
        self.reset.setEnabled(not self._face.at_rest)


def _tool(tip: str, accessible: str) -> QToolButton:
    tool = QToolButton()
    tool.setToolTip(tip)
    tool.setAccessibleName(accessible)
    tool.setFixedSize(30, 30)
    return tool
