"""Shipped files are found in a checkout, a wheel and a frozen app; the user's are where the platform or the variable says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from facestudio import paths


def test_in_a_checkout_models_lie_beside_the_package() -> None:
    root = Path(paths.__file__).resolve().parents[1]
    assert paths.models_dir() == root / "models"
    assert paths.resources_dir() == root / "resources"


def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    package = tmp_path / "site-packages" / "facestudio"
    (package / "models").mkdir(parents=True)
    (tmp_path / "site-packages" / "models").mkdir()  # somebody else's package
    monkeypatch.setattr(paths, "package_dir", lambda: package)
    return package


def test_in_a_wheel_they_lie_inside_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = installed(monkeypatch, tmp_path)
    assert paths.models_dir() == package / "models"
    assert paths.resources_dir() == package / "resources"  # absent, yet named where it belongs


def test_in_a_frozen_app_they_lie_in_its_bundle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    installed(monkeypatch, tmp_path)
    (tmp_path / "bundle" / "models").mkdir(parents=True)
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path / "bundle"), raising=False)
    assert paths.models_dir() == tmp_path / "bundle" / "models"


def test_the_variable_overrides_the_users_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FACESTUDIO_DATA", raising=False)
    assert paths.user_models_dir().name == "models"
    assert "facestudio" in str(paths.user_models_dir())
    monkeypatch.setenv("FACESTUDIO_DATA", str(tmp_path))
    assert paths.user_models_dir() == tmp_path / "models"
    assert not paths.user_models_dir().exists()
