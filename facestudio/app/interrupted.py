"""Work that a dead process left behind: looked for at the start, said once, and run again if the operator wishes."""

from __future__ import annotations

import logging
import threading

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QPushButton

from facestudio.app.context import AppContext
from facestudio.app.reconstruction import start_reconstruction
from facestudio.app.report import Problem
from facestudio.app.strings import tr
from facestudio.app.widgets.error_shelf import ErrorShelf
from facestudio.errors import FaceStudioError
from facestudio.library.layout import JOB_FILE
from facestudio.library.records import CaptureRecord

_log = logging.getLogger(__name__)


class InterruptedWork(QObject):
    """Looks for marks of jobs whose process is gone, in a thread, and puts a card on the shelf when there are any."""

    _found = Signal(object)

    def __init__(self, context: AppContext, shelf: ErrorShelf, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context, self._shelf = context, shelf
        self._thread: threading.Thread | None = None
        self._closed = False
        self._found.connect(self._offer, Qt.ConnectionType.QueuedConnection)

    def look(self) -> None:
        """Begin to look; returns at once."""
        self._thread = threading.Thread(target=self._look, name="interrupted work", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop looking, and offer nothing any more."""
        self._closed = True
        if self._thread is not None:
            self._thread.join(10)

    def _look(self) -> None:
        library = self._context.library
        try:
            for mark in library.root.glob(f"*/*/*/{JOB_FILE}"):
                if self._closed:
                    return
                if not any(part.startswith(".") for part in mark.relative_to(library.root).parts):
                    library.update(mark.parent)  # the index may be older than the mark
            self._found.emit(library.interrupted())
        except (OSError, FaceStudioError):
            _log.exception("Looking for interrupted work failed")

    def _offer(self, records: list[CaptureRecord]) -> None:
        found = [record for record in records if self._context.jobs.job_for(record.path) is None]
        if self._closed or not found:
            return
        one = tr("A reconstruction was cut off the last time: {name}.", name=_name(found[0]))
        many = tr("{count} reconstructions were cut off the last time.", count=len(found))
        remedy = tr("The photos are safe. Run again now, or later from the library.")
        details = "\n".join(f"{_name(record)}: {record.path}" for record in found)
        card = self._shelf.add(Problem(one if len(found) == 1 else many, remedy, details, expected=True))
        button = QPushButton(tr("Run again"), card)
        button.setProperty("look", "primary")
        button.clicked.connect(lambda: self._run_again(found))
        button.clicked.connect(card.dismiss)
        card.action(button)

    def _run_again(self, records: list[CaptureRecord]) -> None:
        from facestudio.pipeline.reconstruct_capture import settings_of

        for record in records:
            start_reconstruction(self._context, record.path, settings_of(record.job))


def _name(record: CaptureRecord) -> str:
    return f"{record.subject}, {record.name}"
