"""Pictures that lie are turned by the face in them, alone and as a capture; those that stand stay as they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from facestudio.errors import NoFaceError
from facestudio.landmarks.detector import Face
from facestudio.landmarks.mediapipe_detector import POINTS, SCHEME, MediapipeDetector
from facestudio.landmarks.upright import Sight, like_the_others, quarters_needed, see_upright, stands
from facestudio.paths import resources_dir
from facestudio.pipeline.read_picture import read_picture
from facestudio.types import Image, Landmarks

WORDS = {1: "turned a quarter to the right", 2: "turned upside down", 3: "turned a quarter to the left"}


@pytest.fixture(scope="module")
def detector() -> Iterator[MediapipeDetector]:
    with MediapipeDetector() as one:
        yield one


def sample(view: str, laid: int = 0) -> Image:
    """A photo of the sample, turned to the left by quarters."""
    image = read_picture(resources_dir() / "sample" / f"{view}.jpg")
    return replace(image, pixels=np.ascontiguousarray(np.rot90(image.pixels, laid)))


@pytest.mark.parametrize("view", ["left", "front", "right"])
def test_a_photo_comes_to_stand_from_wherever_it_lies(detector: MediapipeDetector, view: str) -> None:
    upright = sample(view)
    stood = see_upright(detector, upright, f"{view}.jpg")
    assert (stood.image, stood.quarters) == (upright, 0)
    for laid in (1, 2, 3):
        sight = see_upright(detector, sample(view, laid), f"{view}.jpg")
        assert np.array_equal(sight.image.pixels, upright.pixels)
        assert sight.image.notes == (f"{view}.jpg did not stand upright and was {WORDS[laid]}.",)
        assert sight.image.source == upright.source
        assert np.allclose(sight.face.landmarks.points, stood.face.landmarks.points, atol=0.05)


def test_a_calibrated_picture_is_not_turned_and_why_is_said(detector: MediapipeDetector) -> None:
    with pytest.raises(NoFaceError, match="a quarter to the right") as caught:
        see_upright(detector, sample("front", 1), "front.jpg", may_turn=False)
    assert "calibration" in caught.value.remedy
    assert see_upright(detector, sample("front"), "front.jpg", may_turn=False).quarters == 0


def test_a_wall_is_no_face_in_any_way(detector: MediapipeDetector) -> None:
    with pytest.raises(NoFaceError, match=r"No face was found in wall\.jpg"):
        see_upright(detector, Image(np.full((300, 400, 3), 90, np.uint8)), "wall.jpg")


class Scripted:
    """Finds, in a picture whose top left pixel is q + 1, the face that it was given for q quarter turns; None stands for no face."""

    scheme = SCHEME

    def __init__(self, *faces: Face | None) -> None:
        self.faces = faces

    def detect(self, image: Image, where: str) -> Face:
        corners = [image.pixels[0, 0, 0], image.pixels[0, -1, 0], image.pixels[-1, -1, 0], image.pixels[-1, 0, 0]]
        face = self.faces[corners.index(1)]
        if face is None:
            raise NoFaceError(f"No face was found in {where}.")
        return face

    def close(self) -> None:
        """Nothing to release."""


def drawn() -> Image:
    """A picture whose top left corner is marked; after k turns to the left the mark is at corner -k (clockwise from the top left)."""
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[0, 0] = 1
    return Image(pixels)


def face(angle: float, sigma: float) -> Face:
    points = np.random.default_rng(0).uniform(0.0, 100.0, (POINTS, 2))
    a = np.radians(angle)
    points[33], points[263] = (50.0, 50.0), (50.0 + 30.0 * np.cos(a), 50.0 + 30.0 * np.sin(a))
    return Face(Landmarks(points, SCHEME, np.full(POINTS, sigma)), np.array([0.0, 0.0, 100.0, 100.0]))


STANDS, LIES, INVENTED = face(3.0, 0.3), face(-87.0, 0.3), face(-3.0, 1.5)


@pytest.mark.parametrize(
    ("angle", "needed"), [(0, 0), (-40, 0), (44, 0), (-88, 3), (88, 1), (46, 1), (180, 2), (-179, 2), (136, 2)]
)
def test_the_line_between_the_eyes_says_how_a_head_lies(angle: float, needed: int) -> None:
    assert quarters_needed(face(angle, 0.3).landmarks.points) == needed


def test_an_invented_face_does_not_stand_and_foreign_landmarks_do() -> None:
    assert stands(STANDS)
    assert not stands(LIES)
    assert not stands(INVENTED)
    other = Face(Landmarks(np.zeros((68, 2)), "ibug68", np.full(68, 9.0)), np.array([0.0, 0.0, 100.0, 100.0]))
    assert stands(other)


@pytest.mark.parametrize(
    ("faces", "quarters"),
    [
        ((STANDS, STANDS, STANDS, STANDS), 0),  # nobody asks further
        ((LIES, INVENTED, None, STANDS), 3),
        ((None, None, STANDS, INVENTED), 2),
        ((INVENTED, STANDS, LIES, LIES), 1),
        ((LIES, STANDS, None, STANDS), 0),  # two ways: no claim
        ((INVENTED, LIES, INVENTED, LIES), 0),
    ],
)
def test_a_picture_is_turned_only_when_one_way_alone_is_right(faces: tuple[Face | None, ...], quarters: int) -> None:
    sight = see_upright(Scripted(faces[0], faces[3], faces[2], faces[1]), drawn(), "a.jpg")
    assert sight.quarters == quarters
    assert sight.face is faces[quarters]
    assert bool(sight.image.notes) == bool(quarters)


def test_the_rest_of_a_capture_follows_when_it_is_steadier_so() -> None:
    turned, steadier, shaky = Sight(drawn(), STANDS, 2), face(0.0, 0.2), face(0.0, 0.6)
    detector = Scripted(None, None, steadier, None)
    kept, mended, stayed = (
        like_the_others(detector, [turned, Sight(drawn(), other)], ["a.jpg", "b.jpg"])[1]
        for other in (face(0.0, 0.1), shaky, INVENTED)
    )
    assert (kept.quarters, mended.quarters, stayed.quarters) == (0, 2, 2)
    assert mended.image.notes == ("b.jpg did not stand upright and was turned upside down.",)
    alone = [Sight(drawn(), shaky), Sight(drawn(), INVENTED)]
    assert like_the_others(detector, alone, ["a.jpg", "b.jpg"]) == alone
