"""The shipped sample subject: imported into the library and reconstructed, without a question."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject

from facestudio.app.context import AppContext
from facestudio.app.jobs import Job
from facestudio.app.reconstruction import start_reconstruction
from facestudio.app.strings import tr
from facestudio.library.add import NewCapture
from facestudio.library.records import CaptureRecord, CaptureState
from facestudio.paths import resources_dir
from facestudio.progress import CancelToken, Partial, Progress
from facestudio.types import ViewName


class SampleSubject(QObject):
    """Answers *Try the sample subject*. The same sample is not imported twice: the one that is there is shown."""

    def __init__(self, context: AppContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._adding: Job | None = None
        context.navigator.sample_wanted.connect(self.start)

    def start(self) -> None:
        """Import, reconstruct and show the sample subject."""
        if self._adding is not None and not self._adding.state.ended:
            return
        known = [record for record in self._context.library.captures() if record.subject == tr("Sample subject")]
        if known:
            self._show(known[0])
            return
        new = NewCapture(
            tr("Sample subject"), tr("Sample photos"), sample_photos(), resources_dir() / "sample" / "cameras.json"
        )

        def work(progress: Progress, cancel: CancelToken, partial: Partial) -> CaptureRecord:
            return self._context.library.add_capture(new, progress, cancel)

        self._adding = self._context.jobs.submit(tr("Import the sample subject"), work, lane="files", kind="import")
        self._adding.done.connect(self._show)

    def _show(self, record: CaptureRecord) -> None:
        if record.state is CaptureState.CAPTURED or (record.state is CaptureState.NEEDS_ATTENTION and record.head is None):
            start_reconstruction(self._context, record.path)
        self._context.navigator.open_capture(record.path)


def sample_photos() -> dict[ViewName, Path]:
    """The sample's pictures by view."""
    return {name: resources_dir() / "sample" / f"{name}.jpg" for name in ViewName}
