"""The Head page without a window: opening, following a job, flying to photos."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facestudio.app.pages.head.evidence import Evidence, evidence_of
from facestudio.app.pages.head.opened import LARGEST_BACKDROP, backdrops_of
from facestudio.app.pages.head.presenter import HeadPresenter, Shows
from facestudio.errors import Cancelled, FitError, SavedHeadError
from facestudio.head.model import HeadModel
from facestudio.progress import CancelToken, Partial, Progress
from facestudio.types import Image, Reconstruction, Triplet, ViewName
from tests.app.head.conftest import Desk, until

pytestmark = pytest.mark.realtime


@pytest.fixture
def presenter(desk: Desk) -> HeadPresenter:
    return HeadPresenter(desk.context)


class Steps:
    """A job's work that waits for the test at each step."""

    def __init__(self, results: list[object], end: Callable[[], Any]) -> None:
        self.results, self.end = results, end
        self.gates = [threading.Event() for _ in range(len(results) + 1)]

    def __call__(self, progress: Progress, cancel: CancelToken, partial: Partial) -> Any:
        for gate, result in zip(self.gates, self.results, strict=False):
            while not gate.wait(0.01):
                cancel.check()
            partial(result)
            progress("fit", 0.5, "fitting")
        while not self.gates[-1].wait(0.01):
            cancel.check()
        return self.end()


def test_a_saved_head_is_opened_with_its_photos_and_its_worth(presenter: HeadPresenter, head_file: Path) -> None:
    seen = [presenter.shows]
    presenter.open(head_file)
    seen.append(presenter.shows)
    assert seen == [Shows.EMPTY, Shows.LOADING]
    until(lambda: presenter.shows is Shows.HEAD)
    assert presenter.name == "anna"
    assert [tile.name for tile in presenter.tiles] == list(ViewName)
    assert all(tile.wired is not None and tile.wired.shape == tile.plain.shape for tile in presenter.tiles)
    assert presenter.opened is not None
    worth = presenter.opened.worth
    assert worth is not None
    assert "±1.0 mm" in " ".join(worth.sentences)
    assert worth.notes == ("One eye is hidden by hair.",)
    assert not worth.metric
    assert worth.shares == pytest.approx({"measured": 0.5, "mirrored": 0.25, "inferred": 0.25})
    assert not presenter.can_reconstruct  # a file belongs to no capture


def test_landmarks_lie_on_the_tiles_where_they_lie_in_the_photos(presenter: HeadPresenter, head_file: Path) -> None:
    presenter.open(head_file)
    until(lambda: bool(presenter.tiles))
    for tile in presenter.tiles:
        height, width = tile.plain.shape[:2]
        inside = np.all((tile.landmarks > 0) & (tile.landmarks < [width, height]), axis=1)
        assert inside.mean() > 0.95
        assert np.ptp(tile.landmarks[:, 1]) > 0.3 * height


def test_a_capture_without_a_head_shows_its_photos_and_can_be_reconstructed(presenter: HeadPresenter, capture: Path) -> None:
    presenter.open(capture)
    until(lambda: presenter.shows is Shows.PHOTOS)
    assert [tile.name for tile in presenter.tiles] == list(ViewName)
    assert presenter.can_reconstruct


def test_what_is_wrong_with_a_capture_is_said(presenter: HeadPresenter, capture: Path) -> None:
    trouble = {"what": "No face was found in left.jpg.", "remedy": "Take the photo again.", "when": "2026-01-01T00:00:00"}
    (capture / "error.json").write_text(json.dumps(trouble), encoding="utf-8")
    presenter.open(capture)
    until(lambda: presenter.shows is Shows.PHOTOS)
    assert "No face was found in left.jpg. Take the photo again." in presenter.attention
    assert presenter.can_reconstruct


def test_a_capture_with_a_head_opens_it(presenter: HeadPresenter, capture: Path, head_file: Path) -> None:
    (capture / "head").mkdir()
    shutil.copy(head_file, capture / "head" / "first.head.npz")
    presenter.open(capture)
    until(lambda: presenter.shows is Shows.HEAD)
    assert presenter.can_reconstruct


@pytest.mark.parametrize("damage", ["missing", "truncated", "empty folder"])
def test_what_cannot_be_opened_is_said_and_can_be_tried_again(
    presenter: HeadPresenter, head_file: Path, tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "bad.head.npz"
    if damage == "truncated":
        path.write_bytes(head_file.read_bytes()[:5000])
    elif damage == "empty folder":
        path = tmp_path / "nothing"
        path.mkdir()
    presenter.open(path)
    until(lambda: presenter.shows is Shows.FAILED)
    assert isinstance(presenter.error, SavedHeadError)
    if damage == "truncated":
        shutil.copy(head_file, path)
        presenter.again()
        until(lambda: presenter.shows is Shows.HEAD)


def test_before_the_engine_runs_the_wish_is_remembered(presenter: HeadPresenter, desk: Desk, head_file: Path) -> None:
    desk.engine.is_ready = False
    presenter.open(head_file)
    assert presenter.shows is Shows.STARTING
    desk.engine.is_ready = True
    desk.engine.became_ready.emit()
    until(lambda: presenter.shows is Shows.HEAD)


def test_the_later_of_two_wishes_wins(presenter: HeadPresenter, head_file: Path, capture: Path) -> None:
    presenter.open(head_file)
    presenter.open(capture)
    until(lambda: presenter.shows is Shows.PHOTOS)
    until(lambda: not presenter._context.jobs.active())
    assert presenter.shows is Shows.PHOTOS


def test_a_job_shows_landmarks_then_clay_then_the_finished_head(
    presenter: HeadPresenter, desk: Desk, capture: Path, head_file: Path, reconstruction: Reconstruction
) -> None:
    def finish() -> None:
        (capture / "head").mkdir()
        shutil.copy(head_file, capture / "head" / "first.head.npz")

    work = Steps([Triplet(reconstruction.views), reconstruction], finish)
    progress: list[float] = []
    presenter.progressed.connect(lambda _message, fraction: progress.append(fraction))
    presenter.open(capture)
    until(lambda: presenter.shows is Shows.PHOTOS)
    assert not any(len(tile.landmarks) for tile in presenter.tiles)
    job = desk.jobs.submit("reconstruct", work, capture=capture)
    until(lambda: presenter.job is job)
    assert not presenter.can_reconstruct
    work.gates[0].set()
    until(lambda: any(len(tile.landmarks) for tile in presenter.tiles))
    assert presenter.shows is Shows.PHOTOS
    work.gates[1].set()
    until(lambda: presenter.shows is Shows.HEAD)
    assert presenter.unfinished
    assert presenter.opened is not None
    assert presenter.opened.shown.albedo is None
    assert presenter.opened.worth is None
    work.gates[2].set()
    until(lambda: presenter.job is None and not presenter.unfinished)
    finished = presenter.opened
    assert finished is not None
    assert finished.shown.albedo is not None
    assert presenter.name == "first"  # the capture's, not the file's
    assert progress


def test_a_job_that_waits_for_others_says_so(presenter: HeadPresenter, desk: Desk, capture: Path, tmp_path: Path) -> None:
    before, own = Steps([], lambda: None), Steps([], lambda: None)
    desk.jobs.submit("another", before, capture=tmp_path)
    desk.jobs.submit("reconstruct", own, capture=capture)
    presenter.open(capture)
    seen: list[bool] = []
    presenter.changed.connect(lambda: seen.append(presenter.waiting))
    until(lambda: presenter.shows is Shows.PHOTOS and presenter.waiting)
    before.gates[0].set()
    until(lambda: not presenter.waiting)
    assert seen[-1] is False
    own.gates[0].set()
    until(lambda: presenter.job is None)


@pytest.mark.parametrize("how", ["failed", "cancelled"])
def test_a_job_that_ends_badly_leaves_the_photos(
    presenter: HeadPresenter, desk: Desk, capture: Path, reconstruction: Reconstruction, how: str
) -> None:
    def fail() -> None:
        raise FitError("The photos show different people.") if how == "failed" else Cancelled

    work = Steps([Triplet(reconstruction.views), reconstruction], fail)
    for gate in work.gates[:2]:
        gate.set()
    presenter.open(capture)
    until(lambda: presenter.shows is Shows.PHOTOS)
    desk.jobs.submit("reconstruct", work, capture=capture)
    until(lambda: presenter.shows is Shows.HEAD)
    work.gates[2].set()
    until(lambda: presenter.shows is Shows.PHOTOS and presenter.job is None and presenter.can_reconstruct)


def test_another_capture_s_job_changes_nothing_here(
    presenter: HeadPresenter, desk: Desk, head_file: Path, tmp_path: Path
) -> None:
    presenter.open(head_file)
    until(lambda: presenter.shows is Shows.HEAD)
    desk.jobs.submit("reconstruct", lambda p, c, partial: partial("clay"), capture=tmp_path)
    until(lambda: not desk.jobs.active())
    assert presenter.job is None
    assert presenter.shows is Shows.HEAD


def test_at_a_photo_the_head_shows_the_photographed_face_and_afterwards_the_sliders(
    presenter: HeadPresenter, head_file: Path, reconstruction: Reconstruction
) -> None:
    flew: list[int] = []
    moved: list[Any] = []
    presenter.flew.connect(flew.append)
    presenter.open(head_file)
    until(lambda: presenter.shows is Shows.HEAD)
    presenter.moved.connect(moved.append)
    presenter.face.set("pose:jaw_open", 10.0)
    presenter.fly(1)
    assert np.array_equal(moved[-1], reconstruction.posed_vertices)
    presenter.fly(2)
    presenter.leave_photo()
    assert np.array_equal(moved[-1], presenter.face.vertices())
    presenter.leave_photo()
    assert flew == [1, 2, -1]


def test_moving_a_slider_at_a_photo_leaves_it(presenter: HeadPresenter, head_file: Path) -> None:
    presenter.open(head_file)
    until(lambda: presenter.shows is Shows.HEAD)
    presenter.fly(0)
    presenter.face.set("pose:jaw_open", 10.0)
    assert presenter.at_photo == -1
    assert np.array_equal(presenter.vertices(), presenter.face.vertices())


def test_a_photo_that_is_not_there_is_not_flown_to(presenter: HeadPresenter, head_file: Path) -> None:
    presenter.fly(0)
    presenter.open(head_file)
    until(lambda: presenter.shows is Shows.HEAD)
    presenter.fly(7)
    assert presenter.at_photo == -1


def test_export_offers_the_capture_or_the_file(presenter: HeadPresenter, desk: Desk, head_file: Path, capture: Path) -> None:
    offered: list[Path] = []
    desk.context.navigator.export_opened.connect(offered.append)
    presenter.export()
    presenter.open(head_file)
    until(lambda: presenter.shows is Shows.HEAD)
    presenter.export()
    (capture / "head").mkdir()
    shutil.copy(head_file, capture / "head" / "first.head.npz")
    presenter.open(capture)
    until(lambda: presenter.shows is Shows.HEAD)
    presenter.export()
    assert offered == [head_file, capture]


def test_a_photo_to_fly_to_is_straightened_and_no_larger_than_a_screen(reconstruction: Reconstruction) -> None:
    bent = replace(reconstruction.cameras[0], distortion=np.array([-0.2, 0.05, 0.0, 0.0, 0.0]), width=6000, height=4000)
    rng = np.random.default_rng(0)
    large = replace(reconstruction.views[0], image=Image(rng.integers(0, 255, (4000, 6000, 3), dtype=np.uint8)))
    small = reconstruction.views[1]
    r = replace(reconstruction, views=(large, small), cameras=(bent, reconstruction.cameras[1]))
    first, second = backdrops_of(r)
    assert first.pixels.shape == (round(4000 * LARGEST_BACKDROP / 6000), LARGEST_BACKDROP, 3)
    assert not first.camera.distortion.any()
    assert np.array_equal(first.camera.K, bent.K)
    assert second.pixels is small.image.pixels


def test_what_speaks_for_a_head_is_found_in_a_worker_when_asked_for(presenter: HeadPresenter, head_file: Path) -> None:
    found: list[tuple[Evidence, ...]] = []
    presenter.evidence.connect(found.append)
    presenter.open(head_file)
    until(lambda: presenter.shows is Shows.HEAD)
    presenter.look_for_evidence()
    presenter.look_for_evidence()  # asked twice, looked for once
    until(lambda: bool(found), 120)
    assert [part.name for part in found[0]] == list(ViewName)
    for part, tile in zip(found[0], presenter.tiles, strict=True):
        assert part.person.shape == tile.plain.shape[:2]
        assert part.starts.shape == part.flow.shape
    presenter.look_for_evidence()
    until(lambda: len(found) == 2, 120)  # and again when it is asked for again


def test_flow_is_nothing_where_the_photos_agree_and_something_where_one_was_shifted(
    openhead: HeadModel, reconstruction: Reconstruction
) -> None:
    """Photos drawn from the head itself agree through it; one of them moved by three pixels does not."""
    painted = drawn_from(openhead, reconstruction)
    same = evidence_of(painted, openhead)
    shifted = replace(painted.views[1], image=Image(np.roll(painted.views[1].image.pixels, 3, axis=1)))
    moved = evidence_of(replace(painted, views=(painted.views[0], shifted, painted.views[2])), openhead)
    assert len(same[1].flow) > 30
    assert float(np.median(np.linalg.norm(same[1].flow, axis=1))) < 0.5
    assert float(np.median(moved[1].flow[:, 0])) == pytest.approx(3.0, abs=0.7)


def drawn_from(model: HeadModel, reconstruction: Reconstruction) -> Reconstruction:
    """The reconstruction with photos of a head whose skin is a fine pattern fixed to its surface."""
    from facestudio.geometry.camera import screen
    from facestudio.geometry.rasterize import interpolate, rasterize

    posed = np.asarray(reconstruction.posed_vertices, np.float64)
    x, y, z = (posed - posed.mean(0)).T
    pattern = sum(np.sin(f * (a * x + b * y + c * z)) for f, a, b, c in ((900, 1, 0, 1), (1100, 0, 1, 1), (700, 1, 1, 0)))
    colour = (150 + 22 * pattern)[:, None] * np.array([1.0, 0.8, 0.7])
    views = []
    for view, camera in zip(reconstruction.views, reconstruction.cameras, strict=True):
        fragments = rasterize(screen(camera, posed), model.faces, camera.height, camera.width)
        pixels = np.asarray(interpolate(fragments, model.faces, colour))
        pixels[fragments.pix_to_face < 0] = (90, 100, 110)
        views.append(replace(view, image=Image(np.clip(pixels, 0, 255).astype(np.uint8))))
    return replace(reconstruction, views=tuple(views))
