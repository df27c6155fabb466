"""Photos find their places by what they show, whatever order they are given in."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facestudio.errors import CameraFileError, NoFaceError, PictureError
from facestudio.geometry.camera import project
from facestudio.landmarks.detector import Face
from facestudio.paths import resources_dir
from facestudio.pipeline.import_triplet import find_frames, find_views, read_photos
from facestudio.types import Image, Landmarks, ViewName
from tests.reconstruct.scene import HEIGHT, WIDTH, Scene, camera_at, make_scene


class FakeDetector:
    """Knows each picture's landmarks by the value of its first pixel."""

    scheme = "made-up"

    def __init__(self, scene: Scene) -> None:
        self.points = {10 * (i + 1): v.landmarks for i, v in enumerate(scene.views)}

    def detect(self, image: Image, where: str) -> Face:
        key = int(image.pixels[0, 0, 0])
        if key not in self.points:
            raise NoFaceError(f"No face was found in {where}.")
        landmarks = self.points[key]
        assert isinstance(landmarks, Landmarks)
        return Face(landmarks, np.array([0.0, 0, 300, 300]))

    def close(self) -> None:
        """Nothing to release."""


SCENE = make_scene(0, identity_size=0.3)


def picture(index: int) -> Image:
    return Image(np.full((HEIGHT, WIDTH, 3), 10 * (index + 1), np.uint8), focal_px=600.0)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_every_order_of_three_is_put_right_and_said(order: tuple[int, ...]) -> None:
    triplet = find_views([picture(i) for i in order], SCENE.basis, FakeDetector(SCENE))
    assert [v.name for v in triplet.views] == list(ViewName)
    assert [int(v.image.pixels[0, 0, 0]) for v in triplet.views] == [10, 20, 30]
    assert any("corrected" in n for n in triplet.notes) == (order != (0, 1, 2))


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ((0, 1), [ViewName.LEFT, ViewName.FRONT]),
        ((1, 2), [ViewName.FRONT, ViewName.RIGHT]),
        ((0, 2), [ViewName.LEFT, ViewName.RIGHT]),
        ((2, 0), [ViewName.LEFT, ViewName.RIGHT]),
        ((1, 0), [ViewName.LEFT, ViewName.FRONT]),
    ],
)
def test_pairs_know_their_places(order: tuple[int, ...], names: list[ViewName]) -> None:
    triplet = find_views([picture(i) for i in order], SCENE.basis, FakeDetector(SCENE))
    assert [v.name for v in triplet.views] == names


@pytest.mark.parametrize(("which", "place"), list(enumerate(ViewName)))
def test_one_photo_is_placed_by_the_turn_of_the_head(which: int, place: ViewName) -> None:
    triplet = find_views([picture(which)], SCENE.basis, FakeDetector(SCENE))
    assert [v.name for v in triplet.views] == [place]
    assert triplet.notes == ()


def test_of_many_photos_three_stand_for_the_capture_and_none_is_lost() -> None:
    yaws = (-52.0, 44.0, 3.0, 20.0, -38.0, -18.0)
    head = SCENE.truth
    detector = FakeDetector(SCENE)
    for i, yaw in enumerate(yaws):
        camera = camera_at(yaw)
        detector.points[10 * (i + 1)] = Landmarks(project(camera, head), "made-up", np.full(90, 0.3))
    triplet, others = find_frames([picture(i) for i in range(len(yaws))], SCENE.basis, detector)
    assert [v.name for v in triplet.views] == list(ViewName)
    assert [int(v.image.pixels[0, 0, 0]) for v in triplet.views] == [20, 30, 50]
    assert [(int(v.image.pixels[0, 0, 0]), v.name) for v in others] == [
        (40, ViewName.FRONT),
        (60, ViewName.FRONT),
        (10, ViewName.RIGHT),
    ]


def test_a_side_that_no_photo_shows_is_left_out() -> None:
    detector = FakeDetector(SCENE)
    for i, yaw in enumerate((0.0, 20.0, 35.0, 50.0)):
        detector.points[10 * (i + 1)] = Landmarks(project(camera_at(yaw), SCENE.truth), "made-up", np.full(90, 0.3))
    triplet, others = find_frames([picture(i) for i in range(4)], SCENE.basis, detector)
    assert [v.name for v in triplet.views] == [ViewName.LEFT, ViewName.FRONT]
    assert len(others) == 2


def test_more_than_three_files_are_read_only_where_they_are_wanted() -> None:
    photos = [resources_dir() / "sample" / "front.jpg"] * 4
    with pytest.raises(PictureError, match="4 photos"):
        read_photos(photos)
    assert len(read_photos(photos, any_number=True)) == 4
    with pytest.raises(PictureError, match="0 photos"):
        read_photos([], any_number=True)


def test_the_same_photo_three_times_counts_once_and_is_said() -> None:
    triplet = find_views([picture(1)] * 3, SCENE.basis, FakeDetector(SCENE))
    assert len(triplet.views) == 1
    assert any("adds nothing" in n for n in triplet.notes)


def test_cameras_belong_to_places_not_to_files() -> None:
    rig = {name: replace(camera_at(yaw), width=WIDTH) for name, yaw in zip(ViewName, (40, 0, -40), strict=True)}
    triplet = find_views([picture(2), picture(1), picture(0)], SCENE.basis, FakeDetector(SCENE), rig)
    assert triplet.calibrated
    for view in triplet.views:
        assert view.camera is rig[view.name]


def test_a_missing_camera_is_named() -> None:
    with pytest.raises(CameraFileError, match="no right camera"):
        find_views(
            [picture(i) for i in range(3)],
            SCENE.basis,
            FakeDetector(SCENE),
            {n: camera_at(0) for n in (ViewName.LEFT, ViewName.FRONT)},
        )


def test_a_picture_without_a_face_is_named() -> None:
    with pytest.raises(NoFaceError, match="photo 3"):
        find_views([picture(0), picture(1), picture(7)], SCENE.basis, FakeDetector(SCENE))


@pytest.mark.parametrize("count", [0, 4])
def test_no_photos_or_four_are_refused(count: int) -> None:
    with pytest.raises(PictureError, match=f"{count} photos"):
        read_photos([Path("nowhere.jpg")] * count)
