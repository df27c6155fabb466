"""The Export page: formats on the stage; folder, files and the button in the inspector."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from facestudio.app.icons import pixmap
from facestudio.app.page import Page
from facestudio.app.pages.export.checklist_view import ChecklistView
from facestudio.app.pages.export.format_row import FormatRow
from facestudio.app.pages.export.presenter import ExportPresenter, Stands
from facestudio.app.strings import mark, tr
from facestudio.app.theme import theme, tokens
from facestudio.app.widgets.pieces import show_through, words
from facestudio.app.widgets.progress_line import ProgressLine
from facestudio.export.formats import DEFAULT, FORMATS

if TYPE_CHECKING:
    from facestudio.app.context import AppContext

_WIDTH = 640
_MODELS = {"open": "OpenHead", "flame": "FLAME"}


class ExportPage(Page):
    """Opens by `navigator.open_export`."""

    key = "export"
    title = mark("Export")
    icon = "export"

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self.presenter = ExportPresenter(context, self)
        self.rows: dict[str, FormatRow] = {}
        self.heading = words("", "title")
        self.stack = QStackedWidget(self)
        self.pane = QWidget(self)
        self.folder = words("")
        self.topology = QComboBox()
        self.topology.setAccessibleName(tr("Topology"))
        self.files = words("")
        self.replaced = words("", "warn")
        self.change = QPushButton(tr("Change…"))
        self.change.setAccessibleName(tr("Change the export folder"))
        self.start = QPushButton(tr("Export"))
        self.start.setProperty("look", "primary")
        self.start.setMinimumHeight(40)
        self.bar = ProgressLine()
        self.bar.setRange(0, 1000)
        self.said = words("", "dim")
        self.done_sign = QLabel()
        self.done = words("")
        self.checklist = ChecklistView()
        self.show_folder = QPushButton(tr("Show in folder"))
        self._build_stage()
        self._build_pane()
        self.presenter.changed.connect(self._refresh)
        self.presenter.progressed.connect(self._progressed)
        self.change.clicked.connect(self._ask_for_folder)
        self.topology.activated.connect(lambda index: self.presenter.choose_topology(self.topology.itemData(index)))
        self.start.clicked.connect(self._pressed)
        self.show_folder.clicked.connect(self._show_folder)
        context.navigator.export_opened.connect(self.presenter.offer)
        theme().changed.connect(self._refresh)
        self._refresh()

    def inspector(self) -> QWidget | None:
        """Folder, files, the button, and what came of it."""
        return self.pane

    def activated(self) -> None:
        """Look again at what lies in the folder."""
        self._refresh()

    # --- how it is put together ---------------------------------------------------------------------------------------

    def _build_stage(self) -> None:
        inside = QWidget(self)
        column = QVBoxLayout(inside)
        column.setContentsMargins(24, 24, 24, 24)
        column.setSpacing(2)
        self.heading.setContentsMargins(14, 0, 0, 12)
        column.addWidget(self.heading)
        for title, keys in (
            (tr("Usual"), [key for key in FORMATS if key in DEFAULT]),
            (tr("More"), [key for key in FORMATS if key not in DEFAULT]),
        ):
            section = words(title, "section")
            section.setContentsMargins(14, 10, 0, 4)
            column.addWidget(section)
            for key in keys:
                column.addWidget(self._row(key))
        column.addStretch(1)
        inside.setFixedWidth(_WIDTH)
        scroll = QScrollArea(self)
        scroll.setWidget(inside)
        scroll.setWidgetResizable(True)
        scroll.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setAccessibleName(tr("Formats"))
        self.stack.addWidget(self._nothing())
        self.stack.addWidget(scroll)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.stack)

    def _row(self, key: str) -> FormatRow:
        choice = FORMATS[key]
        row = FormatRow(key, tr(choice.label), tr(choice.sentence), self)
        row.setChecked(key in self.presenter.chosen)
        row.toggled.connect(lambda wanted: self.presenter.choose(key, wanted))
        self.rows[key] = row
        return row

    def _nothing(self) -> QWidget:
        whole = QWidget(self)
        column = QVBoxLayout(whole)
        column.setSpacing(12)
        self._empty_sign = QLabel(whole)
        heading = words(tr("Nothing to export yet"), "heading")
        advice = words(tr("Open a head, then choose Export."), "dim")
        for label in (heading, advice):
            label.setWordWrap(False)
        button = QPushButton(tr("Go to the library"), whole)
        button.setProperty("look", "primary")
        button.setMinimumSize(220, 44)
        button.clicked.connect(self.context.navigator.open_library)
        column.addStretch(1)
        for widget in (self._empty_sign, heading, advice, button):
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        return whole

    def _build_pane(self) -> None:
        outer = QVBoxLayout(self.pane)
        outer.setContentsMargins(0, 0, 0, 0)
        self._choices = QWidget(self.pane)
        # Many files and the whole checklist are taller than a small window.
        scroll = QScrollArea(self.pane)
        scroll.setWidget(self._choices)
        show_through(scroll)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setAccessibleName(tr("Export"))
        outer.addWidget(scroll)
        column = QVBoxLayout(self._choices)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(8)
        column.addWidget(words(tr("Folder"), "section"))
        column.addWidget(self.folder)
        column.addWidget(self.change, 0, Qt.AlignmentFlag.AlignLeft)
        self.topology_title = words(tr("Topology"), "section")
        self.topology_title.setContentsMargins(0, 12, 0, 0)
        column.addWidget(self.topology_title)
        column.addWidget(self.topology)
        title = words(tr("What will be written"), "section")
        title.setContentsMargins(0, 12, 0, 0)
        column.addWidget(title)
        column.addWidget(self.files)
        column.addWidget(self.replaced)
        column.addSpacing(8)
        column.addWidget(self.start)
        column.addWidget(self.bar)
        column.addWidget(self.said)
        result = QHBoxLayout()
        result.setSpacing(8)
        result.addWidget(self.done_sign, 0, Qt.AlignmentFlag.AlignTop)
        result.addWidget(self.done, 1)
        column.addLayout(result)
        column.addWidget(self.show_folder, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.checklist)
        column.addStretch(1)

    # --- what the operator sees ---------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        p = self.presenter
        stands = p.stands
        self.stack.setCurrentIndex(0 if stands is Stands.NOTHING else 1)
        self._empty_sign.setPixmap(pixmap("export", 48, tokens().text_dim))
        self._choices.setVisible(stands is not Stands.NOTHING)
        self.heading.setText(tr("Export {name}", name=p.name))
        for key, row in self.rows.items():
            there = p.available(key) if stands is not Stands.NOTHING else True
            row.setEnabled(there and stands is not Stands.WORKING)
            row.setToolTip(row.sentence if there else tr("Needs Blender, which is not installed on this computer."))
        working, finished = stands is Stands.WORKING, stands is Stands.DONE
        self.folder.setText(_breakable(str(p.target)))
        self._offer_topologies()
        self.topology.setEnabled(not working)
        planned = p.planned() if stands is not Stands.NOTHING else ()
        self.files.setText("\n".join(file.name for file in planned) or tr("Nothing is chosen."))
        replaced = sum(file.replaces for file in planned)
        self.replaced.setVisible(replaced > 0 and not finished and not working)
        self.replaced.setText(tr("Replaces {count} files of the same names.", count=replaced))
        self.change.setEnabled(not working)
        self.start.setText(tr("Stop") if working else tr("Export again") if finished else tr("Export"))
        self.start.setEnabled(working or p.can_start)
        self.bar.setVisible(working)
        self.said.setVisible(working)
        for widget in (self.done_sign, self.done, self.show_folder):
            widget.setVisible(finished)
        self.checklist.show_checks(p.checks if finished else ())
        if finished:
            self.done_sign.setPixmap(pixmap("check", 18, tokens().ok))
            self.done.setText(tr("{count} files are written.", count=len(p.written)))

    def _offer_topologies(self) -> None:
        names = self.presenter.topologies() if self.presenter.stands is not Stands.NOTHING else ()
        wanted = [None, *names] if names else []
        if [self.topology.itemData(index) for index in range(self.topology.count())] != wanted:
            self.topology.clear()
            for name in wanted:
                self.topology.addItem(tr("As it was made") if name is None else _MODELS.get(name, name), name)
        if wanted:
            self.topology.setCurrentIndex(wanted.index(self.presenter.topology))
        for widget in (self.topology_title, self.topology):
            widget.setVisible(bool(names))

    def _progressed(self, message: str, fraction: float) -> None:
        self.bar.setValue(round(1000 * fraction))
        self.said.setText(message)

    def _pressed(self) -> None:
        if self.presenter.job is not None:
            self.presenter.cancel()
        else:
            self.bar.setValue(0)
            self.said.setText("")
            self.presenter.start()

    def _ask_for_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, tr("Export into"), str(self.presenter.folder))
        if chosen:
            self.presenter.choose_folder(Path(chosen))

    def _show_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.presenter.target)))


def _breakable(path: str) -> str:
    """A path that may wrap after each folder."""
    return path.replace("/", "/\u200b").replace("\\", "\\\u200b")
