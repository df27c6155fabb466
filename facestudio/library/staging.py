"""Folders that appear whole or not at all, and what is left when the process that made one was killed.

A folder is filled under a hidden name beside its final one (`.partial-OWNER-RANDOM`), flushed, and renamed. One that replaces another
first moves the old one aside (`.replaced-OWNER-NAME`); `recover` puts it back if the process died between the two renames. The owner
is in the name, so that nothing of a process that still works is swept away.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from facestudio import atomic
from facestudio.atomic import flush_folder
from facestudio.library.owner import owner_tag, tag_is_alive
from facestudio.library.records import LibraryError

PARTIAL, REPLACED = ".partial-", ".replaced-"
_REMEDIES = {
    errno.ENOSPC: "Free some space and try again.",
    errno.EDQUOT: "Free some space and try again.",
    errno.EACCES: "Choose a library folder that belongs to you (Settings).",
    errno.EPERM: "Choose a library folder that belongs to you (Settings).",
    errno.EROFS: "Choose a library folder on a disk that can be written (Settings).",
}


class NameTakenError(LibraryError):
    """A folder of that name is there already."""


def explained(what: str) -> AbstractContextManager[None]:
    """`atomic.explained` with the advice that helps a library."""
    return atomic.explained(what, _REMEDIES, "Close other programs that use the folder and try again.")


@contextlib.contextmanager
def staging_folder(parent: Path) -> Iterator[Path]:
    """A hidden folder to fill; removed at the end unless `publish` or `replace` took it."""
    staging = parent / f"{PARTIAL}{owner_tag()}-{secrets.token_hex(4)}"
    staging.mkdir()
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def publish(staging: Path, target: Path) -> None:
    """Give a filled folder its name. Raises NameTakenError."""
    flush_tree(staging)
    if target.exists():
        raise NameTakenError(f"There is already a folder {target.name}.", "Choose another name.")
    try:
        staging.rename(target)
    except OSError as error:
        if not target.exists():
            raise
        raise NameTakenError(f"There is already a folder {target.name}.", "Choose another name.") from error
    flush_folder(target.parent)


def replace(staging: Path, target: Path) -> None:
    """Put a filled folder in the place of another, which goes; `recover` mends what a kill between the renames leaves."""
    flush_tree(staging)
    old = target.with_name(f"{REPLACED}{owner_tag()}-{target.name}")
    if target.exists():
        shutil.rmtree(old, ignore_errors=True)
        target.rename(old)
    try:
        staging.rename(target)
    except BaseException:
        if old.exists():
            old.rename(target)
        raise
    flush_folder(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def recover(parent: Path) -> bool:
    """Sweep what killed processes left in a folder, and put back what they moved aside. True when something was done."""
    done = False
    with contextlib.suppress(OSError):
        for folder in [p for p in parent.iterdir() if p.name.startswith((PARTIAL, REPLACED))]:
            with contextlib.suppress(OSError):
                done |= _recover(folder)
    return done


def _recover(folder: Path) -> bool:
    kind = PARTIAL if folder.name.startswith(PARTIAL) else REPLACED
    host, pid, started, *rest = (*folder.name.removeprefix(kind).split("-", 3), "", "", "")[:4]
    name = "".join(rest)
    if tag_is_alive(f"{host}-{pid}-{started}", folder.stat().st_mtime, time.time()):
        return False
    target = folder.with_name(name) if name else None
    if kind == REPLACED and target is not None and not target.exists():
        folder.rename(target)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return True


def flush_tree(folder: Path) -> None:
    """Force a folder's files, and the lists of its folders, to the disk."""
    for root, _, files in os.walk(folder):
        for name in files:
            path = Path(root) / name
            # A photo may be write-protected; only Windows insists on a writable file for this.
            descriptor = os.open(path, os.O_RDWR if os.access(path, os.W_OK) else os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        flush_folder(Path(root))
