"""The pane at the right while an import is decided: the names and views of one proposed capture, and one subject for all."""

from __future__ import annotations

from PySide6.QtWidgets import (
    QFormLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from facestudio.app.pages.library.import_panel import ImportPanel
from facestudio.app.pages.library.import_presenter import ImportPresenter
from facestudio.app.pages.library.panes import line, scrolled
from facestudio.app.pages.library.thumbnails import Thumbnails
from facestudio.app.pages.library.view_tiles import ViewTiles
from facestudio.app.strings import tr
from facestudio.types import ViewName


class ImportInspector(QWidget):
    """The names and views of the proposed capture that is selected, and one subject for all."""

    def __init__(
        self, presenter: ImportPresenter, panel: ImportPanel, thumbnails: Thumbnails, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._presenter, self._list = presenter, panel.list
        self.tiles = ViewTiles(thumbnails, self)
        self.subject, self.session, self.name = QLineEdit(self), QLineEdit(self), QLineEdit(self)
        self.notes = QLabel(self)
        self.all_subject, self.all_session = QLineEdit(self), QLineEdit(self)
        self._build()
        panel.list.selectionModel().currentChanged.connect(lambda *_: self._refresh())
        presenter.changed.connect(lambda row: self._refresh())
        self.tiles.swap_wanted.connect(self._swap)
        for field, key in ((self.subject, "subject"), (self.session, "session"), (self.name, "name")):
            field.editingFinished.connect(lambda f=field, k=key: self._edited(f, k))
        for field, key in ((self.all_subject, "subject"), (self.all_session, "session")):
            field.editingFinished.connect(lambda f=field, k=key: self._edited_all(f, k))

    def _swap(self, one: ViewName, other: ViewName) -> None:
        if self._row() >= 0:
            self._presenter.swap(self._row(), one, other)

    def _row(self) -> int:
        row = self._list.currentIndex().row()
        return row if row < len(self._presenter.captures) else -1

    def _refresh(self) -> None:
        row = self._row()
        if row < 0:
            return
        capture = self._presenter.captures[row]
        self.tiles.show_photos(capture.photos)
        for field, text in ((self.subject, capture.subject), (self.session, capture.session), (self.name, capture.name or "")):
            if field.text() != text:
                field.setText(text)
        known = [tr("In the library already: {name}", name=capture.known_as)] if capture.known_as else []
        self.notes.setText("\n".join([*known, *capture.notes]))
        self.notes.setVisible(bool(self.notes.text()))

    def _edited(self, field: QLineEdit, key: str) -> None:
        row, text = self._row(), field.text().strip()
        if row < 0:
            return
        if text or key == "name":
            self._presenter.change(row, **{key: text or None})
        self._refresh()

    def _edited_all(self, field: QLineEdit, key: str) -> None:
        if field.text().strip():
            self._presenter.change_all(**{key: field.text().strip()})
            field.clear()

    def _build(self) -> None:
        self.notes.setWordWrap(True)
        self.notes.setProperty("look", "warn")
        self.name.setPlaceholderText(tr("by number"))
        for field in (self.all_subject, self.all_session):
            field.setPlaceholderText(tr("as each says"))
        inner = QWidget(self)
        column = QVBoxLayout(inner)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        column.addWidget(self.tiles)
        column.addWidget(self.notes)
        column.addLayout(
            _form(self, ((tr("Subject"), self.subject), (tr("Session"), self.session), (tr("Capture"), self.name)))
        )
        column.addWidget(line(self))
        heading = QLabel(tr("The same for all"), self)
        heading.setProperty("look", "section")
        column.addWidget(heading)
        column.addLayout(_form(self, ((tr("Subject"), self.all_subject), (tr("Session"), self.all_session))))
        column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolled(inner, self))


def _form(parent: QWidget, rows: tuple[tuple[str, QLineEdit], ...]) -> QFormLayout:
    form = QFormLayout()
    form.setSpacing(8)
    for text, field in rows:
        field.setAccessibleName(text)
        label = QLabel(text, parent)
        label.setProperty("look", "dim")
        label.setBuddy(field)
        form.addRow(label, field)
    return form
