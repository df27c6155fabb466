"""What was dropped on the window: the photos in it, by the place where they lie together. Looks at names only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from facestudio.errors import said_by_system
from facestudio.library.layout import CAMERAS_FILE, HEAD_ENDING, PICTURE_ENDINGS
from facestudio.progress import CancelToken


@dataclass(frozen=True)
class ImportLimits:
    """How far a dropped folder is searched: somebody will drop a whole disk."""

    deepest: int = 6
    most_photos: int = 30_000


@dataclass(frozen=True)
class Skipped:
    """A file or folder that does not come in, and why."""

    path: Path
    reason: str

    @property
    def sentence(self) -> str:
        """The reason, with the file named."""
        return self.reason if self.path.name in self.reason else f"{self.path.name}: {self.reason}"


@dataclass(frozen=True)
class Place:
    """Photos that lie together. above: the names of the folders from the dropped one down to them; "" when the files were dropped."""

    photos: tuple[Path, ...]
    above: tuple[str, ...]
    cameras: Path | None


def dropped_places(paths: Sequence[Path], skipped: list[Skipped], cancel: CancelToken, limits: ImportLimits) -> Iterator[Place]:
    """The places with photos in what was dropped; the files themselves are one place. Adds to `skipped` what is no use, and why."""
    files = [path for path in paths if path.is_file()]
    pictures = tuple(path for path in files if path.suffix.lower() in PICTURE_ENDINGS)
    rigs = [path for path in files if path.suffix.lower() == ".json"]
    skipped += [Skipped(path, "It is not a picture.") for path in files if path not in pictures and path not in rigs]
    skipped += [Skipped(path, "It is not there.") for path in paths if not path.exists()]
    if pictures:
        yield Place(pictures, (), rigs[0] if rigs else _cameras_in(pictures[0].parent))
    left = limits.most_photos - len(pictures)
    for folder in paths:
        if folder.is_dir():
            before = left
            for place in _below(folder, (folder.name or "photos",), skipped, cancel, limits.deepest):
                left -= len(place.photos)
                if left < 0:
                    skipped.append(Skipped(folder, f"It holds more than {limits.most_photos} photos. Drop a part of it."))
                    return
                yield place
            if left == before:
                skipped.append(Skipped(folder, "There are no photos in it."))


def _below(folder: Path, above: tuple[str, ...], skipped: list[Skipped], cancel: CancelToken, depth: int) -> Iterator[Place]:
    cancel.check()
    try:
        entries = sorted((path for path in folder.iterdir() if not path.name.startswith(".")), key=lambda p: p.name.casefold())
        if any(path.name.endswith(HEAD_ENDING) or path.suffix == ".glb" for path in entries):
            return  # a result folder: its pictures are drawings of heads
        photos = tuple(path for path in entries if path.suffix.lower() in PICTURE_ENDINGS and path.is_file())
        folders = [path for path in entries if path.is_dir() and not path.is_symlink()]
    except OSError as error:
        skipped.append(Skipped(folder, f"It cannot be read ({said_by_system(error)})."))
        return
    if photos:
        yield Place(photos, above, _cameras_in(folder))
    for child in folders:
        if depth > 0:
            yield from _below(child, (*above, child.name), skipped, cancel, depth - 1)


def _cameras_in(folder: Path) -> Path | None:
    path = folder / CAMERAS_FILE
    return path if path.is_file() else None
