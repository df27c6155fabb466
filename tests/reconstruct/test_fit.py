"""The landmark fit finds known heads, stays at the average without evidence, and its Jacobian is the derivative it claims to be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facestudio.errors import Cancelled, FitError
from facestudio.progress import CancelToken
from facestudio.reconstruct.detector_error import DetectorError, ignorant
from facestudio.reconstruct.fit import FitConfig, _Solver, _start, _State, fit_landmarks
from facestudio.types import Landmarks
from tests.reconstruct.scene import Scene, make_scene

SHARP = FitConfig(iterations=60, tolerance=1e-10)


def shape_error(found: np.ndarray, truth: np.ndarray) -> float:
    """Median distance in mm after the best similarity transform."""
    a, b = found - found.mean(0), truth - truth.mean(0)
    U, S, Vt = np.linalg.svd(b.T @ a)
    D = np.diag([1, 1, np.sign(np.linalg.det(U @ Vt))])
    scale = (S @ np.diag(D)) / (a**2).sum()
    return float(1000 * np.median(np.linalg.norm(scale * a @ (U @ D @ Vt).T - b, axis=1)))


def test_calibrated_fit_finds_the_head_and_its_place(scene: Scene) -> None:
    fit = fit_landmarks(scene.views, scene.basis, ignorant(scene.basis.ids, 1e-5), SHARP)
    assert fit.world_from_head is not None
    placed = scene.basis.points(fit.identity, fit.expression) @ fit.world_from_head[:, :3].T + fit.world_from_head[:, 3]
    assert np.linalg.norm(placed - scene.truth, axis=1).max() < 2e-4
    assert fit.reprojection_px.max() < 0.05


def test_calibrated_cameras_keep_their_intrinsics_and_distortion(scene: Scene) -> None:
    bent = [replace(c, distortion=np.array([1e-6, 0, 0, 0, 0])) for c in scene.cameras]
    views = [replace(v, camera=c) for v, c in zip(scene.views, bent, strict=True)]
    fit = fit_landmarks(views, scene.basis, ignorant(scene.basis.ids, 1e-4))
    for view, camera in zip(views, fit.cameras, strict=True):
        assert view.camera is not None
        assert np.array_equal(camera.K, view.camera.K)
        assert np.array_equal(camera.distortion, view.camera.distortion)


def test_uncalibrated_fit_finds_the_shape(scene: Scene) -> None:
    fit = fit_landmarks(scene.uncalibrated, scene.basis, ignorant(scene.basis.ids, 1e-5), SHARP)
    assert fit.world_from_head is None
    assert shape_error(scene.basis.points(fit.identity, fit.expression), scene.truth) < 0.1


def test_a_wrong_focal_guess_costs_little_shape(scene: Scene) -> None:
    views = [replace(v, image=replace(v.image, focal_px=None)) for v in scene.uncalibrated]
    fit = fit_landmarks(views, scene.basis, ignorant(scene.basis.ids, 1e-4), SHARP)
    mean_error = shape_error(scene.basis.mean, scene.truth)
    assert shape_error(scene.basis.points(fit.identity, fit.expression), scene.truth) < 0.4 * mean_error


def test_heavy_noise_does_not_make_the_head_worse_than_the_average() -> None:
    ratios = []
    for seed in range(8):
        scene = make_scene(seed, noise_px=3.0)
        fit = fit_landmarks(scene.views, scene.basis, ignorant(scene.basis.ids, 0.003))
        ratios.append(
            shape_error(scene.basis.points(fit.identity, fit.expression), scene.truth)
            / shape_error(scene.basis.mean, scene.truth)
        )
    assert np.median(ratios) < 0.9


def test_outliers_fade_out(scene: Scene) -> None:
    views = []
    for v in scene.views:
        assert v.landmarks is not None
        points = v.landmarks.points.copy()
        points[:8] += 60.0
        views.append(replace(v, landmarks=Landmarks(points, "made-up", v.landmarks.sigma)))
    fit = fit_landmarks(views, scene.basis, ignorant(scene.basis.ids, 3e-4), SHARP)
    assert shape_error(scene.basis.points(fit.identity, fit.expression), scene.truth) < 0.5


def test_an_error_common_to_many_landmarks_is_explained_by_its_mode_not_by_the_head() -> None:
    scene = make_scene(3)
    rng = np.random.default_rng(5)
    n = len(scene.basis.ids)
    mode = np.stack([0.003 * np.sin(scene.basis.mean @ rng.normal(0, 25, 3) + p) for p in (0.0, 2.0)], axis=-1)
    views = []
    for v in scene.views:
        assert v.landmarks is not None
        shift = 1.5 * mode * 600.0 / 0.6
        views.append(replace(v, landmarks=Landmarks(v.landmarks.points + shift, "made-up", v.landmarks.sigma)))
    yaws, none = np.array([-90.0, 90.0]), np.zeros((2, n, 2, 0))
    knowing = DetectorError(
        yaws, scene.basis.ids, np.zeros((2, n, 2)), np.stack([mode[..., None]] * 2), none, np.full((2, n, 2), 3e-4)
    )
    errors = []
    for model in (knowing, ignorant(scene.basis.ids, 3e-4)):
        fit = fit_landmarks(views, scene.basis, model, SHARP)
        errors.append(shape_error(scene.basis.points(fit.identity, fit.expression), scene.truth))
    assert errors[0] < 0.5 * errors[1]


def test_the_mean_head_stays_the_mean(scene: Scene) -> None:
    fit = fit_landmarks(scene.uncalibrated, scene.basis, ignorant(scene.basis.ids), mean_head=True)
    assert not fit.identity.any()
    assert not fit.expression.any()


@pytest.mark.parametrize("calibrated", [True, False])
def test_the_jacobian_is_the_derivative_of_the_residuals(calibrated: bool) -> None:
    scene = make_scene(1, noise_px=1.0)
    rng = np.random.default_rng(2)
    n = len(scene.basis.ids)
    yaws = np.array([-90.0, 90.0])
    bias, shared, single = (1e-3 * rng.normal(size=(2, n, 2, *k)) for k in ((), (3,), (2,)))
    error = DetectorError(yaws, scene.basis.ids, bias, shared, single, np.full((2, n, 2), 1e-3))
    views = scene.views if calibrated else scene.uncalibrated
    prepared, state = _start(views, scene.basis, error, FitConfig(), calibrated)
    solver = _Solver(prepared, scene.basis, FitConfig(), calibrated, False)
    state = solver.moved(state, 0.02 * rng.normal(size=solver.size))

    def residual(s: _State, i: int) -> np.ndarray:
        return np.asarray(solver.residuals(s, i) / prepared[i].weight)

    for i in range(len(views)):
        J = solver._jacobian(state, i)
        for p in range(solver.size):
            step = np.zeros(solver.size)
            step[p] = 1e-6
            numeric = (residual(solver.moved(state, step), i) - residual(solver.moved(state, -step), i)) / 2e-6
            assert np.abs(numeric - J[..., p]).max() < 1e-3 + 1e-6 * np.abs(numeric).max(), p


def test_one_view_works(scene: Scene) -> None:
    fit = fit_landmarks(scene.uncalibrated[1:2], scene.basis, ignorant(scene.basis.ids, 1e-3))
    assert fit.reprojection_px[0] < 2.0


def test_missing_landmarks_are_said(scene: Scene) -> None:
    views = [replace(v, landmarks=None) for v in scene.views]
    with pytest.raises(FitError, match="no landmarks"):
        fit_landmarks(views, scene.basis, ignorant(scene.basis.ids))


def test_a_cancelled_fit_stops(scene: Scene) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        fit_landmarks(scene.views, scene.basis, ignorant(scene.basis.ids), cancel=token)
