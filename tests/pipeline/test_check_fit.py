"""Photos and cameras that do not go together are refused, not made into a head."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facestudio.errors import CameraFileError, FitError
from facestudio.landmarks.mediapipe_detector import POINTS, MediapipeDetector
from facestudio.pipeline import check_fit as check_fit_module
from facestudio.pipeline.build_head import reconstruct
from facestudio.pipeline.check_fit import check_fit, check_one_head
from facestudio.reconstruct.detector_error import ignorant
from facestudio.types import Image, Landmarks, View, ViewName
from tests.reconstruct.scene import make_scene

FACE_PX = 200.0


def view(name: ViewName) -> View:
    corners = np.array([[100.0, 100.0], [100.0 + 0.7 * FACE_PX, 100.0 + FACE_PX]])
    image = Image(np.zeros((400, 400, 3), np.uint8), None, Path(f"{name}.jpg"))
    return View(name, image, None, Landmarks(corners, "made-up", np.ones(2)))


VIEWS = [view(name) for name in ViewName]


def test_a_good_fit_needs_no_words() -> None:
    assert check_fit(VIEWS, [1.0, 2.0, 1.5], calibrated=True) == ()


def test_a_doubtful_fit_names_the_worst_photo_and_what_to_check() -> None:
    (note,) = check_fit(VIEWS, [1.0, 2.0, 6.0], calibrated=True)
    assert "right.jpg" in note
    assert "camera file" in note
    (note,) = check_fit(VIEWS, [6.0, 2.0, 1.0], calibrated=False)
    assert "left.jpg" in note
    assert "one person" in note


@pytest.mark.parametrize("off", [9.0, 3000.0, float("nan"), float("inf")])
def test_a_hopeless_fit_is_refused(off: float) -> None:
    with pytest.raises(CameraFileError, match=r"front\.jpg") as cameras:
        check_fit(VIEWS, [1.0, off, 1.0], calibrated=True)
    assert "metres" in cameras.value.remedy
    with pytest.raises(FitError, match=r"front\.jpg"):
        check_fit(VIEWS, [1.0, off, 1.0], calibrated=False)


@pytest.mark.parametrize(
    ("turn", "told"),
    [(0.0, ""), (30.0, ""), (90.0, "a quarter to the left"), (-90.0, "a quarter to the right"), (180.0, "upside down")],
)
def test_photos_that_lie_on_their_side_are_said_to(turn: float, told: str) -> None:
    points = np.random.default_rng(0).uniform(100.0, 300.0, (POINTS, 2))
    a = np.radians(turn)
    points[33], points[263] = (200.0, 200.0), (200.0 + 80.0 * np.cos(a), 200.0 + 80.0 * np.sin(a))
    image = Image(np.zeros((400, 400, 3), np.uint8), None, Path("front.jpg"))
    lying = View(ViewName.FRONT, image, None, Landmarks(points, "mediapipe478", np.ones(POINTS)))
    with pytest.raises(FitError) as error:
        check_fit([lying], [50.0], calibrated=False)
    assert ("stand upright" in error.value.remedy) == bool(told)
    assert told in error.value.remedy


@pytest.mark.parametrize("cost", [None, 20.0, 20.1])
def test_strangers_are_spoken_of_where_dense_landmarks_say_so(cost: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_fit_module, "one_head_cost", lambda *_, **__: cost)
    scene = make_scene()
    error = ignorant(scene.basis.ids)
    assert check_one_head(scene.views, scene.basis, error) == ()  # these are mediapipe's numbers
    dense = replace(scene.basis, ids=scene.basis.ids + POINTS)
    said = check_one_head(scene.views, dense, error)
    assert len(said) == (cost == 20.1)
    assert not said or "different people" in said[0]


def test_photos_of_three_people_make_a_head_with_a_word(shared: Path) -> None:
    """The landmark fit alone explains any three faces."""
    bench = shared / "bench" / "dev"
    mixed = [bench / name / f"{view}.jpg" for name, view in zip(("Asian_F_1", "Black_M_1", "White_F_1"), ViewName, strict=True)]
    own = [bench / "Asian_F_1" / f"{view}.jpg" for view in ViewName]
    with closing(MediapipeDetector()) as detector:
        notes = [
            reconstruct(photos, engine="fit", texture_size=256, detector=detector).reconstruction.notes
            for photos in (own, mixed)
        ]
    assert [sum("different people" in note for note in said) for said in notes] == [0, 1]
