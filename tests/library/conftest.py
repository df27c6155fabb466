"""A library in a temporary folder, and photos to put into it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from facestudio.library.add import NewCapture
from facestudio.library.store import Library
from facestudio.types import ViewName

COLOURS = {ViewName.LEFT: (200, 60, 60), ViewName.FRONT: (60, 200, 60), ViewName.RIGHT: (60, 60, 200)}


@pytest.fixture
def photos(tmp_path: Path) -> dict[ViewName, Path]:
    """Three small pictures, red, green and blue."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for view, colour in COLOURS.items():
        Image.new("RGB", (96, 128), colour).save(folder / f"{view}.jpg", quality=95)
    return {view: folder / f"{view}.jpg" for view in ViewName}


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """An empty library."""
    opened = Library.open(tmp_path / "library")
    yield opened
    opened.close()


@pytest.fixture
def new(photos: dict[ViewName, Path]) -> NewCapture:
    """A capture to add."""
    return NewCapture("Ada", "visit 1", photos)


def put_head(capture: Path, content: bytes = b"head") -> Path:
    """Lay what counts as a finished head into a capture."""
    (capture / "head").mkdir()
    path = capture / "head" / f"{capture.name}.head.npz"
    path.write_bytes(content)
    return path
