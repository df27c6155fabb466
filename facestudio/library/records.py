"""What the library says about what it keeps. Frozen; computed from the files and stored nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from facestudio.errors import FaceStudioError
from facestudio.types import ViewName


class LibraryError(FaceStudioError):
    """The library cannot do what was asked: a name is taken, a capture is busy or gone, a folder cannot be used."""


class CaptureState(StrEnum):
    """How far a capture has come."""

    CAPTURED = "captured"  # photos, no head yet
    RECONSTRUCTED = "reconstructed"  # a head that can be opened
    EXPORTED = "exported"  # that head has been exported
    NEEDS_ATTENTION = "needs attention"  # damaged, failed, or interrupted: `CaptureRecord.attention` says which


@dataclass(frozen=True)
class JobMark:
    """Work that runs on a capture, as its job.json states it.

    kind: what is done ("reconstruct"). pid, host: the process that does it. process_started: when that process began, in the
    system's own count, so that a number given again to another process is not taken for it; 0.0 when unknown.
    started: when the work began. settings: what it was asked to do, so that it can be run again.
    """

    kind: str
    pid: int
    host: str
    process_started: float
    started: datetime
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SubjectRecord:
    """A person. path: the folder; name: what the operator calls them; captures: how many there are."""

    path: Path
    name: str
    captures: int = 0
    notes: str = ""


@dataclass(frozen=True)
class SessionRecord:
    """One visit of a subject. captures: how many there are."""

    path: Path
    subject: str
    name: str
    captures: int = 0
    notes: str = ""


@dataclass(frozen=True)
class CaptureRecord:
    """One press of the shutter.

    path: the capture's folder. subject, session, name: what the operator calls them. created: when it was taken, local time.
    photos: the picture files by view; one to three. cameras: the rig's cameras.json, or None when uncalibrated.
    head: NAME.head.npz of the result folder, or None. preview: the head's preview.png, or None.
    attention: what is wrong and what to do, when state is NEEDS_ATTENTION. job: work on it, running or interrupted.
    running: the job's owner is alive. interrupted: it is not, and the job can be run again.
    """

    path: Path
    subject: str
    session: str
    name: str
    created: datetime
    state: CaptureState
    photos: Mapping[ViewName, Path]
    cameras: Path | None = None
    head: Path | None = None
    preview: Path | None = None
    notes: str = ""
    attention: str = ""
    job: JobMark | None = None
    running: bool = False
    interrupted: bool = False

    @property
    def subject_folder(self) -> Path:
        """The folder of the subject."""
        return self.path.parent.parent

    @property
    def session_folder(self) -> Path:
        """The folder of the session."""
        return self.path.parent


@dataclass(frozen=True)
class Group:
    """A run of captures of one session in a listing. first: the position of the first one; count: how many."""

    subject: str
    session: str
    first: int
    count: int


@dataclass(frozen=True)
class Listing:
    """What a search found, in the order shown: subject, session, then time. keys: for `Library.records`, a page at a time."""

    keys: tuple[int, ...]
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class TrashedItem:
    """Something that was deleted and can be brought back. path: its folder in the trash; original: where it was."""

    path: Path
    original: Path
    deleted: datetime
