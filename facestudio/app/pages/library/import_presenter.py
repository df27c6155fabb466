"""Bringing photos in: what was found in what was dropped, the operator's changes to it, and the copying. No widgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand

from facestudio.app.context import AppContext
from facestudio.app.from_below import said
from facestudio.app.jobs import Job
from facestudio.app.strings import tr
from facestudio.library.records import CaptureRecord
from facestudio.pipeline.dropped_photos import Skipped
from facestudio.pipeline.import_captures import Imported, Proposal, ProposedCapture, import_captures, propose_captures
from facestudio.progress import CancelToken, Partial, Progress
from facestudio.types import ViewName


class ImportPresenter(QObject):
    """changed(row): a proposed capture is different; -1: all of them. opened(), closed(): there is something to decide, or no longer.

    looking(True/False): what was dropped is being looked at. imported(list of CaptureRecord): they are in the library now.
    """

    changed = Signal(int)
    opened = Signal()
    closed = Signal()
    looking = Signal(bool)
    imported = Signal(object)

    def __init__(self, context: AppContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.captures: list[ProposedCapture] = []
        self.skipped: tuple[Skipped, ...] = ()
        self.left_out: set[int] = set()
        self._job: Job | None = None
        self._round = 0

    @property
    def busy(self) -> bool:
        """Something is being looked at or copied."""
        return self._job is not None and not self._job.state.ended

    @property
    def chosen(self) -> list[ProposedCapture]:
        """The captures that will come in."""
        return [capture for row, capture in enumerate(self.captures) if row not in self.left_out]

    def offer(self, paths: Sequence[Path]) -> Job | None:
        """Look at dropped files and folders; `opened` when there is something to decide."""
        if not paths or self.busy:
            return None
        library = self._context.library

        def work(progress: Progress, cancel: CancelToken, partial: Partial) -> Proposal:
            return propose_captures(list(paths), library, progress, cancel)

        self._job = self._context.jobs.submit(tr("Look at the photos"), work, lane="files", kind="look at photos")
        self.looking.emit(True)
        self._job.done.connect(self._proposed)
        self._job.failed.connect(self._ended)
        self._job.cancelled.connect(self._ended)
        return self._job

    def change(self, row: int, **changes: str | None) -> None:
        """Another subject, session or name for a proposed capture."""
        new = replace(self.captures[row], **changes)  # type: ignore[arg-type]
        self._push(tr("change of {name}", name=self.captures[row].subject), {row: new})

    def change_all(self, **changes: str | None) -> None:
        """The same subject or session for all of them."""
        self._push(tr("change of all"), {row: replace(c, **changes) for row, c in enumerate(self.captures)})  # type: ignore[arg-type]

    def swap(self, row: int, one: ViewName, other: ViewName) -> None:
        """Two photos of a proposed capture change places."""
        capture = self.captures[row]
        order = {one: other, other: one}
        photos = {order.get(view, view): path for view, path in capture.photos.items()}
        hashes = {order.get(view, view): digest for view, digest in capture.hashes.items()}
        in_order = {view: photos[view] for view in ViewName if view in photos}
        new = replace(capture, photos=in_order, hashes=hashes, certain=True)
        self._push(tr("swap of views of {name}", name=capture.subject), {row: new})

    def include(self, row: int, yes: bool) -> None:
        """Whether a proposed capture comes in."""
        (self.left_out.discard if yes else self.left_out.add)(row)
        self.changed.emit(row)

    def accept(self) -> Job | None:
        """Copy the chosen captures into the library."""
        chosen, library = self.chosen, self._context.library
        if not chosen or self.busy:
            return None

        def work(progress: Progress, cancel: CancelToken, partial: Partial) -> Imported:
            return import_captures(library, chosen, progress, cancel)

        one, many = tr("Import 1 capture"), tr("Import {count} captures", count=len(chosen))
        self._job = self._context.jobs.submit(one if len(chosen) == 1 else many, work, lane="files", kind="import")
        self._job.done.connect(self._copied)
        self._job.failed.connect(self._ended)
        self._job.cancelled.connect(self._ended)
        self.changed.emit(-1)
        return self._job

    def dismiss(self) -> None:
        """Import nothing."""
        if self._job is not None:
            self._job.cancel()
        self._clear()

    def _push(self, text: str, new: dict[int, ProposedCapture]) -> None:
        old = {row: self.captures[row] for row in new}
        if new != old:
            self._context.undo.push(_Change(text, self, old, new, self._round))

    def _proposed(self, proposal: Proposal) -> None:
        self.looking.emit(False)
        if not proposal.captures:
            first = proposal.skipped[0] if proposal.skipped else None
            self._context.navigator.say(said(first.sentence) if first else tr("There are no photos in it."))
            return
        # What is dropped while an import is being decided joins it: changes made to the others stay.
        before = len(self.captures)
        self.captures += proposal.captures
        self.skipped += proposal.skipped
        self.left_out |= {before + row for row, capture in enumerate(proposal.captures) if capture.known_as}
        self.changed.emit(-1)
        self.opened.emit()

    def _copied(self, result: Imported) -> None:
        records: list[CaptureRecord] = list(result.records)
        one, many = tr("1 capture imported."), tr("{count} captures imported.", count=len(records))
        came_in = one if len(records) == 1 else many
        self._context.navigator.say(" ".join([came_in, *(said(failure.sentence) for failure in result.failed[:2])]))
        self._clear()
        self.imported.emit(records)

    def _ended(self, *_: object) -> None:
        self.looking.emit(False)
        self.changed.emit(-1)
        self.imported.emit([])  # what came in before a cancel or an error stays

    def _clear(self) -> None:
        self._round += 1  # changes of this round can no longer be undone
        self.captures, self.skipped, self.left_out = [], (), set()
        self.closed.emit()

    def put(self, round_: int, captures: dict[int, ProposedCapture]) -> None:
        """Set proposed captures; for undo and redo. Does nothing when another import has begun since."""
        if round_ != self._round:
            return
        for row, capture in captures.items():
            self.captures[row] = capture
            self.changed.emit(row)


class _Change(QUndoCommand):
    """A change to proposed captures."""

    def __init__(
        self,
        text: str,
        presenter: ImportPresenter,
        old: dict[int, ProposedCapture],
        new: dict[int, ProposedCapture],
        round_: int,
    ) -> None:
        super().__init__(text)
        self._presenter, self._old, self._new, self._round = presenter, old, new, round_

    def redo(self) -> None:
        """Called by the stack."""
        self._presenter.put(self._round, self._new)

    def undo(self) -> None:
        """Called by the stack."""
        self._presenter.put(self._round, self._old)
