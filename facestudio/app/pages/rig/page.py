"""The Rig page: print the board, show it to the cameras, calibrate, and see how good the rig is."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QImage, QKeySequence, QPixmap, QShortcut
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from facestudio.app.context import AppContext
from facestudio.app.from_below import said
from facestudio.app.page import Page
from facestudio.app.pages.rig.board_view import BoardView
from facestudio.app.pages.rig.presenter import RigPresenter
from facestudio.app.strings import mark, tr
from facestudio.app.widgets.pieces import side_by_side, words
from facestudio.types import ViewName

_CALIBRATIONS = "caliscope (*.toml);;OpenCV (*.yml *.yaml)"


class RigPage(Page):
    """Three cards, from paper to report; the rig's state at the right."""

    key = "rig"
    title = mark("Rig")
    icon = "rig"

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self.presenter = RigPresenter(context, self)
        names = {ViewName.LEFT: tr("Left"), ViewName.FRONT: tr("Front"), ViewName.RIGHT: tr("Right")}
        self.views = {view: BoardView(view, names[view], self) for view in ViewName}
        self.paper = QComboBox(self)
        self.paper.addItems(["A4", "A3"])
        self.paper.setAccessibleName(tr("Paper of the board"))
        self.save_board = QPushButton(tr("Save the board as PDF…"), self)
        self.by_itself = QCheckBox(tr("Take pictures by itself when the board is held still at a new place"), self)
        self.take = QPushButton(tr("Take a picture (Space)"), self)
        self.start_over = QPushButton(tr("Start over"), self)
        self.count = words("", "dim")
        self.calibrate = QPushButton(tr("Calibrate"), self)
        self.calibrate.setProperty("look", "primary")
        self.from_folder = QPushButton(tr("Calibrate from a folder…"), self)
        self.use = QPushButton(tr("Use it all the same"), self)
        self.report, self.plan = words(""), QLabel(self)
        self.plan.setAccessibleName(tr("Picture of the rig: the cameras seen from above"))
        self.side = QWidget()
        self.state, self.drift = words(""), words("", "dim")
        self.check = QPushButton(tr("Check with the newest capture"), self.side)
        self.take_over = QPushButton(tr("Import…"), self.side)
        self.give = QPushButton(tr("Export…"), self.side)
        self.count.setWordWrap(False)
        self.area = QScrollArea(self)
        self._build()
        self._build_side()
        self._connect()
        self._refresh()

    # --- what the window asks -------------------------------------------------------------------------------------------

    def inspector(self) -> QWidget:
        """The rig's state."""
        return self.side

    def activated(self) -> None:
        """Connect the cameras."""
        self.presenter.activate()

    def deactivated(self) -> None:
        """Let them go."""
        self.presenter.deactivate()

    def shut_down(self) -> None:
        """Stop."""
        self.presenter.shut_down()

    # --- how it is put together -----------------------------------------------------------------------------------------

    def _build(self) -> None:
        tell = words(
            tr("Print it at 100 %, measure the ruler line on it (100 mm), and glue it to something flat and stiff."), "dim"
        )
        first = _card(tr("1  Print the board"), tell, side_by_side(self.paper, self.save_board))
        pictures = QHBoxLayout()
        pictures.setSpacing(12)
        for view in self.views.values():
            pictures.addWidget(view, 1)
        live = QWidget(self)
        live.setLayout(pictures)
        pictures.setContentsMargins(0, 0, 0, 0)
        second = _card(
            tr("2  Show the board to the cameras"), live, self.by_itself, side_by_side(self.take, self.start_over, self.count)
        )
        third = _card(tr("3  Calibrate"), side_by_side(self.calibrate, self.from_folder, self.use), self.report, self.plan)
        inner = QWidget(self)
        column = QVBoxLayout(inner)
        column.setContentsMargins(24, 16, 24, 16)
        column.setSpacing(12)
        for card in (first, second, third):
            column.addWidget(card)
        column.addStretch(1)
        area = self.area
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inner)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(area)

    def _build_side(self) -> None:
        column = QVBoxLayout(self.side)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(8)
        for title, widgets in (
            (tr("This rig"), (self.state,)),
            (tr("Has a camera moved?"), (self.check, self.drift)),
            (tr("Other programs"), (side_by_side(self.take_over, self.give),)),
        ):
            label = QLabel(title, self.side)
            label.setProperty("look", "section")
            column.addWidget(label)
            for widget in widgets:
                column.addWidget(widget)
            column.addSpacing(8)
        column.addStretch(1)

    def _connect(self) -> None:
        p = self.presenter
        p.ticked.connect(self._tick)
        p.changed.connect(self._refresh)
        self.paper.currentTextChanged.connect(p.choose_paper)
        self.save_board.clicked.connect(self._ask_where_to_save)
        self.by_itself.setChecked(p.by_itself)
        self.by_itself.toggled.connect(lambda on: setattr(p, "by_itself", on))
        self.take.clicked.connect(p.take)
        self.start_over.clicked.connect(p.start_over)
        self.calibrate.clicked.connect(self._calibrate)
        self.from_folder.clicked.connect(self._ask_for_folder)
        self.use.clicked.connect(p.use_report)
        self.check.clicked.connect(p.check_drift)
        self.take_over.clicked.connect(self._ask_for_calibration)
        self.give.clicked.connect(self._ask_where_to_export)
        shortcut = QShortcut(QKeySequence("Space"), self)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.activated.connect(p.take)

    # --- what is shown --------------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        for view, widget in self.views.items():
            widget.show_tile(self.presenter.tile(view))

    def _refresh(self) -> None:
        p = self.presenter
        connected = bool(p.assignment)
        self.take.setEnabled(connected)
        self.start_over.setEnabled(p.shots > 0)
        self.calibrate.setEnabled(p.shots > 0)
        if not connected:
            self.count.setText(tr("Choose the cameras on the Capture page first."))
        elif p.enough:
            self.count.setText(tr("{count} shots: enough to calibrate.", count=p.shots))
        else:
            self.count.setText(tr("{count} shots", count=p.shots) if p.shots else "")
        report = p.report
        self.report.setVisible(report is not None)
        self.plan.setVisible(report is not None)
        self.use.setVisible(report is not None and not p.kept)
        if report is not None:
            self.report.setText(said("\n".join(report.sentences)))
            self._show_plan()
        self.state.setText("\n".join(p.state()))
        known = p.rig() is not None
        self.check.setEnabled(known)
        self.give.setEnabled(known)
        self.drift.setText(said(p.drift.sentence) if p.drift is not None else "")
        self.drift.setVisible(p.drift is not None)
        self._tick()

    def _show_plan(self) -> None:
        from facestudio.capture.calibration.picture import rig_picture

        report = self.presenter.report
        assert report is not None
        bgr = rig_picture(report.rig.cameras, report.extrinsics.boards, report.spec, (900, 480))
        image = QImage(bgr.data, bgr.shape[1], bgr.shape[0], int(bgr.strides[0]), QImage.Format.Format_BGR888)
        self.plan.setPixmap(QPixmap.fromImage(image))  # a copy: the array may go
        QTimer.singleShot(0, self, lambda: self.area.ensureWidgetVisible(self.report))

    def _calibrate(self) -> None:
        self.presenter.calibrate()

    # --- questions ------------------------------------------------------------------------------------------------------

    def _ask_where_to_save(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, tr("Save the board"), str(Path.home() / f"facestudio-board-{self.presenter.paper}.pdf"), "PDF (*.pdf)"
        )
        if name:
            self.presenter.write_board(Path(name))

    def _ask_for_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, tr("Folder with left, front and right pictures of the board"))
        if name:
            self.presenter.calibrate(Path(name))

    def _ask_for_calibration(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, tr("Import a calibration"), str(Path.home()), _CALIBRATIONS)
        if name:
            self.presenter.import_calibration(Path(name))

    def _ask_where_to_export(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, tr("Export the calibration"), str(Path.home() / "camera_array.toml"), _CALIBRATIONS
        )
        if name:
            self.presenter.export_calibration(Path(name))


def _card(title: str, *widgets: QWidget) -> QFrame:
    card = QFrame()
    card.setProperty("look", "card")
    column = QVBoxLayout(card)
    column.setContentsMargins(16, 12, 16, 16)
    column.setSpacing(10)
    heading = QLabel(title)
    heading.setProperty("look", "heading")
    for widget in (heading, *widgets):
        column.addWidget(widget)
    return card
