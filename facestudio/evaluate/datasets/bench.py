"""The bench of rendered triplets with exact truth: one folder per head, as its README describes.

left.jpg, front.jpg, right.jpg · cameras.json · truth.ply (metres, world frame) · face_region.npy (the truth's vertices that
count) · landmarks3d.json (the 7 NoW points).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facestudio.errors import DatasetError
from facestudio.evaluate.now import checked_landmarks
from facestudio.evaluate.prediction import read_mesh
from facestudio.types import Float64Array, IntArray, Mesh

_TRUTH, _REGION, _LANDMARKS = "truth.ply", "face_region.npy", "landmarks3d.json"
_PHOTOS = ("left.jpg", "front.jpg", "right.jpg")
_CAMERAS = "cameras.json"
_REMEDY = "Copy the data set again, or leave this head out with --heads."


@dataclass(frozen=True)
class BenchHead:
    """One head of the bench.

    photos: left, front, right. cameras: cameras.json, which maps the world frame to the photos.
    truth: the scan, metres, world frame. region: (P,) int64: its vertices that count. landmarks: (7, 3) float64, world frame.
    """

    name: str
    photos: tuple[Path, Path, Path]
    cameras: Path
    truth: Mesh
    region: IntArray
    landmarks: Float64Array

    @property
    def scan(self) -> Float64Array:
        """(P, 3) float64, metres, world frame: the points whose distances are measured."""
        return np.asarray(self.truth.vertices[self.region], dtype=np.float64)


def head_names(dataset: Path, wanted: Sequence[str] | None = None) -> list[str]:
    """The names of the data set's heads, sorted, or the wanted ones in the wanted order, each once.

    Raises DatasetError when the folder is missing, holds no head, or lacks a wanted one (the message lists those it has).
    """
    if not dataset.is_dir():
        raise DatasetError(f"The data set {dataset} is not a folder.", "Give the folder that holds one folder per head.")
    found = sorted(folder.name for folder in dataset.iterdir() if (folder / _TRUTH).is_file())
    if not found:
        what = f"The data set {dataset} holds no folder with a {_TRUTH}."
        raise DatasetError(what, "Give the folder that holds one folder per head.")
    if wanted is None:
        return found
    unknown = [name for name in wanted if name not in found]
    if unknown or not wanted:
        what = f"The data set {dataset} has no head {', '.join(unknown)}." if unknown else "No head was asked for."
        raise DatasetError(what, f"It has: {', '.join(found)}.")
    return list(dict.fromkeys(wanted))


def read_head(dataset: Path, name: str, *, calibrated: bool) -> BenchHead:
    """Read a head's truth, and make sure that its photos (and, when calibrated, its cameras) are there.

    Raises DatasetError naming the file that is missing or damaged.
    """
    folder = dataset / name
    left, front, right = (_present(folder / photo) for photo in _PHOTOS)
    cameras = _present(folder / _CAMERAS) if calibrated else folder / _CAMERAS
    truth = read_mesh(_present(folder / _TRUTH))
    region = _read_region(_present(folder / _REGION), len(truth.vertices))
    landmarks = _read_landmarks(_present(folder / _LANDMARKS))
    return BenchHead(name, (left, front, right), cameras, truth, region, landmarks)


def _present(path: Path) -> Path:
    if not path.is_file():
        raise DatasetError(f"The data set's head {path.parent.name} has no {path.name}.", _REMEDY)
    return path


def _read_region(path: Path, vertex_count: int) -> IntArray:
    try:
        region = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DatasetError(f"{path.parent.name}/{path.name} cannot be read ({error}).", _REMEDY) from error
    if region.ndim != 1 or not len(region) or region.dtype.kind not in "iu":
        raise DatasetError(f"{path.parent.name}/{path.name} is not a list of vertex numbers.", _REMEDY)
    if region.min() < 0 or region.max() >= vertex_count:
        raise DatasetError(f"{path.parent.name}/{path.name} names vertices that {_TRUTH} does not have.", _REMEDY)
    return np.asarray(region, dtype=np.int64)


def _read_landmarks(path: Path) -> Float64Array:
    try:
        points = np.asarray(json.loads(path.read_text(encoding="utf-8"))["points"], dtype=np.float64)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"{path.parent.name}/{path.name} cannot be read ({type(error).__name__}: {error}).", _REMEDY
        ) from error
    try:
        return checked_landmarks(points)
    except DatasetError as error:
        raise DatasetError(f"{path.parent.name}/{path.name}: {error.what}", _REMEDY) from error
