"""Dense refinement on heads whose shape, skin and cameras are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from facestudio.errors import Cancelled
from facestudio.head.model import HeadModel
from facestudio.progress import CancelToken
from facestudio.reconstruct.refine import Quality, Support, refine, refine_config
from facestudio.types import Camera, ViewName
from tests.reconstruct.refine_scene import QUICK, Capture, displaced, error_mm, given_cameras, make_capture, photograph, refined


@pytest.fixture(scope="module")
def capture(openhead: HeadModel) -> Capture:
    return make_capture(openhead)


def test_the_average_head_becomes_the_subject(openhead: HeadModel, capture: Capture) -> None:
    before = error_mm(openhead, capture, openhead.template.astype(np.float64), given_cameras(capture)[0])
    config = replace(QUICK, robust_m=(0.004, 0.003, 0.0015))
    result = refined(openhead, capture, given_cameras(capture), config=config)
    after = error_mm(openhead, capture, result.posed_vertices, result.cameras[0])
    assert result.accepted, result.reason
    assert np.median(after) < 0.3 * np.median(before)
    assert np.median(after) < 0.5
    assert result.likeness[1] > result.likeness[0]
    # Where photos agree it is surer than where only the model speaks, and most true errors are inside two sigmas.
    measured = result.support == Support.MEASURED
    assert measured.sum() > 300
    assert np.median(result.sigma_m[measured]) < 0.7 * np.median(result.sigma_m[result.support == Support.UNSEEN])
    assert set(np.unique(result.views)) <= {0, 1, 2, 3}
    # The cameras still stand where they stood: only the head moved.
    for old, new in zip(given_cameras(capture), result.cameras, strict=True):
        between_old, between_new = old.R @ given_cameras(capture)[0].R.T, new.R @ result.cameras[0].R.T
        np.testing.assert_allclose(between_old, between_new, atol=1e-9)


def test_unknown_cameras_are_put_right_with_the_head(openhead: HeadModel, capture: Capture) -> None:
    rng = np.random.default_rng(0)
    wrong = [displaced(c, rng.normal(0, 0.002, 3), rng.normal(0, 0.01, 3)) for c in given_cameras(capture)]
    result = refined(openhead, capture, wrong, calibrated=False)
    assert result.accepted, result.reason
    assert result.across_px < 0.5

    def turn(a: int, b: int, cameras: Sequence[Camera]) -> np.ndarray:
        return np.asarray(cameras[a].R @ cameras[b].R.T)

    def off(cameras: Sequence[Camera]) -> float:
        true = given_cameras(capture)
        return float(np.mean([np.abs(turn(a, 1, cameras) - turn(a, 1, true)).max() for a in (0, 2)]))

    assert off(result.cameras) < 0.6 * off(wrong)


@pytest.mark.parametrize("calibrated", [True, False])
def test_a_draft_too_finds_the_subject_and_what_the_model_cannot_show(
    openhead: HeadModel, capture: Capture, calibrated: bool
) -> None:
    before = error_mm(openhead, capture, openhead.template.astype(np.float64), given_cameras(capture)[0])
    result = refined(openhead, capture, given_cameras(capture), calibrated, refine_config("draft"))
    assert result.accepted, result.reason
    assert result.likeness[1] > 0.7 > result.likeness[0]
    if calibrated:  # else the head's place and size are only as sure as the landmarks, of which there are none
        assert np.median(error_mm(openhead, capture, result.posed_vertices, result.cameras[0])) < 0.5 * np.median(before)
    shape = openhead.template + openhead.identity_basis @ result.identity
    assert np.abs(result.vertices - shape).max() > 1e-4  # the displacement is free in its last round


def test_a_smile_that_the_landmarks_are_sure_of_stays_an_expression(openhead: HeadModel, capture: Capture) -> None:
    smile = np.zeros(openhead.expression_basis.shape[2])
    smile[[openhead.expression_names.index(f"mouthSmile{side}") for side in ("Left", "Right")]] = 0.5
    truth = capture.truth + openhead.expression_basis @ smile
    views = tuple(
        photograph(openhead, truth, yaw, v.name, 260, 1) for yaw, v in zip((40.0, 0.0, -40.0), capture.views, strict=True)
    )
    smiling, zero = Capture(truth, views), np.zeros(openhead.identity_basis.shape[2])
    result = refine(views, given_cameras(smiling), openhead, zero, smile, [None] * 3, QUICK, calibrated=True)
    assert result.accepted, result.reason
    np.testing.assert_allclose(result.expression[smile > 0], 0.5, atol=0.05)
    lips = openhead.part_vertices("lips")
    width = [float(np.ptp(v[lips, 0])) for v in (result.posed_vertices, result.vertices, truth, capture.truth)]
    assert width[0] - width[1] == pytest.approx(width[2] - width[3], abs=0.002)  # the neutral head does not smile


def test_two_views_are_enough(openhead: HeadModel) -> None:
    pair = make_capture(openhead, yaws=(30.0, 0.0))
    before = error_mm(openhead, pair, openhead.template.astype(np.float64), given_cameras(pair)[0])
    result = refined(openhead, pair, given_cameras(pair))
    assert result.accepted, result.reason
    assert np.median(error_mm(openhead, pair, result.posed_vertices, result.cameras[0])) < 0.7 * np.median(before)


def test_four_views_are_welcome(openhead: HeadModel) -> None:
    four = make_capture(openhead, yaws=(55.0, 20.0, -15.0, -50.0), size=220)
    before = error_mm(openhead, four, openhead.template.astype(np.float64), given_cameras(four)[0])
    result = refined(openhead, four, given_cameras(four))
    assert result.accepted, result.reason
    assert np.median(error_mm(openhead, four, result.posed_vertices, result.cameras[0])) < 0.45 * np.median(before)


def test_another_persons_photo_is_noticed_and_the_given_head_kept(openhead: HeadModel, capture: Capture) -> None:
    stranger = make_capture(openhead, seed=11, skin_seed=5)
    mixed = Capture(capture.truth, (stranger.views[0], capture.views[1], stranger.views[2]))
    result = refined(openhead, mixed, given_cameras(mixed))
    assert not result.accepted
    assert "photos" in result.reason
    np.testing.assert_array_equal(result.vertices, openhead.template)
    assert result.cameras == tuple(given_cameras(mixed))


def test_a_subject_that_moved_between_the_photos_is_noticed(openhead: HeadModel, capture: Capture) -> None:
    nodded = capture.truth + np.array([0.0, 0.012, 0.0])
    true = given_cameras(capture)
    moved = photograph(openhead, nodded, 40.0, ViewName.LEFT, 260, 1)
    # The rig believes that its camera still sees the head where it was.
    assert moved.camera is not None
    shifted = replace(moved, camera=displaced(moved.camera, np.array([0.0, 0.024, 0.0]), np.zeros(3)))
    result = refined(openhead, Capture(capture.truth, (shifted, *capture.views[1:])), [shifted.camera or true[0], *true[1:]])
    assert not result.accepted


def test_one_view_leaves_the_head_as_it_was(openhead: HeadModel, capture: Capture) -> None:
    alone = Capture(capture.truth, capture.views[1:2])
    result = refined(openhead, alone, given_cameras(alone))
    assert not result.accepted
    assert "two photos" in result.reason


def test_cancelling_stops_it(openhead: HeadModel, capture: Capture) -> None:
    token = CancelToken()
    zero, none = np.zeros(openhead.identity_basis.shape[2]), np.zeros(openhead.expression_basis.shape[2])

    def stop_in_second_round(stage: str, fraction: float, message: str = "") -> None:
        if "2 of" in message:
            token.cancel()

    with pytest.raises(Cancelled):
        refine(
            capture.views,
            given_cameras(capture),
            openhead,
            zero,
            none,
            [None] * 3,
            calibrated=True,
            progress=stop_in_second_round,
            cancel=token,
        )


def test_more_quality_means_more_rounds() -> None:
    rounds = [len(c.robust_m) + c.sweep_rounds for c in map(refine_config, Quality)]
    assert rounds == sorted(set(rounds))
