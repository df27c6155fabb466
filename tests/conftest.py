"""Fixtures that more than one folder of tests uses."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from facestudio.head.flame_import import import_flame
from facestudio.head.model import HeadModel, load
from facestudio.paths import models_dir

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of openly licensed data and benches beside the checkout; tests that need it are skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"needs the data folder {SHARED.name}/ beside the checkout, which is not here")
    return SHARED


@pytest.fixture(scope="session")
def openhead() -> HeadModel:
    """The shipped CC0 head."""
    path = models_dir() / "openhead.npz"
    if not path.is_file():
        pytest.skip("models/openhead.npz has not been built")
    return load(path)


@pytest.fixture(scope="session")
def flame_source(shared: Path) -> Path:
    """A reduced, real FLAME file (60 identity components, no expressions)."""
    return shared / "data" / "flame2023_open" / "flame2023_open_shape60.npz"


@pytest.fixture(scope="session")
def flame_file(flame_source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That file as `import_flame` keeps it."""
    return import_flame(flame_source, tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def flame(flame_file: Path) -> HeadModel:
    """FLAME 2023 Open, reduced, with our UVs and parts."""
    return load(flame_file)


@pytest.fixture(autouse=True)
def garbage_is_collected_between_tests() -> Iterator[None]:
    """Not on whatever thread allocates next: no worker may destroy the widgets of an earlier test (see `facestudio.app.collector`)."""
    gc.disable()
    yield
    oldest_is_due = gc.get_count()[2] > gc.get_threshold()[2]
    gc.collect(2 if oldest_is_due else 1)
