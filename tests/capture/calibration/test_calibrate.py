"""The whole calibration on rendered pictures of the board through known cameras."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from facestudio.capture.calibration.board import BOARDS
from facestudio.capture.calibration.calibrate import CalibrationReport, calibrate, calibrate_folder, picture_files
from facestudio.capture.calibration.detect import BoardFinder
from facestudio.capture.calibration.picture import rig_picture
from facestudio.capture.calibration.quality import drift
from facestudio.errors import CalibrationError, Cancelled
from facestudio.geometry.rotations import exp_so3
from facestudio.progress import CancelToken
from facestudio.types import Camera, ViewName
from tests.capture.calibration.board_scene import board_poses, exact, render, true_rig

SPEC = BOARDS["A4"]


def degrees_between(a: Camera, b: Camera) -> float:
    return float(np.degrees(np.arccos(np.clip((np.trace(a.R.T @ b.R) - 1) / 2, -1, 1))))


def hold(report: CalibrationReport, truth: dict[ViewName, Camera], focal: float, degrees: float, baseline: float) -> None:
    for view, camera in report.rig.cameras.items():
        assert camera.K[0, 0] == pytest.approx(truth[view].K[0, 0], rel=focal), view
        assert degrees_between(camera, truth[view]) <= degrees, view
    for a in ViewName:
        for b in ViewName:
            if a < b:
                true = np.linalg.norm(truth[a].centre - truth[b].centre)
                assert np.linalg.norm(report.rig.cameras[a].centre - report.rig.cameras[b].centre) == pytest.approx(
                    true, rel=baseline
                )


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """22 shots by three cameras of 1280 x 720 with distortion, blur and noise, as files."""
    folder = tmp_path_factory.mktemp("board")
    truth = true_rig((1280, 720))
    for k, board in enumerate(board_poses(22, SPEC, seed=4)):
        for j, (view, camera) in enumerate(truth.items()):
            (folder / view).mkdir(exist_ok=True)
            cv2.imwrite(str(folder / view / f"{k:03}.png"), render(camera, board, SPEC, seed=100 * j + k))
    return folder


@pytest.mark.slow
def test_rendered_pictures_give_the_cameras_back(rendered: Path) -> None:
    report = calibrate_folder(rendered, SPEC)
    hold(report, true_rig((1280, 720)), focal=0.003, degrees=0.1, baseline=0.003)
    assert report.good
    assert report.extrinsics.rmse_px < 0.3
    assert abs(report.scale.mean) < 0.001
    assert report.scale.edges > 200
    assert report.sentences[0] == "Good."
    assert all(found[0] >= 12 for found in report.found.values())


def detections(count: int = 24, noise_px: float = 0.1) -> list[dict[ViewName, object]]:
    truth = true_rig()
    shots = []
    for k, board in enumerate(board_poses(count, SPEC, seed=2)):
        found = {v: exact(c, board, SPEC, noise_px, seed=10 * k + j) for j, (v, c) in enumerate(truth.items())}
        shots.append({v: d for v, d in found.items() if d is not None})
    return shots  # type: ignore[return-value]


SIZES = dict.fromkeys(ViewName, (1280, 720))


def test_corners_with_noise_give_the_cameras_back() -> None:
    report = calibrate(detections(), SIZES, SPEC)  # type: ignore[arg-type]
    hold(report, true_rig(), focal=0.003, degrees=0.1, baseline=0.003)
    assert report.extrinsics.rmse_px == pytest.approx(0.1 * np.sqrt(2), rel=0.3)


def test_a_wrong_detection_does_not_bend_the_rig() -> None:
    shots = detections()
    spoiled = shots[5][ViewName.LEFT]
    spoiled.pixels[:3] += 25.0  # type: ignore[attr-defined]
    hold(calibrate(shots, SIZES, SPEC), true_rig(), focal=0.005, degrees=0.2, baseline=0.006)  # type: ignore[arg-type]


def test_shots_in_which_the_board_moved_are_left_out_and_said() -> None:
    shots = detections(30)
    for k in (3, 11, 17, 25):  # the left camera's picture is that of another moment
        shots[k][ViewName.LEFT] = shots[k + 1][ViewName.LEFT]
    report = calibrate(shots, SIZES, SPEC)  # type: ignore[arg-type]
    hold(report, true_rig(), focal=0.003, degrees=0.1, baseline=0.003)
    assert report.moved == 4
    assert any("4 shots were left out" in s for s in report.sentences)


def test_a_board_of_another_size_shows_in_the_rig_s_size_only_so_the_ruler_line_matters() -> None:
    shrunk = detections(noise_px=0.02)
    report = calibrate(shrunk, SIZES, replace(SPEC, square_mm=27.0, marker_mm=19.8))  # type: ignore[arg-type]
    truth = true_rig()
    ratio = np.linalg.norm(report.rig.cameras[ViewName.LEFT].centre) / np.linalg.norm(truth[ViewName.LEFT].centre)
    assert ratio == pytest.approx(0.9, rel=0.01)
    assert report.extrinsics.rmse_px < 0.1


def test_a_calibration_from_few_shots_is_not_called_good_however_well_it_fits() -> None:
    report = calibrate(detections(9, 0.05)[:7], SIZES, SPEC)  # type: ignore[arg-type]
    assert report.extrinsics.rmse_px < 0.2
    assert not report.good
    assert report.sentences[0].startswith("Too few")


def test_too_few_pictures_and_cameras_that_never_met_are_said() -> None:
    with pytest.raises(CalibrationError, match="left camera: The board was found in 3 pictures"):
        calibrate(detections(3), SIZES, SPEC)  # type: ignore[arg-type]
    alone = [{v: d for v, d in s.items() if (v == ViewName.LEFT) == (k % 2 == 0)} for k, s in enumerate(detections(40))]
    with pytest.raises(CalibrationError, match="never saw the board together"):
        calibrate(alone, SIZES, SPEC)  # type: ignore[arg-type]


def test_a_cancel_is_heeded() -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        calibrate(detections(), SIZES, SPEC, cancel=cancel)  # type: ignore[arg-type]


def test_pictures_are_found_in_both_layouts_and_their_absence_is_said(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="holds no pictures"):
        picture_files(tmp_path)
    for name in ("left/001.jpg", "front/001.jpg", "right_007.png", "left_007.png", "shot 3/front.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    shots = picture_files(tmp_path)
    assert set(shots["001"]) == {ViewName.LEFT, ViewName.FRONT}
    assert set(shots["007"]) == {ViewName.LEFT, ViewName.RIGHT}
    assert set(shots["shot 3"]) == {ViewName.FRONT}


def test_the_rendered_board_is_found_where_it_is() -> None:
    truth, board = true_rig()[ViewName.FRONT], board_poses(1, SPEC, seed=9)[0]
    found, wanted = BoardFinder(SPEC).find(render(truth, board, SPEC)), exact(truth, board, SPEC)
    assert found is not None and wanted is not None
    common = np.isin(wanted.ids, found.ids)
    off = found.pixels[np.argsort(found.ids)] - wanted.pixels[common]
    assert float(np.sqrt((off**2).sum(axis=1).mean())) < 0.15
    assert float(np.abs(off.mean(axis=0)).max()) < 0.05, "no bias: pixel centres are at integers"
    assert BoardFinder(SPEC).find(np.full((480, 640, 3), 128, dtype=np.uint8)) is None


def test_a_turned_camera_is_found_and_named_by_the_board() -> None:
    truth = true_rig()
    shot = detections(30, 0.05)
    common = next(s for s in shot if len(s) == 3 and len({tuple(d.ids) for d in s.values()}) == 1)  # type: ignore[attr-defined]
    points = {v: d.pixels for v, d in common.items()}  # type: ignore[attr-defined]
    assert not drift(truth, points).moved
    turned = dict(truth)
    left = truth[ViewName.LEFT]
    turn = exp_so3(np.radians([1.0, 0.0, 0.0]))
    turned[ViewName.LEFT] = Camera(left.K, turn @ left.R, turn @ left.t, left.width, left.height, left.distortion)
    found = drift(turned, points)
    assert found.moved
    assert "left" in found.sentence


@pytest.mark.slice
def test_a_face_tells_a_turned_camera_from_a_rig_that_is_as_calibrated(shared: Path) -> None:
    from facestudio.landmarks.mediapipe_detector import DetectorConfig, MediapipeDetector
    from facestudio.pipeline.cameras_file import read_cameras
    from facestudio.types import Image

    with MediapipeDetector(DetectorConfig(crop_scales=(1.5,), shifts=((0.0, 0.0),), mirror=False)) as detector:
        for folder in sorted(p.parent for p in (shared / "bench" / "dev").glob("*/front.jpg"))[1::4]:
            cameras = read_cameras(folder / "cameras.json")
            pictures = {v: Image(np.asarray(cv2.imread(str(folder / f"{v}.jpg"))[..., ::-1], dtype=np.uint8)) for v in ViewName}
            points = {v: detector.detect(p, v).landmarks.points[:468] for v, p in pictures.items()}
            assert not drift(cameras, points).moved
            for view in ViewName:
                c = cameras[view]
                for turn in (exp_so3(np.radians([0.5, 0.0, 0.0])), exp_so3(np.radians([0.0, 1.0, 0.0]))):
                    turned = {**cameras, view: replace(c, R=turn @ c.R, t=turn @ c.t)}
                    assert drift(turned, points).moved, (folder.name, view)


def test_the_rig_s_picture_shows_three_cameras() -> None:
    picture = rig_picture(true_rig(), board_poses(5, SPEC), SPEC)
    assert picture.shape == (640, 1000, 3)
    colours = {tuple(c) for c in picture.reshape(-1, 3)[::7].tolist()}
    assert len(colours) > 20
