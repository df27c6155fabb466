"""Runs inside Blender: `blender --background --factory-startup --python-exit-code 3 --python check.py -- HEAD.glb EXPECTED.json`.

Any failed check raises, and Blender exits with 3. Knows nothing of FaceStudio: only what test_glb_in_blender.py wrote down.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

vars(np)["bool"] = bool  # Blender 3.4's glTF importer still asks for the name that numpy 1.24 dropped

# Only Blender has these, and nothing is known of their types.
bmesh: Any = import_module("bmesh")
bpy: Any = import_module("bpy")
Vector: Any = import_module("mathutils").Vector
KDTree: Any = import_module("mathutils.kdtree").KDTree
world_to_camera_view: Any = import_module("bpy_extras.object_utils").world_to_camera_view


def check(true: bool, what: str) -> None:
    if not true:
        raise AssertionError(what)


def to_blender(point: list[float]) -> Any:
    """glTF's +Y up to Blender's +Z up."""
    x, y, z = point
    return Vector((x, -z, y))


def check_mesh(head: Any, expected: dict[str, Any]) -> None:
    points = [to_blender(p) for p in expected["vertices"]]
    low, high = ([f(p[i] for p in points) for i in range(3)] for f in (min, max))
    size = [b - a for a, b in zip(low, high, strict=True)]
    check(
        all(abs(a - b) <= 1e-4 for a, b in zip(head.dimensions, size, strict=True)),
        f"dimensions {tuple(head.dimensions)}, expected {size}",
    )
    found = [head.matrix_world @ v.co for v in head.data.vertices]
    for source, target, direction in ((points, found, "missing"), (found, points, "extra")):
        tree = KDTree(len(target))
        for i, p in enumerate(target):
            tree.insert(p, i)
        tree.balance()
        worst = max(tree.find(p)[2] for p in source)
        check(worst <= 1e-5, f"{direction} vertices: {worst:.2e} m off")
    mesh = bmesh.new()
    mesh.from_mesh(head.data)
    bmesh.ops.remove_doubles(mesh, verts=mesh.verts, dist=1e-7)
    check(len(mesh.verts) == len(points), f"{len(mesh.verts)} vertices after merging, the topology has {len(points)}")
    check(len(mesh.faces) == expected["faces"], f"{len(mesh.faces)} faces, expected {expected['faces']}")
    mesh.free()


def check_shape_keys(head: Any, expected: dict[str, Any]) -> None:
    keys = head.data.shape_keys
    names = [k.name for k in keys.key_blocks[1:]] if keys else []
    check(names == expected["morphs"], f"shape keys {names}")
    for name, largest in zip(names, expected["morph_reach"], strict=True):
        base, key = keys.key_blocks[0].data, keys.key_blocks[name].data
        reach = max((k.co - b.co).length for k, b in zip(key, base, strict=True))
        check(abs(reach - largest) <= 1e-5, f"{name} moves {reach} m, expected {largest}")


def check_rig(expected: dict[str, Any]) -> None:
    rigs = [o for o in bpy.data.objects if o.type == "ARMATURE"]
    check(len(rigs) == 1, f"{len(rigs)} armatures")
    bones = rigs[0].data.bones
    check({b.name for b in bones} == set(expected["joints"]), f"bones {[b.name for b in bones]}")
    for name, joint in expected["joints"].items():
        head = rigs[0].matrix_world @ bones[name].head_local
        off = (head - to_blender(joint["position"])).length
        check(off <= 1e-5, f"bone {name} is {off:.2e} m off")
        parent = bones[name].parent.name if bones[name].parent else None
        check(parent == joint["parent"], f"bone {name} hangs on {parent}")


def check_texture(head: Any, expected: dict[str, Any]) -> None:
    material = head.data.materials[0]
    shader = next(n for n in material.node_tree.nodes if n.type == "BSDF_PRINCIPLED")
    links = shader.inputs["Base Color"].links
    check(len(links) == 1 and links[0].from_node.type == "TEX_IMAGE", "no picture in the base colour")
    image = links[0].from_node.image
    check(image.packed_file is not None, "the texture is not packed")
    check(list(image.size) == expected["texture_size"], f"texture size {list(image.size)}")
    check(image.colorspace_settings.name == "sRGB", image.colorspace_settings.name)
    rough, metallic = shader.inputs["Roughness"], shader.inputs["Metallic"]
    check(bool(rough.links) == expected["roughness_map"], "whether a picture says how matt the head is")
    if rough.links:
        other = next(n.image for n in material.node_tree.nodes if n.type == "TEX_IMAGE" and n.image != image)
        check(other.packed_file is not None and other.colorspace_settings.name == "Non-Color", "the picture of how matt it is")
    else:
        check(abs(rough.default_value - 0.6) < 1e-6, "roughness")
        check(metallic.default_value == 0.0, "metallic")


def check_cameras(expected: dict[str, Any]) -> None:
    """Every camera must see the head's points where the photo's camera saw them."""
    scene = bpy.context.scene
    for name, camera in expected["cameras"].items():
        thing = bpy.data.objects.get(f"camera_{name}")
        check(thing is not None, f"no camera {name}")
        held = next((o for o in (thing, *thing.children) if o.type == "CAMERA"), None)
        check(held is not None, f"camera {name} is a {thing.type}")
        scene.render.resolution_x, scene.render.resolution_y = camera["width"], camera["height"]
        scene.render.resolution_percentage = 100
        bpy.context.view_layer.update()
        for point, (x, y) in zip(camera["points"], camera["pixels"], strict=True):
            u, v, _ = world_to_camera_view(scene, held, to_blender(point))
            # Pixel centres lie at integers in FaceStudio, and v counts upwards in Blender.
            off = max(abs(u * camera["width"] - 0.5 - x), abs((1 - v) * camera["height"] - 0.5 - y))
            check(off <= 0.02, f"camera {name} is {off:.3f} px off")


def main(glb: Path, expected: dict[str, Any]) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    check(bpy.ops.import_scene.gltf(filepath=str(glb)) == {"FINISHED"}, "the import did not finish")
    head = next(o for o in bpy.data.objects if o.type == "MESH" and o.name == expected["name"])
    check({g.name for g in head.vertex_groups} == set(expected["joints"]), f"groups {[g.name for g in head.vertex_groups]}")
    check_mesh(head, expected)
    check_shape_keys(head, expected)
    check_rig(expected)
    check_texture(head, expected)
    check_cameras(expected)
    sys.stdout.write(f"Blender {bpy.app.version_string}: all checks passed\n")


arguments = sys.argv[sys.argv.index("--") + 1 :]
main(Path(arguments[0]), json.loads(Path(arguments[1]).read_text(encoding="utf-8")))
