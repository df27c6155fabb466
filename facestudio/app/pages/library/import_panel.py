"""What was found in what was dropped, before it comes in: the list, what was skipped and why, and the decision."""

from __future__ import annotations

from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from facestudio.app.from_below import said
from facestudio.app.pages.library.import_list import ProposalList, ProposalModel
from facestudio.app.pages.library.import_presenter import ImportPresenter
from facestudio.app.pages.library.thumbnails import Thumbnails
from facestudio.app.strings import tr
from facestudio.app.theme import theme


class ImportPanel(QWidget):
    """The stage while an import is decided."""

    def __init__(self, presenter: ImportPresenter, thumbnails: Thumbnails, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._presenter = presenter
        self.title, self.skipped = QLabel(self), QLabel(self)
        self.list = ProposalList(thumbnails, self)
        self.list.setModel(ProposalModel(presenter, self.list))
        self.accept, self.cancel = QPushButton(self), QPushButton(tr("Cancel"), self)
        self.title.setProperty("look", "heading")
        self.skipped.setProperty("look", "warn")
        self.skipped.setWordWrap(True)
        self.accept.setProperty("look", "primary")
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.accept)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 12)
        column.setSpacing(12)
        for widget in (self.title, self.skipped):
            column.addWidget(widget)
        column.addWidget(self.list, 1)
        column.addLayout(buttons)
        self.accept.clicked.connect(presenter.accept)
        self.cancel.clicked.connect(presenter.dismiss)
        presenter.changed.connect(self._refresh)
        presenter.opened.connect(self._first)
        thumbnails.arrived.connect(lambda path: self.list.viewport().update())
        theme().changed.connect(self.list.viewport().update)
        self._refresh()

    def _first(self) -> None:
        self._refresh()
        p = self._presenter
        first = next((row for row in range(len(p.captures)) if row not in p.left_out), 0)
        self.list.setCurrentIndex(self.list.model().index(first, 0))
        self.list.setFocus()

    def _refresh(self, row: int = -1) -> None:
        p = self._presenter
        total, chosen = len(p.captures), len(p.chosen)
        self.title.setText(tr("1 capture found") if total == 1 else tr("{count} captures found", count=total))
        self.accept.setText(tr("Import 1 capture") if chosen == 1 else tr("Import {count} captures", count=chosen))
        self.accept.setEnabled(chosen > 0 and not p.busy)
        reasons = [said(skip.sentence) for skip in p.skipped]
        more = [tr("And {count} more.", count=len(reasons) - 3)] if len(reasons) > 3 else []
        self.skipped.setText("\n".join([*reasons[:3], *more]))
        self.skipped.setVisible(bool(reasons))
