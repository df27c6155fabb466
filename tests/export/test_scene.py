"""The format-neutral scene."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from facestudio.export.scene import HeadScene, build_scene, split_seams
from facestudio.geometry.shading import vertex_normals
from facestudio.head.model import HeadModel
from facestudio.types import Reconstruction, Texture


def test_the_base_mesh_is_the_neutral_head_with_identity(small_scene: HeadScene, small_reconstruction: Reconstruction) -> None:
    assert np.abs(small_scene.vertices - small_reconstruction.vertices).max() < 1e-8
    assert small_scene.vertices.dtype == np.float32


def test_joints_come_from_the_head_s_own_vertices(
    small_scene: HeadScene, small_model: HeadModel, small_reconstruction: Reconstruction
) -> None:
    expected = small_model.joint_regressor @ small_reconstruction.vertices
    assert np.abs(small_scene.joint_positions - expected).max() < 1e-8


def test_a_displaced_head_keeps_its_displacement_and_its_morphs(
    small_model: HeadModel, small_reconstruction: Reconstruction, small_texture: Texture
) -> None:
    bump = np.random.default_rng(0).normal(0, 0.003, small_reconstruction.vertices.shape)
    displaced = dataclasses.replace(small_reconstruction, vertices=small_reconstruction.vertices + bump)
    scene = build_scene(small_model, displaced, small_texture)
    assert np.abs(scene.vertices - displaced.vertices).max() < 1e-8
    assert np.array_equal(scene.morphs, np.moveaxis(small_model.expression_basis, -1, 0))


def test_normals_are_unit_even_where_a_vertex_has_no_face(
    small_model: HeadModel, small_reconstruction: Reconstruction, small_texture: Texture
) -> None:
    keep = (small_model.faces < small_model.vertex_count - 36).all(axis=1)  # all but the lowest ring
    lonely = dataclasses.replace(small_model, faces=small_model.faces[keep], uv_faces=small_model.uv_faces[keep])
    scene = build_scene(lonely, small_reconstruction, small_texture)
    assert (np.linalg.norm(vertex_normals(scene.vertices, lonely.faces), axis=1) < 0.5).any()  # there is such a vertex
    assert np.allclose(np.linalg.norm(scene.normals, axis=1), 1, atol=1e-6)


def test_the_wrong_head_model_is_refused(
    small_model: HeadModel, small_reconstruction: Reconstruction, small_texture: Texture
) -> None:
    other = dataclasses.replace(small_reconstruction, vertices=small_reconstruction.vertices[:-1])
    with pytest.raises(ValueError, match="head model globe"):
        build_scene(small_model, other, small_texture)


def test_seams_split_only_where_texture_coordinates_differ(small_scene: HeadScene) -> None:
    split = split_seams(small_scene)
    seam = 24  # one vertex per ring of the globe lies on its seam
    assert len(split.vertex_ids) == len(small_scene.vertices) + seam
    assert np.array_equal(split.vertex_ids[split.faces], small_scene.faces)
    assert np.array_equal(split.uv[split.faces], small_scene.uv[small_scene.uv_faces])


def test_vertices_of_no_face_survive_the_split(small_scene: HeadScene) -> None:
    bare = dataclasses.replace(small_scene, faces=small_scene.faces[5:], uv_faces=small_scene.uv_faces[5:])
    split = split_seams(bare)
    assert np.array_equal(split.vertex_ids[: len(bare.vertices)], np.arange(len(bare.vertices)))
    assert np.array_equal(split.uv[split.faces], bare.uv[bare.uv_faces])


def test_the_photos_are_known_by_their_file_names_only(small_scene: HeadScene) -> None:
    assert [(c.name, c.photo) for c in small_scene.cameras] == [(n, f"{n}.jpg") for n in ("left", "front", "right")]
