"""Shipping: the weights as trained, their sigmas as measured, and an entry that names them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facestudio import manifest
from facestudio.errors import HeadModelError
from facestudio.landmarks.dense_net import FILE
from facestudio.training.dense.ship import ship


def test_shipped_weights_are_the_trained_ones_with_scaled_sigmas(tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    kernel = np.arange(6, dtype=np.float16).reshape(2, 3)
    np.savez(tmp_path / "trained.npz", kernel=kernel, sigma_scale=np.array([2.0], np.float32))
    ship(tmp_path / "trained.npz", models, 0.75)
    with np.load(models / FILE) as found:
        assert found["sigma_scale"].tolist() == [1.5]
        assert np.array_equal(found["kernel"], kernel)
    assert [e["file"] for e in manifest.read(models)] == [FILE]


def test_other_files_are_no_weights(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", kernel=np.zeros(3))
    for name in ("other.npz", "missing.npz"):
        with pytest.raises(HeadModelError, match="cannot be read"):
            ship(tmp_path / name, tmp_path, 1.0)
    assert not (tmp_path / FILE).exists()
