"""What to look for: a search field, one button for each state, and what can be done with all."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QPainter, QPixmap, QResizeEvent, QShortcut
from PySide6.QtWidgets import QButtonGroup, QGridLayout, QHBoxLayout, QLabel, QLineEdit, QPushButton, QToolButton, QWidget

from facestudio.app.icons import icon
from facestudio.app.pages.library.presenter import LibraryPresenter
from facestudio.app.pages.library.states import CHIPS, draw_shape
from facestudio.app.strings import tr
from facestudio.app.theme import theme, tokens
from facestudio.library.records import CaptureState

_PAUSE_MS = 150  # the operator is still typing


class FilterBar(QWidget):
    """add_photos(), add_folder(): the operator wants to choose files."""

    add_photos = Signal()
    add_folder = Signal()

    def __init__(self, presenter: LibraryPresenter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._presenter = presenter
        self.search = QLineEdit(self)
        self.search.setPlaceholderText(tr("Search names, dates and notes"))
        self.search.setAccessibleName(tr("Search"))
        self.search.setClearButtonEnabled(True)
        self._glass = self.search.addAction(icon("search"), QLineEdit.ActionPosition.LeadingPosition)
        self.photos = QPushButton("\u2002" + tr("Add photos…"), self)
        self.folder = QPushButton("\u2002" + tr("Add a folder…"), self)
        self.all_new = QPushButton(self)
        self.all_new.setProperty("look", "primary")
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self.states: dict[CaptureState | None, QToolButton] = {}
        self._group = QButtonGroup(self)
        self._build()
        self._connect()
        self.refresh()

    def refresh(self) -> None:
        """Show the counts of now."""
        p = self._presenter
        self.states[None].setText(tr("All {count}", count=sum(p.counts.values())))
        self.states[next(iter(p.states), None)].setChecked(True)
        waiting, new = len(p.queue), self._new()
        self.all_new.setVisible(bool(waiting or new))
        self.all_new.setText(
            tr("Stop after this one ({count} wait)", count=waiting)
            if waiting
            else tr("Reconstruct all new ({count})", count=new)
        )

        self._fit()

    def minimumSizeHint(self) -> QSize:
        """A narrow window is no reason to push the panes out of it: the words give way."""
        return QSize(420, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """More or less room for words."""
        self._fit()

    def focus_search(self) -> None:
        """Type at once."""
        self.search.setFocus()
        self.search.selectAll()

    def _fit(self) -> None:
        """Words and numbers beside the states' shapes; numbers alone, and the words in the tool tips, where there is no room."""
        full = {state: f"\u2002{chip.text} {self._presenter.counts[state]}" for state, chip in CHIPS.items()}
        metrics = self.fontMetrics()
        buttons = [self.states[None], *([self.all_new] if not self.all_new.isHidden() else [])]
        words = sum(metrics.horizontalAdvance(text) + 30 for text in full.values())
        room = self.width() - 32 - 24 - sum(button.sizeHint().width() for button in buttons)
        for state, text in full.items():
            self.states[state].setText(text if words <= room else f"\u2002{self._presenter.counts[state]}")
            self.states[state].setToolTip(text.strip())
            self.states[state].setAccessibleName(text.strip())

    def _new(self) -> int:
        return self._presenter.counts[CaptureState.CAPTURED]

    def _build(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(16, 12, 16, 8)
        grid.setSpacing(8)
        grid.addWidget(self.search, 0, 0)
        grid.addWidget(self.photos, 0, 1)
        grid.addWidget(self.folder, 0, 2)
        grid.setColumnStretch(0, 1)
        row = QHBoxLayout()
        row.setSpacing(4)
        for state in (None, *CHIPS):
            button = QToolButton(self)
            button.setCheckable(True)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setIconSize(QSize(12, 12))
            button.clicked.connect(lambda _=False, chosen=state: self._choose(chosen))
            self._group.addButton(button)
            self.states[state] = button
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(self.all_new)
        grid.addLayout(row, 1, 0, 1, 3)

    def _connect(self) -> None:
        self.photos.clicked.connect(self.add_photos)
        self.photos.setAccessibleName(tr("Add photos…"))
        self.folder.setAccessibleName(tr("Add a folder…"))
        self.folder.clicked.connect(self.add_folder)
        self.all_new.clicked.connect(self._all_new)
        self.search.textChanged.connect(self._pause.start)
        self.search.returnPressed.connect(self._seek)
        self._pause.timeout.connect(self._seek)
        self._presenter.listed.connect(self.refresh)
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self.parentWidget() or self)
        find.activated.connect(self.focus_search)
        theme().changed.connect(self._tint)
        self._tint()

    def _choose(self, state: CaptureState | None) -> None:
        self._presenter.seek(self.search.text(), [] if state is None else [state])

    def _seek(self) -> None:
        self._pause.stop()
        self._presenter.seek(self.search.text(), self._presenter.states)

    def _all_new(self) -> None:
        if self._presenter.queue:
            self._presenter.stop_queue()
        else:
            self._presenter.reconstruct_new()

    def _tint(self) -> None:
        self._glass.setIcon(icon("search"))
        self.photos.setIcon(icon("photos"))
        self.folder.setIcon(icon("folder"))
        ratio = self.devicePixelRatioF()
        for state, chip in CHIPS.items():
            picture = QPixmap(QSize(round(12 * ratio), round(12 * ratio)))
            picture.setDevicePixelRatio(ratio)
            picture.fill(Qt.GlobalColor.transparent)
            painter = QPainter(picture)
            draw_shape(painter, QRectF(0.5, 0.5, 11, 11), chip, tokens())
            painter.end()
            self.states[state].setIcon(picture)


class ReadingLine(QLabel):
    """Says that the library's files are being looked at, when that takes long enough to be noticed."""

    def __init__(self, presenter: LibraryPresenter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", "dim")
        self.setContentsMargins(18, 0, 16, 6)
        self.hide()
        self._presenter = presenter
        presenter.reading.connect(self._read)

    def _read(self, fraction: float) -> None:
        self.setText(tr("Reading the library… {percent} %", percent=round(100 * fraction)))
        self.setVisible(self._presenter.library.stale and fraction < 1.0)
