"""Everything kept of a subject in one ZIP file: to hand over to the person, or to another laboratory."""

from __future__ import annotations

import os
import secrets
import zipfile
from pathlib import Path

from facestudio.library.records import LibraryError
from facestudio.library.staging import explained
from facestudio.progress import CancelToken, Progress, silent

STAGE = "export"
_CHUNK = 1 << 20
_PACKED = {".jpg", ".jpeg", ".png", ".webp", ".npz", ".glb", ".zip"}  # packing them again saves nothing


def export_subject(subject: Path, target: Path, progress: Progress = silent, cancel: CancelToken | None = None) -> Path:
    """Write a subject's folder, without half-written and hidden files, into the ZIP file `target`, whole or not at all.

    Raises OutputError when the disk refuses, Cancelled, LibraryError when there is no such subject. Returns `target`.
    """
    cancel = cancel or CancelToken()
    if not subject.is_dir():
        raise LibraryError("The subject is no longer there.", "It was erased or renamed before.")
    files = [path for path in sorted(subject.rglob("*")) if path.is_file() and not _hidden(path.relative_to(subject))]
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    with explained(f"{target} cannot be written"):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("xb") as raw:
                with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
                    for k, path in enumerate(files):
                        progress(STAGE, k / max(len(files), 1), path.name)
                        _add(archive, path, path.relative_to(subject.parent), cancel)
                raw.flush()
                os.fsync(raw.fileno())
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    progress(STAGE, 1.0, target.name)
    return target


def _add(archive: zipfile.ZipFile, path: Path, place: Path, cancel: CancelToken) -> None:
    entry = zipfile.ZipInfo.from_file(path, place.as_posix(), strict_timestamps=False)
    entry.compress_type = zipfile.ZIP_STORED if path.suffix.lower() in _PACKED else zipfile.ZIP_DEFLATED
    with path.open("rb") as source, archive.open(entry, "w") as packed:
        while chunk := source.read(_CHUNK):
            cancel.check()
            packed.write(chunk)


def _hidden(place: Path) -> bool:
    return any(part.startswith(".") for part in place.parts)
