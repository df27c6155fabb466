"""Runs inside Blender's Python (bpy 5): build the sample's scene from a .npz and path-trace one linear float picture per view.

Usage: python scene_blender.py SCENE.npz OUTPUT_FOLDER SAMPLES PERCENT VIEW [VIEW ...]
Only `make_sample.py` calls this, in a process of its own: FaceStudio itself never imports bpy.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix
from room_blender import build_room, build_window
from shaders_blender import cornea_material, eye_material, fabric_material, hair_material, skin_material


def mesh_object(name, vertices, faces, uv=None):  # noqa: ANN001, ANN201  (bpy carries no types)
    """A smooth-shaded mesh object; faces (F, 3 or 4) whose last corner may repeat; uv (F, k, 2) per corner."""
    mesh = bpy.data.meshes.new(name)
    polygons = [list(dict.fromkeys(int(i) for i in face)) for face in faces]
    mesh.from_pydata([tuple(map(float, v)) for v in vertices], [], polygons)
    if uv is not None:
        corners = [uv[f][k] for f, polygon in enumerate(polygons) for k in range(len(polygon))]
        mesh.uv_layers.new(name="UV").data.foreach_set("uv", np.array(corners, dtype=np.float32).ravel())
    mesh.polygons.foreach_set("use_smooth", np.ones(len(mesh.polygons), dtype=bool))
    thing = bpy.data.objects.new(name, mesh)
    bpy.context.collection.objects.link(thing)
    return thing


def subdivide_through(thing, levels):  # noqa: ANN001, ANN201
    """Catmull-Clark whose limit passes through the given vertices: move the control points until it does, so truth stays true."""
    modifier = thing.modifiers.new("subdivide", "SUBSURF")
    modifier.levels = modifier.render_levels = levels
    modifier.boundary_smooth = "PRESERVE_CORNERS"
    n = len(thing.data.vertices)
    wanted = np.zeros(n * 3, dtype=np.float32)
    thing.data.vertices.foreach_get("co", wanted)
    control, worst, error = wanted.copy(), 0.0, np.zeros_like(wanted)
    for _ in range(14):
        thing.data.vertices.foreach_set("co", control)
        thing.data.update()
        evaluated = thing.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
        got = np.zeros(len(evaluated.vertices) * 3, dtype=np.float32)
        evaluated.vertices.foreach_get("co", got)
        error = wanted - got[: n * 3]
        worst = float(np.abs(error).max())
        control += error
    return worst, float(np.sqrt((error**2).sum() / n))


def strands_object(name, strands, root_radius, tip_ratio, material):  # noqa: ANN001, ANN201
    """Curves (N, K, 3) with radii falling from root_radius to tip_ratio of it."""
    n, k, _ = strands.shape
    curves = bpy.data.hair_curves.new(name)
    curves.add_curves([k] * n)
    curves.position_data.foreach_set("vector", strands.astype(np.float32).ravel())
    taper = root_radius * (1 - (1 - tip_ratio) * np.linspace(0, 1, k) ** 2)
    radius = curves.attributes.get("radius") or curves.attributes.new("radius", "FLOAT", "POINT")
    radius.data.foreach_set("value", np.tile(taper, n).astype(np.float32))
    curves.materials.append(material)
    thing = bpy.data.objects.new(name, curves)
    bpy.context.collection.objects.link(thing)


def place_camera(camera, spec, focus, aperture):  # noqa: ANN001, ANN201
    """Set a Blender camera from K, R, t (OpenCV axes, pixel centres at integers) and a thin lens focused at `focus` metres."""
    K, R, t = (np.array(spec[k]) for k in ("K", "R", "t"))
    width, height = spec["width"], spec["height"]
    world = np.eye(4)
    world[:3, :3] = R.T @ np.diag([1.0, -1.0, -1.0])
    world[:3, 3] = -R.T @ t
    camera.matrix_world = Matrix(world.tolist())
    lens = camera.data
    lens.sensor_fit, lens.sensor_width = "HORIZONTAL", 36.0
    lens.lens = K[0, 0] * 36.0 / width
    lens.shift_x = -(K[0, 2] - (width - 1) / 2) / width
    lens.shift_y = (K[1, 2] - (height - 1) / 2) / width
    lens.clip_start = 0.01
    lens.dof.use_dof = True
    lens.dof.focus_distance = focus
    lens.dof.aperture_fstop = (lens.lens / 1000) / aperture
    lens.dof.aperture_blades = 7


def build(data) -> None:  # noqa: ANN001
    """Everything but the cameras."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    textures = json.loads(str(data["textures"]))
    skin = mesh_object("skin", data["skin_v"], data["skin_f"], data["skin_uv"])
    worst, rms = subdivide_through(skin, 2)
    sys.stderr.write(f"subdivided skin passes its vertices within {rms * 1000:.4f} mm (worst {worst * 1000:.3f} mm)\n")
    skin.data.materials.append(skin_material(textures["skin"]))
    eye = eye_material(textures["eye"])
    cornea = cornea_material()
    for side in ("l", "r"):
        mesh_object(f"eye_{side}", data[f"eye_{side}_v"], data["eye_f"], data["eye_uv"]).data.materials.append(eye)
        mesh_object(f"cornea_{side}", data[f"cornea_{side}_v"], data["eye_f"]).data.materials.append(cornea)
    for name, thickness, rib in (("shirt", 0.0012, False), ("collar", 0.0022, True)):
        cloth = mesh_object(name, data[f"{name}_v"], data[f"{name}_f"])
        solid = cloth.modifiers.new("thick", "SOLIDIFY")
        solid.thickness, solid.offset = thickness, 1.0
        smoothing = cloth.modifiers.new("smooth", "SUBSURF")
        smoothing.levels = smoothing.render_levels = 2
        cloth.data.materials.append(fabric_material(name, rib))
    strands_object("hair", data["hair"], 0.000048, 0.35, hair_material("hair", 0.80, 0.22))
    strands_object("brows", data["brows"], 0.00004, 0.3, hair_material("brows", 0.80, 0.25))
    strands_object("lashes", data["lashes"], 0.00005, 0.2, hair_material("lashes", 0.97, 0.3))
    build_room(textures.get("seed", 7))
    build_window()


def render(data, folder: Path, samples: int, percent: int, views: list[str]) -> None:  # noqa: ANN001
    """Path-trace the named views into folder/VIEW.npy: (H, W, 3) float16, scene-linear Rec. 709."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples = samples
    scene.cycles.use_adaptive_sampling = True
    scene.cycles.adaptive_threshold = 0.015
    scene.cycles.use_denoising = True
    scene.cycles.max_bounces, scene.cycles.diffuse_bounces, scene.cycles.glossy_bounces = 8, 3, 5
    scene.cycles.transparent_max_bounces = 8
    scene.cycles.sample_clamp_indirect = 4.0
    scene.cycles.caustics_reflective = scene.cycles.caustics_refractive = False
    scene.cycles.blur_glossy = 0.5
    scene.render.hair_type = "STRIP"
    scene.render.threads_mode, scene.render.threads = "FIXED", 2
    scene.view_settings.view_transform = "Raw"
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.render.image_settings.color_depth = "32"
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    bpy.context.collection.objects.link(camera)
    scene.camera = camera
    cameras = json.loads(str(data["cameras"]))
    for name in views:
        spec = cameras[name]
        place_camera(camera, spec, float(np.linalg.norm(spec["t"])) - 0.075, 0.0062)
        scene.render.resolution_x, scene.render.resolution_y = spec["width"], spec["height"]
        scene.render.resolution_percentage = percent
        scene.render.filepath = str(folder / f"{name}.exr")
        bpy.ops.render.render(write_still=True)
        picture = bpy.data.images.load(str(folder / f"{name}.exr"))
        picture.colorspace_settings.name = "Non-Color"
        width, height = picture.size
        pixels = np.zeros(width * height * 4, dtype=np.float32)
        picture.pixels.foreach_get(pixels)
        linear = pixels.reshape(height, width, 4)[::-1, :, :3]
        np.save(folder / f"{name}.npy", linear.astype(np.float16))


def main() -> None:
    """Parse the five arguments and render."""
    scene, folder, samples, percent, *views = sys.argv[1:]
    data = np.load(scene, allow_pickle=False)
    build(data)
    render(data, Path(folder), int(samples), int(percent), views)


if __name__ == "__main__":
    main()
