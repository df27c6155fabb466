"""Head models by name: the one we ship, the one the user imported, or any file in our format."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from facestudio.errors import HeadModelError
from facestudio.head.dense import attach_dense
from facestudio.head.flame_import import STORED_NAME, attach_embeddings
from facestudio.head.model import HeadModel, load
from facestudio.paths import models_dir, user_models_dir

_OPEN_HEAD = "openhead.npz"


def head_path(name: str | Path) -> Path:
    """The file of a head model: "open" (OpenHead, shipped), "flame" (imported by the user), or a path. It need not exist."""
    if str(name).lower() in ("open", "openhead"):
        return models_dir() / _OPEN_HEAD
    if str(name).lower() == "flame":
        return user_models_dir() / STORED_NAME
    return Path(name)


def available_heads() -> list[str]:
    """The names that `load_head` knows a file for on this computer: OpenHead always, FLAME once it was imported."""
    return [name for name in ("open", "flame") if head_path(name).is_file()]


def load_head(name: str | Path = "open") -> HeadModel:
    """A head model by name (see `head_path`). Loaded once per process and file; treat its arrays as read-only.

    Raises HeadModelError when it is missing or damaged; for FLAME the remedy says how to import it.
    """
    path = head_path(name)
    try:
        stamp = path.stat()
    except OSError as error:
        if str(name).lower() == "flame":
            what = "FLAME has not been imported on this computer."
            remedy = "Run `facestudio models import flame2023_Open.pkl` (the file is free at flame.is.tue.mpg.de)."
        elif path.name == _OPEN_HEAD:
            what, remedy = (
                f"OpenHead's file {path} is missing.",
                "Reinstall FaceStudio, or run `git checkout models` in a checkout.",
            )
        else:
            what = f"There is no head model {str(name)!r} ({error.strerror})."
            remedy = "Use open, flame, or the path of a head model file."
        raise HeadModelError(what, remedy) from error
    # A model imported anew under the same name is another file: its time or size tells.
    return _load(path, stamp.st_mtime_ns, stamp.st_size)


@lru_cache(maxsize=4)
def _load(path: Path, _time: int, _size: int) -> HeadModel:
    model = load(path)
    # The embeddings shipped now may be newer than those of the day of the import.
    return attach_dense(attach_embeddings(model) if model.name == "flame" else model)
