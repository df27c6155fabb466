"""What can be done with a whole subject: hand everything over, or erase it. No box stands in the way: the name is typed in place."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton, QScrollArea, QVBoxLayout, QWidget

from facestudio.app.icons import icon
from facestudio.app.pages.library.presenter import LibraryPresenter
from facestudio.app.strings import tr
from facestudio.app.theme import theme
from facestudio.library.records import CaptureRecord


class SubjectPanel(QWidget):
    """export_wanted(record): choose a place for the ZIP file."""

    export_wanted = Signal(object)

    def __init__(self, presenter: LibraryPresenter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._presenter = presenter
        self._record: CaptureRecord | None = None
        self.title = QLabel(self)
        self.title.setProperty("look", "section")
        self.export = QPushButton(tr("Export subject…"), self)
        self.erase = QPushButton(tr("Erase subject…"), self)
        self.warning, self.typed = QLabel(self), QLineEdit(self)
        self.confirm, self.keep = QPushButton(tr("Erase for good"), self), QPushButton(tr("Keep"), self)
        self.typed.setAccessibleName(tr("The subject's name, to confirm"))
        self.warning.setWordWrap(True)
        self.warning.setProperty("look", "bad")
        for button in (self.erase, self.confirm):
            button.setProperty("look", "danger")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for widget in (self.title, self.export, self.erase, self.warning, self.typed, self.confirm, self.keep):
            column.addWidget(widget)
        self.export.clicked.connect(lambda: self._record and self.export_wanted.emit(self._record))
        self.erase.clicked.connect(lambda: self._ask(True))
        self.keep.clicked.connect(lambda: self._ask(False))
        self.typed.textChanged.connect(self._check)
        self.typed.returnPressed.connect(self._confirmed)
        self.confirm.clicked.connect(self._confirmed)
        theme().changed.connect(self._tint)
        self._tint()
        self._ask(False)

    def show_subject(self, record: CaptureRecord) -> None:
        """Show the subject of a capture; what was typed for another is forgotten."""
        if self._record is None or record.subject_folder != self._record.subject_folder:
            self._ask(False)
        self._record = record
        self.title.setText(tr("Subject {name}", name=record.subject))
        self.warning.setText(
            tr(
                "Every photo, head, thumbnail and trace of {name} in this library will be removed. It cannot be undone. Files exported to "
                "other folders stay. Type the name to confirm:",
                name=record.subject,
            )
        )

    def _ask(self, asking: bool) -> None:
        self.typed.clear()
        for widget in (self.warning, self.typed, self.confirm, self.keep):
            widget.setVisible(asking)
        self.erase.setVisible(not asking)
        self._check()
        if asking:
            self.typed.setFocus()
            QTimer.singleShot(0, self, self._bring_into_sight)  # as soon as it is laid out

    def _bring_into_sight(self) -> None:
        """In a low window the question would open below the edge."""
        area = self.parentWidget()
        while area is not None and not isinstance(area, QScrollArea):
            area = area.parentWidget()
        if area is not None:
            area.ensureWidgetVisible(self.keep, 0, 16)

    def _check(self) -> None:
        self.confirm.setEnabled(self._record is not None and self.typed.text().strip() == self._record.subject)

    def _confirmed(self) -> None:
        if self._record is not None and self.confirm.isEnabled():
            self._presenter.erase_subject(self._record)
            self._ask(False)

    def _tint(self) -> None:
        self.export.setIcon(icon("subject"))
        self.erase.setIcon(icon("trash"))
