"""The detector finds the same face whatever its size and place in the picture, and says so when there is none."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from facestudio.errors import NoFaceError
from facestudio.landmarks.mediapipe_detector import POINTS, MediapipeDetector
from facestudio.landmarks.mirror_map import MEDIAPIPE_MIRROR
from facestudio.paths import resources_dir
from facestudio.types import Image


@pytest.fixture(scope="module")
def detector() -> Iterator[MediapipeDetector]:
    """One detector for the module."""
    with MediapipeDetector() as one:
        yield one


@pytest.fixture(scope="module")
def front() -> np.ndarray:
    """The sample's front photo, RGB."""
    return np.ascontiguousarray(cv2.imread(str(resources_dir() / "sample" / "front.jpg"))[..., ::-1])


def test_the_mirror_map_is_its_own_inverse() -> None:
    assert len(MEDIAPIPE_MIRROR) == POINTS
    assert np.array_equal(MEDIAPIPE_MIRROR[MEDIAPIPE_MIRROR], np.arange(POINTS))


def test_a_mirrored_picture_gives_mirrored_points(detector: MediapipeDetector, front: np.ndarray) -> None:
    there = detector.detect(Image(front)).landmarks.points
    back = detector.detect(Image(np.ascontiguousarray(front[:, ::-1]))).landmarks.points[MEDIAPIPE_MIRROR]
    back[:, 0] = front.shape[1] - 1 - back[:, 0]
    assert np.median(np.linalg.norm(there - back, axis=1)) < 0.7


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_points_scale_with_the_picture(detector: MediapipeDetector, front: np.ndarray, factor: float) -> None:
    there = detector.detect(Image(front)).landmarks.points
    resized = np.asarray(cv2.resize(front, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)
    scaled = (detector.detect(Image(resized)).landmarks.points + 0.5) / factor - 0.5
    assert np.median(np.linalg.norm(there - scaled, axis=1)) < 1.5


def test_points_move_with_the_face(detector: MediapipeDetector, front: np.ndarray) -> None:
    there = detector.detect(Image(front)).landmarks.points
    shifted = np.roll(front, (17, -40), axis=(0, 1))
    moved = detector.detect(Image(np.ascontiguousarray(shifted))).landmarks.points
    assert np.median(np.linalg.norm(moved - there - [-40, 17], axis=1)) < 0.7


def test_a_face_that_fills_the_picture_is_found(detector: MediapipeDetector, front: np.ndarray) -> None:
    box = detector.detect(Image(front)).box.astype(int)
    close = np.ascontiguousarray(front[box[1] : box[3], box[0] : box[2]])
    assert detector.detect(Image(close)).size > 0.8 * (box[3] - box[1])


def test_sigma_is_positive_and_grows_with_the_face(detector: MediapipeDetector, front: np.ndarray) -> None:
    small = detector.detect(Image(np.ascontiguousarray(cv2.resize(front, None, fx=0.5, fy=0.5)))).landmarks.sigma
    large = detector.detect(Image(front)).landmarks.sigma
    assert (small > 0).all()
    assert np.median(large) > np.median(small)


def test_no_face_and_a_far_too_small_face_are_said(detector: MediapipeDetector, front: np.ndarray) -> None:
    with pytest.raises(NoFaceError, match=r"No face was found in wall\.jpg"):
        detector.detect(Image(np.full((300, 400, 3), 90, np.uint8)), "wall.jpg")
