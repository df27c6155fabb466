"""Reconstructing a capture of the library, as every page starts it: one door, so that no capture is worked on twice."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from facestudio.app.context import AppContext
from facestudio.app.jobs import Job
from facestudio.app.strings import tr
from facestudio.progress import CancelToken, Partial, Progress


def start_reconstruction(context: AppContext, capture: Path) -> Job:
    """Queue the reconstruction of a capture with the settings of now; the job it already has, if it has one."""
    running = context.jobs.job_for(capture)
    if running is not None:
        return running
    record = context.library.capture(capture)
    chosen, library = context.settings.value, context.library

    def work(progress: Progress, cancel: CancelToken, partial: Partial) -> Path:
        module: Any = importlib.import_module("facestudio.pipeline.reconstruct_capture")
        settings = module.CaptureSettings(
            head=chosen.head, engine=chosen.engine, quality=chosen.quality, texture_size=chosen.texture_size
        )
        try:
            return Path(module.reconstruct_capture(capture, settings, progress, cancel, partial))
        finally:
            library.update(capture)

    title = tr("Reconstruct {subject}, {capture}", subject=record.subject, capture=record.name)
    return context.jobs.submit(title, work, capture=capture, kind=f"reconstruct {chosen.engine} {chosen.quality}")
