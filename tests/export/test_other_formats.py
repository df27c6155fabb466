"""PLY, STL, smplx and USD, read back by programs that are not ours."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path

import numpy as np
import pytest
import trimesh

from facestudio.export.ply import confidence, ply_bytes
from facestudio.export.scene import HeadScene, build_scene
from facestudio.export.smplx_npz import padded, smplx_bytes
from facestudio.export.stl import border_loops, closed, stl_bytes
from facestudio.export.usd import prim_name, principal_offset, unique_names, usd_bytes
from facestudio.geometry.camera import project
from facestudio.head.decoder import Decoder
from facestudio.head.model import HeadModel
from facestudio.types import Reconstruction, Texture
from tests.export.test_real_heads import fitted


@pytest.fixture(params=["openhead", "flame"])
def model(request: pytest.FixtureRequest) -> HeadModel:
    found: HeadModel = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def reconstruction(model: HeadModel, small_reconstruction: Reconstruction) -> Reconstruction:
    sigma = np.linspace(1e-4, 4e-3, model.vertex_count)
    return dataclasses.replace(fitted(model, small_reconstruction), sigma=sigma)


@pytest.fixture
def scene(model: HeadModel, reconstruction: Reconstruction, small_texture: Texture) -> HeadScene:
    return build_scene(model, reconstruction, small_texture, "Ada L.")


def load(content: bytes, kind: str, path: Path) -> trimesh.Trimesh:
    (path / f"a.{kind}").write_bytes(content)
    mesh = trimesh.load(path / f"a.{kind}", process=kind == "stl")
    assert isinstance(mesh, trimesh.Trimesh)
    return mesh


def test_ply_holds_shape_colour_and_accuracy(scene: HeadScene, tmp_path: Path) -> None:
    seen = (np.arange(len(scene.vertices)) % 4).astype(np.uint8)
    mesh = load(ply_bytes(scene, seen), "ply", tmp_path)
    assert np.array_equal(mesh.vertices.astype(np.float32), scene.vertices)
    assert np.array_equal(mesh.faces, scene.faces)
    raw = mesh.metadata["_ply_raw"]["vertex"]["data"]
    assert np.array_equal(raw["views_seen"].ravel(), seen)
    assert scene.sigma is not None
    assert np.allclose(raw["sigma_mm"].ravel(), 1000 * scene.sigma)
    assert ((raw["confidence"] > 0) & (raw["confidence"] <= 1)).all()
    assert isinstance(mesh.visual, trimesh.visual.ColorVisuals)
    assert mesh.visual.vertex_colors[:, :3].std() > 1


def test_ply_claims_no_accuracy_that_is_not_known(small_scene: HeadScene) -> None:
    header = ply_bytes(small_scene, np.zeros(len(small_scene.vertices), np.uint8)).split(b"end_header")[0]
    assert b"confidence" not in header
    assert b"sigma" not in header
    assert b"views_seen" in header


def test_confidence_is_the_normal_distribution_s(tmp_path: Path) -> None:
    assert np.allclose(confidence(np.array([1e-3, 5e-4], np.float32)), [0.6827, 0.9545], atol=1e-4)


def test_stl_is_watertight_and_in_millimetres(scene: HeadScene, tmp_path: Path) -> None:
    mesh = load(stl_bytes(scene), "stl", tmp_path)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    litres = mesh.volume / 1e6
    assert 2.5 < litres < 8.0
    height = 1000 * float(np.ptp(scene.vertices[:, 1]))
    assert abs(mesh.extents[2] - height) < 1.0  # stands upright; the neck's middle may lie a little lower than its border


def test_closing_an_open_box_adds_a_lid() -> None:
    box = trimesh.creation.box()
    lid = np.flatnonzero(box.face_normals[:, 1] > 0.9)
    faces = np.delete(box.faces, lid, axis=0)
    assert [len(loop) for loop in border_loops(faces)] == [4]
    vertices, triangles = closed(np.asarray(box.vertices), faces)
    shut = trimesh.Trimesh(vertices, triangles)
    assert shut.is_watertight
    assert shut.volume == pytest.approx(1.0)


def test_a_mesh_that_is_no_surface_is_refused() -> None:
    with pytest.raises(ValueError, match="not a surface"):
        border_loops(np.array([[0, 1, 2], [0, 1, 3]]))


def test_smplx_parameters_give_the_head_back(
    model: HeadModel, reconstruction: Reconstruction, scene: HeadScene, tmp_path: Path
) -> None:
    moved = dataclasses.replace(reconstruction, vertices=reconstruction.vertices + 1e-3)
    shown = dataclasses.replace(scene, vertices=moved.vertices.astype(np.float32))
    with np.load(io.BytesIO(smplx_bytes(model, moved, shown))) as f:
        data = {k: f[k] for k in f.files}
    assert (data["betas"].shape, data["expression"].shape) == ((1, 300), (1, 100))
    assert json.loads(data["meta"].item())["head_model"]["sha256"] == model.sha256
    pose = np.concatenate([data[k] for k in ("global_orient", "neck_pose", "jaw_pose", "leye_pose", "reye_pose")])
    linear = Decoder(model).decode(data["betas_native"][0], pose=pose.reshape(5, 3))
    assert np.abs(linear + data["offsets"] - moved.vertices).max() < 2e-6
    assert np.array_equal(data["betas"][0, : len(reconstruction.identity)], data["betas_native"][0])


def test_padding_never_cuts() -> None:
    assert padded(np.ones(3), 5).tolist() == [[1, 1, 1, 0, 0]]
    assert padded(np.ones(6), 5).shape == (1, 6)


def test_usd_passes_its_own_validators_and_holds_the_head(scene: HeadScene, tmp_path: Path) -> None:
    from pxr import Usd, UsdGeom, UsdSkel, UsdValidation

    from facestudio.export.pictures import png_bytes

    (tmp_path / "Ada L._albedo.png").write_bytes(png_bytes(scene.albedo))
    (tmp_path / "a.usdc").write_bytes(usd_bytes(scene, "Ada L._albedo.png"))
    stage = Usd.Stage.Open(str(tmp_path / "a.usdc"))
    validators = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    assert len(validators) >= 20
    complaints = UsdValidation.ValidationContext(validators).Validate(stage)
    assert [c.GetMessage() for c in complaints] == []

    root = stage.GetDefaultPrim()
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1.0
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath(root.GetPath().AppendChild("Head")))
    assert np.array_equal(np.array(mesh.GetPointsAttr().Get()), scene.vertices)
    cache = UsdSkel.Cache()
    cache.Populate(UsdSkel.Root(root), Usd.PrimDefaultPredicate)
    skinning = cache.GetSkinningQuery(mesh.GetPrim())
    assert skinning.HasJointInfluences()
    assert skinning.HasBlendShapes() == bool(scene.morph_names)
    skeleton = cache.GetSkelQuery(UsdSkel.Skeleton(stage.GetPrimAtPath(root.GetPath().AppendChild("Skeleton"))))
    places = np.array([np.array(m)[3, :3] for m in skeleton.GetJointWorldBindTransforms()])
    assert np.abs(places - scene.joint_positions).max() < 1e-6
    jaw = skeleton.GetTopology().GetParent(list(scene.joint_names).index("jaw"))
    assert scene.joint_names[jaw] == "neck"


def test_usd_without_its_texture_is_complained_about(scene: HeadScene, tmp_path: Path) -> None:
    from pxr import Usd, UsdValidation

    (tmp_path / "a.usdc").write_bytes(usd_bytes(scene, "missing.png"))
    stage = Usd.Stage.Open(str(tmp_path / "a.usdc"))
    context = UsdValidation.ValidationContext(UsdValidation.ValidationRegistry().GetOrLoadAllValidators())
    assert context.Validate(stage)


def test_usd_cameras_see_what_the_photos_cameras_saw(small_scene: HeadScene, tmp_path: Path) -> None:
    from pxr import Gf, Usd, UsdGeom

    camera = small_scene.cameras[0].camera
    K = camera.K + np.array([[7.0, 0, 5.5], [0, -4.0, -3.25], [0, 0, 0]])
    odd = dataclasses.replace(camera, K=K)
    scene = dataclasses.replace(small_scene, cameras=(dataclasses.replace(small_scene.cameras[0], camera=odd),))
    (tmp_path / "a.usdc").write_bytes(usd_bytes(scene, "a.png"))
    stage = Usd.Stage.Open(str(tmp_path / "a.usdc"))
    frustum = UsdGeom.Camera(stage.GetPrimAtPath("/globe/camera_left")).GetCamera().frustum
    points = scene.vertices[::40].astype(np.float64)
    seen = frustum.ComputeViewMatrix() * frustum.ComputeProjectionMatrix()
    ndc = np.array([seen.Transform(Gf.Vec3d(*p)) for p in points])
    pixels = np.stack([(ndc[:, 0] + 1) / 2 * odd.width - 0.5, (1 - ndc[:, 1]) / 2 * odd.height - 0.5], axis=1)
    assert np.abs(pixels - project(odd, points)).max() < 1e-3
    assert principal_offset(K, odd.width, odd.height).any()


def test_usd_names() -> None:
    assert prim_name("Ada L.") == "Ada_L_"
    assert prim_name("3") == "head_3"
    assert unique_names(["a b", "a_b"]) == ["a_b", "a_b_1"]
