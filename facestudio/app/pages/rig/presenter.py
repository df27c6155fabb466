"""What the Rig page does: writes the board, takes pictures of it by itself, calibrates, checks, imports and exports. No widgets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from facestudio.app.camera_worker import CameraWorker, started_group
from facestudio.app.context import AppContext
from facestudio.app.jobs import Job
from facestudio.app.strings import tr
from facestudio.capture.device import Identity, load_assignment
from facestudio.errors import FaceStudioError
from facestudio.paths import user_data_dir
from facestudio.progress import CancelToken, Partial, Progress
from facestudio.types import ViewName

if TYPE_CHECKING:
    from facestudio.capture.calibration.board import BoardSpec
    from facestudio.capture.calibration.calibrate import CalibrationReport
    from facestudio.capture.calibration.detect import Detection
    from facestudio.capture.calibration.intrinsics import Coverage
    from facestudio.capture.calibration.live import BoardLoop, BoardSeen, StillTrigger
    from facestudio.capture.calibration.quality import Drift
    from facestudio.capture.calibration.rig_file import RigCalibration
    from facestudio.capture.camera import Frame
    from facestudio.capture.channel import Health
    from facestudio.capture.group import CameraGroup

TICK_MS = 66
_SHOT_MS = 300  # how old the pictures of a shot may be: the board was held still at least so long


@dataclass(frozen=True)
class BoardTile:
    """One camera and the board. seen: the last look, None before the first. coverage: of the pictures taken so far."""

    view: ViewName
    name: str
    picture: Frame | None
    health: Health | None
    seen: BoardSeen | None
    coverage: Coverage | None


class RigPresenter(QObject):
    """ticked(): look at the tiles again. changed(): pictures, report or the rig's state are others."""

    ticked = Signal()
    changed = Signal()

    _connected = Signal(object)
    _seen_board = Signal(object)
    _taken = Signal(object)

    def __init__(self, context: AppContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._worker = CameraWorker(self)
        self._worker.failed.connect(self._failed)
        self._group: CameraGroup | None = None
        self._loop: BoardLoop | None = None
        self._trigger: StillTrigger | None = None
        self._seen: dict[ViewName, BoardSeen] = {}
        self._found: dict[ViewName, list[Detection]] = {v: [] for v in ViewName}
        self._sizes: dict[ViewName, tuple[int, int]] = {}
        self._coverage: dict[ViewName, Coverage] = {}
        self._active = self._closed = self._taking = False
        self.assignment: dict[ViewName, Identity] = {}
        self.paper = "A4"
        self.by_itself = True
        self.shots = 0
        self.folder: Path | None = None
        self.report: CalibrationReport | None = None
        self.kept = False  # the report's calibration is this computer's rig
        self.drift: Drift | None = None
        self.job: Job | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self.ticked)
        self._connected.connect(self._on_connected)
        self._seen_board.connect(self._on_seen)
        self._taken.connect(self._on_taken)

    # --- what is shown ------------------------------------------------------------------------------------------------

    @property
    def spec(self) -> BoardSpec:
        """The board in use."""
        from facestudio.capture.calibration.board import BOARDS

        return BOARDS[self.paper]

    def tile(self, view: ViewName) -> BoardTile:
        """What a view shows now."""
        group = self._group if self._group is not None and view in self._group.views else None
        identity = self.assignment.get(view)
        return BoardTile(
            view,
            (identity.name or identity.path) if identity else "",
            group.preview(view) if group else None,
            group.health(view) if group else None,
            self._seen.get(view),
            self._coverage.get(view),
        )

    @property
    def enough(self) -> bool:
        """Every assigned camera has enough pictures of the board."""
        views = [v for v in ViewName if v in self.assignment]
        return len(views) > 1 and all(v in self._coverage and self._coverage[v].enough for v in views)

    def rig(self) -> RigCalibration | None:
        """The calibration this computer keeps; None when there is none. An unreadable one is shown as a card once it is used."""
        from facestudio.capture.calibration.rig_file import load_rig

        try:
            return load_rig()
        except FaceStudioError:
            return None

    def state(self) -> tuple[str, ...]:
        """The rig's state in words."""
        rig = self.rig()
        if rig is None:
            return (tr("Not calibrated: heads get an assumed size."),)
        lines = [tr("Calibrated on {date}", date=f"{rig.created:%Y-%m-%d %H:%M}") if rig.created else tr("Calibrated")]
        if rig.origin not in ("", "FaceStudio"):
            lines.append(tr("Imported from {program}", program=rig.origin))
        if rig.rmse_px is not None:
            lines.append(tr("Corners within {px:.2f} px", px=rig.rmse_px))
        if rig.scale_error is not None:
            lines.append(tr("Scale within {share:.2f} %", share=abs(rig.scale_error) * 100))
        lines += [f"{v}: {c.width} × {c.height}" for v, c in rig.cameras.items()]
        return tuple(lines)

    # --- what is done -------------------------------------------------------------------------------------------------

    def activate(self) -> None:
        """The page is in front: connect the cameras that the Capture page assigned."""
        self._active = True
        self.assignment = load_assignment()
        self._timer.start()
        if self.assignment:
            self._connect()
        self.changed.emit()

    def deactivate(self) -> None:
        """Let the cameras go; pictures taken so far stay."""
        self._active = False
        self._timer.stop()
        self._disconnect()

    def write_board(self, path: Path) -> None:
        """Write the board's PDF."""
        from facestudio.capture.calibration.board_pdf import write_board

        spec = self.spec

        def work(_progress: Progress, _cancel: CancelToken, _partial: Partial) -> Path:
            return write_board(spec, path)

        job = self._context.jobs.submit(tr("Write the board"), work, lane="files", kind="board", quiet=True)
        job.done.connect(lambda _path: self._context.navigator.say(tr("Written: {path}", path=path)))

    def choose_paper(self, paper: str) -> None:
        """Use the board of another paper; pictures of the other one are forgotten."""
        if paper != self.paper:
            self.paper = paper
            self.start_over()
            if self._group is not None:
                self._connect()

    def start_over(self) -> None:
        """Forget the pictures taken so far (the files stay)."""
        from facestudio.capture.calibration.live import StillTrigger

        self._found = {v: [] for v in ViewName}
        self._coverage.clear()
        self.shots, self.folder, self.report = 0, None, None
        self._trigger = StillTrigger()
        self.changed.emit()

    def take(self) -> None:
        """Take a picture of the board with every camera, now."""
        group = self._group
        if group is None or self._taking:
            return
        self._taking = True
        folder = self._folder()
        number, spec = self.shots + 1, self.spec

        def work() -> None:
            import cv2

            from facestudio.atomic import write_file
            from facestudio.capture.calibration.detect import BoardFinder
            from facestudio.capture.sync import best_triplet

            now = group.now_ns()
            choice = best_triplet(group.rings(), (now - _SHOT_MS * 1_000_000, now))
            finder, found = BoardFinder(spec), {}
            for view, frame in choice.frames.items() if choice else ():
                write_file(folder / view / f"{number:03}.png", cv2.imencode(".png", frame.bgr)[1].tobytes())
                found[view] = (finder.find(frame.bgr), (frame.bgr.shape[1], frame.bgr.shape[0]))
            self._taken.emit(found)

        self._worker.run(work)

    def calibrate(self, folder: Path | None = None) -> Job | None:
        """Calibrate from the pictures taken here, or from a folder of pictures; a good result becomes this computer's rig."""
        source = folder or self.folder
        if source is None or (self.job is not None and not self.job.state.ended):
            return None
        spec, assignment = self.spec, dict(self.assignment) if folder is None else {}

        def work(progress: Progress, cancel: CancelToken, _partial: Partial) -> CalibrationReport:
            from facestudio.capture.calibration.calibrate import calibrate_folder

            return calibrate_folder(source, spec, assignment, progress, cancel)

        self.job = self._context.jobs.submit(tr("Calibrate the rig"), work, kind="calibrate")
        self.job.done.connect(self._calibrated)
        self.changed.emit()
        return self.job

    def use_report(self) -> None:
        """Make the last calibration this computer's rig. Done by itself when it is good; a poor one replaces nothing unasked."""
        from facestudio.capture.calibration.rig_file import save_rig

        if self.report is None:
            return
        try:
            save_rig(self.report.rig)
            self.kept = True
        except FaceStudioError as error:
            self._context.navigator.show_error(error)
        self.changed.emit()

    def check_drift(self) -> Job | None:
        """Check the calibration with the newest capture of the library that has two views or more."""
        rig = self.rig()
        captures = [c for c in self._context.library.captures() if len(c.photos) > 1]
        if rig is None or not captures:
            self._context.navigator.say(tr("A calibrated rig and a capture are needed for the check."))
            return None
        newest = max(captures, key=lambda c: c.created)

        def work(progress: Progress, cancel: CancelToken, _partial: Partial) -> Drift:
            from facestudio.pipeline.check_rig import check_rig

            return check_rig(newest.path, rig, progress=progress, cancel=cancel)

        job = self._context.jobs.submit(tr("Check the rig with {name}", name=newest.name), work, kind="check rig")
        job.done.connect(self._checked)
        return job

    def import_calibration(self, path: Path) -> None:
        """Take over another program's calibration."""
        from facestudio.capture.calibration.exchange import read_calibration
        from facestudio.capture.calibration.rig_file import save_rig

        try:
            save_rig(read_calibration(path))
        except FaceStudioError as error:
            self._context.navigator.show_error(error)
        self.changed.emit()

    def export_calibration(self, path: Path) -> None:
        """Give the calibration to another program: .toml for caliscope, .yml for OpenCV."""
        from facestudio.capture.calibration.exchange import write_caliscope, write_opencv

        rig = self.rig()
        if rig is None:
            return
        try:
            (write_caliscope if path.suffix.lower() == ".toml" else write_opencv)(rig, path)
            self._context.navigator.say(tr("Written: {path}", path=path))
        except FaceStudioError as error:
            self._context.navigator.show_error(error)

    def shut_down(self) -> None:
        """Stop everything."""
        self._closed = True
        self._timer.stop()
        self._disconnect()
        self._worker.close()

    # --- within -------------------------------------------------------------------------------------------------------

    def _folder(self) -> Path:
        if self.folder is None:
            self.folder = user_data_dir() / "rig pictures" / f"{datetime.now():%Y-%m-%d %H-%M-%S}"
        return self.folder

    def _connect(self) -> None:
        self._disconnect()
        assignment = dict(self.assignment)

        chosen = self._context.settings.value

        def work() -> None:
            group = started_group(assignment, chosen.camera_size, chosen.camera_backend)
            self._connected.emit(group)

        self._worker.run(work)

    def _disconnect(self) -> None:
        self._worker.let_go(self._group, self._loop)
        self._group = self._loop = None
        self._seen.clear()

    def _on_connected(self, group: CameraGroup) -> None:
        from facestudio.capture.calibration.live import BoardLoop, StillTrigger

        if self._closed or not self._active:
            self._worker.run(group.stop)
            return
        self._disconnect()
        self._group = group
        self._trigger = self._trigger or StillTrigger()
        self._loop = BoardLoop(group, self.spec, self._seen_board.emit)
        self._loop.start()

    def _on_seen(self, seen: BoardSeen) -> None:
        if self._group is None:
            return
        self._seen[seen.view] = seen
        if self._trigger is not None and self._trigger.look(seen) and self.by_itself:
            self.take()

    def _on_taken(self, found: dict[ViewName, tuple[Detection | None, tuple[int, int]]]) -> None:
        from facestudio.capture.calibration.intrinsics import coverage

        self._taking = False
        if not found:
            return
        self.shots += 1
        for view, (detection, size) in found.items():
            if detection is not None:
                self._found[view].append(detection)
            self._coverage[view] = coverage(self._found[view], size, self.spec)
        self.changed.emit()

    def _calibrated(self, report: Any) -> None:
        self.report, self.kept = report, False
        if report.good:
            self.use_report()
        self.changed.emit()

    def _checked(self, found: Any) -> None:
        self.drift = found
        self.changed.emit()

    def _failed(self, error: BaseException) -> None:
        self._taking = False
        self._context.navigator.show_error(error)
