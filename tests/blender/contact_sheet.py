"""Runs inside Blender: every head from five angles in Cycles, as docs/heads.jpg shows them.

`blender --background --factory-startup --python tests/blender/contact_sheet.py -- OUT RESULT…`, or, with the module bpy, which has a
denoiser, `python tests/blender/contact_sheet.py -- OUT RESULT…`. RESULT: folders that hold NAME_open_in_blender.py (Blender 3.4 or newer).
OUT gets one picture NAME_ANGLE.png each; `sheet.py` beside this file puts them together.
"""

from __future__ import annotations

import runpy
import sys
from importlib import import_module
from math import cos, radians, sin
from pathlib import Path
from typing import Any

# Only Blender has these, and nothing is known of their types.
bpy: Any = import_module("bpy")
Vector: Any = import_module("mathutils").Vector

ANGLES = {"front": (0, 2), "threequarter": (40, 4), "side": (90, 0), "back": (180, 5), "below": (25, -38)}
WIDTH, HEIGHT, SAMPLES = 220, 270, 32


def look_at(thing: Any, target: Any) -> None:
    """Turn a camera or light towards a point."""
    thing.rotation_euler = (target - thing.location).to_track_quat("-Z", "Y").to_euler()


def studio(middle: Any) -> Any:
    """A grey room with three soft lights; returns the camera."""
    scene = bpy.context.scene
    scene.render.engine, scene.cycles.device, scene.cycles.samples = "CYCLES", "CPU", SAMPLES
    try:
        scene.cycles.denoiser, scene.cycles.use_denoising, scene.cycles.samples = "OPENIMAGEDENOISE", True, SAMPLES // 4
    except TypeError:  # Debian's Blender is built without a denoiser
        scene.cycles.use_denoising = False
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = WIDTH, HEIGHT, 100
    scene.view_settings.view_transform = "Standard"
    world = bpy.data.worlds.new("room")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs[0].default_value = (0.32, 0.33, 0.35, 1.0)
    scene.world = world
    camera = bpy.data.objects.new("eye", bpy.data.cameras.new("eye"))
    camera.data.lens = 108
    scene.collection.objects.link(camera)
    rig = bpy.data.objects.new("lights", None)
    scene.collection.objects.link(rig)
    rig.location = middle
    for place, energy, size in (((-0.8, -1.0, 0.7), 9.0, 0.8), ((1.0, -0.8, 0.2), 4.0, 1.0), ((0.5, 0.9, 0.8), 8.0, 0.5)):
        light = bpy.data.objects.new("lamp", bpy.data.lights.new("lamp", "AREA"))
        light.data.energy, light.data.size = energy, size
        light.parent, light.location = rig, place
        light.rotation_euler = (-Vector(place)).to_track_quat("-Z", "Y").to_euler()
        scene.collection.objects.link(light)
    return camera


def draw(script: Path, out: Path) -> None:
    """Open one head and draw it from all angles; the lights turn with the eye."""
    sys.argv = ["blender", "--", "--empty"]
    runpy.run_path(str(script), run_name="__main__")
    name = script.name.removesuffix("_open_in_blender.py")
    head = bpy.data.objects[name]
    corners = [head.matrix_world @ Vector(c) for c in head.bound_box]
    middle = sum(corners, Vector()) / 8
    camera = studio(middle)
    bpy.context.scene.camera = camera
    for angle, (yaw, pitch) in ANGLES.items():
        y, p = radians(yaw), radians(pitch)
        camera.location = middle + 1.12 * Vector((sin(y) * cos(p), -cos(y) * cos(p), sin(p)))
        look_at(camera, middle)
        bpy.data.objects["lights"].rotation_euler = (0.0, 0.0, y)
        bpy.context.scene.render.filepath = str(out / f"{name}_{angle}.png")
        bpy.ops.render.render(write_still=True)


if __name__ == "__main__":
    words = sys.argv[sys.argv.index("--") + 1 :]
    for folder in words[1:]:
        draw(next(Path(folder).glob("*_open_in_blender.py")), Path(words[0]))
