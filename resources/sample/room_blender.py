"""The room around the sample's subject: out-of-focus walls, shelves, window and lamp, and the light (runs inside Blender's Python)."""

from __future__ import annotations

import bpy
import numpy as np
from shaders_blender import Graph

Colour = tuple[float, float, float]


def _matt(name: str, colour: Colour, texture: float = 0.0, rough: float = 0.7):  # noqa: ANN202
    g = Graph(name)
    base = (*colour, 1.0)
    if texture:
        noise = g.node("TexNoise", Vector=g.node("TexCoord").outputs["Object"], Scale=4.0, Detail=8.0, Roughness=0.7).outputs[0]
        base = g.node("HueSaturation", Value=g.scale(noise, texture, 1 - texture / 2), Color=base).outputs[0]
    return g.finish(g.node("BsdfPrincipled", Base_Color=base, Roughness=rough).outputs[0])


def _glow(name: str, colour: Colour, strength: float):  # noqa: ANN202
    g = Graph(name)
    return g.finish(g.node("Emission", Color=(*colour, 1.0), Strength=strength).outputs[0])


def _box(name: str, low: Colour, high: Colour, material) -> None:  # noqa: ANN001
    lo, hi = np.array(low), np.array(high)
    corners = [tuple(np.where([i & 1, i & 2, i & 4], hi, lo)) for i in range(8)]
    faces = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)]
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(corners, [], faces)
    mesh.materials.append(material)
    bpy.context.collection.objects.link(bpy.data.objects.new(name, mesh))


def _ball(name: str, centre: Colour, radius: float, material) -> None:  # noqa: ANN001
    bpy.ops.mesh.primitive_uv_sphere_add(segments=24, ring_count=12, radius=radius, location=centre)
    bpy.context.object.name = name
    bpy.context.object.data.materials.append(material)


def _shelf(x: float, z: float, rng: np.random.Generator) -> None:
    """A bookcase against the back wall: wooden boards and rows of books of all colours."""
    wood = _matt("wood", (0.30, 0.17, 0.085), 0.3, 0.5)
    paper = [(0.42, 0.08, 0.06), (0.06, 0.14, 0.26), (0.55, 0.50, 0.40), (0.05, 0.16, 0.12), (0.60, 0.38, 0.10)]
    paper += [(0.10, 0.10, 0.11)]
    paper += [(0.48, 0.44, 0.42), (0.25, 0.06, 0.10), (0.12, 0.25, 0.32), (0.70, 0.66, 0.58)]
    greyed = [tuple(0.62 * x + 0.38 * sum(c) / 3 for x in c) for c in paper]
    covers = [_matt(f"book{i}{k}", tuple(k * x for x in c), 0.7, 0.5) for i, c in enumerate(greyed) for k in (0.55, 1.0)]
    for k in range(6):
        y = -1.05 + 0.37 * k
        _box("board", (x, y, z), (x + 1.0, y + 0.024, z + 0.28), wood)
        at = x + 0.03
        while k < 5 and at < x + 0.9:
            if rng.random() < 0.13:
                at += rng.uniform(0.06, 0.2)
                continue
            width, height = rng.uniform(0.018, 0.05), rng.uniform(0.19, 0.31)
            low, deep = y + 0.024, z + rng.uniform(0.18, 0.24)
            _box("book", (at, low, z + 0.05), (at + width, low + height, deep), covers[rng.integers(len(covers))])
            at += width + 0.002
    for side in (x - 0.024, x + 1.0):
        _box("upright", (side, -1.2, z), (side + 0.024, 0.85, z + 0.28), wood)


def build_room(seed: int) -> None:
    """Walls behind and beside the subject, a bookcase, pictures, a plant, a lamp; open behind the cameras."""
    rng = np.random.default_rng(seed)
    wall = _matt("wall", (0.60, 0.57, 0.51), 0.08)
    side = _matt("side wall", (0.52, 0.54, 0.53), 0.08)
    _box("back", (-3.2, -1.2, -2.3), (2.6, 1.5, -2.25), wall)
    _box("left wall", (2.55, -1.2, -2.3), (2.6, 1.5, -1.75), side)
    _box("left wall below", (2.55, -1.2, -1.75), (2.6, -0.35, -0.55), side)
    _box("left wall above", (2.55, 1.05, -1.75), (2.6, 1.5, -0.55), side)
    _box("left wall front", (2.55, -1.2, -0.55), (2.6, 1.5, 1.2), side)
    _box("right wall", (-3.2, -1.2, -2.3), (-3.15, 1.5, 1.2), side)
    _box("floor", (-3.2, -1.25, -2.3), (2.6, -1.2, 3.0), _matt("floor", (0.28, 0.19, 0.12), 0.3, 0.4))
    _box("ceiling", (-3.2, 1.5, -2.3), (2.6, 1.55, 1.2), _matt("ceiling", (0.75, 0.74, 0.72)))
    white = _matt("frame", (0.78, 0.77, 0.74))
    _box("sky", (2.75, -0.6, -2.2), (2.76, 1.3, -0.2), _glow("sky", (0.80, 0.90, 1.0), 5.0))
    for z in (-1.77, -1.17, -0.58):
        _box("window bar", (2.53, -0.35, z), (2.58, 1.05, z + 0.05), white)
    for y in (-0.37, 0.35, 1.02):
        _box("window rail", (2.535, y, -1.75), (2.575, y + 0.05, -0.55), white)
    _box("curtain", (2.44, -1.1, -0.52), (2.5, 1.3, -0.15), _matt("curtain", (0.50, 0.45, 0.36), 0.3))
    _box("curtain", (2.44, -1.1, -2.2), (2.5, 1.3, -1.8), _matt("curtain2", (0.50, 0.45, 0.36), 0.3))
    _shelf(-2.3, -2.25, rng)
    _shelf(-1.27, -2.25, rng)
    _box("picture", (0.15, -0.05, -2.25), (0.75, 0.75, -2.22), _matt("black frame", (0.03, 0.03, 0.03)))
    _box("mat", (0.18, -0.02, -2.22), (0.72, 0.72, -2.215), white)
    _box("print", (0.27, 0.10, -2.215), (0.63, 0.62, -2.21), _matt("print", (0.16, 0.27, 0.33), 1.4))
    _box("picture", (0.95, 0.15, -2.25), (1.35, 0.68, -2.22), _matt("oak", (0.35, 0.22, 0.11)))
    _box("print", (0.99, 0.19, -2.22), (1.31, 0.64, -2.215), _matt("print2", (0.58, 0.42, 0.28), 1.2))
    _box("sideboard", (0.1, -1.2, -2.25), (1.7, -0.45, -1.85), _matt("oak2", (0.33, 0.20, 0.10), 0.4, 0.4))
    _box("lamp foot", (0.48, -0.45, -2.06), (0.53, -0.2, -2.01), _matt("brass", (0.4, 0.28, 0.1), 0.0, 0.3))
    _ball("lamp", (0.505, -0.12, -2.03), 0.11, _glow("lamp", (1.0, 0.66, 0.34), 5.0))
    _box("door", (-3.15, -1.2, -1.7), (-3.1, 0.85, -0.85), _matt("door", (0.70, 0.69, 0.66), 0.05, 0.5))
    _ball("door knob", (-3.06, -0.25, -0.95), 0.03, _matt("steel", (0.5, 0.5, 0.5), 0.0, 0.25))


def build_window() -> None:
    """The light: a big window in front of the subject on his left, a bright wall opposite as fill, a dim room behind the cameras."""
    glow = _glow("daylight", (0.90, 0.96, 1.0), 11.0)
    for column in range(2):
        for row in range(2):
            y = -0.25 + 0.62 * row
            pane = bpy.data.meshes.new("pane")
            up = np.array([0.0, 0.56, 0.0])
            a, b = np.array([0.75 + 0.42 * column, y, 1.75 - 0.42 * column]), np.array([0.38, 0.0, -0.38])
            corners = [a, a + b, a + b + up, a + up]
            pane.from_pydata([tuple(map(float, c)) for c in corners], [], [(0, 1, 2, 3)])
            pane.materials.append(glow)
            bpy.context.collection.objects.link(bpy.data.objects.new("pane", pane))
    _box("fill", (-1.9, -0.3, 0.9), (-1.88, 1.2, 2.2), _glow("fill", (1.0, 0.90, 0.78), 1.1))
    world = bpy.data.worlds.new("world")
    bpy.context.scene.world = world
    world.use_nodes = True
    background = world.node_tree.nodes["Background"]
    background.inputs[0].default_value = (1.0, 0.95, 0.88, 1.0)
    background.inputs[1].default_value = 0.30
