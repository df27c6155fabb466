"""Where the scans of the deep SfM paper's data sets lie, and how to read one (its section 5.2).

Stirling ESRC: one .obj per scan, in millimetres, somewhere below the folder; neutral faces carry an N in their names' last part
(F1001_N.obj). FaceScape's topologically uniform models: ID/models_reg/NUMBER_EXPRESSION.obj with a .jpg of the same name, millimetres.
Both stand with +Y up and +Z out of the nose. Neither may be passed on: what is made of them stays with whoever made it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from facestudio.errors import DatasetError
from facestudio.types import ByteArray, Float64Array, IntArray

_MILLIMETRE = 0.001
_PICTURES = (".jpg", ".jpeg", ".png", ".bmp")


@dataclass(frozen=True)
class Scan:
    """A textured scan. vertices (V, 3) float64, metres, centred, +Y up, +Z out of the nose. faces (F, 3) int64.

    uv (V, 2) float64 in [0, 1]^2, v up; texture (H, W, 3) uint8 sRGB; both None for a scan without colours.
    """

    name: str
    vertices: Float64Array
    faces: IntArray
    uv: Float64Array | None
    texture: ByteArray | None


@dataclass(frozen=True)
class Place:
    """A scan of a data set that was found but not read yet. subject and expression as the data set names them."""

    path: Path
    subject: str
    expression: str


def stirling_scans(folder: Path, neutral_only: bool = True) -> list[Place]:
    """The .obj files of a copy of Stirling ESRC, sorted. Raises DatasetError when there is none."""
    found = []
    for path in sorted(folder.rglob("*.obj")):
        subject, _, rest = path.stem.partition("_")
        expression = rest.rpartition("_")[2] or "N"
        if not neutral_only or expression.upper() == "N":
            found.append(Place(path, subject, expression))
    return _some(found, folder, "Stirling ESRC", "SUBJECT_N.obj")


def facescape_scans(folder: Path) -> list[Place]:
    """The registered models of a copy of FaceScape, sorted by subject and expression. Raises DatasetError when there is none."""
    paths = sorted(folder.rglob("models_reg/*.obj"), key=lambda p: (_number(p.parent.parent.name), _number(p.stem)))
    return _some(
        [Place(p, p.parent.parent.name, p.stem.partition("_")[2]) for p in paths], folder, "FaceScape", "ID/models_reg"
    )


def read_scan(place: Place) -> Scan:
    """Read a scan with its picture. Raises DatasetError when the file is damaged, or not in millimetres."""
    try:
        mesh: Any = trimesh.load(place.path, process=False, force="mesh")
        vertices = np.asarray(mesh.vertices, dtype=np.float64) * _MILLIMETRE
        faces = np.asarray(mesh.faces, dtype=np.int64)
    except Exception as error:  # trimesh's readers raise whatever the damaged bytes lead to
        raise DatasetError(f"The scan {place.path.name} cannot be read ({error}).", "Copy it again.") from error
    if not len(faces) or not np.isfinite(vertices).all():
        raise DatasetError(f"The scan {place.path.name} has no triangles.", "Copy it again.")
    tall = float(np.ptp(vertices[:, 1]))
    if not 0.08 < tall < 0.8:
        raise DatasetError(f"The scan {place.path.name} is {tall:.3g} m tall: it is not in millimetres.", "Scale it first.")
    vertices = vertices - 0.5 * (vertices.min(0) + vertices.max(0))
    uv = getattr(mesh.visual, "uv", None)
    texture = _texture(place.path) if uv is not None and len(uv) == len(vertices) else None
    return Scan(place.path.stem, vertices, faces, None if texture is None else np.asarray(uv, np.float64), texture)


def _texture(path: Path) -> ByteArray | None:
    """The picture that lies beside a scan under its name, or the only one there."""
    import cv2

    beside = [p for p in sorted(path.parent.iterdir()) if p.suffix.lower() in _PICTURES]
    named = [p for p in beside if p.stem == path.stem]
    chosen = named or (beside if len(beside) == 1 else [])
    pixels = cv2.imread(str(chosen[0]), cv2.IMREAD_COLOR) if chosen else None
    return None if pixels is None else np.ascontiguousarray(pixels[..., ::-1], dtype=np.uint8)


def _some(found: list[Place], folder: Path, what: str, form: str) -> list[Place]:
    if not found:
        raise DatasetError(f"{folder} holds no scans of {what}.", f"Give the folder that holds files like {form}.")
    return found


def _number(text: str) -> tuple[int, str]:
    head = text.partition("_")[0]
    return (int(head), text) if head.isdigit() else (1 << 30, text)
