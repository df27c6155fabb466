from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from facestudio.errors import DatasetError
from facestudio.evaluate.datasets.bench import head_names, read_head
from tests.evaluate.synthetic_bench import egg, region, write_bench


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    return write_bench(tmp_path / "bench", ["berta", "anna"])


def test_a_head_is_read_whole(bench: Path) -> None:
    head = read_head(bench, "anna", calibrated=True)
    assert [p.name for p in head.photos] == ["left.jpg", "front.jpg", "right.jpg"]
    assert head.cameras.is_file()
    assert head.landmarks.shape == (7, 3)
    mesh = egg(3)
    np.testing.assert_allclose(head.scan[:, 1], mesh.vertices[region(mesh)][:, 1], atol=1e-7)


def test_names_are_sorted_or_in_the_asked_order_each_once(bench: Path) -> None:
    (bench / "notes").mkdir()
    assert head_names(bench) == ["anna", "berta"]
    assert head_names(bench, ["berta", "anna", "berta"]) == ["berta", "anna"]


def test_an_unknown_name_is_refused_with_the_names_there_are(bench: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        head_names(bench, ["anna", "carla"])
    assert "carla" in caught.value.what
    assert "anna, berta" in caught.value.remedy


@pytest.mark.parametrize("wrong", ["nowhere", "bench/anna"])
def test_a_folder_that_is_no_data_set_is_refused(bench: Path, wrong: str) -> None:
    with pytest.raises(DatasetError, match="data set"):
        head_names(bench.parent / wrong)


@pytest.mark.parametrize("name", ["left.jpg", "cameras.json", "truth.ply", "face_region.npy", "landmarks3d.json"])
def test_a_missing_file_is_named(bench: Path, name: str) -> None:
    (bench / "anna" / name).unlink()
    with pytest.raises(DatasetError, match=f"anna has no {name}"):
        read_head(bench, "anna", calibrated=True)


def test_cameras_are_needed_only_when_calibrated(bench: Path) -> None:
    (bench / "anna" / "cameras.json").unlink()
    assert read_head(bench, "anna", calibrated=False).name == "anna"


@pytest.mark.parametrize("name", ["truth.ply", "face_region.npy", "landmarks3d.json"])
def test_a_damaged_file_is_named(bench: Path, name: str) -> None:
    path = bench / "anna" / name
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DatasetError, match=name):
        read_head(bench, "anna", calibrated=True)


@pytest.mark.parametrize("indices", [np.array([10**6]), np.array([-1]), np.array([0.5]), np.zeros(0, np.int32)])
def test_a_region_that_does_not_fit_the_truth_is_refused(bench: Path, indices: np.ndarray) -> None:
    np.save(bench / "anna" / "face_region.npy", indices)
    with pytest.raises(DatasetError, match=r"face_region\.npy"):
        read_head(bench, "anna", calibrated=True)


def test_landmarks_of_the_wrong_number_are_refused_by_file(bench: Path) -> None:
    (bench / "anna" / "landmarks3d.json").write_text(json.dumps({"points": [[0, 0, 0]] * 6}))
    with pytest.raises(DatasetError, match=r"anna/landmarks3d\.json: .*7 landmarks"):
        read_head(bench, "anna", calibrated=True)
