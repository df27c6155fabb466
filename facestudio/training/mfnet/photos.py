"""Captures that are photographs, for the paper's self-supervised losses: Multi-PIE, or any folder of triplets.

Multi-PIE (Gross et al. 2010) is licensed; a user's own copy is read where it lies:

    …/session01/multiview/001/01/05_1/001_01_01_051_07.png
       session        subject recording camera   subject_session_recording_camera_light

The paper's choice (section 4.1): the front view is camera 05_1; left and right are drawn at random from the cameras to either side.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facestudio.errors import DatasetError

# Multi-PIE's cameras in the data set's own order, every 15 degrees from one profile to the other; 05_1 is in front, 08_1 and 19_1 hang
# above. Which profile is whose does not matter: `pipeline.prepare_photos` puts left and right where the head's turn says they belong.
MULTIPIE_YAW = {
    "110": -90,
    "120": -75,
    "090": -60,
    "080": -45,
    "130": -30,
    "140": -15,
    "051": 0,
    "050": 15,
    "041": 30,
    "190": 45,
    "200": 60,
    "010": 75,
    "240": 90,
}
_ANCHOR = "051"
_NAME = re.compile(r"(\d{3})_(\d{2})_(\d{2})_(\d{3})_(\d{2})\.(?:png|jpg|jpeg)$", re.IGNORECASE)
_PICTURES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class PhotoTriplet:
    """Three photos of one moment. name: unique in its data set. left shows the subject's left side."""

    name: str
    left: Path
    front: Path
    right: Path


@dataclass(frozen=True)
class MultiPieConfig:
    """Which side cameras are drawn: nearest and farthest yaw, degrees. The paper leaves it open; full profiles hide half the landmarks."""

    nearest: int = 15
    farthest: int = 60


def multipie_triplets(folder: Path, seed: int = 0, config: MultiPieConfig | None = None) -> list[PhotoTriplet]:
    """One triplet for each (subject, session, recording, light) of a Multi-PIE copy that has its front view and both sides.

    Deterministic by seed. Raises DatasetError when the folder holds none.
    """
    c = config or MultiPieConfig()
    groups: dict[str, dict[str, Path]] = defaultdict(dict)
    for path in sorted(folder.rglob("*")):
        found = _NAME.match(path.name)
        if found:
            subject, session, recording, camera, light = found.groups()
            groups[f"{subject}_{session}_{recording}_{light}"][camera] = path
    rng = np.random.default_rng(seed)
    triplets = []
    for name, pictures in sorted(groups.items()):
        yaws = {camera: MULTIPIE_YAW[camera] for camera in pictures if camera in MULTIPIE_YAW}
        left = [camera for camera, yaw in sorted(yaws.items()) if c.nearest <= yaw <= c.farthest]
        right = [camera for camera, yaw in sorted(yaws.items()) if -c.farthest <= yaw <= -c.nearest]
        if _ANCHOR in pictures and left and right:
            a, b = left[rng.integers(len(left))], right[rng.integers(len(right))]
            triplets.append(PhotoTriplet(name, pictures[a], pictures[_ANCHOR], pictures[b]))
    if not triplets:
        what = f"{folder} holds no Multi-PIE pictures with a front view (05_1) and both sides."
        raise DatasetError(what, "Name the folder above session01, with the multiview pictures in it.")
    return triplets


def photo_triplets(folder: Path, seed: int = 0) -> list[PhotoTriplet]:
    """The triplets of a folder of either kind. Raises DatasetError when it is neither."""
    if any(_NAME.match(path.name) for path in folder.rglob("*")):
        return multipie_triplets(folder, seed)
    return folder_triplets(folder)


def folder_triplets(folder: Path) -> list[PhotoTriplet]:
    """Every sub-folder (or the folder itself) with left, front and right pictures. Raises DatasetError when there is none."""
    triplets = []
    for place in [folder, *sorted(p for p in folder.rglob("*") if p.is_dir())]:
        named = {p.stem.lower(): p for p in sorted(place.iterdir()) if p.suffix.lower() in _PICTURES}
        if {"left", "front", "right"} <= set(named):
            name = place.relative_to(folder).as_posix()
            triplets.append(PhotoTriplet(name, named["left"], named["front"], named["right"]))
    if not triplets:
        raise DatasetError(f"{folder} holds no left, front and right pictures.", "Name them left.jpg, front.jpg and right.jpg.")
    return triplets
