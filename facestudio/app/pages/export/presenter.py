"""What the Export page does: remembers the choice, says what will be written, runs the export as a job. No widgets."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QStandardPaths, Signal

from facestudio.app.context import AppContext
from facestudio.app.jobs import Job
from facestudio.app.strings import tr
from facestudio.errors import FaceStudioError
from facestudio.export.formats import DEFAULT, FORMATS
from facestudio.progress import CancelToken, Partial, Progress

if TYPE_CHECKING:
    from facestudio.export.checklist import Check


class Stands(Enum):
    """How the export stands."""

    NOTHING = "nothing"  # no head was offered
    READY = "ready"
    WORKING = "working"
    DONE = "done"


@dataclass(frozen=True)
class PlannedFile:
    """A file of the export. replaces: one of this name is there already."""

    name: str
    replaces: bool


@dataclass(frozen=True)
class Exported:
    """What an export left: its files, and Epic's requirements measured on the head."""

    files: tuple[Path, ...] = ()
    checks: tuple[Check, ...] = ()


class ExportPresenter(QObject):
    """changed(): anything that the page shows. progressed(message, fraction): of the export under way."""

    changed = Signal()
    progressed = Signal(str, float)

    def __init__(self, context: AppContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.source: Path | None = None  # NAME.head.npz
        self.capture: Path | None = None  # the capture it belongs to, when it does
        self.name = ""
        self.chosen: frozenset[str] = frozenset(DEFAULT)
        self.topology: str | None = None  # a head model to carry the head over to; None: the one it was made in
        self.folder = Path()  # heads get a folder of their own in it
        self.job: Job | None = None
        self.written: tuple[Path, ...] = ()
        self.checks: tuple[Check, ...] = ()  # Epic's requirements, measured on what was written last
        self._blender: bool | None = None
        self._choose_start_folder()

    @property
    def stands(self) -> Stands:
        """How the export stands now."""
        if self.source is None:
            return Stands.NOTHING
        if self.job is not None:
            return Stands.WORKING
        return Stands.DONE if self.written else Stands.READY

    @property
    def target(self) -> Path:
        """The folder that the files are written into."""
        return self.folder / self.name if self.name else self.folder

    @property
    def has_blender(self) -> bool:
        """Whether a Blender is installed; looked for once."""
        if self._blender is None:
            from facestudio.export.blender_program import find_blender

            self._blender = find_blender() is not None
        return self._blender

    def offer(self, path: Path) -> None:
        """A capture's folder, a result folder or a NAME.head.npz to export; taken as soon as the engine is ready."""
        self._context.engine.when_ready(lambda: self._offer(path))

    def _offer(self, path: Path) -> None:
        from facestudio.pipeline.export_head import find_saved

        try:
            source = find_saved(path)
        except FaceStudioError as error:
            self._context.navigator.show_error(error)
            return
        if source != self.source:
            self.written = ()
        self.source, self.name = source, source.name.removesuffix(".head.npz")
        self.capture = path if path.is_dir() and (path / "capture.json").is_file() else None
        self.changed.emit()

    def available(self, key: str) -> bool:
        """False for a format whose program is not installed."""
        return not FORMATS[key].needs or self.has_blender

    def topologies(self) -> tuple[str, ...]:
        """The head models of this computer that a head can be carried over to; empty when there is only one."""
        from facestudio.head.store import available_heads

        found = available_heads()
        return tuple(found) if len(found) > 1 else ()

    def choose_topology(self, name: str | None) -> None:
        """Carry the head over to a head model ("open", "flame"); None leaves it in the one it was made in."""
        self.topology, self.written = name, ()
        self.changed.emit()

    def choose(self, key: str, wanted: bool) -> None:
        """Add a format or take it away."""
        self.chosen = self.chosen | {key} if wanted else self.chosen - {key}
        self.written = ()
        self.changed.emit()

    def choose_folder(self, folder: Path) -> None:
        """Export into a folder of this one, now and the next time."""
        self.folder = folder
        self.written = ()
        try:
            self._context.settings.update(export_folder=str(folder))
        except FaceStudioError as error:
            self._context.navigator.show_error(error)
        self.changed.emit()

    def planned(self) -> tuple[PlannedFile, ...]:
        """The files that will be written, in the order of the formats."""
        names = [name for key, choice in FORMATS.items() if key in self.chosen for name in choice.files(self.name)]
        try:
            there = {path.name for path in self.target.iterdir()}
        except OSError:
            there = set()
        return tuple(PlannedFile(name, name in there) for name in dict.fromkeys(names))

    @property
    def can_start(self) -> bool:
        """True when there is something to write and nothing is being written."""
        return self.source is not None and self.job is None and any(self.available(key) for key in self.chosen)

    def start(self) -> None:
        """Export, as a job. Its errors are shown as a card by the window; files that were there stay as they were then."""
        if not self.can_start or self.source is None:
            return
        source, target, name, capture, topology = self.source, self.target, self.name, self.capture, self.topology
        formats: Collection[str] = [key for key in FORMATS if key in self.chosen and self.available(key)]
        library = self._context.library

        def work(progress: Progress, cancel: CancelToken, partial: Partial) -> Exported:
            from facestudio.pipeline.export_head import export_saved, metahuman_checks

            written = export_saved(source, target, formats, progress, cancel, topology=topology)
            if capture is not None:
                library.mark_exported(capture, target, [path.name for path in written])
            return Exported(written, metahuman_checks(source))

        job = self._context.jobs.submit(tr("Export {name}", name=name), work, lane="files", kind="export")
        self.job, self.written, self.checks = job, (), ()
        job.progressed.connect(lambda stage, fraction, message, _left: self.progressed.emit(message or stage, fraction))
        job.done.connect(lambda exported: self._ended(job, exported))
        job.failed.connect(lambda _error: self._ended(job, Exported()))
        job.cancelled.connect(lambda: self._ended(job, Exported()))
        self.changed.emit()

    def cancel(self) -> None:
        """Stop the export; nothing half-written stays."""
        if self.job is not None:
            self.job.cancel()

    def _ended(self, job: Job, exported: Exported) -> None:
        if job is self.job:
            self.job, self.written, self.checks = None, exported.files, exported.checks
            self.changed.emit()

    def _choose_start_folder(self) -> None:
        known = self._context.settings.value.export_folder
        if known:
            self.folder = Path(known).expanduser()
            return
        documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
        self.folder = Path(documents or Path.home()) / "FaceStudio"
