"""Photographs made ready for training, from made files laid out as a user's copy, with detectors that know the answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from facestudio.errors import DatasetError, NoFaceError
from facestudio.geometry.camera import project
from facestudio.geometry.rotations import exp_so3
from facestudio.head.landmarks import embedding, on_surface
from facestudio.head.model import HeadModel
from facestudio.head.store import load_head
from facestudio.landmarks.detector import Face
from facestudio.pipeline.prepare_photos import prepare_photos
from facestudio.reconstruct.mfnet.mirror import mirror_of
from facestudio.training.mfnet.photos import photo_triplets
from facestudio.training.mfnet.triplets import PhotoTriplets, SyntheticTriplets
from facestudio.types import Camera, Float64Array, Image, Landmarks

SIZE = 160


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return load_head("open")


def camera(yaw: float) -> Camera:
    f = 0.5 * SIZE / np.tan(np.radians(30))
    K = np.array([[f, 0, 0.5 * SIZE - 0.5], [0, f, 0.5 * SIZE - 0.5], [0, 0, 1.0]])
    return Camera(K, np.diag([1.0, -1.0, -1.0]) @ exp_so3(np.radians([0.0, -yaw, 0.0])), np.array([0, 0, 0.4]), SIZE, SIZE)


class Knows:
    """Detectors that read the head's turn from the picture: its red is the yaw + 100. A black picture shows no face."""

    scheme = "mediapipe478"

    def __init__(self, head: HeadModel) -> None:
        self.head, self.asked = head, 0

    def points(self, image: Image, scheme: str, count: int) -> Float64Array:
        found, e = np.zeros((count, 2)), embedding(self.head, scheme)
        yaw = float(image.pixels[0, 0, 0]) - 100.0
        found[e.ids] = project(camera(yaw), on_surface(self.head.template.astype(np.float64), self.head.faces, e))
        return found

    def detect(self, image: Image, where: str) -> Face:
        self.asked += 1
        if not image.pixels.any():
            raise NoFaceError(f"There is no face in {where}.", "Take another photo.")
        points = self.points(image, "mediapipe478", 478)
        return Face(Landmarks(points, self.scheme, np.full(478, 0.2)), np.concatenate([points.min(0), points.max(0)]))

    def dense(self, images: Sequence[Image], found: Sequence[Landmarks]) -> list[Landmarks]:
        seen = np.arange(800) % 2 / 1.0  # every other point can be seen
        return [Landmarks(self.points(image, "dense800", 800), "dense800", np.ones(800), seen=seen) for image in images]

    def close(self) -> None:
        """Nothing to release."""


def picture(path: Path, yaw: float | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    colour = (0, 0, 0) if yaw is None else (60, 90, int(yaw + 100))  # OpenCV writes blue, green, red
    cv2.imwrite(str(path), np.full((SIZE, SIZE, 3), colour, np.uint8))


def multipie(folder: Path) -> Path:
    """Two subjects as Multi-PIE lies on the disk, and a third whose front picture shows nobody."""
    for subject in ("001", "002", "003"):
        for camera_id, yaw in (("041", -30.0), ("051", 0.0), ("130", 30.0)):
            name = f"{subject}_01_01_{camera_id}_07.png"
            place = folder / "session01" / "multiview" / subject / "01" / f"{camera_id[:2]}_{camera_id[2]}"
            picture(place / name, None if (subject, yaw) == ("003", 0.0) else yaw)
    return folder


def test_multi_pie_becomes_captures_for_the_paper_s_losses(head: HeadModel, tmp_path: Path) -> None:
    detector, out = Knows(head), tmp_path / "out"
    triplets = photo_triplets(multipie(tmp_path / "multipie"))
    left_out = prepare_photos(triplets, out, head, detector, "Multi-PIE", dense=detector.dense, per_shard=2)
    assert len(left_out) == 1
    assert left_out[0].startswith("003_01_01_07: There is no face")
    captures = PhotoTriplets([out], mirror_of(head, 150, 52), 64, hold_out=10**9)
    batch = next(captures.batches(0, 2))
    assert batch.truth is None
    assert batch.crops.shape == (2, 3, 3, 64, 64)
    assert batch.detected.shape == (2, 3, 435, 2)
    assert 0.45 < float(batch.visible.float().mean()) <= 0.5  # of the half that can be seen, some lie beyond the cut
    sample = captures.sample(*captures._places(False)[0])
    # Multi-PIE's cameras are named by the yaw of the camera; what counts is where the head's turn puts each photo.
    turned = [sample.landmarks[view, 30, 0] - sample.landmarks[view, [0, 16], 0].mean() for view in range(3)]
    assert turned[0] < -3.0  # turned to the subject's right, which is the picture's left: the left side shows
    assert abs(turned[1]) < 3.0 < turned[2]


def test_a_run_that_was_stopped_goes_on(head: HeadModel, tmp_path: Path) -> None:
    detector, out = Knows(head), tmp_path / "out"
    triplets = photo_triplets(multipie(tmp_path / "multipie"))[:2]
    prepare_photos(triplets[:1], out, head, detector, "Multi-PIE", dense=detector.dense, per_shard=1)
    asked = detector.asked
    prepare_photos(triplets, out, head, detector, "Multi-PIE", dense=detector.dense, per_shard=1)
    assert detector.asked == asked + 3
    with pytest.raises(DatasetError, match="another data set"):
        prepare_photos(triplets, out, head, detector, "something else", dense=detector.dense)


def test_a_folder_of_triplets_works_and_one_without_faces_is_said(head: HeadModel, tmp_path: Path) -> None:
    detector = Knows(head)
    for name, yaw in (("left", 30.0), ("front", 0.0), ("right", -30.0)):
        picture(tmp_path / "anna" / f"{name}.png", yaw)
        picture(tmp_path / "dark" / "x" / f"{name}.png", None)
    out = tmp_path / "out"
    assert not prepare_photos(photo_triplets(tmp_path / "anna"), out, head, detector, "ours", dense=detector.dense)
    with pytest.raises(DatasetError, match="None of 1 triplets"):
        prepare_photos(photo_triplets(tmp_path / "dark"), tmp_path / "none", head, detector, "ours", dense=detector.dense)
    with pytest.raises(DatasetError, match="holds no triplets"):
        SyntheticTriplets([out], head, mirror_of(head, 150, 52), 64, 150, 52)
