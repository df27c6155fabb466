"""The error model interpolates over yaw, knows what it does not know, and survives its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facestudio.errors import HeadModelError
from facestudio.reconstruct.detector_error import DetectorError, ignorant, load, save


def made_up(seed: int = 0) -> DetectorError:
    rng = np.random.default_rng(seed)
    shape = (3, 4, 2)
    ids = np.array([2, 5, 6, 9], np.int32)
    bias, shared, single = (1e-3 * rng.normal(size=(*shape, *k)) for k in ((), (3,), (2,)))
    return DetectorError(np.array([-30.0, 0.0, 30.0]), ids, bias, shared, single, np.full(shape, 1e-3))


def test_it_is_linear_between_yaws_and_constant_beyond() -> None:
    error = made_up()
    assert np.allclose(error.at(0.0, error.ids).bias, error.bias[1])
    assert np.allclose(error.at(15.0, error.ids).shared, (error.shared[1] + error.shared[2]) / 2)
    assert np.allclose(error.at(-80.0, error.ids).single, error.single[0])


def test_rows_follow_the_asked_ids() -> None:
    error = made_up()
    assert np.allclose(error.at(0.0, np.array([9, 2])).bias, error.bias[1][[3, 0]])


def test_an_unknown_landmark_is_trusted_little() -> None:
    found = made_up().at(0.0, np.array([2, 300]))
    assert not found.bias[1].any()
    assert not found.shared[1].any()
    assert (found.sigma[1] > 4 * found.sigma[0]).all()


def test_scaling_scales_everything() -> None:
    found = made_up().at(10.0, np.array([2, 5]))
    assert np.allclose(found.scaled(3.0).shared, 3 * found.shared)
    assert np.allclose(found.scaled(3.0).sigma, 3 * found.sigma)


def test_the_file_keeps_it_to_a_micrometre(tmp_path: Path) -> None:
    error = made_up()
    save(error, tmp_path / "e.npz")
    again = load(tmp_path / "e.npz")
    for name in ("bias", "shared", "single", "sigma"):
        assert np.abs(getattr(again, name) - getattr(error, name)).max() < 2e-6
    assert np.array_equal(again.ids, error.ids)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "e.npz").write_bytes(b"PK not really")
    with pytest.raises(HeadModelError, match=r"e\.npz"):
        load(tmp_path / "e.npz")
    with pytest.raises(HeadModelError, match="none"):
        load(tmp_path / "none.npz")


def test_ignorance_has_no_opinion() -> None:
    found = ignorant(np.arange(5), 0.002).at(12.0, np.arange(5))
    assert not found.bias.any()
    assert found.shared.shape == (5, 2, 0)
    assert (found.sigma == 0.002).all()
