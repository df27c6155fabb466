"""What the Capture page does: connects the cameras, counts down, shoots, keeps. No widgets.

Everything that touches a camera, the engine or the disk runs in one worker thread of the page (`CameraWorker`), so that the window never
waits. What the page shows is read here at each tick.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from facestudio.app.camera_worker import CameraWorker, read_rig, started_group
from facestudio.app.context import AppContext
from facestudio.app.from_below import said
from facestudio.app.pages.capture.state import Phase, Tile
from facestudio.app.pages.capture.words import usb_words
from facestudio.app.reconstruction import start_reconstruction
from facestudio.app.strings import tr
from facestudio.capture.device import Device, Identity, load_assignment, save_assignment
from facestudio.errors import Cancelled, FaceStudioError
from facestudio.progress import CancelToken
from facestudio.types import ViewName

if TYPE_CHECKING:
    from facestudio.capture.calibration.rig_file import RigCalibration
    from facestudio.capture.check_loop import CheckLoop
    from facestudio.capture.checks import Check, ViewReport
    from facestudio.capture.group import CameraGroup
    from facestudio.capture.shutter import Shot
    from facestudio.capture.sync import Spread

TICK_MS = 66  # 15 times a second: what the cameras' previews are made for


class CapturePresenter(QObject):
    """The page's state and deeds.

    ticked(): look at the tiles again. phase_changed(). devices_changed(): other cameras to choose from. counted(text, fraction): what to
    show over the shutter. locked(sentences): what became of the lock. kept(Path): a capture lies in the library.
    """

    ticked = Signal()
    phase_changed = Signal()
    devices_changed = Signal()
    counted = Signal(str, float)
    locked = Signal(object)
    kept = Signal(object)

    _devices_found = Signal(object)
    _rig_read = Signal(object)
    _connected = Signal(object)
    _shot = Signal(object)
    _written = Signal(object)
    _told = Signal(str, float, str)
    _checked = Signal(object)
    _lock_done = Signal(object)

    def __init__(self, context: AppContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._worker = CameraWorker(self)
        self._worker.failed.connect(self._on_failed)
        self._group: CameraGroup | None = None
        self._loop: CheckLoop | None = None
        self._cancel, self._ending = CancelToken(), CancelToken()
        self._reports: dict[ViewName, ViewReport] = {}
        self._active = self._counting = self._keeping = self._closed = False
        self.assignment: dict[ViewName, Identity] = load_assignment()
        self.devices: tuple[Device, ...] = ()
        self._rig: RigCalibration | FaceStudioError | None = None
        self.shot: Shot | None = None
        self.lock_notes: dict[ViewName, str] = {}
        self.countdown = 3
        self.reconstruct_at_once = True
        self.checks_block = False
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self.ticked)
        for signal, slot in (
            (self._devices_found, self._on_devices),
            (self._rig_read, self._on_rig),
            (self._connected, self._on_connected),
            (self._shot, self._on_shot),
            (self._written, self._on_written),
            (self._told, self._on_told),
            (self._checked, self._on_checked),
            (self._lock_done, self._on_locked),
        ):
            signal.connect(slot)

    # --- what is shown ------------------------------------------------------------------------------------------------

    @property
    def phase(self) -> Phase:
        """Where the operator is."""
        if self._keeping:
            return Phase.KEEPING
        if self.shot is not None:
            return Phase.REVIEW
        if self._counting:
            return Phase.COUNTING
        return Phase.LIVE if self.assignment else Phase.EMPTY

    def tile(self, view: ViewName) -> Tile:
        """What a view shows now: the frozen picture of a shot, else the live preview."""
        identity = self.assignment.get(view)
        group = self._group if self._group is not None and view in self._group.views else None
        health = group.health(view) if group else None
        name = (identity.name or identity.path) if identity else ""
        if self.shot is not None:
            return Tile(view, name, self.shot.frames.get(view), health, self.shot.reports.get(view))
        picture = group.preview(view) if group else None
        return Tile(view, name, picture, health, self._live_reports().get(view))

    def spread(self) -> Spread | None:
        """Of the running cameras; of the shot, when one is looked at."""
        if self.shot is not None:
            from facestudio.capture.sync import Spread

            return Spread(self.shot.choice.spread_ms, self.shot.choice.spread_ms)
        return self._group.spread() if self._group else None

    def between(self) -> tuple[Check, ...]:
        """The checks that compare the views."""
        reports = self.shot.reports if self.shot is not None else self._live_reports()
        if not reports:
            return ()  # before anything is imported: this thread paints the window
        from facestudio.capture.checks import check_between

        return check_between(reports)

    def hindrances(self) -> tuple[str, ...]:
        """Why the shutter stays closed, when the operator wants that bad checks close it."""
        if not self.checks_block:
            return ()
        from facestudio.capture.checks import CheckName, blocking

        return blocking(self._live_reports(), self.between(), list(CheckName))

    @property
    def ready(self) -> bool:
        """At least one camera sends pictures."""
        return self._group is not None and any(self._group.latest(v) is not None for v in self._group.views)

    def bandwidth(self) -> str:
        """The USB forecast in words; "" when no USB camera is assigned."""
        return usb_words(self.assignment, self._context.settings.value.camera_size)

    def camera_notes(self) -> tuple[str, ...]:
        """What the cameras really do where it is not what was asked of them."""
        healths = [self.tile(view).health for view in self.assignment]
        return tuple(said(note) for h in healths if h is not None and h.info is not None for note in h.info.notes)

    def rig_sentence(self) -> str:
        """Whether captures will be metric, and why not."""
        if isinstance(self._rig, FaceStudioError):
            return said(f"{self._rig.what} {self._rig.remedy}")
        from facestudio.capture.calibration.rig_file import fit

        sizes = {}
        for view in self.assignment:
            health = self.tile(view).health
            if health is not None and health.info is not None:
                sizes[view] = (health.info.width, health.info.height)
        return said(fit(self._rig, self.assignment, sizes).sentence)

    # --- what is done -------------------------------------------------------------------------------------------------

    def activate(self) -> None:
        """The page is in front: look for cameras and connect those assigned."""
        self._active = True
        self._timer.start()
        self.find_devices()
        if self._group is None and self.assignment:
            self._connect()

    def deactivate(self) -> None:
        """Another page is in front: let the cameras go (their lights go out), unless a shot is under way."""
        self._active = False
        if self.phase in (Phase.LIVE, Phase.EMPTY):
            self._timer.stop()
            self._disconnect()

    def find_devices(self) -> None:
        """List the cameras that are plugged in, and read the rig's calibration."""
        backend = self._context.settings.value.camera_backend

        def work() -> None:
            from facestudio.capture.device import Backend, list_devices

            self._rig_read.emit(read_rig())
            self._devices_found.emit(list_devices(Backend(backend)))

        self._worker.run(work)

    def assign(self, view: ViewName, identity: Identity | None) -> None:
        """Give a view a camera (or none), remember it, and connect anew. A camera that another view had leaves that one."""
        wanted = {v: i for v, i in self.assignment.items() if v is not view and i != identity}
        if identity is not None:
            wanted[view] = identity
        self._assign({v: wanted[v] for v in ViewName if v in wanted})

    def choose(self, **changes: str) -> None:
        """Ask the cameras for another size, or reach them another way: camera_size, camera_backend of the settings."""
        try:
            self._context.settings.update(**changes)
        except FaceStudioError as error:
            self._context.navigator.show_error(error)
            return
        self.find_devices()
        self._disconnect()
        if self.assignment and self._active:
            self._connect()

    def swap(self, a: ViewName, b: ViewName) -> None:
        """Exchange two views' cameras."""
        other = {a: b, b: a}
        swapped = {other.get(v, v): i for v, i in self.assignment.items()}
        self._assign({v: swapped[v] for v in ViewName if v in swapped})

    def press(self) -> None:
        """Press the shutter; pressed again during the countdown, it stops."""
        if self.phase is Phase.COUNTING:
            self._cancel.cancel()
            return
        group = self._group
        if self.phase is not Phase.LIVE or group is None or self.hindrances():
            return
        self._counting, self._cancel = True, CancelToken()
        cancel, seconds = self._cancel, float(self.countdown)

        def work() -> None:
            from facestudio.capture.shutter import ShutterConfig, shoot

            def tell(stage: str, fraction: float, message: str = "") -> None:
                self._told.emit(stage, fraction, message)

            self._shot.emit(shoot(group, ShutterConfig(countdown_s=seconds), self._worker.looker(), tell, cancel))

        self.counted.emit(str(self.countdown) if self.countdown else "", 0.0)
        self.phase_changed.emit()
        self._worker.run(work)

    def retake(self) -> None:
        """Drop the shot and go on."""
        if self.phase is Phase.REVIEW:
            self.shot = None
            self.phase_changed.emit()

    def keep(self, subject: str, session: str, notes: str) -> None:
        """Write the shot into the library; the pictures stay until it is there."""
        if self.phase is not Phase.REVIEW or self.shot is None:
            return
        shot, root = self.shot, self._context.library.root
        rig = None if isinstance(self._rig, FaceStudioError) else self._rig
        assignment, locks = dict(self.assignment), dict(self.lock_notes)
        self._keeping = True
        self.phase_changed.emit()

        def work() -> None:
            from facestudio.pipeline.capture_triplet import ShotContext, keep_in_library

            who, when = subject.strip() or tr("Unnamed"), session.strip() or date.today().isoformat()
            folder = keep_in_library(root, shot, who, when, ShotContext(assignment, locks, rig), notes.strip())
            self._context.library.update(folder)
            self._written.emit(folder)

        self._worker.run(work)

    def lock_exposure(self, locked: bool) -> None:
        """Lock exposure, white balance and focus of all cameras as they are now, or set them back to automatic."""
        group, ending = self._group, self._ending
        if group is None:
            return

        def work() -> None:
            from facestudio.capture import exposure

            if locked:
                self._lock_done.emit({view: report.note for view, report in exposure.lock(group, cancel=ending).items()})
            else:
                exposure.unlock(group)
                self._lock_done.emit({})

        self._worker.run(work)

    def shut_down(self) -> None:
        """Stop everything; a shot that is being written is finished first."""
        self._closed = True
        self._timer.stop()
        self._cancel.cancel()
        self._ending.cancel()
        self._disconnect()
        self._worker.close()

    # --- within -------------------------------------------------------------------------------------------------------

    def _assign(self, assignment: dict[ViewName, Identity]) -> None:
        self.assignment = assignment
        try:
            save_assignment(assignment)
        except FaceStudioError as error:
            self._context.navigator.show_error(error)
        self._disconnect()
        if assignment and self._active:
            self._connect()
        self.devices_changed.emit()
        self.phase_changed.emit()

    def _connect(self) -> None:
        assignment = dict(self.assignment)

        chosen = self._context.settings.value

        def work() -> None:
            group = started_group(assignment, chosen.camera_size, chosen.camera_backend)
            self._connected.emit((assignment, group))

        self._worker.run(work)

    def _live_reports(self) -> dict[ViewName, ViewReport]:
        """What the checks found, of cameras that are there: what they saw before they were lost says nothing."""
        group = self._group
        return {v: r for v, r in self._reports.items() if group is not None and group.is_live(v)}

    def _disconnect(self) -> None:
        self._worker.let_go(self._group, self._loop)
        self._group = self._loop = None
        self._reports.clear()

    # --- answers of the worker, on the GUI thread -----------------------------------------------------------------------

    def _on_rig(self, found: RigCalibration | FaceStudioError | None) -> None:
        self._rig = found

    def _on_devices(self, devices: tuple[Device, ...]) -> None:
        self.devices = devices
        self.devices_changed.emit()

    def _on_connected(self, found: tuple[Mapping[ViewName, Identity], CameraGroup]) -> None:
        from facestudio.capture.check_loop import CheckLoop
        from facestudio.capture.sight import FaceLooker

        assignment, group = found
        if self._closed or not self._active or dict(assignment) != self.assignment:
            self._worker.run(group.stop)  # overtaken by another choice
            return
        self._disconnect()
        self._group = group
        self._loop = CheckLoop(group, FaceLooker, self._checked.emit)
        self._loop.start()
        self.phase_changed.emit()

    def _on_checked(self, report: ViewReport) -> None:
        if self._group is not None and report.view in self._group.views:
            self._reports[report.view] = report

    def _on_told(self, stage: str, fraction: float, message: str) -> None:
        words = {"countdown": message, "burst": tr("Keep still"), "choose": tr("Choosing")}
        self.counted.emit(words.get(stage, message), fraction)

    def _on_shot(self, shot: Shot) -> None:
        self._counting = False
        self.shot = shot
        self.phase_changed.emit()

    def _on_failed(self, error: BaseException) -> None:
        self._counting = self._keeping = False
        if not isinstance(error, Cancelled):
            self._context.navigator.show_error(error)
        self.phase_changed.emit()

    def _on_written(self, folder: Path) -> None:
        self._keeping = False
        self.shot = None
        self.phase_changed.emit()
        self._context.navigator.say(tr("Kept as {name}", name=folder.name))
        self.kept.emit(folder)
        if self.reconstruct_at_once:
            try:
                start_reconstruction(self._context, folder)
            except FaceStudioError as error:
                self._context.navigator.show_error(error)
        if not self._active:
            self.deactivate()

    def _on_locked(self, notes: dict[ViewName, str]) -> None:
        self.lock_notes = notes
        self.locked.emit(notes)
