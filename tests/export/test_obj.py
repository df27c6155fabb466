"""The .obj file, read back by trimesh and by eye."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import trimesh

from facestudio.export.obj import mtl_text, obj_text
from facestudio.export.pictures import png_bytes
from facestudio.export.scene import HeadScene


@pytest.fixture
def obj_path(small_scene: HeadScene, tmp_path: Path) -> Path:
    path = tmp_path / "globe.obj"
    path.write_text(obj_text(small_scene))
    (tmp_path / "globe.mtl").write_text(mtl_text(small_scene))
    (tmp_path / "globe_albedo.png").write_bytes(png_bytes(small_scene.albedo))
    return path


def rows(text: str, tag: str) -> list[list[str]]:
    return [line.split()[1:] for line in text.splitlines() if line.startswith(tag + " ")]


def test_vertices_keep_order_and_value(small_scene: HeadScene) -> None:
    found = np.array(rows(obj_text(small_scene), "v"), dtype=float)
    assert found.shape == small_scene.vertices.shape
    assert np.abs(found - small_scene.vertices).max() <= 1e-9


def test_faces_name_vertex_texture_and_normal(small_scene: HeadScene) -> None:
    corners = np.array([[c.split("/") for c in row] for row in rows(obj_text(small_scene), "f")], dtype=int) - 1
    assert np.array_equal(corners[..., 0], small_scene.faces)
    assert np.array_equal(corners[..., 1], small_scene.uv_faces)
    assert np.array_equal(corners[..., 2], small_scene.faces)


def test_no_number_is_written_with_an_exponent(small_scene: HeadScene) -> None:
    tiny = dataclasses.replace(small_scene, vertices=small_scene.vertices * np.float32(1e-6))
    assert all("e" not in value for row in rows(obj_text(tiny), "v") for value in row)


def test_trimesh_rereads_vertices_uv_and_picture(obj_path: Path, small_scene: HeadScene) -> None:
    mesh = trimesh.load(obj_path, process=False)
    assert isinstance(mesh, trimesh.Trimesh)
    assert isinstance(mesh.visual, trimesh.visual.TextureVisuals)
    corners = mesh.vertices[mesh.faces]
    assert np.abs(corners - small_scene.vertices[small_scene.faces]).max() <= 1e-8
    assert np.abs(mesh.visual.uv[mesh.faces] - small_scene.uv[small_scene.uv_faces]).max() <= 1e-6
    assert np.array_equal(np.asarray(mesh.visual.material.image.convert("RGB")), small_scene.albedo)


def test_every_file_is_named_after_the_head(small_scene: HeadScene) -> None:
    named = dataclasses.replace(small_scene, name="Ada L")
    text = obj_text(named)
    assert "mtllib Ada L.mtl" in text
    assert "usemtl Ada_L" in text
    assert "newmtl Ada_L" in mtl_text(named)
    assert "map_Kd Ada L_albedo.png" in mtl_text(named)


def test_a_licence_of_many_lines_stays_a_comment(small_scene: HeadScene) -> None:
    sly = dataclasses.replace(small_scene, metadata=dict(small_scene.metadata) | {"licence": "CC0\nv 9 9 9"})
    assert len(rows(obj_text(sly), "v")) == len(small_scene.vertices)
