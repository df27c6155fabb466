"""The globe as fixtures."""

from __future__ import annotations

from pathlib import Path

import pytest

from facestudio.export.scene import HeadScene, build_scene
from facestudio.head.model import HeadModel
from facestudio.types import Reconstruction, Texture
from tests.export.globe import YAWS, globe_model, globe_reconstruction, globe_texture


@pytest.fixture(scope="session")
def small_model() -> HeadModel:
    return globe_model()


@pytest.fixture(scope="session")
def photo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for name in YAWS:
        (folder / f"{name}.jpg").write_bytes(f"not decoded here: {name}".encode())
    return folder


@pytest.fixture(scope="session")
def small_reconstruction(small_model: HeadModel, photo_folder: Path) -> Reconstruction:
    return globe_reconstruction(small_model, photo_folder)


@pytest.fixture(scope="session")
def small_texture(small_model: HeadModel) -> Texture:
    return globe_texture(small_model)


@pytest.fixture(scope="session")
def small_scene(small_model: HeadModel, small_reconstruction: Reconstruction, small_texture: Texture) -> HeadScene:
    return build_scene(small_model, small_reconstruction, small_texture, "globe")
