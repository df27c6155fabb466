"""A point cloud as Stanford PLY, binary: what deep SfM measured, before there was a head. Read by MeshLab, CloudCompare and Blender."""

from __future__ import annotations

import numpy as np

from facestudio.types import PointCloud

SUFFIX = ".points.ply"


def cloud_bytes(cloud: PointCloud, note: str = "") -> bytes:
    """The file's bytes. Metres, +Y up, +Z out of the nose; per point a normal, sRGB colour, and `views`: how many frames agree on it.

    note: a sentence for the header.
    """
    names = {"x": "<f4", "y": "<f4", "z": "<f4", "nx": "<f4", "ny": "<f4", "nz": "<f4"}
    bytes_ = {"red": "u1", "green": "u1", "blue": "u1", "views": "u1"}
    rows = np.zeros(len(cloud.points), dtype=[*names.items(), *bytes_.items()])
    for i, axis in enumerate("xyz"):
        rows[axis], rows[f"n{axis}"] = cloud.points[:, i], cloud.normals[:, i]
    for i, colour in enumerate(("red", "green", "blue")):
        rows[colour] = cloud.colours[:, i]
    rows["views"] = cloud.views
    header = [
        "ply",
        "format binary_little_endian 1.0",
        "comment FaceStudio point cloud; metres, +Y up, +Z out of the nose",
        *([f"comment {' '.join(note.split())}"] if note else []),
        f"element vertex {len(rows)}",
        *(f"property float {name}" for name in names),
        *(f"property uchar {name}" for name in bytes_),
        "end_header",
    ]
    return ("\n".join(header) + "\n").encode("ascii", "replace") + rows.tobytes()
