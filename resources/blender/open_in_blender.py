"""Opens a FaceStudio head in Blender: texture, skeleton, expressions, and the photos behind their cameras.

Run it in any of these ways, as often as you like (it replaces what it made before and touches nothing else):
- blender --python THIS_FILE
- in Blender: Scripting workspace, Text > Open, this file, then Run Script
- blender --background --python THIS_FILE -- --save HEAD.blend --fbx HEAD.fbx

The .glb and the photos must lie beside this file. Afterwards the sidebar (N) of the 3D view has a tab "FaceStudio".
Written by FaceStudio; you may change and share this script as you like (CC0-1.0).
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import bmesh
import bpy
import numpy as np
from mathutils import Matrix

FACTS = json.loads("@@FACTS@@")  # written by FaceStudio: names, slider ranges, cameras
MARK = "facestudio_head"  # the custom property by which what this script made is found again
SENSOR_MM = 36.0


def folder() -> Path:
    """Where this file lies, whether Blender runs it from the disk or from its text editor."""
    if "__file__" in globals() and Path(__file__).is_file():
        return Path(__file__).resolve().parent
    for text in bpy.data.texts:
        if text.name.startswith(FACTS["script"]) and text.filepath:
            return Path(bpy.path.abspath(text.filepath)).resolve().parent
    return Path(bpy.path.abspath("//"))


def remove_earlier() -> None:
    """Take away what an earlier run made: objects, their data, and the collection."""
    for objects in (bpy.data.objects, bpy.data.collections):
        for thing in [t for t in objects if t.get(MARK) == FACTS["name"]]:
            objects.remove(thing)
    for kind in ("meshes", "armatures", "cameras", "materials", "images"):
        blocks = getattr(bpy.data, kind)
        for block in [b for b in blocks if b.get(MARK) == FACTS["name"]]:
            blocks.remove(block)


def import_head(path: Path) -> tuple[Any, Any]:
    """Import the .glb; returns (head, rig) in a collection of their own. Cameras are made anew, with what glTF cannot hold."""
    if not path.is_file():
        raise FileNotFoundError(f"{path.name} must lie beside this script, in {path.parent}")
    vars(np).setdefault("bool", bool)  # Blender 3.4's importer still asks for the name that numpy 1.24 dropped
    before = {kind: set(getattr(bpy.data, kind)) for kind in ("objects", "meshes", "cameras", "collections")}
    known = bpy.ops.import_scene.gltf.get_rna_type().properties.keys()
    wanted = {"import_shading": "SMOOTH", "merge_vertices": False, "bone_heuristic": "TEMPERANCE", "disable_bone_shape": True}
    bpy.ops.import_scene.gltf(filepath=str(path), **{k: v for k, v in wanted.items() if k in known})
    new = [o for o in bpy.data.objects if o not in before["objects"]]
    head = next(o for o in new if o.type == "MESH" and o.data.materials)
    rig = next(o for o in new if o.type == "ARMATURE")
    for thing in new:
        if thing not in (head, rig):  # cameras, and the ball that draws bones
            bpy.data.objects.remove(thing)
    for kind in ("meshes", "cameras", "collections"):
        for block in [b for b in getattr(bpy.data, kind) if b not in before[kind] and b != head.data]:
            getattr(bpy.data, kind).remove(block)
    for bone in rig.pose.bones:
        bone.custom_shape = None
    return head, rig


def merge_seams(head: Any) -> None:
    """Weld the copies that texture seams needed, so that the mesh has the head model's own vertices in their own order."""
    mesh = bmesh.new()
    mesh.from_mesh(head.data)
    mesh.verts.ensure_lookup_table()
    count, owners = FACTS["vertices"], FACTS["seam_owners"]
    if len(mesh.verts) == count + len(owners):
        pairs = {mesh.verts[count + i]: mesh.verts[owner] for i, owner in enumerate(owners)}
        bmesh.ops.weld_verts(mesh, targetmap=pairs)
    else:
        bmesh.ops.remove_doubles(mesh, verts=mesh.verts, dist=1e-7)
    mesh.to_mesh(head.data)
    mesh.free()
    head.data.polygons.foreach_set("use_smooth", [True] * len(head.data.polygons))
    head.data.update()


def set_ranges(head: Any) -> None:
    """Let each slider go as far as its expression makes sense; Blender's own limit is 0 to 1."""
    if head.data.shape_keys is None:
        return
    for key in head.data.shape_keys.key_blocks[1:]:
        low, high = FACTS["ranges"].get(key.name, (0.0, 1.0))
        key.slider_min, key.slider_max, key.value = low, high, 0.0
    head["as_photographed"] = dict(FACTS["expression"])
    head["gaze"] = dict(FACTS["gaze"])


def make_skin(head: Any) -> tuple[Any, list[Any]]:
    """Give the imported material some light under the skin, and its datablocks the head's name."""
    material = head.data.materials[0]
    material.name = f"{FACTS['name']} skin"
    shader = next(n for n in material.node_tree.nodes if n.type == "BSDF_PRINCIPLED")
    picture = shader.inputs["Base Color"].links[0].from_node
    images = [n.image for n in material.node_tree.nodes if n.type == "TEX_IMAGE"]
    for image in images:
        image.name = f"{FACTS['name']} {'albedo' if image == picture.image else 'roughness'}"

    def put(value: Any, *names: str) -> None:
        # Blender 4 renamed the sockets: the first name that exists is meant.
        socket = next((shader.inputs[n] for n in names if n in shader.inputs), None)
        if socket is not None:
            socket.default_value = value

    put(0.35, "Specular IOR Level", "Specular")
    put((1.0, 0.35, 0.2), "Subsurface Radius")
    if "Subsurface Weight" in shader.inputs:  # Blender 4: the colour scatters by itself, over radius times scale
        put(0.12, "Subsurface Weight")
        put(0.004, "Subsurface Scale")
    else:  # Blender 3: radius in metres, colour of its own
        put(0.08, "Subsurface")
        put((0.004, 0.0014, 0.0008), "Subsurface Radius")
        material.node_tree.links.new(picture.outputs["Color"], shader.inputs["Subsurface Color"])
    return material, images


def make_cameras(here: Path, collection: Any) -> list[Any]:
    """One camera per photo, with the photo behind it. Lens distortion was taken out of the photos, so that they line up to the pixel."""
    made = []
    for name, facts in FACTS["cameras"].items():
        data = bpy.data.cameras.new(f"{FACTS['name']} {name}")
        camera = bpy.data.objects.new(data.name, data)
        collection.objects.link(camera)
        camera.matrix_world = Matrix(facts["matrix"])
        data.sensor_fit, data.sensor_width = "HORIZONTAL", SENSOR_MM
        data.lens = SENSOR_MM * facts["focal_px"] / facts["width"]
        data.shift_x, data.shift_y = facts["shift"]
        data.clip_start, data.display_size = 0.01, 0.05
        photo = here / facts["photo"]
        if photo.is_file():
            image = bpy.data.images.load(str(photo), check_existing=False)
            image[MARK] = FACTS["name"]
            background = data.background_images.new()
            background.image, background.alpha = image, 0.6
            background.frame_method, background.display_depth = "FIT", "BACK"
            data.show_background_images = True
        made.append(camera)
        camera["facestudio_size"] = (facts["width"], facts["height"])
    return made


def look_through(scene: Any, camera: Any) -> None:
    """Make a camera the scene's, with its photo's size, so that picture and photo have the same pixels."""
    scene.camera = camera
    scene.render.resolution_x, scene.render.resolution_y = camera["facestudio_size"]
    scene.render.resolution_percentage = 100
    scene.render.pixel_aspect_x = scene.render.pixel_aspect_y = 1.0


class FACESTUDIO_OT_look(bpy.types.Operator):
    """Look through the camera of one photo."""

    bl_idname, bl_label = "facestudio.look", "Look Through Camera"
    camera: bpy.props.StringProperty()

    def execute(self, context: Any) -> set[str]:
        """Blender calls this on a click."""
        look_through(context.scene, bpy.data.objects[self.camera])
        if context.space_data and context.space_data.type == "VIEW_3D":
            context.space_data.region_3d.view_perspective = "CAMERA"
        return {"FINISHED"}


class FACESTUDIO_OT_expression(bpy.types.Operator):
    """Set all expression sliders: as in the photos, or to zero."""

    bl_idname, bl_label = "facestudio.expression", "Set Expression"
    photographed: bpy.props.BoolProperty()

    def execute(self, context: Any) -> set[str]:
        """Blender calls this on a click."""
        head = next(o for o in bpy.data.objects if o.get(MARK) and o.type == "MESH")
        show_expression(head, self.photographed)
        return {"FINISHED"}


def show_expression(head: Any, photographed: bool) -> None:
    """Set sliders and eyes to the photographed expression, or to zero."""
    if head.data.shape_keys is None:
        return
    weights = head["as_photographed"].to_dict() if photographed else {}
    for key in head.data.shape_keys.key_blocks[1:]:
        key.value = weights.get(key.name, 0.0)
    turns = head["gaze"].to_dict() if photographed else {}
    for name in ("eye_left", "eye_right"):
        turn_bone(head.find_armature().pose.bones[name], list(turns.get(name, (1, 0, 0, 0, 1, 0, 0, 0, 1))))


def turn_bone(bone: Any, turn: list[float]) -> None:
    """Turn a bone from its rest by a rotation in the armature's axes, given as nine numbers row by row."""
    rest = bone.bone.matrix_local.to_3x3()
    rotation = Matrix((turn[:3], turn[3:6], turn[6:]))
    bone.rotation_mode = "QUATERNION"
    bone.rotation_quaternion = (rest.inverted() @ rotation @ rest).to_quaternion()


class FACESTUDIO_PT_head(bpy.types.Panel):
    """FaceStudio's tab in the sidebar of the 3D view."""

    bl_label, bl_space_type, bl_region_type, bl_category = "FaceStudio", "VIEW_3D", "UI", "FaceStudio"

    def draw(self, context: Any) -> None:
        """Blender calls this to show the tab."""
        column = self.layout.column(align=True)
        for camera in [o for o in bpy.data.objects if o.get(MARK) and o.type == "CAMERA"]:
            column.operator("facestudio.look", text=camera.name, icon="CAMERA_DATA").camera = camera.name
        row = self.layout.row(align=True)
        row.operator("facestudio.expression", text="As photographed").photographed = True
        row.operator("facestudio.expression", text="Neutral").photographed = False


def add_panel() -> None:
    """Register the tab; an earlier run's is replaced."""
    for kind in (FACESTUDIO_OT_look, FACESTUDIO_OT_expression, FACESTUDIO_PT_head):
        earlier = getattr(bpy.types, kind.__name__, None)
        if earlier is not None:
            bpy.utils.unregister_class(earlier)
        bpy.utils.register_class(kind)


def save(options: argparse.Namespace) -> None:
    """Write what the command line asked for."""
    if options.save:
        bpy.ops.file.pack_all()
        bpy.ops.wm.save_as_mainfile(filepath=str(Path(options.save).resolve()), compress=True)
    if options.fbx:
        bpy.ops.object.select_all(action="DESELECT")
        for thing in [o for o in bpy.data.objects if o.get(MARK) and o.type in {"MESH", "ARMATURE"}]:
            thing.select_set(True)
        bpy.ops.export_scene.fbx(
            filepath=str(Path(options.fbx).resolve()),
            use_selection=True,
            object_types={"ARMATURE", "MESH"},
            add_leaf_bones=False,
            mesh_smooth_type="FACE",
            use_mesh_modifiers=False,  # else Blender leaves the expressions out
            path_mode="COPY",
            embed_textures=True,
            bake_anim=False,
        )


def main() -> None:
    """Build the head and do what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--save", help="write a .blend file")
    parser.add_argument("--fbx", help="write an .fbx file")
    parser.add_argument("--empty", action="store_true", help="clear the scene first")
    options = parser.parse_args(sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else [])
    if options.empty:
        bpy.ops.wm.read_factory_settings(use_empty=True)
    if bpy.context.object is not None and bpy.context.object.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    here = folder()
    remove_earlier()
    head, rig = import_head(here / FACTS["glb"])
    collection = bpy.data.collections.new(FACTS["name"])
    bpy.context.scene.collection.children.link(collection)
    for thing in (head, rig):
        for user in list(thing.users_collection):
            user.objects.unlink(thing)
        collection.objects.link(thing)
    merge_seams(head)
    set_ranges(head)
    material, images = make_skin(head)
    cameras = make_cameras(here, collection)
    for thing in (head, rig, *cameras):
        thing[MARK] = thing.data[MARK] = FACTS["name"]
    for block in (material, *images, collection):
        block[MARK] = FACTS["name"]
    head.name, rig.name = FACTS["name"], f"{FACTS['name']} rig"
    scene = bpy.context.scene
    scene.unit_settings.system, scene.unit_settings.length_unit = "METRIC", "MILLIMETERS"
    if cameras:
        look_through(scene, next((c for c in cameras if c.name.endswith("front")), cameras[0]))
    bpy.context.view_layer.objects.active = head
    add_panel()
    save(options)


main()
