"""The pane at the right of the library: the selected capture, what is known of it, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from facestudio.app.from_below import said
from facestudio.app.icons import icon
from facestudio.app.pages.library.card import date_text
from facestudio.app.pages.library.panes import Leaving, line, scrolled
from facestudio.app.pages.library.presenter import LibraryPresenter
from facestudio.app.pages.library.states import chip_of
from facestudio.app.pages.library.subject_panel import SubjectPanel
from facestudio.app.pages.library.trash_panel import TrashPanel
from facestudio.app.pages.library.view_tiles import ViewTiles
from facestudio.app.strings import tr
from facestudio.app.theme import theme
from facestudio.library.records import CaptureRecord
from facestudio.types import ViewName


class CaptureInspector(QStackedWidget):
    """Nothing, one capture, or several. export_wanted(record): a ZIP file of its subject."""

    export_wanted = Signal(object)

    def __init__(self, presenter: LibraryPresenter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._presenter = presenter
        self._record: CaptureRecord | None = None
        self._shown: Path | None = None
        self.nothing, self.many = _Nothing(presenter, self), _Many(presenter, self)
        self.tiles = ViewTiles(presenter.thumbnails, self)
        self.state, self.attention, self.facts = QLabel(self), QLabel(self), QLabel(self)
        self.name, self.subject, self.session = QLineEdit(self), QLineEdit(self), QLineEdit(self)
        self.notes = QPlainTextEdit(self)
        self.main, self.again = QPushButton(self), QPushButton(self)
        self.export, self.delete = QPushButton(tr("Export…"), self), QPushButton(tr("Delete"), self)
        self.person = SubjectPanel(presenter, self)
        self._build()
        self._connect()
        self.refresh()

    @property
    def record(self) -> CaptureRecord | None:
        """The capture shown."""
        return self._record

    def refresh(self) -> None:
        """Show the selection as it is now."""
        selection = self._presenter.selection
        self._record = selection[0] if len(selection) == 1 else None
        self.setCurrentIndex(min(len(selection), 2))
        if len(selection) > 1:
            self.many.show_count(len(selection))
        if self._record is not None:
            self._show(self._record)

    def _show(self, record: CaptureRecord) -> None:
        another, self._shown = record.path != self._shown, record.path
        work = self._presenter.work_of(record.path)
        chip = chip_of(record, work)
        self.tiles.show_photos(record.photos)
        self.state.setText(chip.text[:1].upper() + chip.text[1:])
        self.state.setProperty("look", {"warn": "warn", "ok": "ok"}.get(chip.colour, "section"))
        self.state.style().polish(self.state)
        self.attention.setText(said(record.attention))
        self.attention.setVisible(bool(record.attention) and work is None)
        for field, text in ((self.name, record.name), (self.subject, record.subject), (self.session, record.session)):
            if another or not field.hasFocus():  # what is being typed is the operator's
                field.setText(text)
                field.setCursorPosition(0)
        if another or not self.notes.hasFocus():
            self.notes.setPlainText(record.notes)
        when = date_text(record.created)
        size = tr("calibrated: the head is metric") if record.cameras else tr("not calibrated: the size is assumed")
        self.facts.setText(f"{when}\n{size}")
        busy = work is not None or record.running
        run = tr("Run again") if record.interrupted else tr("Reconstruct")
        self.main.setText(tr("Open the head") if record.head else run)
        self.main.setEnabled(bool(record.head or (record.photos and not busy)))
        self.again.setText(tr("Run again") if record.interrupted else tr("Reconstruct again"))
        self.again.setVisible(bool(record.head and record.photos))
        self.again.setEnabled(not busy)
        self.export.setEnabled(record.head is not None)
        self.delete.setEnabled(not busy)
        for field in (self.name, self.subject, self.session):
            field.setEnabled(not busy)
        self.tiles.setEnabled(not busy)
        self.person.show_subject(record)

    def _build(self) -> None:
        self.attention.setWordWrap(True)
        self.attention.setProperty("look", "warn")
        self.facts.setProperty("look", "dim")
        self.main.setProperty("look", "primary")
        self.delete.setProperty("look", "danger")
        self.notes.setFixedHeight(64)
        self.notes.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)  # the style sheet sets a lower minimum
        self.notes.setTabChangesFocus(True)
        self.notes.setPlaceholderText(tr("Notes on this capture"))
        form = QFormLayout()
        form.setSpacing(8)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        all_of_it = tr("Renames it for all its captures. The name of another one moves this capture there.")
        rows = (
            (tr("Capture"), self.name, ""),
            (tr("Session"), self.session, all_of_it),
            (tr("Subject"), self.subject, all_of_it),
        )
        for text, field, tip in rows:
            field.setAccessibleName(text)
            field.setToolTip(tip)
            label = QLabel(text, self)
            label.setProperty("look", "dim")
            label.setBuddy(field)
            form.addRow(label, field)
        self.notes.setAccessibleName(tr("Notes on this capture"))
        inner = QWidget(self)
        column = QVBoxLayout(inner)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        for widget in (self.tiles, self.state, self.attention, self.main, self.again):
            column.addWidget(widget)
        column.addLayout(form)
        column.addWidget(self.notes)
        column.addWidget(self.facts)
        both = QHBoxLayout()
        both.setSpacing(8)
        for button in (self.export, self.delete):
            both.addWidget(button, 1)
        column.addLayout(both)
        column.addWidget(line(self))
        column.addWidget(self.person)
        column.addStretch(1)
        for index, part in enumerate((self.nothing, scrolled(inner, self), self.many)):
            self.insertWidget(index, part)
        theme().changed.connect(self._tint)
        self._tint()

    def _connect(self) -> None:
        p = self._presenter
        p.selected.connect(self.refresh)
        p.listed.connect(self.refresh)
        p.worked.connect(lambda path: self.refresh() if self._record is not None and self._record.path == path else None)
        self.tiles.swap_wanted.connect(self._swap)
        self.main.clicked.connect(self._do_main)
        self.again.clicked.connect(self._run_again)
        self.export.clicked.connect(self._export)
        self.delete.clicked.connect(lambda: p.delete(p.selection))
        self.name.editingFinished.connect(lambda: self._rename(p.rename, self.name))
        self.session.editingFinished.connect(lambda: self._rename(p.rename_session, self.session))
        self.subject.editingFinished.connect(lambda: self._rename(p.rename_subject, self.subject))
        self.person.export_wanted.connect(self.export_wanted)
        self.notes.installEventFilter(Leaving(self, self._notes_left))

    def _swap(self, one: ViewName, other: ViewName) -> None:
        if self._record is not None:
            self._presenter.swap(self._record, one, other)

    def _run_again(self) -> None:
        if self._record is not None:
            self._presenter.reconstruct([self._record])

    def _export(self) -> None:
        if self._record is not None:
            self._presenter.navigator.open_export(self._record.path)

    def _rename(self, rename: Callable[[CaptureRecord, str], None], field: QLineEdit) -> None:
        if self._record is not None:
            rename(self._record, field.text())

    def _notes_left(self) -> None:
        if self._record is not None:
            self._presenter.set_notes(self._record, self.notes.toPlainText())

    def _do_main(self) -> None:
        if self._record is None:
            return
        if self._record.head is not None:
            self._presenter.open(self._record)
        else:
            self._presenter.reconstruct([self._record])

    def _tint(self) -> None:
        self.export.setIcon(icon("export"))
        self.delete.setIcon(icon("trash"))
        self.again.setIcon(icon("run"))


class _Nothing(QWidget):
    def __init__(self, presenter: LibraryPresenter, parent: QWidget) -> None:
        super().__init__(parent)
        self._presenter = presenter
        self._title, self._text, self._keys = QLabel(self), QLabel(self), QLabel(self)
        self._title.setProperty("look", "section")
        for label in (self._text, self._keys):
            label.setProperty("look", "dim")
            label.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(8)
        for label in (self._title, self._text, self._keys):
            column.addWidget(label)
        self.trash = TrashPanel(presenter, self)
        column.addWidget(self.trash)
        column.addStretch(1)
        presenter.listed.connect(self._refresh)
        self._refresh()

    def _refresh(self) -> None:
        p = self._presenter
        if p.empty:
            self._title.setText(tr("The library is empty"))
            self._text.setText(tr("Photos are copied bit for bit; yours stay where they are."))
            self._keys.setText(tr("The library lies in {folder}.", folder=p.library.root))
            return
        found = len(p.listing.keys)
        self._title.setText(tr("No capture selected"))
        self._text.setText(tr("1 capture shown.") if found == 1 else tr("{count} captures shown.", count=found))
        self._keys.setText(tr("Enter opens, F2 renames, Delete deletes, Ctrl+Z takes it back, Ctrl+F searches."))


class _Many(QWidget):
    def __init__(self, presenter: LibraryPresenter, parent: QWidget) -> None:
        super().__init__(parent)
        self._title = QLabel(self)
        self._title.setProperty("look", "heading")
        run, delete = QPushButton(tr("Reconstruct them"), self), QPushButton(tr("Delete them"), self)
        run.setProperty("look", "primary")
        delete.setProperty("look", "danger")
        run.clicked.connect(lambda: presenter.reconstruct(presenter.selection))
        delete.clicked.connect(lambda: presenter.delete(presenter.selection))
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        for widget in (self._title, run, delete):
            column.addWidget(widget)
        column.addStretch(1)

    def show_count(self, count: int) -> None:
        """Say how many."""
        self._title.setText(tr("{count} captures selected", count=count))
