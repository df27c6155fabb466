"""What the Head page does: opens heads in workers, follows the job that makes one, and keeps what is shown consistent. No widgets."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from facestudio.app.context import AppContext
from facestudio.app.jobs import Job, JobState
from facestudio.app.pages.head.evidence import evidence_of
from facestudio.app.pages.head.face import FacePresenter
from facestudio.app.pages.head.opened import OpenedHead, Read, Tile, landmark_tiles, on_the_way, open_saved, photo_tiles
from facestudio.app.reconstruction import start_reconstruction
from facestudio.app.strings import tr
from facestudio.progress import CancelToken, Partial, Progress
from facestudio.types import FloatArray, Reconstruction, Triplet, ViewName

HEAD_ENDING = ".head.npz"


class Shows(Enum):
    """What the stage shows. Computed, never set."""

    STARTING = "starting"  # the engine is not there yet
    EMPTY = "empty"  # nothing was opened
    LOADING = "loading"
    PHOTOS = "photos"  # a capture without a head
    FAILED = "failed"  # what was opened cannot be shown
    HEAD = "head"


class HeadPresenter(QObject):
    """changed(): `shows`, the job or the title is another. opened_head(OpenedHead | None), tiles(tuple of Tile): other ones.

    evidence(tuple of Evidence): what speaks for the head, in its photos.
    flew(index): the eye is at a photo's camera now, -1 when it left. moved(vertices): the head's face is another.
    progressed(stage, fraction): of the job on this capture.
    """

    changed = Signal()
    opened_head = Signal(object)
    tiles_changed = Signal(object)
    evidence = Signal(object)
    flew = Signal(int)
    moved = Signal(object)
    progressed = Signal(str, float)

    def __init__(self, context: AppContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.face = FacePresenter(context.undo, self)
        self.face.moved.connect(self._face_moved)
        self.path: Path | None = None  # what was asked for: a capture's folder, a result folder, or a head file
        self.opened: OpenedHead | None = None
        self.tiles: tuple[Tile, ...] = ()
        self.error: BaseException | None = None
        self.at_photo = -1
        self.job: Job | None = None
        self._loading: Job | None = None
        self._looking: OpenedHead | None = None  # the head whose evidence is being looked for
        self._asked = 0  # counts requests: an answer to an earlier one is dropped
        self.name = ""
        self.attention = ""  # what is wrong with the capture and what to do, if anything
        context.jobs.started.connect(self._job_started)
        context.jobs.finished.connect(self._job_finished)
        context.engine.became_ready.connect(self._engine_ready)

    @property
    def shows(self) -> Shows:
        """What the stage shows now."""
        if self.opened is not None:
            return Shows.HEAD
        if self.path is None:
            return Shows.EMPTY
        if self.error is not None:
            return Shows.FAILED
        if not self._context.engine.ready:
            return Shows.STARTING
        if self.tiles:
            return Shows.PHOTOS
        return Shows.LOADING

    @property
    def unfinished(self) -> bool:
        """True while what is shown is a partial result of a job."""
        return self.opened is not None and self.opened.path is None

    @property
    def waiting(self) -> bool:
        """True while the job on this capture waits for others to end."""
        return self.job is not None and self.job.state is JobState.WAITING

    @property
    def can_reconstruct(self) -> bool:
        """True when a capture of the library is open and nothing works on it."""
        return self._capture() is not None and self.job is None and bool(self.tiles or self.opened)

    def open(self, path: Path) -> None:
        """Show a capture's folder, a result folder or a head file; soon, in any case: reading happens in a worker."""
        self._asked += 1
        if self._loading is not None:
            self._loading.cancel()
        self.path, self.error, self.name, self.attention = path, None, path.name.removesuffix(HEAD_ENDING), ""
        self._take(None)
        self._set_tiles(())
        self._follow(self._context.jobs.job_for(path))
        self.changed.emit()
        if self._context.engine.ready:
            self._load()

    def open_made(self, opened: OpenedHead) -> None:
        """Show a head that somebody has in hand already."""
        self._asked += 1
        self.path, self.error, self.name = opened.path, None, opened.name
        self._take(opened)
        self._set_tiles(opened.tiles)
        self.changed.emit()

    def again(self) -> None:
        """Try to open the same once more."""
        if self.path is not None:
            self.open(self.path)

    def reconstruct(self) -> None:
        """Make the open capture's head; also when it has one already."""
        if self.path is None or not self.can_reconstruct:
            return
        try:
            self._follow(start_reconstruction(self._context, self.path))
        except Exception as error:
            self._context.navigator.show_error(error)
        self.changed.emit()

    def cancel(self) -> None:
        """Stop the job on this capture."""
        if self.job is not None:
            self.job.cancel()

    def export(self) -> None:
        """Offer this head on the Export page."""
        if self.opened is not None and self.opened.path is not None:
            self._context.navigator.open_export(self._capture() or self.opened.path)

    def look_for_evidence(self) -> None:
        """Find out where the photos show the person and where they disagree through the head; `evidence` tells, a second later."""
        opened = self.opened
        if opened is None or self._looking is opened:
            return
        self._looking = opened

        def work(progress: Progress, cancel: CancelToken, partial: Partial) -> object:
            return evidence_of(opened.reconstruction, opened.model, cancel)

        job = self._context.jobs.submit(tr("Compare the photos"), work, lane="files", kind="evidence", quiet=True)
        job.done.connect(lambda found: self.evidence.emit(found) if self.opened is opened else None)
        job.changed.connect(lambda: self._looked(job, opened))

    def _looked(self, job: Job, opened: OpenedHead) -> None:
        if job.state.ended and self._looking is opened:
            self._looking = None

    def fly(self, index: int) -> None:
        """To a photo's camera: the head shows the photographed expression, so that it can be compared."""
        if self.opened is None or not 0 <= index < len(self.opened.reconstruction.views):
            return
        self.at_photo = index
        self.flew.emit(index)
        self.moved.emit(self.opened.reconstruction.posed_vertices)

    def leave_photo(self) -> None:
        """Back to the sliders' face."""
        if self.at_photo < 0:
            return
        self.at_photo = -1
        self.flew.emit(-1)
        if self.opened is not None:
            self.moved.emit(self.vertices())

    def vertices(self) -> FloatArray:
        """(V, 3) metres, head frame: as the head is shown now."""
        if self.at_photo >= 0 and self.opened is not None:
            return self.opened.reconstruction.posed_vertices
        return self.face.vertices()

    # --- reading ------------------------------------------------------------------------------------------------------

    def _load(self) -> None:
        path, asked = self.path, self._asked
        if path is None:
            return

        def work(progress: Progress, cancel: CancelToken, partial: Partial) -> object:
            from facestudio.library.layout import read_capture

            record = read_capture(path) if path.is_dir() else None
            name, attention = (record.name, record.attention) if record is not None else ("", "")
            file = _head_file(path)
            if file is not None:
                return Read(name, attention, open_saved(file, progress, cancel), ())
            return Read(name, attention, None, photo_tiles(_photos(path)))

        job = self._context.jobs.submit(tr("Open {name}", name=self.name), work, lane="files", kind="open head", quiet=True)
        job.done.connect(lambda value: self._loaded(asked, value))
        job.failed.connect(lambda error: self._failed(asked, error))
        self._loading = job

    def _loaded(self, asked: int, value: Read) -> None:
        if asked != self._asked:
            return
        self.attention = value.attention
        self.name = value.name or (value.head.name if value.head is not None else self.name)
        if value.head is None:
            if self.opened is None and not self.tiles:  # else the job was quicker with better ones
                self._set_tiles(value.tiles)
        elif self.job is None:
            self._take(value.head)
            self._set_tiles(value.head.tiles)
        self.changed.emit()

    def _failed(self, asked: int, error: BaseException) -> None:
        if asked == self._asked:
            self.error = error
            self.changed.emit()

    def _engine_ready(self) -> None:
        self.changed.emit()
        if self.path is not None and self.opened is None:
            self._load()

    def _take(self, opened: OpenedHead | None) -> None:
        """Show another head, or none."""
        if self.at_photo >= 0:
            self.at_photo = -1
            self.flew.emit(-1)
        self.opened = opened
        self.face.show(opened)
        self.opened_head.emit(opened)

    def _set_tiles(self, tiles: tuple[Tile, ...]) -> None:
        self.tiles = tiles
        self.tiles_changed.emit(tiles)

    def _face_moved(self, vertices: object) -> None:
        if self.at_photo >= 0:  # the operator moves the face: the photographed one makes way, the eye stays
            self.at_photo = -1
            self.flew.emit(-1)
        self.moved.emit(vertices)

    # --- the job on this capture --------------------------------------------------------------------------------------

    def _capture(self) -> Path | None:
        return self.path if self.path is not None and self.path.is_dir() and bool(_photos(self.path)) else None

    def _follow(self, job: Job | None) -> None:
        if job is self.job:
            return
        if self.job is not None:
            self.job.partial.disconnect(self._on_partial)
            self.job.progressed.disconnect(self._on_progress)
            self.job.changed.disconnect(self.changed)
        self.job = job
        if job is not None:
            job.partial.connect(self._on_partial)
            job.progressed.connect(self._on_progress)
            job.changed.connect(self.changed)
            self._take(None)

    def _job_started(self, job: Job) -> None:
        if self.path is not None and job.capture == self.path:
            self._follow(job)
            self.changed.emit()

    def _job_finished(self, job: Job) -> None:
        if job is not self.job:
            return
        self._follow(None)
        if job.state is JobState.DONE and self.path is not None:
            self._reopen()
        else:
            # What the job had shown is not a result; the earlier head or the photos are.
            self.again()

    def _reopen(self) -> None:
        """The finished head takes the partial one's place without an empty moment between them."""
        self._asked += 1
        self.changed.emit()
        self._load()

    def _on_progress(self, stage: str, fraction: float, _message: str, _seconds_left: float) -> None:
        self.progressed.emit(stage, fraction)

    def _on_partial(self, result: object) -> None:
        job, asked, name, head = self.job, self._asked, self.name, self._context.settings.value.head
        make: Callable[[], object]
        if isinstance(result, Triplet):
            triplet = result

            def make() -> object:
                return landmark_tiles(triplet)
        elif isinstance(result, Reconstruction):
            reconstruction = result

            def make() -> object:
                return on_the_way(reconstruction, name, head)
        else:
            return

        def work(progress: Progress, cancel: CancelToken, partial: Partial) -> object:
            return make()

        prepared = self._context.jobs.submit(tr("Show {name}", name=name), work, lane="files", kind="show partial", quiet=True)

        def show(value: OpenedHead | tuple[Tile, ...]) -> None:
            if asked != self._asked or job is not self.job or job is None:
                return
            if isinstance(value, tuple):
                self._set_tiles(value)
            else:
                self._take(value)
                self._set_tiles(value.tiles)
            self.changed.emit()

        prepared.done.connect(show)


def _head_file(path: Path) -> Path | None:
    """The NAME.head.npz meant by a path, None for a capture without one. Raises SavedHeadError for a folder with neither."""
    if not path.is_dir():
        return path
    from facestudio.errors import SavedHeadError
    from facestudio.pipeline.export_head import find_saved

    try:
        return find_saved(path)
    except SavedHeadError:
        if _photos(path):
            return None
        raise


def _photos(path: Path) -> dict[ViewName, Path]:
    from facestudio.library.layout import find_photos

    try:
        return find_photos(path)
    except OSError:
        return {}
