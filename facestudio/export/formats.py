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
    files: the files it writes for a head of a given name. default: part of every export unless others are chosen.
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


_ALL = (
    Format(
        "glb", "glTF", "The whole head for Blender, Unity and three.js: texture, skeleton, expressions.", _named(".glb"), True
    ),
    Format("obj", "OBJ", "Shape and texture for MetaHuman, ZBrush and Wrap.", _named(".obj", ".mtl", "_albedo.png"), True),
    Format("json", "Numbers", "Coefficients, cameras, quality and versions.", _named(".json"), True),
    Format("head", "FaceStudio", "The head as FaceStudio opens it again, with its photos.", _named(".head.npz"), True),
    Format("preview", "Picture", "A picture of the head.", lambda name: (PREVIEW_NAME,), True),
    Format("report", "Report", "What was measured, to read and print.", lambda name: (REPORT_NAME,), True),
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
