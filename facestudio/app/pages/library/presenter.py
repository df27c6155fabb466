"""What the Library page shows and does: listing, selection, undoable changes, the queue of reconstructions. No widgets."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from facestudio.app.context import AppContext
from facestudio.app.jobs import Job, JobState
from facestudio.app.pages.library.background import Background
from facestudio.app.pages.library.commands import AssignViews, Delete, Rename
from facestudio.app.pages.library.states import Work
from facestudio.app.pages.library.thumbnails import Thumbnails
from facestudio.app.reconstruction import start_reconstruction
from facestudio.app.strings import tr
from facestudio.errors import FaceStudioError
from facestudio.library.records import CaptureRecord, CaptureState, Listing, TrashedItem
from facestudio.progress import CancelToken, Partial, Progress
from facestudio.types import ViewName

MOST_READ = 50  # selected captures that are read again at every change; of more, only those gone are noticed

_Found = tuple[Listing, dict[CaptureState, int], tuple[TrashedItem, ...]]


class LibraryPresenter(QObject):
    """listed(): another listing, or its captures changed. selected(): another selection. worked(capture folder): a job came further.

    reading(fraction): the library's files are being looked at; 1.0 when done.
    """

    listed = Signal()
    selected = Signal()
    worked = Signal(object)
    reading = Signal(float)
    _read = Signal(float)

    def __init__(self, context: AppContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.library, self.navigator = context.library, context.navigator
        self.thumbnails = Thumbnails(self.library.root, self)
        self.edits, self._looks, self._finds = Background(self), Background(self), Background(self)
        self._look_token = CancelToken()
        self.search, self.states = "", frozenset[CaptureState]()
        self.listing = Listing((), ())
        self._listed = self._stale = False
        self.counts = dict.fromkeys(CaptureState, 0)
        self.selection: tuple[CaptureRecord, ...] = ()
        self._selected_paths: list[Path] = []
        self.trash: tuple[TrashedItem, ...] = ()  # newest first
        self.queue: deque[Path] = deque()
        self._queued: Job | None = None
        self._watched: set[Job] = set()
        for background in (self.edits, self._looks, self._finds):
            background.failed.connect(self.navigator.show_error)
        self._read.connect(self._reading)
        context.jobs.changed.connect(self._watch)
        context.jobs.finished.connect(self._job_finished)
        self._watch()

    # --- what is shown ------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Show what the index knows, and look at the files in the background."""
        self.reload()
        if self._looks.busy:
            return
        self._look_token = CancelToken()

        def work() -> int:
            return self.library.refresh(lambda stage, fraction, message="": self._read.emit(fraction), self._look_token)

        self._looks.run(work, lambda value, error: self._looked(value))

    def reload(self) -> None:
        """Ask the index again: the first time at once, so that the page is never painted empty, then beside the window."""
        if not self._listed:
            self._listed = True
            self._show(self._ask(self.search, self.states), None)
            return
        self._stale = True
        if not self._finds.busy:
            self._find()

    @property
    def busy(self) -> bool:
        """Something is being changed or asked for; what is shown may be another in a moment."""
        return self.edits.busy or self._finds.busy

    def seek(self, search: str, states: Collection[CaptureState]) -> None:
        """Show only captures that hold these words and are in one of these states; none given: all."""
        if (search, frozenset(states)) != (self.search, self.states):
            self.search, self.states = search, frozenset(states)
            self.reload()

    @property
    def empty(self) -> bool:
        """There is no capture at all, whatever is searched for."""
        return not any(self.counts.values())

    def work_of(self, capture: Path) -> Work | None:
        """What happens to a capture in this window."""
        job = self._context.jobs.job_for(capture)
        if job is None:
            return Work(waiting=True) if capture in self.queue else None
        return Work(job.fraction, waiting=job.state is JobState.WAITING)

    def select(self, records: Sequence[CaptureRecord]) -> None:
        """These captures are selected now."""
        if [record.path for record in records] != [record.path for record in self.selection]:
            self.selection = tuple(records)
            self._selected_paths = [record.path for record in records]
            self.selected.emit()

    # --- what can be done ---------------------------------------------------------------------------------------------

    def open(self, record: CaptureRecord) -> None:
        """Show a capture on the Head page; one without a head is reconstructed on the way."""
        if record.head is None and record.photos and not record.running:
            self.reconstruct([record])
        self.navigator.open_capture(record.path)

    def reconstruct(self, records: Sequence[CaptureRecord]) -> None:
        """Queue captures for reconstruction, one after the other; those queued already stay where they are."""
        waiting = [r.path for r in records if r.photos and not r.running and self.work_of(r.path) is None]
        self.queue.extend(waiting)
        self._next()
        self.reload()

    def reconstruct_new(self) -> None:
        """Queue every capture that has no head yet."""
        self.reconstruct(self.library.captures(states=[CaptureState.CAPTURED]))

    def stop_queue(self) -> None:
        """Forget what waits; what runs is cancelled from the job strip."""
        self.queue.clear()
        self.reload()

    def rename(self, record: CaptureRecord, name: str) -> None:
        """Give a capture another name."""
        self._rename(lambda path, to: self.library.rename_capture(path, to).path, record.path, record.name, name)

    def rename_session(self, record: CaptureRecord, name: str) -> None:
        """Give the session of a capture another name; a name that another session of the subject has moves the capture there."""
        others = {session.name for session in self.library.sessions(record.subject_folder)} - {record.session}
        if name.strip() in others:
            self._move(record, record.subject, name.strip())
        else:
            self._rename(self.library.rename_session, record.session_folder, record.session, name)

    def rename_subject(self, record: CaptureRecord, name: str) -> None:
        """Give the subject of a capture another name; a name that another subject has moves the capture there."""
        if name.strip() in {subject.name for subject in self.library.subjects()} - {record.subject}:
            self._move(record, name.strip(), record.session)
        else:
            self._rename(self.library.rename_subject, record.subject_folder, record.subject, name)

    def set_notes(self, record: CaptureRecord, notes: str) -> None:
        """Write a capture's notes."""
        if notes != record.notes:
            self.edits.run(lambda: self.library.set_notes(record.path, notes), lambda value, error: self.reload())

    def delete(self, records: Sequence[CaptureRecord]) -> None:
        """Move captures to the trash."""
        if records:
            one = tr("deletion of {name}", name=records[0].name)
            text = one if len(records) == 1 else tr("deletion of {count} captures", count=len(records))
            self.queue = deque(path for path in self.queue if path not in {record.path for record in records})
            self._push(Delete(text, self.edits, self.reload, self.library, [record.path for record in records]))
            self.navigator.say(tr("Moved to the trash. Ctrl+Z brings it back."))

    def restore_last(self) -> None:
        """Bring back what was deleted last, also in an earlier session."""
        if self.trash:
            item = self.trash[0]
            self.edits.run(lambda: self.library.restore(item), lambda value, error: self.reload())

    def empty_trash(self) -> None:
        """Remove what was deleted for good; no deletion can be undone any more."""
        self._context.undo.clear()
        self.edits.run(self.library.empty_trash, lambda value, error: self.reload())

    def swap(self, record: CaptureRecord, one: ViewName, other: ViewName) -> None:
        """Two photos of a capture change places; a photo may also move to a view that is empty."""
        self.thumbnails.look_again(record.path)
        order = {one: other, other: one}
        text = tr("swap of views of {name}", name=record.name)
        self._push(AssignViews(text, self.edits, self._views_changed, self.library, record.path, order))

    def export_subject(self, record: CaptureRecord, target: Path) -> Job:
        """Write everything of a capture's subject into a ZIP file, as a job."""

        def work(progress: Progress, cancel: CancelToken, partial: Partial) -> Path:
            return self.library.export_subject(record.subject_folder, target, progress, cancel)

        job = self._context.jobs.submit(
            tr("Export subject {name}", name=record.subject), work, lane="files", kind="export subject"
        )
        job.done.connect(lambda path: self.navigator.say(tr("Written: {file}", file=path)))
        return job

    def erase_subject(self, record: CaptureRecord) -> None:
        """Erase a capture's subject for good. The undo stack forgets everything: it may hold the subject's name."""
        self._context.undo.clear()
        folder = record.subject_folder
        self.queue = deque(path for path in self.queue if not path.is_relative_to(folder))

        def ended(complete: object, error: BaseException | None) -> None:
            self.thumbnails.forget(folder)
            self.reload()
            if error is None:
                self.navigator.say(
                    tr("The subject was erased.")
                    if complete
                    else tr("Erased; its last trace goes when the other window closes.")
                )

        self.edits.run(lambda: self.library.erase_subject(folder), ended)

    def shut_down(self) -> None:
        """Stop the threads."""
        self._look_token.cancel()
        self.queue.clear()
        for part in (self._looks, self._finds, self.edits, self.thumbnails):
            part.shut_down()

    # --- how it hears -------------------------------------------------------------------------------------------------

    def _push(self, command: Rename[Any] | Delete | AssignViews) -> None:
        self._context.undo.push(command)

    def _views_changed(self) -> None:
        self.thumbnails.look_again()
        self.reload()

    def _find(self) -> None:
        self._stale = False
        search, states = self.search, self.states
        self._finds.run(lambda: self._ask(search, states), self._show)

    def _ask(self, search: str, states: Collection[CaptureState]) -> _Found:
        return self.library.find(search, states), self.library.counts(), tuple(self.library.trash())

    def _show(self, found: _Found | None, error: BaseException | None) -> None:
        if self._stale:  # the operator has typed on, or something has changed
            self._find()
        if found is not None:
            self.listing, self.counts, self.trash = found
            self._refresh_selection()
            self.listed.emit()

    def _rename(self, rename: Callable[[Path, str], Path], folder: Path, old: str, new: str) -> None:
        if not new.strip() or new.strip() == old:
            return

        text = tr("rename of {name}", name=old)
        command = Rename(text, self.edits, lambda: self._follow(command), rename, folder, (old, new.strip()))
        self._push(command)

    def _move(self, record: CaptureRecord, subject: str, session: str) -> None:
        def move(path: Path, to: tuple[str, str]) -> Path:
            return self.library.move_capture(path, *to, record.name).path

        text = tr("move of {name}", name=record.name)
        places = ((record.subject, record.session), (subject, session))
        command = Rename(text, self.edits, lambda: self._follow(command), move, record.path, places)
        self._push(command)

    def _follow(self, command: Rename[Any]) -> None:
        """What was selected and queued keeps to folders that have another name now."""
        before, after = command.places
        self._selected_paths = [_moved(path, before, after) for path in self._selected_paths]
        self.queue = deque(_moved(path, before, after) for path in self.queue)
        self.reload()

    def _refresh_selection(self) -> None:
        """The selected captures as they are now; those that are gone are selected no longer."""
        if len(self._selected_paths) > MOST_READ:
            found = [record for record in self.selection if record.path.is_dir()]
        else:
            found = [record for record in map(self._record, self._selected_paths) if record is not None]
        if tuple(found) != self.selection:
            self.selection = tuple(found)
            self._selected_paths = [record.path for record in found]
            self.selected.emit()

    def _record(self, path: Path) -> CaptureRecord | None:
        try:
            return self.library.capture(path)
        except FaceStudioError:
            return None

    def _reading(self, fraction: float) -> None:
        self.reading.emit(fraction)
        if self.library.stale:
            self.reload()  # an index that is made anew fills while one looks

    def _looked(self, changed: object) -> None:
        self.reading.emit(1.0)
        if changed:
            self.thumbnails.look_again()
            self.reload()

    def _watch(self) -> None:
        active = {job for job in self._context.jobs.active() if job.capture is not None}
        for job in active - self._watched:
            job.progressed.connect(self._progressed)
            job.changed.connect(self._progressed)
        self._watched = active

    def _progressed(self, *_: object) -> None:
        job = self.sender()
        if isinstance(job, Job) and job.capture is not None:
            self.worked.emit(job.capture)

    def _job_finished(self, job: Job) -> None:
        if job.capture is not None:
            self.thumbnails.look_again(job.capture)
        if job is self._queued:
            self._queued = None
            if job.state is JobState.CANCELLED and self.queue:
                # Also when the window closes: what was stopped must not begin again with the next capture.
                self.navigator.say(tr("Stopped; {count} more were waiting.", count=len(self.queue)))
                self.queue.clear()
            self._next()
        self.reload()

    def _next(self) -> None:
        while self._queued is None and self.queue:
            try:
                self._queued = start_reconstruction(self._context, self.queue.popleft())
            except FaceStudioError as error:  # gone meanwhile: the next one may be there
                self.navigator.show_error(error)


def _moved(path: Path, before: Path, after: Path) -> Path:
    """Where a path lies now that a folder above it has another name."""
    return after / path.relative_to(before) if path.is_relative_to(before) else path
