"""Stanford PLY, binary: the mesh with a colour and what is known about the accuracy of each vertex. Read by MeshLab and CloudCompare."""

from __future__ import annotations

from math import erf
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from facestudio.export.scene import HeadScene
from facestudio.geometry.frames import uv_to_texel
from facestudio.types import ByteArray, Float32Array

TOLERANCE_M = 0.001  # what confidence is about: a vertex within a millimetre of the truth


def ply_bytes(scene: HeadScene, views_seen: ByteArray) -> bytes:
    """The file's bytes. Metres, +Y up, +Z out of the nose, the head model's vertex order.

    views_seen: (V,) uint8. Per vertex: normal, sRGB colour, `views_seen`, and where the engine knows the accuracy also `sigma_mm` (one
    standard deviation along the normal) and `confidence`.
    """
    columns: dict[str, NDArray[Any]] = {
        **{name: scene.vertices[:, i] for i, name in enumerate("xyz")},
        **{f"n{name}": scene.normals[:, i] for i, name in enumerate("xyz")},
        **{name: vertex_colours(scene)[:, i] for i, name in enumerate(("red", "green", "blue"))},
        "views_seen": views_seen.astype(np.uint8),
    }
    if scene.sigma is not None:
        columns |= {"sigma_mm": (1000.0 * scene.sigma).astype(np.float32), "confidence": confidence(scene.sigma)}
    kinds = {name: "uchar" if values.dtype == np.uint8 else "float" for name, values in columns.items()}
    rows = np.zeros(len(scene.vertices), dtype=[(n, "u1" if k == "uchar" else "<f4") for n, k in kinds.items()])
    for name, values in columns.items():
        rows[name] = values
    triangles = np.zeros(len(scene.faces), dtype=[("count", "u1"), ("ids", "<i4", 3)])
    triangles["count"], triangles["ids"] = 3, scene.faces
    header = [
        "ply",
        "format binary_little_endian 1.0",
        f"comment FaceStudio {scene.metadata['facestudio']}; metres, +Y up, +Z out of the nose",
        f"comment {scene.metadata['scale_note']}",
        f"comment licence: {' '.join(str(scene.metadata['licence']).split())}",
        f"element vertex {len(rows)}",
        *(f"property {kind} {name}" for name, kind in kinds.items()),
        f"element face {len(triangles)}",
        "property list uchar int vertex_indices",
        "end_header",
    ]
    return ("\n".join(header) + "\n").encode("ascii", "replace") + rows.tobytes() + triangles.tobytes()


def confidence(sigma: Float32Array) -> Float32Array:
    """(V,) float32: the chance that a vertex lies within `TOLERANCE_M` of the truth along its normal, for Gaussian errors (V,), metres."""
    half = TOLERANCE_M / (np.sqrt(2.0) * np.maximum(sigma.astype(np.float64), 1e-9))
    return np.array([erf(x) for x in half], dtype=np.float32)


def vertex_colours(scene: HeadScene) -> ByteArray:
    """(V, 3) uint8 sRGB: the texture at each vertex, read at the first of its texture coordinates."""
    uv = np.zeros((len(scene.vertices), 2))
    uv[scene.faces.ravel()[::-1]] = scene.uv[scene.uv_faces.ravel()[::-1]]
    x, y = uv_to_texel(uv, scene.albedo.shape[0]).astype(np.float32).T
    colours = cv2.remap(scene.albedo, x[None], y[None], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(colours[0], dtype=np.uint8)
