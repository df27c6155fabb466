from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh

from facestudio.errors import DatasetError
from facestudio.evaluate.now import Variant, measure
from facestudio.evaluate.prediction import mean_head, read_mesh, read_prediction
from facestudio.types import Mesh
from tests.evaluate.synthetic_bench import egg, egg_landmarks, egg_model, points, region

TRUTH = egg()
VERTICES = points(TRUTH)
POINTS = VERTICES[egg_landmarks(TRUTH)]


def write(folder: Path, record: object, mesh: Mesh = TRUTH) -> Path:
    path = folder / "anna.glb"
    trimesh.Trimesh(mesh.vertices, mesh.faces, process=False).export(path)
    (folder / "anna.json").write_text(json.dumps(record))
    return path


def test_a_written_head_is_read_back(tmp_path: Path) -> None:
    pose = np.column_stack([np.eye(3), [1.0, 2, 3]])
    found = read_prediction(write(tmp_path, {"now_landmarks": POINTS.tolist(), "world_from_head": pose.tolist()}))
    np.testing.assert_allclose(found.mesh.vertices[found.mesh.faces], VERTICES[TRUTH.faces], atol=1e-8)
    np.testing.assert_allclose(found.landmarks, POINTS)
    assert found.world_from_head is not None
    np.testing.assert_allclose(found.world_from_head[:3], pose)


def test_a_pose_as_rotation_and_shift_is_understood_and_none_stays_none(tmp_path: Path) -> None:
    record = {"now_landmarks": POINTS.tolist(), "world_from_head": {"R": np.eye(3).tolist(), "t": [1, 2, 3]}}
    pose = read_prediction(write(tmp_path, record)).world_from_head
    assert pose is not None
    np.testing.assert_allclose(pose[:3, 3], [1, 2, 3])
    assert read_prediction(write(tmp_path, record | {"world_from_head": None})).world_from_head is None


def test_vertices_split_at_texture_seams_score_the_same() -> None:
    split = Mesh(VERTICES[TRUTH.faces].reshape(-1, 3), np.arange(3 * len(TRUTH.faces)).reshape(-1, 3))
    scan = VERTICES[region(TRUTH)] * [1.05, 1, 1]
    whole = measure(TRUTH, POINTS, scan, POINTS, Variant.NOW).distances_mm
    np.testing.assert_allclose(measure(split, POINTS, scan, POINTS, Variant.NOW).distances_mm, whole, atol=1e-9)


def test_all_meshes_of_a_scene_count_where_their_nodes_put_them(tmp_path: Path) -> None:
    scene = trimesh.Scene()
    scene.add_geometry(trimesh.creation.box(extents=(1, 1, 1)), node_name="skin")
    scene.add_geometry(
        trimesh.creation.box(extents=(1, 1, 1)),
        node_name="eye",
        transform=trimesh.transformations.translation_matrix([5, 0, 0]),
    )
    scene.export(tmp_path / "two.glb")
    mesh = read_mesh(tmp_path / "two.glb")
    assert len(mesh.faces) == 24
    np.testing.assert_allclose([mesh.vertices[:, 0].min(), mesh.vertices[:, 0].max()], [-0.5, 5.5])


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({}, "now_landmarks"),
        ({"now_landmarks": None}, "now_landmarks"),
        ({"now_landmarks": [[1, 2, 3]]}, "7 landmarks"),
        ({"now_landmarks": "seven"}, "not numbers"),
        ({"now_landmarks": POINTS.tolist(), "world_from_head": [[2, 0, 0, 0], [0, 2, 0, 0], [0, 0, 2, 0]]}, "rotation"),
        ({"now_landmarks": POINTS.tolist(), "world_from_head": [1, 2, 3]}, "shape"),
        ([1, 2], "record of a head"),
    ],
)
def test_a_record_that_cannot_place_the_head_is_refused_by_name(tmp_path: Path, record: object, said: str) -> None:
    with pytest.raises(DatasetError, match=said) as caught:
        read_prediction(write(tmp_path, record))
    if "7" not in said:
        assert "anna.json" in caught.value.what


def test_missing_and_damaged_files_are_refused_by_name(tmp_path: Path) -> None:
    path = write(tmp_path, {"now_landmarks": POINTS.tolist()})
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DatasetError, match=r"anna\.glb"):
        read_prediction(path)
    (tmp_path / "anna.json").write_text("{")
    with pytest.raises(DatasetError, match=r"anna\.json is not a JSON"):
        read_prediction(path)
    (tmp_path / "anna.json").unlink()
    with pytest.raises(DatasetError, match=r"anna\.json cannot be read"):
        read_prediction(path)


def test_the_mean_head_is_the_template_with_its_own_points() -> None:
    model = egg_model()
    found = mean_head(model)
    np.testing.assert_allclose(found.mesh.vertices, model.template)
    assert (np.linalg.norm(found.landmarks[:, None] - model.template[None], axis=2).min(1) < 1e-7).all()
    with pytest.raises(DatasetError, match="NoW points"):
        mean_head(replace(model, embeddings={}))
