"""Runs inside Blender after NAME_open_in_blender.py: what it left must be what FaceStudio meant. Facts come by the environment.

FACESTUDIO_EXPECTED names a JSON file that test_opened_in_blender.py wrote; Blender exits with 3 when a check fails.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

# Only Blender has these, and nothing is known of their types.
bpy: Any = import_module("bpy")
world_to_camera_view: Any = import_module("bpy_extras.object_utils").world_to_camera_view
Vector: Any = import_module("mathutils").Vector


def check(true: bool, what: str) -> None:
    if not true:
        raise AssertionError(what)


def run_again(script: str) -> None:
    """The script a second time, as from a click on Run Script."""
    before = {
        kind: len(getattr(bpy.data, kind)) for kind in ("objects", "meshes", "armatures", "cameras", "materials", "images")
    }
    runpy.run_path(script, run_name="__main__")
    after = {kind: len(getattr(bpy.data, kind)) for kind in before}
    check(after == before, f"a second run left {after} where there was {before}")


def to_blender(point: list[float]) -> Any:
    x, y, z = point
    return Vector((x, -z, y))


def check_objects(expected: dict[str, Any]) -> Any:
    found = {o.name: o.type for o in bpy.data.objects}
    name = expected["name"]
    wanted = {name: "MESH", f"{name} rig": "ARMATURE"} | {f"{name} {view}": "CAMERA" for view in expected["cameras"]}
    check(found == wanted, f"objects {found}, expected {wanted}")
    check([c.name for c in bpy.data.collections] == [name], f"collections {[c.name for c in bpy.data.collections]}")
    head = bpy.data.objects[name]
    check(head.find_armature() == bpy.data.objects[f"{name} rig"], "the head does not hang on its rig")
    return head


def check_mesh(head: Any, expected: dict[str, Any]) -> None:
    vertices = head.data.vertices
    check(len(vertices) == len(expected["vertices"]), f"{len(vertices)} vertices, the topology has {len(expected['vertices'])}")
    off = max((head.matrix_world @ v.co - to_blender(p)).length for v, p in zip(vertices, expected["vertices"], strict=True))
    check(off <= 1e-5, f"vertices are {off:.2e} m off, in the head model's own order")
    check(len(head.data.polygons) == expected["faces"], f"{len(head.data.polygons)} faces")
    check(all(p.use_smooth for p in head.data.polygons), "a face is flat")
    uv = head.data.uv_layers[0].data
    polygons = list(head.data.polygons)  # Blender's own sequences know no steps
    corners = [tuple(uv[i].uv) for p in polygons[:: len(polygons) // 50] for i in p.loop_indices]
    worst = max(abs(a - b) for c, e in zip(corners, expected["uv"], strict=True) for a, b in zip(c, e, strict=True))
    check(worst <= 1e-6, f"texture coordinates are {worst:.2e} off")


def check_sliders(head: Any, expected: dict[str, Any]) -> None:
    keys = head.data.shape_keys.key_blocks[1:] if head.data.shape_keys else []
    found = {k.name: [k.slider_min, k.slider_max] for k in keys}
    check(found == expected["ranges"], f"slider ranges {found}")
    check(all(k.value == 0.0 for k in keys), "an expression is on")
    for key, reach in zip(keys, expected["morph_reach"], strict=True):
        base = head.data.shape_keys.key_blocks[0].data
        moved = max((k.co - b.co).length for k, b in zip(key.data, base, strict=True))
        check(abs(moved - reach) <= 1e-5, f"{key.name} moves {moved} m, expected {reach}")


def check_skin(head: Any) -> None:
    shader = next(n for n in head.data.materials[0].node_tree.nodes if n.type == "BSDF_PRINCIPLED")
    picture = shader.inputs["Base Color"].links[0].from_node.image
    check(picture.packed_file is not None and picture.size[0] > 0, "the texture is not packed")
    images = [n.image for n in head.data.materials[0].node_tree.nodes if n.type == "TEX_IMAGE"]
    check(len(images) == 2 and all(i.packed_file for i in images), f"pictures {[i.name for i in images]}")
    check(bool(shader.inputs["Roughness"].links), "eyes are as matt as skin")
    scatter = next(shader.inputs[n] for n in ("Subsurface Weight", "Subsurface") if n in shader.inputs)
    check(0.0 < scatter.default_value < 0.5, "no light under the skin")


def check_cameras(expected: dict[str, Any]) -> None:
    scene = bpy.context.scene
    for view, facts in expected["cameras"].items():
        camera = bpy.data.objects[f"{expected['name']} {view}"]
        scene.camera = camera
        scene.render.resolution_x, scene.render.resolution_y = facts["width"], facts["height"]
        bpy.context.view_layer.update()
        for point, (x, y) in zip(facts["points"], facts["pixels"], strict=True):
            u, v, _ = world_to_camera_view(scene, camera, to_blender(point))
            off = max(abs(u * facts["width"] - 0.5 - x), abs((1 - v) * facts["height"] - 0.5 - y))
            check(off <= 0.02, f"camera {view} is {off:.3f} px off")
        background = camera.data.background_images[0]
        check(camera.data.show_background_images and background.show_background_image, f"{view}: the photo is not shown")
        size = list(background.image.size)
        check(size == [facts["width"], facts["height"]], f"{view}: the photo is {size}")
        check(background.scale == 1.0 and tuple(background.offset) == (0.0, 0.0), f"{view}: the photo is moved")


def check_gaze(head: Any, expected: dict[str, Any]) -> None:
    """The button "As photographed" turns the eyeballs to where they looked, "Neutral" back again."""
    for photographed, places in ((True, expected["eyes"]), (False, [expected["vertices"][i] for i in expected["eye_ids"]])):
        bpy.ops.facestudio.expression(photographed=photographed)
        bpy.context.view_layer.update()
        seen = head.evaluated_get(bpy.context.evaluated_depsgraph_get())
        mesh = seen.to_mesh()
        found = [seen.matrix_world @ mesh.vertices[i].co for i in expected["eye_ids"]]
        off = max((p - to_blender(q)).length for p, q in zip(found, places, strict=True))
        seen.to_mesh_clear()
        check(off <= 1e-4, f"eyeballs are {off:.2e} m off (photographed: {photographed})")


def draw(expected: dict[str, Any]) -> None:
    """Silhouettes by Cycles, small: the test compares them with FaceStudio's own."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device, scene.cycles.samples, scene.cycles.use_denoising = "CPU", 1, False
    scene.render.film_transparent = True
    scene.render.image_settings.file_format, scene.render.image_settings.color_mode = "PNG", "RGBA"
    for view, picture in expected["pictures"].items():
        scene.camera = bpy.data.objects[f"{expected['name']} {view}"]
        facts = expected["cameras"][view]
        scene.render.resolution_x, scene.render.resolution_y = facts["width"], facts["height"]
        scene.render.resolution_percentage = expected["percent"]
        scene.render.filepath = picture
        bpy.ops.render.render(write_still=True)


def main(expected: dict[str, Any]) -> None:
    run_again(expected["script"])
    head = check_objects(expected)
    check_mesh(head, expected)
    check_sliders(head, expected)
    check_skin(head)
    check_cameras(expected)
    check_gaze(head, expected)
    draw(expected)
    sys.stdout.write(f"Blender {bpy.app.version_string}: the opened head is as meant\n")


main(json.loads(Path(os.environ["FACESTUDIO_EXPECTED"]).read_text(encoding="utf-8")))
