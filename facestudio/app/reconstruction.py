"""Reconstructing a capture of the library, as every page starts it: one door, so that no capture is worked on twice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from facestudio.app.context import AppContext
from facestudio.app.jobs import Job
from facestudio.app.strings import tr
from facestudio.progress import CancelToken, Partial, Progress

if TYPE_CHECKING:
    from facestudio.pipeline.build_head import BuiltHead
    from facestudio.pipeline.reconstruct_capture import ReconstructSettings


def start_reconstruction(context: AppContext, capture: Path, settings: ReconstructSettings | None = None) -> Job:
    """Queue the reconstruction of a capture, or find the job it already has. Its `done` carries a BuiltHead.

    settings: None: as chosen now on the Settings page. Raises LibraryError when the capture is gone.
    """
    running = context.jobs.job_for(capture)
    if running is not None:
        return running
    from facestudio.pipeline.reconstruct_capture import ReconstructSettings, reconstruct_capture

    record = context.library.capture(capture)
    value, library = context.settings.value, context.library
    wanted = settings or ReconstructSettings(value.head, value.engine, value.quality, value.texture_size)

    def work(progress: Progress, cancel: CancelToken, partial: Partial) -> BuiltHead:
        try:
            return reconstruct_capture(capture, wanted, progress, cancel, partial)
        finally:
            library.update(capture)

    title = tr("Reconstruct {subject}, {capture}", subject=record.subject, capture=record.name)
    return context.jobs.submit(title, work, capture=capture, kind=f"reconstruct {wanted.engine} {wanted.quality}")
