"""The 52 expressions under ARKit's names, from MakeHuman's `faceunits01` targets (CC0). Unit weight 1 is the full expression."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from facestudio.geometry.rotations import exp_so3
from facestudio.head.open_head.placement import delta_to_head, template
from facestudio.head.open_head.source import data_folder, read_target
from facestudio.head.open_head.topology import build_topology
from facestudio.types import Float32Array, Float64Array

# Degrees at weight 1, as far as the lids of the same targets follow.
_LOOK = {"Down": 22.0, "Up": 18.0, "In": 28.0, "Out": 28.0}
# MakeHuman's blink carries the upper lid 2 mm past the lower one on the average eye; a little less still closes wide eyes.
_BLINK = 0.97


def expression_names() -> tuple[str, ...]:
    """The 52 names, sorted as ARKit's documentation does: alphabetically."""
    return tuple(sorted(path.stem for path in _folder().glob("*.target")))


def expression_basis() -> Float32Array:
    """(V, 3, 52) float32, metres per unit weight, head frame."""
    shapes = []
    for name in expression_names():
        shape = delta_to_head(read_target(_folder() / f"{name}.target"))
        shapes.append(_turn_eyes(name, shape * (_BLINK if name.startswith("eyeBlink") else 1.0)))
    return np.stack(shapes, axis=-1).astype(np.float32)


def _folder() -> Path:
    return data_folder() / "faceunits01" / "targets" / "faceunits"


def _turn_eyes(name: str, shape: Float64Array) -> Float64Array:
    """Eyeballs stay where they are but for the eyeLook units, which turn them about their middle."""
    topology, points = build_topology(), template()
    shape = shape.copy()
    for side, eye, outward in zip(("Left", "Right"), topology.eyes, (1.0, -1.0), strict=True):
        shape[eye] = 0.0
        if name.startswith("eyeLook") and name.endswith(side):
            way = name.removeprefix("eyeLook").removesuffix(side)
            angle = np.radians(_LOOK[way])
            # Turning about +X looks down, turning about +Y looks towards the subject's left.
            axis = {"Down": (1.0, 0.0), "Up": (-1.0, 0.0), "Out": (0.0, outward), "In": (0.0, -outward)}[way]
            rotation = exp_so3(np.array([axis[0] * angle, axis[1] * angle, 0.0]))
            middle = 0.5 * (points[eye].max(axis=0) + points[eye].min(axis=0))
            shape[eye] = (points[eye] - middle) @ (rotation - np.eye(3)).T
    return shape
