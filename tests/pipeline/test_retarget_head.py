"""A reconstructed head exported in the other topology."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from facestudio.export.saved import SavedHead, load_head, save_head
from facestudio.head.model import HeadModel
from facestudio.head.registration import closest_points
from facestudio.head.store import load_head as load_head_model
from facestudio.paths import resources_dir
from facestudio.pipeline.build_head import reconstruct
from facestudio.pipeline.export_head import export_saved
from facestudio.pipeline.retarget_head import retarget_head
from facestudio.types import PROVENANCE_MEASURED
from tests.export.khronos import validate


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = resources_dir() / "sample"
    photos = [folder / f"{view}.jpg" for view in ("left", "front", "right")]
    out = tmp_path_factory.mktemp("sample")
    reconstruct(photos, out, cameras=folder / "cameras.json", quality="draft", texture_size=512, name="Ada")
    return out


def test_the_sample_exports_in_flame_s_topology(sample: Path, flame_file: Path, openhead: HeadModel, tmp_path: Path) -> None:
    written = export_saved(sample, tmp_path, ("glb", "json", "head", "obj"), topology=str(flame_file))
    assert "Ada.glb" in {p.name for p in written}
    issues = validate(tmp_path / "Ada.glb")
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"]
    flame = load_head_model(flame_file)
    before, after = load_head(sample / "Ada.head.npz"), load_head(tmp_path / "Ada.head.npz", flame)
    surface = before.reconstruction.vertices
    face = openhead.part_vertices("face", "lips", "eyelids")
    forth = closest_points(surface[face], after.reconstruction.vertices, flame.faces).distance
    assert np.median(forth) <= 0.3e-3
    hit = closest_points(after.reconstruction.vertices, surface, openhead.faces)
    on_face = np.isin(hit.faces, np.flatnonzero(openhead.part_faces("face", "lips", "eyelids")))
    assert np.median(hit.distance[on_face]) <= 0.3e-3
    assert after.reconstruction.cameras[0].K[0, 0] == before.reconstruction.cameras[0].K[0, 0]
    assert (after.texture.provenance == PROVENANCE_MEASURED).mean() > 0.2
    assert json.loads((tmp_path / "Ada.json").read_text())["head_model"]["name"] == "flame"


def test_the_same_topology_changes_nothing(sample: Path) -> None:
    saved = load_head(sample / "Ada.head.npz")
    assert retarget_head(saved, saved.model) is saved


def test_there_and_back(sample: Path, flame_file: Path, tmp_path: Path) -> None:
    saved = load_head(sample / "Ada.head.npz")
    small = dataclasses.replace(
        saved.texture, albedo=saved.texture.albedo[::2, ::2], provenance=saved.texture.provenance[::2, ::2]
    )
    saved = SavedHead(saved.model, saved.reconstruction, small, saved.name)
    there = retarget_head(saved, load_head_model(flame_file))
    back = retarget_head(there, saved.model)
    save_head(tmp_path, "Ada", back.model, back.reconstruction, back.texture)  # everything has the right shape
    again = load_head(tmp_path / "Ada.head.npz")
    face = saved.model.part_vertices("face", "lips", "eyelids")
    off = np.linalg.norm(again.reconstruction.vertices - saved.reconstruction.vertices, axis=1)
    assert np.median(off[face]) <= 0.3e-3
    assert again.reconstruction.sigma is not None
    assert len(again.reconstruction.notes) == len(saved.reconstruction.notes) + 2
