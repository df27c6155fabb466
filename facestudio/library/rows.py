"""A capture's record as a row of the index, and back. File names only, never paths: a library can be moved."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

from facestudio.library import layout
from facestudio.library.owner import is_alive
from facestudio.library.records import CaptureRecord, CaptureState
from facestudio.types import ViewName


def row_of(record: CaptureRecord) -> dict[str, Any]:
    """What the index keeps of a record beside its columns."""
    return {
        "name": record.name,
        "photos": {str(view): path.name for view, path in record.photos.items()},
        "cameras": record.cameras is not None,
        "head": record.head.name if record.head else None,
        "preview": record.preview is not None,
        "notes": record.notes,
        "attention": record.attention,
        "job": layout.job_content(record.job) if record.job else None,
    }


def record_from(root: Path, *row: str) -> CaptureRecord:
    """The record of a row: (subject folder, subject, session folder, session, capture folder, created, state, JSON).

    A row with a job is read from the files instead: its owner may have died since.
    """
    subject_folder, subject, session_folder, session, folder, created, state, text = row
    path = root / subject_folder / session_folder / folder
    kept = json.loads(text)
    if kept["job"] is not None:
        now = layout.read_capture(path, subject, session)
        if now is not None:
            return now
    job = layout.parse_job(kept["job"] or {})
    running = job is not None and is_alive(job)
    head = path / layout.HEAD_FOLDER
    return CaptureRecord(
        path=path,
        subject=subject,
        session=session,
        name=kept["name"],
        created=datetime.fromisoformat(created),
        state=CaptureState(state),
        photos={ViewName(view): path / file for view, file in kept["photos"].items()},
        cameras=path / layout.CAMERAS_FILE if kept["cameras"] else None,
        head=head / kept["head"] if kept["head"] else None,
        preview=head / layout.PREVIEW_FILE if kept["preview"] else None,
        notes=kept["notes"],
        attention=kept["attention"],
        job=job,
        running=running,
        interrupted=job is not None and not running,
    )


def sort_key(name: str) -> str:
    """Names in the order a person expects: without regard to case, and "visit 2" before "visit 10"."""
    return re.sub(r"\d+", lambda digits: digits.group().lstrip("0").zfill(12), name.casefold())
