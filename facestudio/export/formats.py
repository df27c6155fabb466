"""The formats a head can be exported in: what the command line and the window offer, in this order.

Nothing here writes anything (`export.folder` does), so that a window can list formats without loading what writes them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from facestudio.errors import FaceStudioError

PREVIEW_NAME, REPORT_NAME = "preview.png", "report.html"


@dataclass(frozen=True)
class Format:
    """One choice.

    key: its word on the command line. label: its name in the window. sentence: what it is for.
    files: the files it writes for a head of a given name (of photos, those there are).
    default: part of every export unless others are chosen.
    needs: a program that must be installed for it, or "".
    """

    key: str
    label: str
    sentence: str
    files: Callable[[str], tuple[str, ...]]
    default: bool = False
    needs: str = ""


def _named(*endings: str) -> Callable[[str], tuple[str, ...]]:
    return lambda name: tuple(name + ending for ending in endings)


_PHOTOS = ("_left.jpg", "_front.jpg", "_right.jpg")
_BLENDER = "Blender"
_ALL = (
    Format(
        "glb", "glTF", "The whole head for Blender, Unity and three.js: texture, skeleton, expressions.", _named(".glb"), True
    ),
    Format(
        *("blender", "Blender script", "Opens the head in Blender, with the photos behind their cameras."),
        *(_named(".glb", "_open_in_blender.py", *_PHOTOS), True),
    ),
    Format("obj", "OBJ", "Shape and texture for ZBrush, Wrap and others.", _named(".obj", ".mtl", "_albedo.png"), True),
    Format(
        *("metahuman", "MetaHuman", "Shape and even albedo for Unreal's Mesh to MetaHuman."),
        _named("_metahuman.obj", "_metahuman.mtl", "_albedo_even.png"),
    ),
    Format("json", "Numbers", "Coefficients, cameras, quality and versions.", _named(".json"), True),
    Format("head", "FaceStudio", "The head as FaceStudio opens it again, with its photos.", _named(".head.npz"), True),
    Format("preview", "Picture", "A picture of the head.", lambda name: (PREVIEW_NAME,), True),
    Format("report", "Report", "What was measured, to read and print.", lambda name: (REPORT_NAME,), True),
    Format("even", "Even albedo", "The texture with the photos' light taken out, for relighting.", _named("_albedo_even.png")),
    Format("ply", "PLY", "Every vertex with its colour and its accuracy, for MeshLab and CloudCompare.", _named(".ply")),
    Format("stl", "STL", "Closed, in millimetres, for 3D printing.", _named(".stl")),
    Format("usd", "USD", "Skeleton and expressions for Omniverse, Houdini and Maya.", _named(".usdc", "_albedo.png")),
    Format("smplx", "smplx", "Coefficients under the names that Python's smplx uses.", _named("_smplx.npz")),
    Format("blend", "Blender file", "The opened head with its photos, saved by Blender.", _named(".blend"), needs=_BLENDER),
    Format("fbx", "FBX", "For Unreal, Unity and Maya, written by Blender.", _named(".fbx"), needs=_BLENDER),
)
FORMATS: Mapping[str, Format] = {f.key: f for f in _ALL}
DEFAULT: tuple[str, ...] = tuple(f.key for f in _ALL if f.default)


def check_formats(chosen: Collection[str]) -> None:
    """Raise FaceStudioError when nothing or something unknown was chosen."""
    unknown = sorted(set(chosen) - set(FORMATS))
    if unknown:
        raise FaceStudioError(f"There is no format {', '.join(map(repr, unknown))}.", f"Choose among: {', '.join(FORMATS)}.")
    if not chosen:
        raise FaceStudioError("No format was chosen.", f"Choose among: {', '.join(FORMATS)}.")
