"""Small pictures for the grid, made once and kept in LIBRARY/.thumbnails/SUBJECT/SESSION/CAPTURE/.

The name holds the picture's time and size, so that a changed picture gets a new one. They show a face: whatever forgets a capture
forgets them.
"""

from __future__ import annotations

import contextlib
import io
import shutil
from pathlib import Path

from facestudio.atomic import write_file
from facestudio.errors import PictureError
from facestudio.library import layout

SIDE = 256  # pixels of the longer side: a card's picture on a screen of twice the density
_LARGEST_PIXELS = 200_000_000


def thumbnail_path(root: Path, picture: Path) -> Path | None:
    """Where the thumbnail of a picture of the library lies or would lie; None when the picture is gone. One look at the disk."""
    try:
        state = picture.stat()
    except OSError:
        return None
    return _folder(root, picture) / f"{picture.stem}-{state.st_mtime_ns:x}-{state.st_size:x}.jpg"


def make_thumbnail(root: Path, picture: Path) -> Path:
    """The thumbnail of a picture, made when there is none yet. Takes some 5 to 50 ms: for a worker.

    Raises PictureError when the picture is gone or cannot be read.
    """
    path = thumbnail_path(root, picture)
    if path is None:
        raise PictureError(f"{picture.name} is gone.", "Look whether the capture was moved.")
    if path.is_file():
        return path
    content = _small_jpeg(picture)
    with contextlib.suppress(OSError):
        for older in path.parent.glob(f"{picture.stem}-*.jpg"):
            older.unlink(missing_ok=True)
    write_file(path, content)
    if not picture.exists():
        # The subject was erased meanwhile: what was just written must not outlive it.
        _remove(path)
        raise PictureError(f"{picture.name} is gone.", "Look whether the capture was moved.")
    return path


def forget_thumbnails(folder: Path) -> None:
    """Remove the thumbnails of a capture, session or subject folder that lies directly in a library."""
    for depth in range(3):
        root = folder.parents[depth] if depth < len(folder.parents) else None
        if root is not None and (root / layout.THUMBNAIL_FOLDER).is_dir():
            shutil.rmtree(root / layout.THUMBNAIL_FOLDER / folder.relative_to(root), ignore_errors=True)
            return


def prune_thumbnails(root: Path) -> None:
    """Remove thumbnails of captures that are no longer there: somebody moved folders by hand."""
    store = root / layout.THUMBNAIL_FOLDER
    for level in ("*", "*/*", "*/*/*"):
        for folder in [path for path in store.glob(level) if path.is_dir()]:
            if not (root / folder.relative_to(store)).is_dir():
                shutil.rmtree(folder, ignore_errors=True)


def _folder(root: Path, picture: Path) -> Path:
    place = picture.relative_to(root).parts[:3]
    return root.joinpath(layout.THUMBNAIL_FOLDER, *place)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        for folder in list(path.parents)[:3]:
            folder.rmdir()


def _small_jpeg(picture: Path) -> bytes:
    from PIL import Image, ImageOps

    try:
        with Image.open(picture) as opened:
            if opened.width * opened.height > _LARGEST_PIXELS:
                raise PictureError(f"{picture.name} is too large to be a photo.", "Reduce it to at most 50 megapixels.")
            opened.draft("RGB", (SIDE, SIDE))  # lets JPEG decode at the nearest larger fraction of its size
            small = ImageOps.exif_transpose(opened).convert("RGB")
            small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise PictureError(f"{picture.name} is damaged or not a picture.", "Copy it again from the camera.") from error
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
