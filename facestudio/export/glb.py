"""Binary glTF 2.0: texture inside, named expressions, a five-joint skin, and the photos' cameras.

Read against the Khronos specification (glTF 2.0, registry.khronos.org/glTF). What it leaves to us:
- The skinned mesh is a root node, because its own transform is ignored; the joints are a second root.
- Seam copies are bit-identical to their originals, so that merging by distance restores the topology; `_VERTEX_ID` says which
  vertex of the head model each one is (float: the specification forbids 32-bit integers there, and floats are exact to 2^24).
- `_SIGMA_MM`, where the engine knows it, is how far each vertex may be off along its normal, one standard deviation.
- Morphs carry no normals: Blender recomputes them, and they would double the file.
- FLAME's pose correctives have no place in glTF and are left out.
"""

from __future__ import annotations

import numpy as np
import pygltflib as gltf

from facestudio.export.gloss import SKIN
from facestudio.export.gltf_buffer import GltfBuffer
from facestudio.export.pictures import png_bytes
from facestudio.export.scene import HeadScene, SceneCamera, split_seams
from facestudio.types import ByteArray, Camera, Float32Array, Float64Array

MAX_INFLUENCES = 4
NEAR_PLANE_M = 0.01
_MORPH_THRESHOLD_M = 1e-7  # far below what any camera sees; makes local expressions sparse
_GL_FROM_CV = np.diag([1.0, -1.0, -1.0])  # OpenCV cameras look along +z with y down, glTF's along -z with y up


def glb_bytes(scene: HeadScene, albedo_png: bytes) -> bytes:
    """The .glb file's bytes; equal input gives equal bytes.

    albedo_png: the scene's albedo as PNG, sRGB, row 0 at v = 1. Metres, +Y up, +Z out of the nose, as in the head frame.
    """
    buffer = GltfBuffer()
    document = gltf.GLTF2(asset=_asset(scene), scene=0)
    document.meshes = [_mesh(scene, buffer)]
    document.skins = [_skin(scene, buffer)]
    document.cameras = [_camera(c) for c in scene.cameras]
    document.nodes = _nodes(scene)
    joints = len(scene.joint_names)
    roots = [0, *(1 + j for j in range(joints) if scene.joint_parents[j] < 0), *range(1 + joints, len(document.nodes))]
    document.scenes = [gltf.Scene(name=scene.name, nodes=roots)]
    rough = scene.roughness
    document.materials = [_material(rough is not None)]
    document.textures = [gltf.Texture(sampler=0, source=i) for i in range(1 if rough is None else 2)]
    clamp = gltf.CLAMP_TO_EDGE
    document.samplers = [gltf.Sampler(magFilter=gltf.LINEAR, minFilter=gltf.LINEAR_MIPMAP_LINEAR, wrapS=clamp, wrapT=clamp)]
    document.images = [gltf.Image(name=scene.name, mimeType="image/png", bufferView=buffer.view(albedo_png))]
    if rough is not None:
        # Green is how matt, blue how metallic; what red is, glTF leaves open.
        channels = np.stack([np.full_like(rough, 255), rough, np.zeros_like(rough)], axis=-1)
        view = buffer.view(png_bytes(channels))
        document.images.append(gltf.Image(name=f"{scene.name} roughness", mimeType="image/png", bufferView=view))
    document.bufferViews, document.accessors = buffer.views, buffer.accessors
    document.buffers = [gltf.Buffer(byteLength=len(buffer.data))]
    document.set_binary_blob(bytes(buffer.data))
    return b"".join(document.save_to_bytes())


def top_influences(weights: Float32Array) -> tuple[ByteArray, Float32Array]:
    """The largest four of each row of skin weights (V, J): joints (V, 4) uint8 and weights (V, 4) float32 that sum to 1.

    Slots without weight name joint 0, as the specification asks.
    """
    wide = np.zeros((len(weights), max(MAX_INFLUENCES, weights.shape[1])))
    wide[:, : weights.shape[1]] = np.maximum(weights, 0.0)
    order = np.argsort(-wide, axis=1, kind="stable")[:, :MAX_INFLUENCES]
    top = np.take_along_axis(wide, order, axis=1)
    # Below this a weight moves nothing, and as float32 it could vanish and leave its joint without one.
    top[top < 1e-6] = 0.0
    total = top.sum(axis=1, keepdims=True)
    top[:, :1] = np.where(total > 0, top[:, :1], 1.0)
    top /= np.where(total > 0, total, 1.0)
    return np.where(top > 0, order, 0).astype(np.uint8), top.astype(np.float32)


def camera_pose(camera: Camera) -> tuple[Float64Array, Float64Array]:
    """A camera's place in the head frame in glTF's terms: translation (3,), metres, and unit quaternion (4,) x, y, z, w."""
    return camera.centre, _quaternion(camera.R.T @ _GL_FROM_CV)


def _asset(scene: HeadScene) -> gltf.Asset:
    generator = f"FaceStudio {scene.metadata['facestudio']}"
    return gltf.Asset(generator=generator, copyright=str(scene.metadata["licence"]), extras=dict(scene.metadata))


def _mesh(scene: HeadScene, buffer: GltfBuffer) -> gltf.Mesh:
    split = split_seams(scene)
    ids = split.vertex_ids
    joints, weights = top_influences(scene.skin_weights)
    vertex_data = gltf.ARRAY_BUFFER
    attributes = gltf.Attributes(
        POSITION=buffer.accessor(scene.vertices[ids], vertex_data, bounds=True),
        NORMAL=buffer.accessor(scene.normals[ids], vertex_data),
        # glTF counts v downwards from the picture's top.
        TEXCOORD_0=buffer.accessor(np.stack([split.uv[:, 0], 1.0 - split.uv[:, 1]], axis=1).astype(np.float32), vertex_data),
        JOINTS_0=buffer.accessor(joints[ids], vertex_data),
        WEIGHTS_0=buffer.accessor(weights[ids], vertex_data),
        _VERTEX_ID=buffer.accessor(ids.astype(np.float32), vertex_data),
    )
    if scene.sigma is not None:
        attributes._SIGMA_MM = buffer.accessor(1000.0 * scene.sigma[ids], vertex_data)
    indices = buffer.accessor(split.faces.astype(np.uint32).ravel(), gltf.ELEMENT_ARRAY_BUFFER)
    primitive = gltf.Primitive(attributes=attributes, indices=indices, material=0)
    mesh = gltf.Mesh(name=scene.name, primitives=[primitive])
    if scene.morph_names:
        primitive.targets = [{"POSITION": i} for i in buffer.morphs(scene.morphs[:, ids], _MORPH_THRESHOLD_M)]
        mesh.weights = [0.0] * len(scene.morph_names)
        mesh.extras = {"targetNames": list(scene.morph_names)}
    return mesh


def _skin(scene: HeadScene, buffer: GltfBuffer) -> gltf.Skin:
    count = len(scene.joint_names)
    inverse_bind = np.tile(np.eye(4, dtype=np.float32), (count, 1, 1))
    inverse_bind[:, :3, 3] = -scene.joint_positions
    # glTF keeps matrices column by column.
    matrices = buffer.accessor(np.ascontiguousarray(inverse_bind.transpose(0, 2, 1)), None)
    root = 1 + int(np.argmin(scene.joint_parents))
    return gltf.Skin(name="rig", inverseBindMatrices=matrices, skeleton=root, joints=list(range(1, 1 + count)))


def _nodes(scene: HeadScene) -> list[gltf.Node]:
    nodes = [gltf.Node(name=scene.name, mesh=0, skin=0)]
    places = scene.joint_positions.astype(np.float64)
    for j, name in enumerate(scene.joint_names):
        parent = int(scene.joint_parents[j])
        offset = places[j] - (places[parent] if parent >= 0 else 0.0)
        children = [1 + int(k) for k in np.flatnonzero(scene.joint_parents == j)]
        nodes.append(gltf.Node(name=name, translation=offset.tolist(), children=children))
    for i, c in enumerate(scene.cameras):
        translation, rotation = camera_pose(c.camera)
        place = {"translation": translation.tolist(), "rotation": rotation.tolist()}
        nodes.append(gltf.Node(name=f"camera_{c.name}", camera=i, **place))
    return nodes


def _camera(scene_camera: SceneCamera) -> gltf.Camera:
    camera = scene_camera.camera
    fx, fy = float(camera.K[0, 0]), float(camera.K[1, 1])
    perspective = gltf.Perspective(
        yfov=2.0 * float(np.arctan2(camera.height / 2.0, fy)),
        aspectRatio=(camera.width / fx) / (camera.height / fy),
        znear=NEAR_PLANE_M,
    )
    # glTF has no principal point and no distortion: whoever needs them to the pixel finds them here.
    extras = {
        "photo": scene_camera.photo,
        "K": camera.K.tolist(),
        "distortion": camera.distortion.tolist(),
        "width": camera.width,
        "height": camera.height,
    }
    return gltf.Camera(name=f"camera_{scene_camera.name}", type="perspective", perspective=perspective, extras=extras)


def _material(with_map: bool) -> gltf.Material:
    surface = gltf.PbrMetallicRoughness(
        baseColorTexture=gltf.TextureInfo(index=0),
        baseColorFactor=[1.0, 1.0, 1.0, 1.0],
        metallicFactor=0.0,
        roughnessFactor=1.0 if with_map else SKIN,
        metallicRoughnessTexture=gltf.TextureInfo(index=1) if with_map else None,
    )
    # Two-sided: the neck is open, and one sees the inside through it.
    return gltf.Material(name="skin", pbrMetallicRoughness=surface, alphaMode="OPAQUE", alphaCutoff=None, doubleSided=True)


def _quaternion(R: Float64Array) -> Float64Array:
    """Unit quaternion x, y, z, w of a rotation matrix (Bar-Itzhack 2000: the largest eigenvector; never ill-conditioned)."""
    xx, xy, xz, yx, yy, yz, zx, zy, zz = R.ravel()
    K = np.array(
        [
            [xx - yy - zz, yx + xy, zx + xz, zy - yz],
            [yx + xy, yy - xx - zz, zy + yz, xz - zx],
            [zx + xz, zy + yz, zz - xx - yy, yx - xy],
            [zy - yz, xz - zx, yx - xy, xx + yy + zz],
        ]
    )
    q = np.linalg.eigh(K)[1][:, -1]
    return np.asarray(q * (1.0 if q[np.argmax(np.abs(q))] > 0 else -1.0))
