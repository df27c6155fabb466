"""The Capture page: three live pictures, their checks, one shutter."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QInputDialog, QMessageBox, QScrollArea, QVBoxLayout, QWidget

from facestudio.app.context import AppContext
from facestudio.app.from_below import said
from facestudio.app.page import Page
from facestudio.app.pages.capture.details import Details
from facestudio.app.pages.capture.presenter import CapturePresenter
from facestudio.app.pages.capture.shutter_bar import ShutterBar
from facestudio.app.pages.capture.state import Phase
from facestudio.app.pages.capture.tile import CameraTile
from facestudio.app.pages.capture.words import check_words, view_title
from facestudio.app.strings import mark, tr
from facestudio.app.widgets.pieces import show_through
from facestudio.capture.device import Identity
from facestudio.types import ViewName

_MARGIN, _GAP = 24, 16
_TALLEST = 1.5  # height of a picture over its width
_NONE, _ADDRESS = "none", "address"


class CapturePage(Page):
    """Space takes the pictures, Enter keeps them, Backspace takes them again."""

    key = "capture"
    title = mark("Capture")
    icon = "capture"

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self.presenter = CapturePresenter(context, self)
        self.pickers = {view: QComboBox(self) for view in ViewName}
        self.tiles = {view: CameraTile(view, self.pickers[view], self) for view in ViewName}
        self.bar = ShutterBar(self)
        self.details = Details()
        self._side = QScrollArea()
        self._side.setWidgetResizable(True)
        self._side.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._side.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._side.setWidget(self.details)
        show_through(self._side)
        self._slow_tick = 0
        self._question: QMessageBox | None = None
        self._build()
        self._connect()
        self._show_devices()
        self._show_phase()

    # --- what the window asks -------------------------------------------------------------------------------------------

    def inspector(self) -> QWidget:
        """Subject, notes and the cameras' state."""
        return self._side

    def activated(self) -> None:
        """Connect the cameras."""
        self.details.complete_subjects([record.name for record in self.context.library.subjects()])
        self.presenter.activate()

    def deactivated(self) -> None:
        """Let the cameras go."""
        self.presenter.deactivate()

    def may_close(self) -> bool:
        """A shot that was not kept would be lost: ask, and close after the answer. One that is being written is finished anyway."""
        if self.presenter.phase is not Phase.REVIEW:
            return True
        if self._question is None:
            box = QMessageBox(self)
            box.setText(tr("The last capture was not kept."))
            keep = box.addButton(tr("Keep it"), QMessageBox.ButtonRole.AcceptRole)
            discard = box.addButton(tr("Discard it"), QMessageBox.ButtonRole.DestructiveRole)
            box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            keep.clicked.connect(self._keep_and_close)
            discard.clicked.connect(self._discard_and_close)
            box.finished.connect(self._answered)
            self._question = box
            box.open()
        return False

    def shut_down(self) -> None:
        """Stop the cameras; what is being written is finished."""
        self.presenter.shut_down()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """All three pictures equally high, and never much higher than wide: little of a webcam's wide picture would be left."""
        tallest = round((self.width() - 2 * _MARGIN - 2 * _GAP) / 3 * _TALLEST)
        for tile in self.tiles.values():
            tile.picture.setMaximumHeight(tallest)
        super().resizeEvent(event)

    # --- how it is put together -----------------------------------------------------------------------------------------

    def _build(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(_GAP)
        for tile in self.tiles.values():
            row.addWidget(tile, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(_MARGIN, 16, _MARGIN, 12)
        column.setSpacing(16)
        column.addLayout(row, 1)
        column.addWidget(self.bar)
        for view, picker in self.pickers.items():
            picker.setAccessibleName(tr("Camera for {view}", view=view_title(view)))
            picker.setMinimumContentsLength(8)
            picker.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            picker.activated.connect(lambda index, v=view: self._picked(v, index))

    def _connect(self) -> None:
        p, d, bar = self.presenter, self.details, self.bar
        p.ticked.connect(self._tick)
        p.phase_changed.connect(self._show_phase)
        p.devices_changed.connect(self._show_devices)
        p.devices_changed.connect(self._show_phase)
        p.counted.connect(bar.shutter.count)
        p.locked.connect(self._show_lock)
        p.kept.connect(self._kept)
        bar.shutter.clicked.connect(p.press)
        bar.keep.clicked.connect(self._keep)
        bar.retake.clicked.connect(p.retake)
        bar.countdowns.button(p.countdown).setChecked(True)
        bar.countdowns.idClicked.connect(self._choose_countdown)
        d.lock_state.hide()
        d.reconstruct.setChecked(p.reconstruct_at_once)
        d.reconstruct.toggled.connect(lambda on: setattr(p, "reconstruct_at_once", on))
        d.block.toggled.connect(lambda on: setattr(p, "checks_block", on))
        d.lock.toggled.connect(self._lock)
        for combo, name in ((d.picture_size, "camera_size"), (d.backend, "camera_backend")):
            combo.setCurrentIndex(max(0, combo.findData(getattr(self.context.settings.value, name))))
            combo.activated.connect(lambda i, c=combo, n=name: p.choose(**{n: c.itemData(i)}))
        d.swap.clicked.connect(lambda: p.swap(ViewName.LEFT, ViewName.RIGHT))
        d.look.clicked.connect(p.find_devices)
        for view, tile in self.tiles.items():
            tile.picture.dropped.connect(lambda other, v=view: p.swap(v, other))
        self.keys = {}
        for key, action in (("Space", p.press), ("Return", self._keep), ("Enter", self._keep), ("Backspace", p.retake)):
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(action)
            self.keys[key] = shortcut

    # --- what is shown --------------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        p = self.presenter
        frozen = p.shot is not None
        for view, tile in self.tiles.items():
            tile.show_tile(p.tile(view), frozen)
        self.bar.spread.show_spread(p.spread())
        self._slow_tick = (self._slow_tick + 1) % 8
        if self._slow_tick == 1:
            self._show_slowly()

    def _show_slowly(self) -> None:
        """What need not be looked at 15 times a second."""
        p, d = self.presenter, self.details
        self.bar.shutter.setEnabled(p.phase is Phase.COUNTING or (p.ready and not p.hindrances()))
        d.between.setText("\n".join(check_words(c) for c in p.between()) or "–")
        d.usb.setText("\n".join(filter(None, (p.bandwidth(), *p.camera_notes()))))
        d.usb.setVisible(bool(d.usb.text()))
        d.rig.setText(p.rig_sentence())
        if p.phase is Phase.LIVE:
            hindrance = said(next(iter(p.hindrances()), ""))
            self.bar.reason.setText(hindrance or tr("Space takes the pictures: one second, of which the best moment is kept."))

    def _show_phase(self) -> None:
        p, bar = self.presenter, self.bar
        phase = p.phase
        bar.show_review(phase in (Phase.REVIEW, Phase.KEEPING))
        if phase is not Phase.COUNTING:
            bar.shutter.count("", 0.0)
        self.keys["Space"].setEnabled(phase in (Phase.LIVE, Phase.COUNTING))
        for key in ("Return", "Enter", "Backspace"):
            self.keys[key].setEnabled(phase is Phase.REVIEW)
        for button in (bar.keep, bar.retake):
            button.setEnabled(phase is Phase.REVIEW)
        for choice in bar.countdowns.buttons():
            choice.setEnabled(phase in (Phase.LIVE, Phase.EMPTY))
        if p.shot is not None:
            bar.reason.setText(tr("Writing…") if phase is Phase.KEEPING else said(p.shot.choice.reason))
        elif phase is Phase.COUNTING:
            bar.reason.setText(tr("Space stops the countdown."))
        elif phase is Phase.EMPTY:
            some = tr("Choose a camera for each view above.")
            none = tr("No camera is plugged in. Plug one in and look for it, or choose a network camera or a file above.")
            bar.reason.setText(some if p.devices else none)
        self._tick()
        self._show_slowly()
        if phase is Phase.REVIEW:
            bar.keep.setFocus()
        elif phase is Phase.LIVE:
            bar.shutter.setFocus()

    def _show_devices(self) -> None:
        p = self.presenter
        for view, picker in self.pickers.items():
            now = p.assignment.get(view)
            known = [d.identity for d in p.devices]
            picker.clear()
            for identity in [*known, *([now] if now is not None and now not in known else [])]:
                picker.addItem(identity.name or identity.path, identity)
                picker.setItemData(picker.count() - 1, identity.path, Qt.ItemDataRole.ToolTipRole)
            picker.addItem(tr("Network camera or file…"), _ADDRESS)
            picker.addItem(tr("No camera"), _NONE)
            index = next((i for i in range(picker.count()) if picker.itemData(i) == now), picker.count() - 1)
            picker.setCurrentIndex(index)

    def _show_lock(self, notes: dict[ViewName, str]) -> None:
        self.details.lock_state.setText("\n".join(f"{view_title(v)}: {said(note)}" for v, note in notes.items()))
        self.details.lock_state.setVisible(bool(notes))
        self.details.lock.setEnabled(True)

    # --- what the operator does -----------------------------------------------------------------------------------------

    def _picked(self, view: ViewName, index: int) -> None:
        choice = self.pickers[view].itemData(index)
        if choice == _ADDRESS:
            self._ask_for_address(view)
        else:
            self.presenter.assign(view, choice if isinstance(choice, Identity) else None)

    def _ask_for_address(self, view: ViewName) -> None:
        from facestudio.capture.device import address_identity

        address, given = QInputDialog.getText(
            self, tr("Network camera or file"), tr("Address of a stream, or a video or folder of pictures:")
        )
        if given and address.strip():
            self.presenter.assign(view, address_identity(address.strip()))
        else:
            self._show_devices()

    def _choose_countdown(self, seconds: int) -> None:
        self.presenter.countdown = seconds

    def _lock(self, on: bool) -> None:
        self.details.lock.setEnabled(False)
        self.details.lock_state.show()
        self.details.lock_state.setText(tr("Waiting until the pictures have settled…"))
        self.presenter.lock_exposure(on)

    def _keep(self) -> None:
        d = self.details
        self.presenter.keep(d.subject.text(), d.session.text(), d.notes.toPlainText())

    def _keep_and_close(self) -> None:
        self.presenter.reconstruct_at_once = False
        self._keep()
        self.window().close()

    def _discard_and_close(self) -> None:
        self.presenter.retake()
        self.window().close()

    def _answered(self) -> None:
        self._question = None

    def _kept(self) -> None:
        self.details.notes.clear()
        self.details.complete_subjects([record.name for record in self.context.library.subjects()])
