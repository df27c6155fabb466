from __future__ import annotations

import cv2
import numpy as np
import pytest

from facestudio.capture.camera import Frame
from facestudio.capture.sync import best_triplet, matched, running_spread, sharpness, spread_ms, steady
from facestudio.types import ByteArray, ViewName
from tests.capture.scripted_camera import textured

MS = 1_000_000
PICTURE = textured(0)


def ring(phase_ms: float, count: int = 30, period_ms: float = 33.3, picture: ByteArray = PICTURE) -> list[Frame]:
    return [Frame(picture, round((phase_ms + k * period_ms) * MS), k) for k in range(count)]


def rig(*phases: float) -> dict[ViewName, list[Frame]]:
    return {v: ring(p) for v, p in zip(ViewName, phases, strict=True)}


EVER = (0, 10**12)


@pytest.mark.parametrize(("phases", "least"), [((0.0, 0.0, 0.0), 0.0), ((0.0, 11.0, 22.0), 22.0), ((0.0, 5.0, 30.0), 8.3)])
def test_the_best_triplet_is_as_close_in_time_as_the_phases_allow(phases: tuple[float, ...], least: float) -> None:
    choice = best_triplet(rig(*phases), EVER)
    assert choice is not None
    assert choice.spread_ms == pytest.approx(least, abs=0.35)
    assert choice.certain


def test_free_running_cameras_are_on_average_0_39_of_a_period_apart() -> None:
    rng = np.random.default_rng(1)
    best = [min(spread_ms(t) for t in matched(rig(*rng.uniform(0, 33.3, 3)))) / 33.3 for _ in range(300)]
    assert np.mean(best) == pytest.approx(0.39, abs=0.02)
    assert max(best) < 0.68


def test_drifting_phases_make_a_burst_better_than_a_moment() -> None:
    drifting = {v: ring(p, period_ms=t) for v, p, t in zip(ViewName, (0.0, 20.0, 10.0), (33.3, 32.7, 33.0), strict=True)}
    choice = best_triplet(drifting, EVER)
    assert choice is not None
    assert choice.spread_ms < 3.0


def test_only_the_window_counts() -> None:
    choice = best_triplet(rig(0.0, 1.0, 2.0), (300 * MS, 600 * MS))
    assert choice is not None
    assert all(300 * MS <= f.t_ns <= 600 * MS for f in choice.frames.values())
    assert best_triplet(rig(0.0, 1.0, 2.0), (10**11, 10**12)) is None


def test_a_missing_camera_is_left_out_and_named() -> None:
    rings = {**rig(0.0, 1.0, 2.0), ViewName.LEFT: []}
    choice = best_triplet(rings, EVER)
    assert choice is not None
    assert set(choice.frames) == {ViewName.FRONT, ViewName.RIGHT}
    assert "Without left" in choice.reason


def test_a_blurred_moment_loses_to_a_sharp_one_that_is_hardly_less_synchronous() -> None:
    base = np.kron(textured(3, (24, 32)), np.ones((8, 8, 1), np.uint8))
    blurred = np.asarray(cv2.GaussianBlur(base, (0, 0), 4), dtype=np.uint8)
    rings = rig(0.0, 0.0, 0.0)
    rings[ViewName.FRONT] = [
        Frame(base if k == 20 else blurred, f.t_ns + (2 * MS if k == 20 else 0), k) for k, f in enumerate(ring(0.0))
    ]
    choice = best_triplet(rings, EVER)
    assert choice is not None
    # 2 ms later than its neighbours expect; sharp all the same.
    assert choice.frames[ViewName.FRONT].bgr is base
    assert "Sharper than the closest" in choice.reason


def test_open_eyes_are_preferred_and_looked_at_no_more_than_needed() -> None:
    asked: list[int] = []

    def eyes(frames: dict[ViewName, Frame]) -> bool:
        asked.append(frames[ViewName.FRONT].index)
        return len(asked) >= 3

    choice = best_triplet(rig(0.0, 1.0, 2.0), EVER, eyes)  # type: ignore[arg-type]
    assert choice is not None and choice.eyes_open
    assert choice.frames[ViewName.FRONT].index == asked[-1]
    assert len(asked) == 3
    never = best_triplet(rig(0.0, 1.0, 2.0), EVER, lambda _frames: False)
    assert never is not None and never.eyes_open is False
    assert "No moment with open eyes" in never.reason


def test_a_blink_that_covers_the_most_synchronous_moments_does_not_hide_the_open_eyes_beyond_it() -> None:
    drifting = {v: ring(p, period_ms=t) for v, p, t in zip(ViewName, (0.0, 20.0, 10.0), (33.3, 32.7, 33.0), strict=True)}
    best = best_triplet(drifting, EVER)
    assert best is not None
    middle = best.frames[ViewName.FRONT].t_ns
    choice = best_triplet(drifting, EVER, lambda frames: abs(frames[ViewName.FRONT].t_ns - middle) > 150 * MS)
    assert choice is not None and choice.eyes_open
    assert choice.spread_ms < 10.0


def test_pictures_whose_time_is_doubtful_are_avoided() -> None:
    rings = rig(0.0, 15.0, 15.0)
    late = rings[ViewName.LEFT]
    late[10] = Frame(PICTURE, late[10].t_ns + 14 * MS, 10)  # woke late: looks synchronous and is not
    late[20] = Frame(PICTURE, late[20].t_ns + 15 * MS, 20, fresh=False)
    choice = best_triplet(rings, EVER)
    assert choice is not None
    assert choice.certain
    assert choice.frames[ViewName.LEFT].index not in (9, 10, 11, 19, 20, 21)
    doubts = [k for k, sure in enumerate(steady(late, 0.08)) if not sure]
    assert doubts == [9, 10, 11, 19, 20, 21]


def test_when_all_times_are_doubtful_it_says_so() -> None:
    rings = {v: [Frame(PICTURE, f.t_ns, f.index, fresh=False) for f in r] for v, r in rig(0.0, 1.0, 2.0).items()}
    choice = best_triplet(rings, EVER)
    assert choice is not None
    assert not choice.certain
    assert "too busy" in choice.reason


def test_the_running_spread_is_that_of_the_nearest_pictures() -> None:
    spread = running_spread(rig(0.0, 4.0, 8.0))
    assert spread is not None
    assert spread.p50_ms == pytest.approx(8.0, abs=0.5)
    assert running_spread({ViewName.LEFT: ring(0.0)}) is None
    assert running_spread({}) is None


def test_sharpness_falls_with_blur() -> None:
    base = np.kron(textured(5, (60, 80)), np.ones((8, 8, 1), np.uint8))
    values = [sharpness(np.asarray(cv2.GaussianBlur(base, (0, 0), s), dtype=np.uint8)) for s in (0.5, 2.0, 5.0)]
    assert values[0] > values[1] > values[2]
