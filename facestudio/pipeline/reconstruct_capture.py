"""A capture of the library gets its head. What happens is told by files, so that nothing is lost whatever dies (ADR 0005)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from facestudio.errors import Cancelled, OutputError
from facestudio.library import layout, marks
from facestudio.library.records import JobMark, LibraryError
from facestudio.library.staging import explained, recover, staging_folder
from facestudio.library.staging import replace as replace_folder
from facestudio.progress import CancelToken, Partial, Progress, ignored, silent

if TYPE_CHECKING:
    from facestudio.pipeline.build_head import BuiltHead

KIND = "reconstruct"


@dataclass(frozen=True)
class ReconstructSettings:
    """How a capture is reconstructed; see `build_head.reconstruct`."""

    head: str = "open"
    engine: str = "auto"
    quality: str = "standard"
    texture_size: int = 2048


def settings_of(job: JobMark | None) -> ReconstructSettings:
    """The settings that an interrupted job ran with, to run it again; the usual ones where it does not say."""
    usual = ReconstructSettings()
    said = dict(job.settings) if job is not None else {}
    known = {field.name: said[field.name] for field in fields(usual) if field.name in said and field.name != "texture_size"}
    size = said.get("texture_size", "")
    return replace(usual, **known, texture_size=int(size) if size.isdecimal() else usual.texture_size)


def reconstruct_capture(
    capture: Path,
    settings: ReconstructSettings | None = None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
    partial: Partial = ignored,
    build: Callable[..., BuiltHead] | None = None,
) -> BuiltHead:
    """Reconstruct the capture in a folder of the library; its head/ is replaced when, and only when, all went well.

    job.json stands there meanwhile. A failure stays in error.json and makes the capture one that needs attention; a cancel leaves
    everything as it was. build: in place of `build_head.reconstruct`, for tests. Raises what it raises, and LibraryError when the
    capture is gone, has no photos, or is being worked on.
    """
    record = layout.read_capture(capture)
    if record is None:
        raise LibraryError(f"There is no capture in {capture}.", "It may have been deleted or renamed: look in the library.")
    settings = settings or ReconstructSettings()
    marks.begin_job(capture, KIND, {key: str(value) for key, value in asdict(settings).items()})
    try:
        if not record.photos:
            raise LibraryError(f"{record.name} has no photos.", "Put them back as left.jpg, front.jpg and right.jpg.")
        recover(capture)
        with explained(f"The head of {record.name} cannot be kept"), staging_folder(capture) as staging:
            built = (build or _reconstruct())(
                tuple(record.photos.values()),
                staging,
                cameras=record.cameras,
                name=capture.name,
                progress=progress,
                cancel=cancel or CancelToken(),
                partial=partial,
                **asdict(settings),
            )
            replace_folder(staging, capture / layout.HEAD_FOLDER)
    except (Cancelled, KeyboardInterrupt):
        marks.abandon_job(capture)
        raise
    except Exception as error:
        with contextlib.suppress(
            OutputError
        ):  # the disk that refuses the head may refuse this, too; job.json then tells the story
            marks.fail_job(capture, error)
        raise
    marks.end_job(capture)
    return replace(built, files=tuple(capture / layout.HEAD_FOLDER / path.name for path in built.files))


def _reconstruct() -> Callable[..., BuiltHead]:
    from facestudio.pipeline.build_head import reconstruct  # three seconds of imports

    return reconstruct
