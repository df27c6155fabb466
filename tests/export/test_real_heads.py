"""The heads people will really export: OpenHead and FLAME."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pygltflib
import pytest
import trimesh

from facestudio.export.folder import export_head
from facestudio.export.head_json import head_json
from facestudio.export.scene import build_scene
from facestudio.head.model import HeadModel
from facestudio.types import Reconstruction, Texture
from tests.export.khronos import validate


def fitted(model: HeadModel, template: Reconstruction) -> Reconstruction:
    """A random head of the model, otherwise like the given reconstruction."""
    rng = np.random.default_rng(2)
    identity = rng.normal(size=model.identity_basis.shape[-1])
    expression = rng.uniform(0, 0.3, len(model.expression_names))
    vertices = model.template + model.identity_basis.astype(np.float64) @ identity
    posed = vertices + model.expression_basis.astype(np.float64) @ expression
    return dataclasses.replace(
        template, head_model=model.name, identity=identity, expression=expression, vertices=vertices, posed_vertices=posed
    )


@pytest.mark.parametrize(("which", "expressions"), [("openhead", 52), ("flame", 52)])
def test_it_exports_validates_and_rereads(
    which: str,
    expressions: int,
    request: pytest.FixtureRequest,
    small_reconstruction: Reconstruction,
    small_texture: Texture,
    tmp_path: Path,
) -> None:
    model: HeadModel = request.getfixturevalue(which)
    head = fitted(model, small_reconstruction)
    texture = dataclasses.replace(small_texture, views_seen=np.ones(model.vertex_count, np.uint8))
    export_head(model, head, texture, tmp_path, "head")

    document = pygltflib.GLTF2.load(str(tmp_path / "head.glb"))
    assert document is not None
    assert len(document.meshes[0].primitives[0].targets or []) == expressions
    mesh = trimesh.load(tmp_path / "head.glb", process=False, force="mesh")
    assert isinstance(mesh, trimesh.Trimesh)
    assert np.abs(mesh.vertices[: model.vertex_count] - head.vertices).max() < 1e-7
    assert len(mesh.faces) == len(model.faces)

    issues = validate(tmp_path / "head.glb")
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"]


@pytest.mark.parametrize("which", ["openhead", "flame"])
def test_now_landmarks_lie_where_now_wants_them(
    which: str, request: pytest.FixtureRequest, small_reconstruction: Reconstruction, small_texture: Texture
) -> None:
    model: HeadModel = request.getfixturevalue(which)
    head = fitted(model, small_reconstruction)
    texture = dataclasses.replace(small_texture, views_seen=np.ones(model.vertex_count, np.uint8))
    text = head_json(model, head, texture, build_scene(model, head, texture), {})
    points = np.array(json.loads(text)["now_landmarks"])
    distance = np.linalg.norm(points[:, None] - head.vertices[None], axis=-1).min(axis=1)
    assert points.shape == (7, 3)
    assert distance.max() < 0.006  # on the surface: no further from a vertex than a long edge
    right_to_left = points[[0, 1, 2, 3], 0]
    assert (np.diff(right_to_left) > 0).all()  # the subject's right is -X
    assert points[5, 0] < 0 < points[6, 0]
    assert (points[[0, 1, 2, 3], 1] > points[4, 1]).all()
