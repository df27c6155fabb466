"""Photos become a `Triplet`: read, landmarks found, put in the order left, front, right by what they show.

Of more than three, three stand for the capture; the others are evidence for the engine that takes them (`find_frames`).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from facestudio.errors import CameraFileError, PictureError
from facestudio.head.landmarks import LandmarkBasis
from facestudio.landmarks.detector import LandmarkDetector
from facestudio.landmarks.upright import like_the_others, see_upright
from facestudio.pipeline.cameras_file import fit_to_picture
from facestudio.pipeline.read_picture import read_picture
from facestudio.progress import CancelToken, Progress, silent
from facestudio.reconstruct.pose import estimated_yaws
from facestudio.types import Camera, Image, Triplet, View, ViewName

_SLOTS = {1: (ViewName.FRONT,), 2: (ViewName.LEFT, ViewName.RIGHT), 3: (ViewName.LEFT, ViewName.FRONT, ViewName.RIGHT)}


@dataclass(frozen=True)
class OrderConfig:
    """When photos are taken for misplaced.

    swap_degrees: photos are reordered only when their yaws contradict their order by more than this.
    front_degrees: a photo of a pair counts as the front one when its yaw is below this and below half the other's; a single photo when
    its yaw is below this.
    """

    swap_degrees: float = 12.0
    front_degrees: float = 20.0


# The yaw, degrees, of the photos that stand for the sides of a capture with more than three, and the least that counts as one.
_SIDE, _LEAST_SIDE = 40.0, 10.0


def read_photos(
    paths: Sequence[Path], progress: Progress = silent, cancel: CancelToken | None = None, any_number: bool = False
) -> list[Image]:
    """Read one to three picture files; any_number: from one on. Raises PictureError."""
    if not paths or (len(paths) > 3 and not any_number):
        raise PictureError(
            f"{len(paths)} photos were given.",
            "Give one, two or three: left, front and right. The engines auto, fit and sfm take more.",
        )
    images = []
    for i, path in enumerate(paths):
        if cancel:
            cancel.check()
        progress("read", i / len(paths), path.name)
        images.append(read_picture(path))
    progress("read", 1.0, "")
    return images


def find_views(
    images: Sequence[Image],
    basis: LandmarkBasis,
    detector: LandmarkDetector,
    cameras: Mapping[ViewName, Camera] | None = None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
    order: OrderConfig | None = None,
    may_turn: bool = True,
) -> Triplet:
    """Detect the face in every photo, correct the order of the photos, attach the rig's cameras.

    cameras belong to places (left, front, right), not to files: they are attached after the photos have found their places.
    The same photo given again is dropped: it adds no evidence, and counting it twice would only make the fit overconfident.
    A photo that does not stand upright is turned, and that is said; not with cameras or without may_turn (see `landmarks.upright`).
    """
    views, notes, said = _detected(images, detector, progress, cancel, may_turn and not cameras)
    yaws = estimated_yaws(views, basis.mean, basis.ids)
    places, order_notes = _places(yaws, [_name(v.image, i) for i, v in enumerate(views)], order or OrderConfig())
    ranked = sorted(zip(places, views, strict=True), key=lambda pair: list(ViewName).index(pair[0]))
    placed = [replace(view, name=place) for place, view in ranked]
    if cameras:
        placed = [replace(v, camera=_camera_for(v, cameras)) for v in placed]
    return Triplet(tuple(placed), (*notes, *said, *order_notes))


def find_frames(
    images: Sequence[Image],
    basis: LandmarkBasis,
    detector: LandmarkDetector,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> tuple[Triplet, tuple[View, ...]]:
    """Any number of photos of a still head: those that stand for the capture, and all others, from the subject's left to the right.

    The front view is the one least turned, the sides are those nearest to 40 degrees; a side that no photo shows is left out. The others
    are named by the place they are nearest to. The photos' order does not matter. Photos that do not stand upright are turned.
    Raises NoFaceError, FitError.
    """
    views, notes, said = _detected(images, detector, progress, cancel, may_turn=True)
    yaws = estimated_yaws(views, basis.mean, basis.ids)
    left = sorted(range(len(views)), key=lambda i: -yaws[i])
    chosen: dict[ViewName, int] = {}
    for place, wished in ((ViewName.FRONT, 0.0), (ViewName.LEFT, _SIDE), (ViewName.RIGHT, -_SIDE)):
        there = [i for i in left if wished == 0.0 or np.sign(wished) * yaws[i] > _LEAST_SIDE]
        if there:
            chosen[place] = min(there, key=lambda i: abs(yaws[i] - wished))
            left.remove(chosen[place])
    placed = tuple(replace(views[chosen[place]], name=place) for place in ViewName if place in chosen)
    turns = {ViewName.LEFT: _SIDE, ViewName.FRONT: 0.0, ViewName.RIGHT: -_SIDE}
    others = tuple(replace(views[i], name=min(ViewName, key=lambda v: abs(turns[v] - yaws[i]))) for i in left)
    return Triplet(placed, (*notes, *said)), others


def _detected(
    images: Sequence[Image], detector: LandmarkDetector, progress: Progress, cancel: CancelToken | None, may_turn: bool
) -> tuple[list[View], list[str], list[str]]:
    """The different photos with their landmarks, all called front; what to tell of repeats, and what pictures and detector say."""
    distinct, notes = _without_repeats(images)
    names = [_name(image, i) for i, image in enumerate(distinct)]
    sights = []
    for i, image in enumerate(distinct):
        if cancel:
            cancel.check()
        progress("landmarks", i / len(distinct), names[i])
        sights.append(see_upright(detector, image, names[i], may_turn))
    sights = like_the_others(detector, sights, names)
    progress("landmarks", 1.0, "")
    views = [View(ViewName.FRONT, s.image, None, s.face.landmarks) for s in sights]
    return views, notes, [n for s in sights for n in s.image.notes] + [n for s in sights for n in s.face.landmarks.notes]


def _name(image: Image, index: int) -> str:
    return image.source.name if image.source else f"photo {index + 1}"


def _without_repeats(images: Sequence[Image]) -> tuple[list[Image], list[str]]:
    distinct: list[Image] = []
    for image in images:
        if not any(image.pixels.shape == d.pixels.shape and np.array_equal(image.pixels, d.pixels) for d in distinct):
            distinct.append(image)
    if len(distinct) == len(images):
        return distinct, []
    note = f"{len(images)} photos, {len(distinct)} of them different: a photo given again adds nothing to the shape."
    return distinct, [note]


def _places(yaws: Sequence[float], names: Sequence[str], config: OrderConfig) -> tuple[list[ViewName], list[str]]:
    """Which view each photo is, from the yaws (positive: the subject's left side), and what to tell the operator."""
    if len(yaws) == 1:
        turned = ViewName.LEFT if yaws[0] > 0 else ViewName.RIGHT
        return [turned if abs(yaws[0]) > config.front_degrees else ViewName.FRONT], []
    given = _given_places(yaws, config)
    # Yaw falls from left to right. Only a clear contradiction moves a photo: near-equal yaws say nothing about the order.
    contradiction = max(yaws[j] - yaws[i] for i, j in itertools.combinations(range(len(yaws)), 2))
    if contradiction <= config.swap_degrees:
        return given, []
    by_yaw = sorted(range(len(yaws)), key=lambda i: -yaws[i])
    sorted_places = _given_places([yaws[i] for i in by_yaw], config)
    places = list(given)
    for place, i in zip(sorted_places, by_yaw, strict=True):
        places[i] = place
    said = ", ".join(f"{names[i]} is the {places[i]} view" for i in by_yaw)
    return places, [f"The photos were given in another order than left, front, right; corrected by the head's turn: {said}."]


def _given_places(yaws: Sequence[float], config: OrderConfig) -> list[ViewName]:
    """Places of photos already in the order left to right; a pair may be left+right, left+front or front+right."""
    if len(yaws) != 2:
        return list(_SLOTS[len(yaws)])
    first, second = abs(yaws[0]), abs(yaws[1])
    if second < config.front_degrees and second < first / 2:
        return [ViewName.LEFT, ViewName.FRONT]
    if first < config.front_degrees and first < second / 2:
        return [ViewName.FRONT, ViewName.RIGHT]
    return list(_SLOTS[2])


def _camera_for(view: View, cameras: Mapping[ViewName, Camera]) -> Camera:
    try:
        camera = cameras[view.name]
    except KeyError as error:
        known = ", ".join(cameras)
        raise CameraFileError(
            f"The camera file has no {view.name} camera (it has {known}).", "Use the rig's own camera file, or none."
        ) from error
    return fit_to_picture(camera, view.image, view.name)
