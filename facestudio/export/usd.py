"""NAME.usdc: the head for Omniverse, Houdini, Maya and others: UsdSkel skeleton and blend shapes, UsdPreviewSurface skin, the cameras.

Unlike glTF, USD keeps texture coordinates per corner, so that the mesh has the head model's own vertices; and its cameras know the
principal point (as an offset of the aperture), so that they hold all of a photo's camera but the lens distortion.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from facestudio.export.scene import HeadScene, SceneCamera
from facestudio.types import Float64Array

_MOVES_M = 1e-7  # vertices that a blend shape moves less are left out of it
_SENSOR_MM = 36.0  # USD states a camera in millimetres of film: a full-frame sensor's width
_ROUGHNESS = 0.6


def usd_bytes(scene: HeadScene, texture_file: str) -> bytes:
    """The .usdc file's bytes. texture_file: name of the texture beside it. Metres, +Y up, +Z out of the nose."""
    from pxr import Gf, Usd, UsdGeom, UsdSkel

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "head.usdc"
        stage = Usd.Stage.CreateNew(str(path))
        UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
        UsdGeom.SetStageMetersPerUnit(stage, 1.0)
        stage.SetMetadata("comment", f"FaceStudio {scene.metadata['facestudio']}. {scene.metadata['scale_note']}")
        root = UsdSkel.Root.Define(stage, f"/{prim_name(scene.name)}")
        stage.SetDefaultPrim(root.GetPrim())
        root.GetPrim().SetCustomDataByKey("licence", str(scene.metadata["licence"]))
        root.GetPrim().SetCustomDataByKey("scale", str(scene.metadata["scale"]))
        head = root.GetPath()
        points = scene.vertices.astype(np.float32)
        UsdGeom.ModelAPI(root).SetExtentsHint(_extent(points))
        skeleton = _skeleton(stage, head, scene)
        mesh = _mesh(stage, head, scene)
        _bind(mesh, skeleton, scene)
        _blend_shapes(stage, mesh, scene)
        _material(stage, head, mesh, texture_file)
        for camera in scene.cameras:
            _camera(stage, head, camera, Gf)
        stage.GetRootLayer().Save()
        del stage
        return path.read_bytes()


def prim_name(text: str) -> str:
    """A name as USD allows it: letters, digits and underscores, no digit first."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", text)
    return name if name and not name[0].isdigit() else f"head_{name}"


def _extent(points: np.ndarray[Any, Any]) -> Any:
    from pxr import Vt

    return Vt.Vec3fArray.FromNumpy(np.stack([points.min(0), points.max(0)]).astype(np.float32))


def _skeleton(stage: Any, head: Any, scene: HeadScene) -> Any:
    from pxr import Gf, UsdSkel, Vt

    skeleton = UsdSkel.Skeleton.Define(stage, head.AppendChild("Skeleton"))
    paths = joint_paths(scene)
    places = scene.joint_positions.astype(np.float64)
    bind, rest = [], []
    for j, place in enumerate(places):
        parent = int(scene.joint_parents[j])
        bind.append(Gf.Matrix4d(1.0).SetTranslate(Gf.Vec3d(*place)))
        rest.append(Gf.Matrix4d(1.0).SetTranslate(Gf.Vec3d(*(place - (places[parent] if parent >= 0 else 0.0)))))
    skeleton.CreateJointsAttr(paths)
    skeleton.CreateJointNamesAttr(list(scene.joint_names))
    skeleton.CreateBindTransformsAttr(Vt.Matrix4dArray(bind))
    skeleton.CreateRestTransformsAttr(Vt.Matrix4dArray(rest))
    return skeleton


def joint_paths(scene: HeadScene) -> list[str]:
    """The joints as paths from the root, "root/neck/jaw", which is how UsdSkel states parents."""
    paths: list[str] = []
    for j, name in enumerate(scene.joint_names):
        parent = int(scene.joint_parents[j])
        paths.append(f"{paths[parent]}/{name}" if parent >= 0 else name)
    return paths


def _mesh(stage: Any, head: Any, scene: HeadScene) -> Any:
    from pxr import Sdf, UsdGeom, Vt

    mesh = UsdGeom.Mesh.Define(stage, head.AppendChild("Head"))
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(scene.vertices.astype(np.float32)))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(np.full(len(scene.faces), 3, np.int32)))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(np.ascontiguousarray(scene.faces, np.int32).ravel()))
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    mesh.CreateExtentAttr(_extent(scene.vertices))
    mesh.CreateDoubleSidedAttr(True)  # the neck is open, and one sees the inside through it
    mesh.CreateNormalsAttr(Vt.Vec3fArray.FromNumpy(scene.normals.astype(np.float32)))
    mesh.SetNormalsInterpolation(UsdGeom.Tokens.vertex)
    primvars = UsdGeom.PrimvarsAPI(mesh)
    st = primvars.CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, UsdGeom.Tokens.faceVarying)
    st.Set(Vt.Vec2fArray.FromNumpy(scene.uv.astype(np.float32)))
    st.SetIndices(Vt.IntArray.FromNumpy(np.ascontiguousarray(scene.uv_faces, np.int32).ravel()))
    if scene.sigma is not None:
        sigma = primvars.CreatePrimvar("sigmaMm", Sdf.ValueTypeNames.FloatArray, UsdGeom.Tokens.vertex)
        sigma.Set(Vt.FloatArray.FromNumpy((1000.0 * scene.sigma).astype(np.float32)))
    return mesh


def _bind(mesh: Any, skeleton: Any, scene: HeadScene) -> None:
    from pxr import Gf, UsdSkel, Vt

    binding = UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    binding.CreateSkeletonRel().SetTargets([skeleton.GetPath()])
    binding.CreateGeomBindTransformAttr(Gf.Matrix4d(1.0))
    joints = scene.skin_weights.shape[1]
    indices = np.tile(np.arange(joints, dtype=np.int32), len(scene.vertices))
    binding.CreateJointIndicesPrimvar(False, joints).Set(Vt.IntArray.FromNumpy(indices))
    binding.CreateJointWeightsPrimvar(False, joints).Set(Vt.FloatArray.FromNumpy(scene.skin_weights.astype(np.float32).ravel()))


def _blend_shapes(stage: Any, mesh: Any, scene: HeadScene) -> None:
    from pxr import UsdSkel, Vt

    if not scene.morph_names:
        return
    names = unique_names(scene.morph_names)
    binding = UsdSkel.BindingAPI(mesh.GetPrim())
    binding.CreateBlendShapesAttr(names)
    targets = []
    for name, morph in zip(names, scene.morphs, strict=True):
        shape = UsdSkel.BlendShape.Define(stage, mesh.GetPath().AppendChild(name))
        ids = np.flatnonzero((np.abs(morph) >= _MOVES_M).any(axis=1)).astype(np.int32)
        ids = ids if len(ids) else np.zeros(1, np.int32)
        shape.CreateOffsetsAttr(Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(morph[ids], np.float32)))
        shape.CreatePointIndicesAttr(Vt.IntArray.FromNumpy(ids))
        targets.append(shape.GetPath())
    binding.CreateBlendShapeTargetsRel().SetTargets(targets)


def unique_names(names: Sequence[str]) -> list[str]:
    """The names as USD allows them, told apart by a number where that makes two alike."""
    found: list[str] = []
    for name in map(prim_name, names):
        found.append(name if name not in found else f"{name}_{len(found)}")
    return found


def _material(stage: Any, head: Any, mesh: Any, texture_file: str) -> None:
    from pxr import Sdf, UsdShade

    material = UsdShade.Material.Define(stage, head.AppendChild("Skin"))
    path = material.GetPath()
    surface = UsdShade.Shader.Define(stage, path.AppendChild("Surface"))
    surface.CreateIdAttr("UsdPreviewSurface")
    surface.CreateInput("roughness", Sdf.ValueTypeNames.Float).Set(_ROUGHNESS)
    surface.CreateInput("metallic", Sdf.ValueTypeNames.Float).Set(0.0)
    reader = UsdShade.Shader.Define(stage, path.AppendChild("TextureCoordinates"))
    reader.CreateIdAttr("UsdPrimvarReader_float2")
    reader.CreateInput("varname", Sdf.ValueTypeNames.String).Set("st")
    picture = UsdShade.Shader.Define(stage, path.AppendChild("Albedo"))
    picture.CreateIdAttr("UsdUVTexture")
    picture.CreateInput("file", Sdf.ValueTypeNames.Asset).Set(Sdf.AssetPath(f"./{texture_file}"))
    picture.CreateInput("sourceColorSpace", Sdf.ValueTypeNames.Token).Set("sRGB")
    for axis in ("wrapS", "wrapT"):
        picture.CreateInput(axis, Sdf.ValueTypeNames.Token).Set("clamp")
    coordinates = reader.CreateOutput("result", Sdf.ValueTypeNames.Float2)
    picture.CreateInput("st", Sdf.ValueTypeNames.Float2).ConnectToSource(coordinates)
    colour = picture.CreateOutput("rgb", Sdf.ValueTypeNames.Float3)
    surface.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).ConnectToSource(colour)
    material.CreateSurfaceOutput().ConnectToSource(surface.CreateOutput("surface", Sdf.ValueTypeNames.Token))
    UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(material)


def _camera(stage: Any, head: Any, scene_camera: SceneCamera, gf: Any) -> None:
    from pxr import UsdGeom

    camera = scene_camera.camera
    made = UsdGeom.Camera.Define(stage, head.AppendChild(f"camera_{prim_name(scene_camera.name)}"))
    focal = float(np.sqrt(camera.K[0, 0] * camera.K[1, 1]))
    film = _SENSOR_MM / camera.width  # millimetres per pixel, so that one focal length serves both axes
    made.CreateFocalLengthAttr(focal * film)
    made.CreateHorizontalApertureAttr(camera.width * film * focal / float(camera.K[0, 0]))
    made.CreateVerticalApertureAttr(camera.height * film * focal / float(camera.K[1, 1]))
    off = principal_offset(camera.K, camera.width, camera.height)
    made.CreateHorizontalApertureOffsetAttr(float(off[0] * film * focal / camera.K[0, 0]))
    made.CreateVerticalApertureOffsetAttr(float(off[1] * film * focal / camera.K[1, 1]))
    made.CreateClippingRangeAttr(gf.Vec2f(0.01, 100.0))
    turned = camera.R.T @ np.diag([1.0, -1.0, -1.0])  # columns: the camera's right, up and backward axes in the head frame
    matrix = np.eye(4)
    matrix[:3, :3], matrix[3, :3] = turned.T, camera.centre  # USD multiplies row vectors
    made.AddTransformOp().Set(gf.Matrix4d(matrix.tolist()))


def principal_offset(K: Float64Array, width: int, height: int) -> Float64Array:
    """(2,) pixels: how far the picture's middle lies right of and above the optical axis. Pixel centres are at integers."""
    return np.array([(width - 1) / 2 - K[0, 2], K[1, 2] - (height - 1) / 2])
