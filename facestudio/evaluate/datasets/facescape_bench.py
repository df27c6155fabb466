"""FaceScape's benchmark (Yang et al. 2023) from a user's licensed copy: FS-Wild's 400 pictures, FS-Lab's 660, and triplets of the latter.

What is fixed by the benchmark's code is written down here: numbering, angles, cameras' file names, scales. Where the copy keeps its
pictures and scans is said by patterns, for copies differ.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facestudio.errors import DatasetError
from facestudio.types import Camera, Float64Array

PUPIL_MM = (64.0 + 61.7) / 2.0  # FS-Lab's unit of length
LAB_FOCALS = (1200, 600, 300)  # pixels
LAB_VIEWS, LAB_SUBJECTS, WILD_COUNT = 11, 20, 400
WILD_GROUPS = ("0-5", "5-30", "30-60", "60-90")
LAB_TRIPLETS = ((1, 0, 8), (9, 0, 10))
"""Three views of FS-Lab as MFNet's input, (side, front, other side): yaw ±30 and ±60 degrees. The head's turn says which side is left."""


@dataclass(frozen=True)
class Layout:
    """Where a copy keeps things: patterns of str.format with index (wild), or subject, focal and view numbers (lab)."""

    wild_picture: str = "wild_img/{index:03d}.jpg"
    wild_scan: str = "wild_mesh/{index:03d}.obj"
    lab_picture: str = "lab_img/{subject:02d}_{focal}_{view:02d}.jpg"
    lab_scan: str = "lab_mesh/{subject:02d}.obj"
    lab_camera: str = "lab_cam/{subject:02d}_{focal}_{view:02d}.json"


@dataclass(frozen=True)
class WildPicture:
    """One picture of FS-Wild. scale_mm: millimetres per unit of its scan. group: of WILD_GROUPS, by the head's turn."""

    index: int
    picture: Path
    scan: Path
    scale_mm: float
    group: str


@dataclass(frozen=True)
class LabTriplet:
    """Three pictures of one FS-Lab subject at one focal length, with their cameras (millimetres): side, front, other side."""

    subject: int
    focal: int
    views: tuple[int, int, int]
    pictures: tuple[Path, Path, Path]
    cameras: tuple[Camera, Camera, Camera]
    scan: Path


def wild_group(index: int) -> str:
    """Which quarter of FS-Wild a picture belongs to. Raises IndexError."""
    if not 0 <= index < WILD_COUNT:
        raise IndexError(f"FS-Wild has the pictures 0 to {WILD_COUNT - 1}, not {index}")
    return WILD_GROUPS[index // 100]


def lab_index(subject: int, focal: int, view: int) -> int:
    """The benchmark's own number of an FS-Lab picture; focal 0, 1, 2 of LAB_FOCALS."""
    return subject * LAB_VIEWS * len(LAB_FOCALS) + focal * LAB_VIEWS + view


def read_wild(folder: Path, scales: Path, layout: Layout | None = None) -> list[WildPicture]:
    """The pictures of an FS-Wild copy that are there with their scans. scales: the benchmark's predef/wild_pupil_scales.npy, (400,).

    Raises DatasetError when the scales are not those, or nothing is there.
    """
    layout = layout or Layout()
    try:
        table = np.load(scales, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{scales} cannot be read ({error}).", "It is predef/wild_pupil_scales.npy of the benchmark."
        ) from error
    if table.shape != (WILD_COUNT,):
        raise DatasetError(f"{scales} holds {table.shape}, not {WILD_COUNT} scales.", "Take predef/wild_pupil_scales.npy.")
    found = []
    for index in range(WILD_COUNT):
        picture, scan = (folder / pattern.format(index=index) for pattern in (layout.wild_picture, layout.wild_scan))
        if picture.is_file() and scan.is_file():
            found.append(WildPicture(index, picture, scan, float(table[index]), wild_group(index)))
    if not found:
        raise DatasetError(
            f"{folder} holds no FS-Wild pictures like {layout.wild_picture.format(index=0)}.", "Say where they are."
        )
    return found


def read_lab_triplets(folder: Path, layout: Layout | None = None) -> list[LabTriplet]:
    """FS-Lab-3: both triplets at each focal length, as far as their files are there. Raises DatasetError when none is."""
    layout = layout or Layout()
    found = []
    for subject in range(LAB_SUBJECTS):
        for focal in range(len(LAB_FOCALS)):
            for views in LAB_TRIPLETS:
                triplet = _lab_triplet(folder, layout, subject, focal, views)
                if triplet is not None:
                    found.append(triplet)
    if not found:
        name = layout.lab_picture.format(subject=0, focal=0, view=0)
        raise DatasetError(f"{folder} holds no FS-Lab pictures like {name}.", "Say where they are.")
    return found


def lab_camera(path: Path, side: int = 256) -> Camera:
    """An FS-Lab camera file [K, Rt] as a camera from the scan's frame, in millimetres. Raises DatasetError."""
    try:
        K, Rt = (np.asarray(part, dtype=np.float64) for part in json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise DatasetError(f"{path} is no FS-Lab camera ({error}).", "Copy lab_cam from the benchmark again.") from error
    if K.shape != (3, 3) or Rt.shape != (3, 4):
        raise DatasetError(f"{path} holds {K.shape} and {Rt.shape}, not K and Rt.", "Copy lab_cam from the benchmark again.")
    return Camera(K, Rt[:, :3], Rt[:, 3] * PUPIL_MM, side, side)


def depth_offset(truth: Float64Array, prediction: Float64Array) -> float:
    """The benchmark's only alignment: the shift of depth (H, W), 0 where there is none, that is best in L1: the median difference, exactly.

    The benchmark minimises the same sum by SLSQP, which may stop near it. Raises ValueError when the surfaces do not overlap.
    """
    both = (truth != 0) & (prediction != 0)
    if not both.any():
        raise ValueError("the surfaces share no pixel")
    return float(np.median(truth[both] - prediction[both]))


def _lab_triplet(folder: Path, layout: Layout, subject: int, focal: int, views: tuple[int, int, int]) -> LabTriplet | None:
    def place(pattern: str) -> list[Path]:
        return [folder / pattern.format(subject=subject, focal=focal, view=view) for view in views]

    pictures, cameras = place(layout.lab_picture), place(layout.lab_camera)
    scan = folder / layout.lab_scan.format(subject=subject)
    if not all(path.is_file() for path in (*pictures, *cameras, scan)):
        return None
    a, b, c = pictures
    return LabTriplet(subject, LAB_FOCALS[focal], views, (a, b, c), _three(cameras), scan)


def _three(paths: Sequence[Path]) -> tuple[Camera, Camera, Camera]:
    a, b, c = (lab_camera(path) for path in paths)
    return a, b, c
