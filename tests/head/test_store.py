"""Heads by name."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facestudio.errors import HeadModelError
from facestudio.head.model import HeadModel, pack
from facestudio.head.store import head_path, load_head
from facestudio.paths import models_dir


@pytest.fixture(autouse=True)
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the tests out of the user's data."""
    monkeypatch.setenv("FACESTUDIO_DATA", str(tmp_path))
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


def test_names_lead_to_files(own_data: Path) -> None:
    assert head_path("open") == models_dir() / "openhead.npz"
    assert head_path("flame") == own_data / "flame.npz"
    assert head_path("some/head.npz") == Path("some/head.npz")


def test_flame_that_was_not_imported_says_how_to_import_it() -> None:
    with pytest.raises(HeadModelError) as caught:
        load_head("flame")
    assert "facestudio models import flame2023_Open.pkl" in caught.value.remedy
    assert "flame.is.tue.mpg.de" in caught.value.remedy


def test_an_imported_flame_is_found_and_loaded_once(own_data: Path, flame_file: Path) -> None:
    (own_data / "flame.npz").write_bytes(flame_file.read_bytes())
    head = load_head("flame")
    assert head.name == "flame"
    assert load_head("flame") is head


def test_importing_anew_is_noticed(own_data: Path, flame: HeadModel, flame_file: Path) -> None:
    target = own_data / "flame.npz"
    target.write_bytes(flame_file.read_bytes())
    first = load_head("flame")
    target.write_bytes(pack(replace(flame, identity_basis=np.zeros_like(flame.identity_basis[:, :, :2])), half=True))
    os.utime(target, ns=(1, 1))
    assert load_head("flame").identity_basis.shape[2] == 2
    assert first.identity_basis.shape[2] == 60


def test_a_path_works_too_and_the_shipped_head_is_the_default(flame_file: Path) -> None:
    assert load_head(flame_file).vertex_count == 5023
    if (models_dir() / "openhead.npz").is_file():
        assert load_head() is load_head("open")


def test_a_name_that_means_nothing_is_refused() -> None:
    with pytest.raises(HeadModelError, match="There is no head model 'flam'") as caught:
        load_head("flam")
    assert "open, flame" in caught.value.remedy


def test_a_damaged_file_is_refused(own_data: Path) -> None:
    (own_data / "flame.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(HeadModelError, match="damaged"):
        load_head("flame")
