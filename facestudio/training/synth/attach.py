"""Hair, brows and lashes: MakeHuman's `.mhclo` meshes, tied to OpenHead's surface so that they follow any identity.

A `.mhclo` file places each of its vertices by three vertices of MakeHuman's base mesh, weights and an offset. The hair also leans on
helper vertices that a head model does not have, so it is placed once on the average adult and from there on tied to the
nearest triangle of the head: barycentric coordinates, and an offset in the triangle's own frame.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from facestudio.errors import DatasetError
from facestudio.head.open_head.source import average_vertices
from facestudio.head.open_head.topology import place
from facestudio.head.registration import closest_points
from facestudio.types import ByteArray, Float64Array, IntArray

_AXES = {"x_scale": 0, "y_scale": 1, "z_scale": 2}


@dataclass(frozen=True)
class Attachment:
    """A textured mesh tied to a head.

    faces (F, 3) int into its vertices, uv (T, 2), uv_faces (F, 3). texture (H, W, 4) uint8 RGBA.
    triangles (N,) int: the head faces its vertices are tied to. bary (N, 3). offset (N, 3): in units of the triangle's size, in its frame.
    """

    faces: IntArray
    uv: Float64Array
    uv_faces: IntArray
    texture: ByteArray
    triangles: IntArray
    bary: Float64Array
    offset: Float64Array

    def vertices(self, head: Float64Array, head_faces: IntArray) -> Float64Array:
        """(N, 3): its vertices on a given head (V, 3), in the head's unit and frame."""
        corners = head[head_faces[self.triangles]]
        frame, size = _frames(corners)
        local = np.einsum("nij,nj->ni", frame, self.offset) * size[:, None]
        return np.asarray(np.einsum("nk,nkc->nc", self.bary, corners) + local)


def _frames(corners: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Orthonormal frames (N, 3, 3), columns along the first edge, across it and along the normal, and sizes (N,) of triangles."""
    x = corners[:, 1] - corners[:, 0]
    n = np.cross(x, corners[:, 2] - corners[:, 0])
    size = np.sqrt(np.linalg.norm(n, axis=1))
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    n = n / np.linalg.norm(n, axis=1, keepdims=True)
    return np.stack([x, np.cross(n, x), n], axis=-1), size


def read_attachment(folder: Path, head_faces: IntArray) -> Attachment:
    """Read `<folder>/<folder name>.mhclo` with its .obj and diffuse picture. head_faces: OpenHead's skin faces.

    Raises DatasetError when the folder lacks one of them.
    """
    name = folder.name
    try:
        points = _on_average_adult(folder / f"{name}.mhclo")
        faces, uv, uv_faces = _read_obj(folder / f"{name}.obj")
        picture = next(p for p in (folder / f"{name}_diffuse.png", folder / f"{name}.png") if p.is_file())
    except (OSError, ValueError, StopIteration, IndexError) as error:
        raise DatasetError(f"The asset {folder} is incomplete ({error}).", "Copy the MakeHuman CC0 assets again.") from error
    texture = cv2.cvtColor(cv2.imread(str(picture), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA)
    head = place(average_vertices(), np.eye(3))
    tied = closest_points(points, head, head_faces)
    rows, bary = tied.faces, tied.bary
    corners = head[head_faces[rows]]
    nearest = np.einsum("nk,nkc->nc", bary, corners)
    frame, size = _frames(corners)
    offset = np.einsum("nij,ni->nj", frame, points - nearest) / size[:, None]
    return Attachment(faces, uv, uv_faces, np.asarray(texture, np.uint8), rows, bary, offset)


def _on_average_adult(path: Path) -> Float64Array:
    """(N, 3): the asset's vertices on the average adult, decimetres, base frame."""
    base = average_vertices()
    scale, rows, reading = np.ones(3), [], False
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] in _AXES:
            axis = _AXES[words[0]]
            scale[axis] = abs(base[int(words[1]), axis] - base[int(words[2]), axis]) / float(words[3])
        elif words[0] == "verts":
            reading = True
        elif reading and words[0].lstrip("-").isdigit():
            rows.append(words if len(words) >= 9 else [words[0]] * 3 + ["1", "0", "0", "0", "0", "0"])
        elif rows:
            break
    table = np.array(rows, dtype=np.float64)
    corners = base[table[:, :3].astype(int)]
    return np.asarray(np.einsum("nk,nkc->nc", table[:, 3:6], corners) + table[:, 6:9] * scale)


def _read_obj(path: Path) -> tuple[IntArray, Float64Array, IntArray]:
    """Triangles, UVs and UV triangles of an .obj of triangles and quads."""
    uv, faces, uv_faces = [], [], []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        kind, *words = line.split() or [""]
        if kind == "vt":
            uv.append([float(w) for w in words[:2]])
        elif kind == "f":
            corners = [[int(i) - 1 for i in w.split("/")[:2]] for w in words]
            for b, c in itertools.pairwise(corners[1:]):
                faces.append([corners[0][0], b[0], c[0]])
                uv_faces.append([corners[0][1], b[1], c[1]])
    return np.array(faces, np.int32), np.array(uv), np.array(uv_faces, np.int32)
