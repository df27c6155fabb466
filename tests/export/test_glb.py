"""The .glb file, read back by other people's programs."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pygltflib
import pytest
import trimesh

from facestudio.export.glb import camera_pose, glb_bytes, top_influences
from facestudio.export.pictures import png_bytes
from facestudio.export.scene import HeadScene
from tests.export.khronos import validate


@pytest.fixture(scope="module")
def small_glb(small_scene: HeadScene) -> bytes:
    return glb_bytes(small_scene, png_bytes(small_scene.albedo))


@pytest.fixture(scope="module")
def document(small_glb: bytes) -> pygltflib.GLTF2:
    loaded = pygltflib.GLTF2.load_from_bytes(small_glb)
    assert loaded is not None
    return loaded


def read(document: pygltflib.GLTF2, index: int) -> np.ndarray:
    """An accessor's values by the specification's rules, sparse ones included."""
    kinds = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
    widths = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
    blob = document.binary_blob()

    def raw(view: int, offset: int | None, kind: int, count: int, width: int) -> np.ndarray:
        start = (document.bufferViews[view].byteOffset or 0) + (offset or 0)
        return np.frombuffer(blob, kinds[kind], count * width, start).reshape(count, width)

    a = document.accessors[index]
    width = widths[a.type]
    if a.bufferView is not None:
        values = raw(a.bufferView, a.byteOffset, a.componentType, a.count, width).copy()
    else:
        values = np.zeros((a.count, width), kinds[a.componentType])
    if a.sparse:
        ids = raw(a.sparse.indices.bufferView, a.sparse.indices.byteOffset, a.sparse.indices.componentType, a.sparse.count, 1)
        values[ids[:, 0]] = raw(a.sparse.values.bufferView, a.sparse.values.byteOffset, a.componentType, a.sparse.count, width)
    return values


def attribute(document: pygltflib.GLTF2, name: str) -> np.ndarray:
    return read(document, getattr(document.meshes[0].primitives[0].attributes, name))


def test_khronos_validator_finds_no_error_and_no_warning(small_glb: bytes, tmp_path: Path) -> None:
    path = tmp_path / "globe.glb"
    path.write_bytes(small_glb)
    issues = validate(path)
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"]


def test_a_head_without_expressions_validates_too(small_scene: HeadScene, tmp_path: Path) -> None:
    bare = dataclasses.replace(small_scene, morph_names=(), morphs=small_scene.morphs[:0])
    path = tmp_path / "bare.glb"
    path.write_bytes(glb_bytes(bare, png_bytes(bare.albedo)))
    loaded = pygltflib.GLTF2.load_from_bytes(path.read_bytes())
    assert loaded is not None
    assert not loaded.meshes[0].primitives[0].targets
    issues = validate(path)
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"]


def test_a_head_without_cameras_and_with_a_still_morph_validates_too(small_scene: HeadScene, tmp_path: Path) -> None:
    still = dataclasses.replace(
        small_scene, cameras=(), morphs=small_scene.morphs * np.array([[[0]], [[1]], [[1]]], np.float32)
    )
    path = tmp_path / "still.glb"
    path.write_bytes(glb_bytes(still, png_bytes(still.albedo)))
    issues = validate(path)
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"]


def test_equal_input_gives_equal_bytes(small_scene: HeadScene, small_glb: bytes) -> None:
    assert glb_bytes(small_scene, png_bytes(small_scene.albedo)) == small_glb


def test_the_first_vertices_are_the_head_model_s_and_the_rest_are_exact_copies(
    document: pygltflib.GLTF2, small_scene: HeadScene
) -> None:
    ids = attribute(document, "_VERTEX_ID")[:, 0].astype(int)
    count = len(small_scene.vertices)
    assert len(ids) > count  # the globe has a seam
    assert np.array_equal(ids[:count], np.arange(count))
    for name in ("POSITION", "NORMAL", "JOINTS_0", "WEIGHTS_0"):
        values = attribute(document, name)
        assert np.array_equal(values, values[ids])
    for target in document.meshes[0].primitives[0].targets:
        deltas = read(document, target["POSITION"])
        assert np.array_equal(deltas, deltas[ids])


def test_merging_equal_vertices_restores_the_topology(document: pygltflib.GLTF2, small_scene: HeadScene) -> None:
    ids = attribute(document, "_VERTEX_ID")[:, 0].astype(int)
    faces = ids[read(document, document.meshes[0].primitives[0].indices).reshape(-1, 3)]
    assert np.array_equal(faces, small_scene.faces)
    assert len(np.unique(attribute(document, "POSITION"), axis=0)) == len(small_scene.vertices)


def test_texture_coordinates_count_downwards(document: pygltflib.GLTF2, small_scene: HeadScene) -> None:
    corners = read(document, document.meshes[0].primitives[0].indices)[:, 0]
    expected = small_scene.uv[small_scene.uv_faces.ravel()]
    found = attribute(document, "TEXCOORD_0")[corners]
    assert np.allclose(found[:, 0], expected[:, 0])
    assert np.allclose(1 - found[:, 1], expected[:, 1], atol=1e-7)


def test_morphs_carry_their_names_and_deltas(document: pygltflib.GLTF2, small_scene: HeadScene) -> None:
    mesh = document.meshes[0]
    assert mesh.extras["targetNames"] == ["jawOpen", "cheekPuff", "breathe"]
    ids = attribute(document, "_VERTEX_ID")[:, 0].astype(int)
    for target, expected in zip(mesh.primitives[0].targets, small_scene.morphs, strict=True):
        assert np.abs(read(document, target["POSITION"]) - expected[ids]).max() <= 1e-7


def test_local_morphs_are_sparse_and_global_ones_are_not(document: pygltflib.GLTF2) -> None:
    targets = document.meshes[0].primitives[0].targets
    sparse = [document.accessors[t["POSITION"]].sparse is not None for t in targets]
    assert sparse == [True, True, False]


def test_the_joints_form_the_rig_at_their_places(document: pygltflib.GLTF2, small_scene: HeadScene) -> None:
    skin = document.skins[0]
    names = [document.nodes[j].name for j in skin.joints]
    assert names == ["root", "neck", "jaw", "eye_left", "eye_right"]
    neck = document.nodes[skin.joints[1]]
    assert [document.nodes[c].name for c in neck.children] == ["jaw", "eye_left", "eye_right"]
    bind = read(document, skin.inverseBindMatrices).reshape(-1, 4, 4).transpose(0, 2, 1)
    assert np.array_equal(bind[:, :3, 3], -small_scene.joint_positions)
    jaw = sum(np.array(document.nodes[skin.joints[j]].translation) for j in (0, 1, 2))
    assert np.allclose(jaw, small_scene.joint_positions[2], atol=1e-7)


def test_cameras_see_what_opencv_s_see(document: pygltflib.GLTF2, small_scene: HeadScene) -> None:
    """Projects a point as glTF defines it (quaternion, yfov, aspect) and compares with K, R, t."""
    point = np.array([0.03, 0.05, 0.09])
    by_name = {n.name: n for n in document.nodes}
    for c in small_scene.cameras:
        node, view = by_name[f"camera_{c.name}"], document.cameras[by_name[f"camera_{c.name}"].camera].perspective
        x, y, z, w = node.rotation
        to_world = np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
            ]
        )
        local = to_world.T @ (point - node.translation)
        ndc = local[:2] / -local[2] / np.tan(view.yfov / 2) / np.array([view.aspectRatio, 1.0])
        picture = c.camera.K @ (c.camera.R @ point + c.camera.t)
        pixel = (picture[:2] / picture[2] + 0.5) / [c.camera.width, c.camera.height] * 2 - 1
        assert np.allclose(ndc, pixel * [1, -1], atol=1e-9)
        assert np.isclose(np.linalg.norm(camera_pose(c.camera)[1]), 1.0)


def test_the_texture_inside_is_the_albedo(document: pygltflib.GLTF2, small_scene: HeadScene) -> None:
    view = document.bufferViews[document.images[0].bufferView]
    content = document.binary_blob()[view.byteOffset : view.byteOffset + view.byteLength]
    decoded = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert np.array_equal(decoded, small_scene.albedo)


def test_extras_say_whose_head_how_big_and_under_which_licence(document: pygltflib.GLTF2, small_scene: HeadScene) -> None:
    extras = document.asset.extras
    assert extras["scale"] == "assumed"
    assert extras["licence"] == document.asset.copyright == "CC0-1.0"
    assert extras["expression"]["jawOpen"] == pytest.approx(0.3)
    assert len(extras["identity"]) == 4


def test_four_influences_that_sum_to_one() -> None:
    rng = np.random.default_rng(0)
    weights = rng.dirichlet(np.full(5, 0.3), 1000).astype(np.float32)
    joints, kept = top_influences(weights)
    assert joints.shape == kept.shape == (1000, 4)
    assert np.abs(kept.sum(axis=1) - 1).max() <= 2.4e-7
    assert (joints[kept == 0] == 0).all()
    assert np.array_equal(joints[:, 0], weights.argmax(axis=1))


def test_a_row_without_weight_follows_the_root() -> None:
    joints, kept = top_influences(np.zeros((1, 5), np.float32))
    assert joints.tolist() == [[0, 0, 0, 0]]
    assert kept.tolist() == [[1, 0, 0, 0]]


def test_trimesh_rereads_the_same_vertices(small_glb: bytes, small_scene: HeadScene, tmp_path: Path) -> None:
    path = tmp_path / "globe.glb"
    path.write_bytes(small_glb)
    mesh = trimesh.load(path, process=False, force="mesh")
    assert isinstance(mesh, trimesh.Trimesh)
    assert np.array_equal(mesh.vertices[: len(small_scene.vertices)].astype(np.float32), small_scene.vertices)
    assert len(mesh.faces) == len(small_scene.faces)
    assert isinstance(mesh.visual, trimesh.visual.TextureVisuals)
    assert isinstance(mesh.visual.material, trimesh.visual.material.PBRMaterial)
    assert mesh.visual.material.baseColorTexture.size == (64, 64)


def test_the_uncertainty_travels_with_the_vertices_and_stays_valid(small_scene: HeadScene, tmp_path: Path) -> None:
    sigma = np.linspace(0.0001, 0.002, len(small_scene.vertices)).astype(np.float32)
    content = glb_bytes(dataclasses.replace(small_scene, sigma=sigma), png_bytes(small_scene.albedo))
    with_sigma = pygltflib.GLTF2.load_from_bytes(content)
    assert with_sigma is not None
    attributes = with_sigma.meshes[0].primitives[0].attributes
    ids = read(with_sigma, attributes._VERTEX_ID)[:, 0].astype(int)
    assert np.allclose(read(with_sigma, attributes._SIGMA_MM)[:, 0], 1000 * sigma[ids])
    (tmp_path / "head.glb").write_bytes(content)
    issues = validate(tmp_path / "head.glb")
    assert issues["numErrors"] == issues["numWarnings"] == 0
