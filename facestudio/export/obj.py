"""Wavefront OBJ with its MTL: the head model's own vertex order, texture coordinates kept apart.

Written by hand because tools that retopologise or wrap heads rely on the vertex order, and general writers split it at seams.
"""

from __future__ import annotations

import numpy as np

from facestudio.export.scene import HeadScene
from facestudio.types import FloatArray


def obj_text(scene: HeadScene) -> str:
    """The OBJ file's text. Metres, +Y up, +Z out of the nose; nine decimals, so that rounding stays below one nanometre."""
    head = [
        f"# FaceStudio head {_one_line(scene.name)}",
        "# metres, +Y up, +Z out of the nose",
        f"# {scene.metadata['scale_note']}",
        f"# licence: {_one_line(str(scene.metadata['licence']))}",
        f"mtllib {scene.name}.mtl",
        f"o {material_name(scene)}",
    ]
    v, vt = scene.faces + 1, scene.uv_faces + 1
    corners = np.stack([v, vt, v], axis=-1).reshape(-1, 9)
    return "".join(
        [
            "\n".join(head) + "\n",
            _lines("v %.9f %.9f %.9f\n", scene.vertices),
            _lines("vt %.7f %.7f\n", scene.uv),
            _lines("vn %.5f %.5f %.5f\n", scene.normals),
            f"usemtl {material_name(scene)}\ns 1\n",
            ("f %d/%d/%d %d/%d/%d %d/%d/%d\n" * len(corners)) % tuple(corners.ravel().tolist()),
        ]
    )


def mtl_text(scene: HeadScene, picture: str = "") -> str:
    """The MTL file's text: one matt material with the given picture, or NAME_albedo.png."""
    lines = [
        f"newmtl {material_name(scene)}",
        "Ka 1.0 1.0 1.0",
        "Kd 1.0 1.0 1.0",
        "Ks 0.0 0.0 0.0",
        "d 1.0",
        "illum 1",
        f"map_Kd {picture or f'{scene.name}_albedo.png'}",
    ]
    return "\n".join(lines) + "\n"


def material_name(scene: HeadScene) -> str:
    """The head's name without spaces, which end a name in OBJ."""
    return "_".join(scene.name.split())


def _lines(pattern: str, rows: FloatArray) -> str:
    # One format call for the whole array: fifty times faster than one per row.
    return (pattern * len(rows)) % tuple(np.asarray(rows, dtype=np.float64).ravel().tolist())


def _one_line(text: str) -> str:
    return " ".join(text.split())
