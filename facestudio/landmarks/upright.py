"""Pictures that do not stand upright, and say nothing of it in EXIF: which way is up is where the face is.

Mediapipe's network is taught upright faces. In a picture on its side it finds the face lying, or nothing, or invents one that stands.
Upside down it invents one mostly, and the eyes of that one are level, too. But an invention does not keep still: from crop to crop it
moves several times as far as a true face, and that is what `Landmarks.sigma` measures.

Of 112 photos (bench/dev, four portraits, two benches of our own subjects) none that stood was turned. Laid in the three other ways
each, and looked at alone, 318 of 336 were turned right, none wrong; 13 were left as they were with a doubtful face or none, and 5 for sure,
4 of them upside down (`python -m tests.benchmarks.bench_upright FOLDER …`). `like_the_others` is for those.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from facestudio.errors import NoFaceError
from facestudio.landmarks.detector import Face, LandmarkDetector
from facestudio.types import Float64Array, Image

_EYE_CORNERS = (33, 263)  # mediapipe's: outer corner of the subject's right and left eye, in the picture from left to right
_STEADY = 0.0067  # of the face: the largest median sigma of a face that stands; 0.0030 is the detector's floor

# What to do with a picture, by the quarter turns to the left (anticlockwise) that it needs.
WAYS = {1: "a quarter to the left", 2: "upside down", 3: "a quarter to the right"}


@dataclass(frozen=True)
class Sight:
    """A picture, turned to the left by `quarters` against the given one, and the face in it."""

    image: Image
    face: Face
    quarters: int = 0


def quarters_needed(mesh: Float64Array) -> int:
    """Quarter turns to the left, 0 to 3, after which the eyes of mediapipe's mesh (478, 2) are level within 45 degrees."""
    across, down = mesh[_EYE_CORNERS[1]] - mesh[_EYE_CORNERS[0]]
    return round(float(np.arctan2(down, across)) / (np.pi / 2)) % 4


def stands(face: Face) -> bool:
    """Whether a face is upright, and steady enough to be one. True of landmarks that are not mediapipe's: they say nothing about it."""
    mesh = face.landmarks.mediapipe()
    return mesh is None or (quarters_needed(mesh) == 0 and _unsteady(face) <= _STEADY)


def see_upright(detector: LandmarkDetector, image: Image, where: str, may_turn: bool = True) -> Sight:
    """The face of a picture, which is turned when it shows a face that stands in exactly one of the other three ways, and not in its own.

    A turned picture carries a note. may_turn: False for a picture of a calibrated camera, which holds for the picture as it is; NoFaceError
    then says how it lies. Raises NoFaceError when no face is found at all; a doubtful one without a better is returned as it is.
    """
    face: Face | None = None
    try:
        face = detector.detect(image, where)
    except NoFaceError as error:
        missing = error
    if face is not None and stands(face):
        return Sight(image, face)
    standing = [sight for sight in (_turned(detector, image, where, q) for q in WAYS) if sight is not None]
    if len(standing) != 1:
        if face is None:
            raise missing
        return Sight(image, face)
    if not may_turn:
        raise NoFaceError(
            f"{where} does not stand upright: its face is found when it is turned {WAYS[standing[0].quarters]}.",
            "A calibrated camera's picture is not turned, because the calibration would no longer hold. "
            "Mount the camera upright and calibrate again, or leave the cameras out.",
        )
    return standing[0]


def like_the_others(detector: LandmarkDetector, sights: Sequence[Sight], names: Sequence[str]) -> list[Sight]:
    """A capture's pictures when some had to be turned: one camera lies as the others do, so the rest are looked at that way, too.

    They are turned when the face is steadier so. Upside down, now and then an invented face keeps still.
    """
    turns = Counter(sight.quarters for sight in sights if sight.quarters)
    if not turns:
        return list(sights)
    usual = turns.most_common(1)[0][0]
    better = []
    for sight, name in zip(sights, names, strict=True):
        other = None if sight.quarters else _turned(detector, sight.image, name, usual)
        steadier = other is not None and (not stands(sight.face) or _unsteady(other.face) < _unsteady(sight.face))
        better.append(other if other is not None and steadier else sight)
    return better


def _turned(detector: LandmarkDetector, image: Image, where: str, quarters: int) -> Sight | None:
    """The picture turned, if a face stands in it then."""
    note = f"{where} did not stand upright and was turned {WAYS[quarters]}."
    upright = replace(image, pixels=np.ascontiguousarray(np.rot90(image.pixels, quarters)), notes=(*image.notes, note))
    try:
        face = detector.detect(upright, where)
    except NoFaceError:
        return None
    return Sight(upright, face, quarters) if stands(face) else None


def _unsteady(face: Face) -> float:
    """How far the points of a face move from crop to crop, as a share of it (median over the points)."""
    return float(np.median(face.landmarks.sigma)) / face.size
