from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from facestudio.capture.camera import Frame
from facestudio.capture.check_loop import CheckLoop
from facestudio.capture.checks import CheckName, Verdict, ViewReport, blocking, check_between, check_view
from facestudio.capture.group import CameraGroup
from facestudio.capture.sight import FaceLooker, Sight
from facestudio.types import ByteArray, ViewName
from tests.capture.scripted_camera import TickingCamera, eventually


@pytest.fixture(scope="module")
def looker() -> Iterator[FaceLooker]:
    looker = FaceLooker()
    yield looker
    looker.close()


@pytest.fixture(scope="module")
def sample() -> dict[ViewName, ByteArray]:
    folder = Path(__file__).resolve().parents[2] / "resources" / "sample"
    return {v: np.asarray(cv2.imread(str(folder / f"{v}.jpg")), dtype=np.uint8) for v in ViewName}


def verdicts(report: ViewReport) -> dict[CheckName, Verdict]:
    return {c.name: c.verdict for c in report.checks}


def look(looker: FaceLooker, view: ViewName, picture: ByteArray) -> ViewReport:
    frame = Frame(picture, 0, 0)
    return check_view(view, frame, looker.look(frame))


def test_the_sample_subject_passes_all_checks(looker: FaceLooker, sample: dict[ViewName, ByteArray]) -> None:
    reports = {v: look(looker, v, p) for v, p in sample.items()}
    for view, report in reports.items():
        assert set(verdicts(report).values()) == {Verdict.GOOD}, (view, report.checks)
    assert {c.verdict for c in check_between(reports)} == {Verdict.GOOD}
    assert not blocking(reports, check_between(reports), list(CheckName))


@pytest.mark.slice
def test_the_bench_s_good_pictures_are_not_called_bad(looker: FaceLooker, shared: Path) -> None:
    folders = sorted(p.parent for p in (shared / "bench" / "dev").glob("*/front.jpg"))[::3]
    found = [
        c
        for folder in folders
        for v in ViewName
        for c in look(looker, v, np.asarray(cv2.imread(str(folder / f"{v}.jpg")), dtype=np.uint8)).checks
    ]
    assert not [c for c in found if c.verdict is Verdict.BAD]
    assert sum(c.verdict is Verdict.DOUBTFUL for c in found) <= 0.03 * len(found)


@pytest.mark.parametrize(
    ("spoil", "name", "verdict"),
    [
        (lambda p: cv2.GaussianBlur(p, (0, 0), 6), CheckName.SHARP, Verdict.BAD),
        (lambda p: (p * 0.2).astype(np.uint8), CheckName.EXPOSURE, Verdict.BAD),
        (lambda p: np.clip(p.astype(np.float32) * 2.6, 0, 255).astype(np.uint8), CheckName.EXPOSURE, Verdict.DOUBTFUL),
        (lambda p: cv2.copyMakeBorder(p, 500, 500, 800, 800, cv2.BORDER_CONSTANT), CheckName.SIZE, Verdict.DOUBTFUL),
        (lambda p: np.full_like(p, 90), CheckName.FACE, Verdict.BAD),
    ],
)
def test_a_spoiled_picture_is_found_out(
    looker: FaceLooker, sample: dict[ViewName, ByteArray], spoil: object, name: CheckName, verdict: Verdict
) -> None:
    assert callable(spoil)
    report = look(looker, ViewName.FRONT, np.asarray(spoil(sample[ViewName.FRONT]), dtype=np.uint8))
    found = next(c for c in report.checks if c.name is name)
    assert found.verdict in (verdict, Verdict.BAD)
    assert found.advice
    assert report.worst is not Verdict.GOOD


def test_swapped_cameras_are_noticed(looker: FaceLooker, sample: dict[ViewName, ByteArray]) -> None:
    report = look(looker, ViewName.LEFT, sample[ViewName.RIGHT])
    turned = next(c for c in report.checks if c.name is CheckName.TURNED)
    assert turned.verdict is Verdict.BAD
    assert "swap" in turned.advice


def sight(eyes: float = 0.3, mouth: float = 0.0) -> Sight:
    return Sight(np.array([10.0, 10.0, 200.0, 200.0]), 0.0, eyes, mouth)


def test_closed_eyes_and_different_expressions_are_found() -> None:
    picture = np.random.default_rng(0).integers(60, 200, (240, 320, 3), dtype=np.uint8)
    frame = Frame(picture, 0, 0)
    closed = check_view(ViewName.FRONT, frame, sight(eyes=0.08))
    assert verdicts(closed)[CheckName.EYES] is Verdict.BAD
    reports = {v: check_view(v, frame, sight(mouth=m)) for v, m in zip(ViewName, (0.0, 0.1, 0.0), strict=True)}
    between = {c.name: c.verdict for c in check_between(reports)}
    assert between[CheckName.EXPRESSION] is Verdict.BAD
    assert blocking(reports, check_between(reports), [CheckName.EXPRESSION])
    assert not blocking(reports, check_between(reports), [])
    assert check_between({}) == ()


def test_a_tinted_camera_is_found() -> None:
    picture = np.random.default_rng(0).integers(60, 160, (240, 320, 3), dtype=np.uint8)
    blue = picture.copy()
    blue[..., 0] = np.clip(blue[..., 0] * 1.5, 0, 255)
    reports = {v: check_view(v, Frame(p, 0, 0), sight()) for v, p in zip(ViewName, (picture, blue, picture), strict=True)}
    colour = next(c for c in check_between(reports) if c.name is CheckName.COLOUR)
    assert colour.verdict is Verdict.DOUBTFUL


class CountingLooker:
    def __init__(self) -> None:
        self.threads: set[int] = set()
        self.closed = False

    def look(self, frame: Frame) -> Sight | None:
        del frame
        self.threads.add(threading.get_ident())
        return None

    def close(self) -> None:
        self.closed = True


def test_the_views_are_looked_at_in_rotation_by_one_thread_that_made_its_own_looker() -> None:
    made: list[CountingLooker] = []
    seen: list[ViewName] = []

    def make() -> CountingLooker:
        made.append(CountingLooker())
        return made[-1]

    with CameraGroup(dict.fromkeys(ViewName, TickingCamera)) as group:
        assert group.wait_live(10)
        loop = CheckLoop(group, make, lambda r: seen.append(r.view), per_second=50)
        loop.start()
        assert eventually(lambda: len(seen) >= 9)
        loop.stop()
    assert set(seen) == set(ViewName)
    assert len(made) == 1 and made[0].closed and len(made[0].threads) == 1


def test_without_an_engine_there_are_no_checks_and_no_crash() -> None:
    def make() -> CountingLooker:
        raise RuntimeError("no engine")

    with CameraGroup({ViewName.LEFT: TickingCamera}) as group:
        loop = CheckLoop(group, make, lambda _report: None)
        loop.start()
        assert eventually(lambda: loop.error is not None)
        loop.stop()
