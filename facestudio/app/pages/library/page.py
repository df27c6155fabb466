"""The Library page: search and filter above, the grid of captures, a place to drop photos below; or an import to decide."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QDragEnterEvent, QDragLeaveEvent, QDropEvent, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QFileDialog, QLabel, QMenu, QStackedWidget, QVBoxLayout, QWidget

from facestudio.app.context import AppContext
from facestudio.app.page import Page
from facestudio.app.pages.library.capture_grid import CaptureGrid
from facestudio.app.pages.library.drop_zone import DropZone
from facestudio.app.pages.library.filter_bar import FilterBar, ReadingLine
from facestudio.app.pages.library.import_inspector import ImportInspector
from facestudio.app.pages.library.import_panel import ImportPanel
from facestudio.app.pages.library.import_presenter import ImportPresenter
from facestudio.app.pages.library.inspector import CaptureInspector
from facestudio.app.pages.library.presenter import LibraryPresenter
from facestudio.app.strings import mark, tr
from facestudio.library.layout import PICTURE_ENDINGS
from facestudio.library.records import CaptureRecord


class LibraryPage(Page):
    """Subjects, sessions and captures."""

    key = "library"
    title = mark("Library")
    icon = "library"

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self.setAcceptDrops(True)
        self.presenter = LibraryPresenter(context, self)
        self.imports = ImportPresenter(context, self)
        self.bar = FilterBar(self.presenter, self)
        self.grid = CaptureGrid(self.presenter, self)
        self.empty, self.zone = DropZone(large=True, parent=self), DropZone(large=False, parent=self)
        self.nothing_found = QLabel(self)
        self.import_panel = ImportPanel(self.imports, self.presenter.thumbnails, self)
        self._inspector = QStackedWidget()
        self.inspected = CaptureInspector(self.presenter, self._inspector)
        self.import_inspector = ImportInspector(self.imports, self.import_panel, self.presenter.thumbnails, self._inspector)
        self._build()
        self._connect()
        self._refresh()

    def inspector(self) -> QWidget:
        """The selected capture, or the proposed one."""
        return self._inspector

    def activated(self) -> None:
        """Look at the files: somebody may have copied folders meanwhile."""
        self.presenter.look()

    def shut_down(self) -> None:
        """Stop what runs in the background."""
        self.presenter.shut_down()

    # --- how it is put together ---------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.nothing_found.setProperty("look", "dim")
        self.nothing_found.setAlignment(Qt.AlignmentFlag.AlignCenter)
        padded = QWidget(self)
        around = QVBoxLayout(padded)
        around.setContentsMargins(16, 8, 16, 16)
        around.addWidget(self.empty)
        self.body = QStackedWidget(self)
        for widget in (padded, self.grid, self.nothing_found):
            self.body.addWidget(widget)
        browse = QWidget(self)
        column = QVBoxLayout(browse)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.bar)
        column.addWidget(ReadingLine(self.presenter, self))
        column.addWidget(self.body, 1)
        self.foot = QWidget(self)
        below = QVBoxLayout(self.foot)
        below.setContentsMargins(16, 8, 16, 12)
        below.addWidget(self.zone)
        column.addWidget(self.foot)
        self.stack = QStackedWidget(self)
        self.stack.addWidget(browse)
        self.stack.addWidget(self.import_panel)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.stack)
        self._inspector.addWidget(self.inspected)
        self._inspector.addWidget(self.import_inspector)

    def _connect(self) -> None:
        p = self.presenter
        p.listed.connect(self._refresh)
        self.bar.add_photos.connect(self.choose_photos)
        self.bar.add_folder.connect(self.choose_folder)
        for zone in (self.empty, self.zone):
            zone.clicked.connect(self.choose_photos)
        self.empty.folder.clicked.connect(self.choose_folder)
        self.grid.opened.connect(p.open)
        self.grid.delete_wanted.connect(lambda: p.delete(p.selection))
        self.grid.rename_wanted.connect(self._rename)
        self.grid.menu_wanted.connect(self._menu)
        self.inspected.export_wanted.connect(self._export_subject)
        self.imports.looking.connect(self._looking)
        self.imports.opened.connect(lambda: self._show_import(True))
        self.imports.closed.connect(lambda: self._show_import(False))
        self.imports.imported.connect(self._imported)
        self.context.navigator.photos_offered.connect(self._offered)
        app = QGuiApplication.instance()
        if isinstance(app, QGuiApplication):
            app.applicationStateChanged.connect(self._back)

    def _back(self, state: Qt.ApplicationState) -> None:
        """The operator comes back from another program: files may have been copied there, or by a second window."""
        if state == Qt.ApplicationState.ApplicationActive and self.isVisible():
            self.presenter.look()

    def _refresh(self) -> None:
        p = self.presenter
        empty = p.empty and not p.library.stale  # a lost index says nothing about the files
        self.body.setCurrentIndex(0 if empty else 1 if p.listing.keys else 2)
        reading, nothing = tr("Reading the library…"), tr("Nothing matches the search and the filter.")
        self.nothing_found.setText(reading if p.empty else nothing)
        self.foot.setVisible(not empty)
        self.bar.setVisible(not empty)

    # --- photos come in -----------------------------------------------------------------------------------------------

    def choose_photos(self) -> None:
        """Ask for picture files."""
        pictures = " ".join(f"*{ending}" for ending in PICTURE_ENDINGS)
        dialog = QFileDialog(self, tr("Choose the photos of one or more captures"), "", f"{tr('Photos')} ({pictures})")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        self._ask(dialog)

    def choose_folder(self) -> None:
        """Ask for a folder of photos."""
        dialog = QFileDialog(self, tr("Choose a folder of photos"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        self._ask(dialog)

    def _ask(self, dialog: QFileDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.filesSelected.connect(lambda files: self.imports.offer([Path(file) for file in files]))
        dialog.open()

    def _offered(self, paths: list[Path]) -> None:
        if paths:
            self.imports.offer(paths)
        else:
            self.choose_photos()

    def _looking(self, looking: bool) -> None:
        for zone in (self.empty, self.zone):
            zone.setText(tr("Looking at the photos…") if looking else tr("Drop three photos or a folder here"))

    def _show_import(self, shown: bool) -> None:
        self.stack.setCurrentIndex(1 if shown else 0)
        self._inspector.setCurrentIndex(1 if shown else 0)

    def _imported(self, records: list[CaptureRecord]) -> None:
        self.presenter.reload()
        if records:
            self.grid.show_capture(records[0].path)
            self.grid.setFocus()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Files may be dropped anywhere on the page."""
        if any(url.isLocalFile() for url in event.mimeData().urls()) and not self.imports.busy:
            event.acceptProposedAction()
            self._light(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """They went elsewhere."""
        self._light(False)

    def dropEvent(self, event: QDropEvent) -> None:
        """Look at what was dropped."""
        self._light(False)
        event.acceptProposedAction()
        self.imports.offer([Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()])

    def _light(self, lit: bool) -> None:
        for zone in (self.empty, self.zone):
            zone.light_up(lit)

    # --- what can be done with captures -------------------------------------------------------------------------------

    def _rename(self) -> None:
        if self.inspected.record is not None:
            self.inspected.name.setFocus()
            self.inspected.name.selectAll()

    def _menu(self, place: QPoint) -> None:
        menu = self.make_menu()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(place)

    def make_menu(self) -> QMenu:
        """What can be done with the selection."""
        p, menu = self.presenter, QMenu(self)
        one = p.selection[0] if len(p.selection) == 1 else None

        def add(text: str, act: object, enabled: bool = True, key: QKeySequence | None = None) -> QAction:
            action = menu.addAction(text)
            action.triggered.connect(act)
            action.setEnabled(enabled)
            if key is not None:
                action.setShortcut(key)
            return action

        idle = [record for record in p.selection if p.work_of(record.path) is None and not record.running]
        if one is not None:
            add(tr("Open"), lambda: p.open(one), True, QKeySequence(Qt.Key.Key_Return))
        again = one is not None and (one.head is not None or one.interrupted)
        add(tr("Run again") if again else tr("Reconstruct"), lambda: p.reconstruct(p.selection), bool(idle))
        if one is not None:
            add(tr("Export…"), lambda: p.navigator.open_export(one.path), one.head is not None)
            menu.addSeparator()
            add(tr("Rename"), self._rename, bool(idle), QKeySequence(Qt.Key.Key_F2))
        add(tr("Delete"), lambda: p.delete(p.selection), bool(idle), QKeySequence(Qt.Key.Key_Delete))
        if one is not None:
            menu.addSeparator()
            add(tr("Export subject…"), lambda: self._export_subject(one))
            add(tr("Erase subject…"), self.inspected.person.erase.click, bool(idle))
        return menu

    def _export_subject(self, record: CaptureRecord) -> None:
        dialog = QFileDialog(self, tr("Where shall the subject's file be?"), f"{record.subject_folder.name}.zip", "ZIP (*.zip)")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("zip")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda file: self.presenter.export_subject(record, Path(file)))
        dialog.open()
