"""Files, and folders of results, that appear whole or not at all. Everything that writes for the user writes through here.

The guarantee of `write_folder`:
- Everything is first written, and flushed to the disk, into a hidden staging folder beside the final files. A full disk, an
  error, a cancel or Ctrl-C up to that point removes the staging folder and touches nothing else.
- Then each file is moved into place by a rename, which is atomic per file and takes microseconds. Files it displaces are
  kept until the last move succeeded; if anything interrupts the moves, Ctrl-C included, they are moved back.
- Only a power cut or SIGKILL within those few moves can leave new files beside old ones; even then every file is complete.
  A staging folder that such a kill leaves behind is swept away by a later write.
- Other files in the folder are never touched.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from facestudio.errors import OutputError, said_by_system

_STAGING = ".facestudio-partial-"
_STALE_SECONDS = 3600.0

# What a system's refusal means, and what to do about it where a folder for results can be chosen.
_REFUSALS = {
    errno.ENOSPC: ("the disk is full", "Free some space, or choose a folder on another disk."),
    errno.EDQUOT: ("your disk quota is used up", "Free some space, or choose a folder on another disk."),
    errno.EFBIG: ("the files are larger than this system allows", "Choose a folder on another disk."),
    errno.EACCES: ("you may not write there", "Choose a folder that belongs to you."),
    errno.EPERM: ("you may not write there", "Choose a folder that belongs to you."),
    errno.EROFS: ("the disk is read-only", "Choose a folder on a disk that can be written."),
    errno.ENOTDIR: ("a file stands where a folder is needed", "Choose another folder, or remove that file."),
    errno.EEXIST: ("a file stands where a folder is needed", "Choose another folder, or remove that file."),
    errno.EISDIR: ("a folder stands where a file is to be written", "Choose another folder or another name."),
    errno.ENOENT: ("it is no longer there", "Look whether the folder was moved, or its disk unplugged."),
    errno.ENAMETOOLONG: ("the name is too long", "Choose a shorter name."),
}


def write_file(path: Path, content: bytes) -> None:
    """Write one file through a temporary one in the same folder, flushed to the disk before it takes the name. Makes the folder.

    Raises OutputError when the disk refuses.
    """
    with explained(f"The result cannot be written to {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)  # mkstemp makes files that nobody else may read
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def check_folder(out: Path) -> None:
    """Raise OutputError now when nothing could be written to `out` later: before minutes of work, not after. Leaves no trace."""
    with explained(f"The result cannot be written to {out}"):
        made = _make_folders(out)
        try:
            with tempfile.TemporaryFile(dir=out) as probe:
                probe.write(b"FaceStudio")
        finally:
            for folder in reversed(made):
                with contextlib.suppress(OSError):
                    folder.rmdir()


def write_folder(out: Path, writer: Callable[[Path], None]) -> list[Path]:
    """Let `writer` fill a staging folder with files, then move them into `out`, replacing files of the same name.

    Returns the final paths, sorted. Files only: folders that the writer makes are not moved. See the module for the guarantee.
    Raises OutputError when the disk refuses; whatever `writer` raises passes through, after cleaning up.
    """
    with explained(f"The result cannot be written to {out}"):
        made = _make_folders(out)
        _sweep(out)
        staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=out))
    try:
        with explained(f"The result cannot be written to {out}"):
            writer(staging)
            names = sorted(p.name for p in staging.iterdir() if p.is_file())
            for name in names:
                _flush(staging / name)
            _move_all(staging, out, names)
            flush_folder(out)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        for folder in reversed(made):
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise
    shutil.rmtree(staging, ignore_errors=True)
    return [out / name for name in names]


def _make_folders(out: Path) -> list[Path]:
    """Create `out` and its parents; returns those that were not there, outermost first."""
    missing = [p for p in (out, *out.parents) if not p.exists()][::-1]
    out.mkdir(parents=True, exist_ok=True)
    return missing


def _sweep(out: Path) -> None:
    """Remove staging folders of runs that were killed: nobody takes an hour to write one."""
    for folder in out.glob(f"{_STAGING}*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def _move_all(staging: Path, out: Path, names: list[str]) -> None:
    displaced = staging / "displaced"
    displaced.mkdir()
    done: list[str] = []
    try:
        for name in names:
            done.append(name)  # before the move: an interrupt may come between the two
            if (out / name).is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(out / name))
            if (out / name).exists():
                _keep(out / name, displaced / name)
            (staging / name).replace(out / name)
    except BaseException:
        for name in done:
            if (displaced / name).exists():
                (displaced / name).replace(out / name)
            elif not (staging / name).exists():
                (out / name).unlink(missing_ok=True)
        raise


def _keep(path: Path, copy: Path) -> None:
    """A second name for a file where the file system has such, so that the first never disappears; else a copy."""
    try:
        copy.hardlink_to(path)
    except OSError:
        partial = copy.with_name(copy.name + ".partial")
        shutil.copy2(path, partial)
        partial.replace(copy)


def _flush(path: Path) -> None:
    """Force a file's contents to the disk."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_folder(path: Path) -> None:
    """Force a folder's list of files to the disk, where the system knows how: the files themselves are safe already."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def explained(
    what: str, remedies: Mapping[int, str] | None = None, otherwise: str = "Choose another folder."
) -> Iterator[None]:
    """Turn what the system says into an OutputError: `what`, the reason, and what to do.

    remedies: by errno, in place of the usual advice. otherwise: the advice for what nobody foresaw.
    """
    try:
        yield
    except OSError as error:
        code = error.errno or 0
        reason, remedy = _REFUSALS.get(code, (said_by_system(error), otherwise))
        raise OutputError(f"{what}: {reason}.", (remedies or {}).get(code, remedy)) from error
