"""What was deleted: how much there is, the last of it back, or all of it gone for good."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from facestudio.app.icons import icon
from facestudio.app.pages.library.presenter import LibraryPresenter
from facestudio.app.strings import tr
from facestudio.app.theme import theme


class TrashPanel(QWidget):
    """Hidden while the trash is empty."""

    def __init__(self, presenter: LibraryPresenter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._presenter = presenter
        self.title, self.warning = QLabel(self), QLabel(tr("They will be gone for good. It cannot be undone."), self)
        self.title.setProperty("look", "section")
        self.warning.setProperty("look", "bad")
        self.warning.setWordWrap(True)
        self.back, self.empty = QPushButton(tr("Bring back {name}", name=""), self), QPushButton(tr("Empty the trash…"), self)
        self.confirm, self.keep = QPushButton(tr("Remove for good"), self), QPushButton(tr("Keep"), self)
        for button in (self.empty, self.confirm):
            button.setProperty("look", "danger")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 16, 0, 0)
        column.setSpacing(8)
        for widget in (self.title, self.back, self.empty, self.warning, self.confirm, self.keep):
            column.addWidget(widget)
        self.back.clicked.connect(presenter.restore_last)
        self.empty.clicked.connect(lambda: self._ask(True))
        self.keep.clicked.connect(lambda: self._ask(False))
        self.confirm.clicked.connect(self._confirmed)
        presenter.listed.connect(self._refresh)
        theme().changed.connect(self._tint)
        self._tint()
        self._ask(False)
        self._refresh()

    def _refresh(self) -> None:
        trash = self._presenter.trash
        self.setVisible(bool(trash))
        if trash:
            count = tr("1 capture in the trash") if len(trash) == 1 else tr("{count} captures in the trash", count=len(trash))
            self.title.setText(count)
            self.back.setText(tr("Bring back {name}", name=trash[0].original.name))

    def _ask(self, asking: bool) -> None:
        for widget in (self.warning, self.confirm, self.keep):
            widget.setVisible(asking)
        self.empty.setVisible(not asking)
        if asking:
            self.keep.setFocus()

    def _confirmed(self) -> None:
        self._presenter.empty_trash()
        self._ask(False)

    def _tint(self) -> None:
        self.back.setIcon(icon("undo"))
        self.empty.setIcon(icon("trash"))
