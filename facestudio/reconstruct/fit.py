"""The landmark fit: one head, all cameras, all photos at once (engine `fit`).

Find the identity beta, the expression psi, the poses and, when they are unknown, the focal lengths that best explain every landmark
in every view, by Levenberg-Marquardt on

    sum_v sum_i rho( |W_vi (pi_v(X_i(beta, psi)) + s_v (bias_vi + M_vi a + N_vi b_v) - p_vi)|^2 )        landmarks, with what their
                                                                                                          detector gets wrong
    + |beta|^2 + rho(psi / sigma_psi) + |a|^2 + |b|^2 + focal prior                                       priors

X_i is linear in beta and psi, so every Jacobian is analytic. Calibrated: the cameras stand and the head moves as one (6 unknowns).
Uncalibrated: each view has its pose (6) and its focal (1) under a prior whose width says where the focal came from. Because perspective
is weak at these distances, the focal hardly leaves its prior: shape tolerates that (a wrong focal is absorbed by the distance).
rho is Cauchy's function, applied as iteratively reweighted least squares: an occluded or hallucinated point fades out.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from facestudio.errors import FitError
from facestudio.geometry.camera import project
from facestudio.geometry.frames import yaw_degrees
from facestudio.geometry.rotations import exp_so3, skew
from facestudio.head.landmarks import LandmarkBasis
from facestudio.progress import CancelToken, Progress, silent
from facestudio.reconstruct.detector_error import DetectorError, ErrorAtYaw
from facestudio.reconstruct.pose import assumed_camera, head_pose, undistorted
from facestudio.types import Camera, Float64Array, IntArray, View


@dataclass(frozen=True)
class FitConfig:
    """Constants of the landmark fit.

    expression_sigma: prior standard deviation of expression weights: subjects are asked for a neutral face. expression_tail: the weight
    from which on the prior gives way (Cauchy), so that a smile that is really there is not pressed into the identity.
    expression_range: what a named expression's weight may be (a little below 0, so that noise about 0 stays without bias).
    component_sigma: prior of expressions that are principal components instead (FLAME), in their own standard deviations.
    focal_sigma_known / _assumed: relative 1-sigma of a focal from EXIF or memory / of the 60 degree guess.
    cauchy: residual, in sigmas, at which a landmark starts to fade. iterations: at most; tolerance: relative decrease that ends it.
    """

    expression_sigma: float = 0.1
    expression_tail: float = 0.15
    expression_range: tuple[float, float] = (-0.1, 1.0)
    component_sigma: float = 0.5
    focal_sigma_known: float = 0.03
    focal_sigma_assumed: float = 0.12
    cauchy: float = 3.0
    iterations: int = 25
    tolerance: float = 1e-4
    damping: float = 1e-3


@dataclass(frozen=True)
class Fit:
    """What the landmark fit found.

    identity (S,), expression (E,) float64. cameras: head frame to each photo. world_from_head: (3, 4) when calibrated, else None.
    reprojection_px: (V,) median distance in each view, pixels, between the detected landmarks and where the detector is known to place
    those of this head: projection plus its mean bias at that yaw, but none of the error modes. cost: final value of the objective.
    """

    identity: Float64Array
    expression: Float64Array
    cameras: tuple[Camera, ...]
    world_from_head: Float64Array | None
    reprojection_px: Float64Array
    cost: float
    iterations: int


@dataclass(frozen=True)
class _View:
    """One photo as the solver needs it.

    pixels: (N, 2), undistorted. camera: as given or guessed. focal_sigma: how far to trust its focal. error: the detector's, in pixels
    of this photo. weight: (N, 2), what one pixel is worth in sigmas.
    """

    pixels: Float64Array
    camera: Camera
    focal_sigma: float
    error: ErrorAtYaw
    weight: Float64Array


@dataclass(frozen=True)
class _State:
    """The unknowns. poses: per view (R, t) of the head in the camera. log_focal: (V,) relative to the given focal."""

    identity: Float64Array
    expression: Float64Array
    shared: Float64Array
    single: Float64Array
    poses: tuple[tuple[Float64Array, Float64Array], ...]
    log_focal: Float64Array


def fit_landmarks(
    views: Sequence[View],
    basis: LandmarkBasis,
    error: DetectorError,
    config: FitConfig | None = None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
    mean_head: bool = False,
) -> Fit:
    """Fit one head to the landmarks of one to many views.

    All views calibrated: their cameras are kept. Otherwise every camera is estimated. mean_head: hold identity and expression at
    zero and fit the cameras only: the baseline every head must beat. Raises FitError when no plausible pose exists.
    """
    config, cancel = config or FitConfig(), cancel or CancelToken()
    calibrated = all(v.camera is not None for v in views)
    prepared, state = _start(views, basis, error, config, calibrated)
    solver = _Solver(prepared, basis, config, calibrated, mean_head)
    cost, damping, count = solver.cost(state), config.damping, 0
    for count in range(1, config.iterations + 1):
        cancel.check()
        progress("fit", count / config.iterations, f"{cost:.0f}")
        A, g = solver.normal_equations(state)
        while damping < 1e8:
            step = -np.linalg.solve(A + damping * np.diag(np.diag(A)), g)
            trial = solver.moved(state, step)
            trial_cost = solver.cost(trial)
            if trial_cost < cost:
                break
            damping *= 10.0
        else:
            break
        decrease, state, cost, damping = (cost - trial_cost) / cost, trial, trial_cost, max(damping * 0.1, 1e-9)
        if decrease < config.tolerance:
            break
    progress("fit", 1.0, "")
    cameras = tuple(solver.camera(state, i) for i in range(len(views)))
    points = basis.points(state.identity, state.expression)
    found = zip(cameras, prepared, strict=True)
    misses = [np.linalg.norm(project(c, points) + p.error.bias - p.pixels, axis=1) for c, p in found]
    reprojection = np.array([np.median(m) for m in misses])
    world = None
    if calibrated:
        world = head_to_world(prepared[0].camera, state.poses[0])
        cameras = tuple(replace(c, distortion=p.camera.distortion) for c, p in zip(cameras, prepared, strict=True))
    return Fit(state.identity, state.expression, cameras, world, reprojection, cost, count)


def head_to_world(camera: Camera, pose: tuple[Float64Array, Float64Array]) -> Float64Array:
    """(3, 4): x_world = R x_head + t, from the head's pose in a camera that is fixed in the world."""
    R, t = pose
    return np.column_stack([camera.R.T @ R, camera.R.T @ (t - camera.t)])


def _start(
    views: Sequence[View], basis: LandmarkBasis, error: DetectorError, config: FitConfig, calibrated: bool
) -> tuple[list[_View], _State]:
    """Undistort, guess each pose by PnP of the average head, and look the detector's error up at the yaw so found."""
    prepared, poses = [], []
    for view in views:
        if view.landmarks is None:
            raise FitError(f"The {view.name} photo has no landmarks.", "Run the landmark detector first.")
        camera = view.camera if view.camera is not None and calibrated else assumed_camera(view.image)
        pixels = undistorted(camera, view.landmarks.points[basis.ids])
        pose = head_pose(camera, basis.mean, pixels, f"{view.name} photo")
        focal_sigma = config.focal_sigma_known if view.image.focal_px else config.focal_sigma_assumed
        # The detector's error in pixels: its size in metres, at the depth and focal of the first guess.
        at_yaw = error.at(yaw_degrees(pose), basis.ids).scaled(pose.K[0, 0] / pose.t[2])
        weight = 1.0 / np.hypot(at_yaw.sigma, view.landmarks.sigma[basis.ids][:, None])
        prepared.append(_View(pixels, camera, focal_sigma, at_yaw, weight))
        poses.append((pose.R, pose.t))
    if calibrated:
        poses = _consistent_poses(prepared, poses, basis)
    error_at = prepared[0].error
    state = _State(
        identity=np.zeros(basis.identity.shape[2]),
        expression=np.zeros(basis.expression.shape[2]),
        shared=np.zeros(error_at.shared.shape[2]),
        single=np.zeros((len(views), error_at.single.shape[2])),
        poses=tuple(poses),
        log_focal=np.zeros(len(views)),
    )
    return prepared, state


def _consistent_poses(
    prepared: list[_View], poses: list[tuple[Float64Array, Float64Array]], basis: LandmarkBasis
) -> list[tuple[Float64Array, Float64Array]]:
    """Of the head positions in the world that each view suggests, the one that explains all views best, as a pose in every camera."""
    best, best_error = poses, np.inf
    for i, p in enumerate(prepared):
        world = head_to_world(p.camera, poses[i])
        candidate = [(q.camera.R @ world[:, :3], q.camera.R @ world[:, 3] + q.camera.t) for q in prepared]
        errors = []
        for q, (R, t) in zip(prepared, candidate, strict=True):
            camera = replace(q.camera, R=R, t=t, distortion=np.zeros(5))
            errors.append(np.median(np.linalg.norm(project(camera, basis.mean) - q.pixels, axis=1)))
        if np.all(np.isfinite(errors)) and float(np.sum(errors)) < best_error:
            best, best_error = candidate, float(np.sum(errors))
    return best


class _Solver:
    """Residuals and their Jacobian. Columns: identity | expression | shared | single per view | pose(s) | log focal per view."""

    def __init__(self, views: list[_View], basis: LandmarkBasis, config: FitConfig, calibrated: bool, mean_head: bool) -> None:
        self.views, self.basis, self.config, self.calibrated, self.mean_head = views, basis, config, calibrated, mean_head
        S, E = basis.identity.shape[2], basis.expression.shape[2]
        A, B, V = views[0].error.shared.shape[2], views[0].error.single.shape[2], len(views)
        sizes = [S, E, A, V * B, 6 if calibrated else 6 * V, 0 if calibrated else V]
        edges = np.concatenate([[0], np.cumsum(sizes)])
        self.identity, self.expression, self.shared, self.single, self.pose, self.focal = (
            slice(int(a), int(b)) for a, b in itertools.pairwise(edges)
        )
        self.size = int(edges[-1])
        self.prior = np.zeros(self.size)  # inverse variances
        self.prior[self.identity] = 1.0
        # Named expressions are rare and may be strong: a narrow core, long tails, bounds. Components are Gaussian by construction.
        self.prior[self.expression] = (config.expression_sigma if basis.named else config.component_sigma) ** -2
        self.tail = config.expression_tail if basis.named else 1e6
        self.range = config.expression_range if basis.named else (-np.inf, np.inf)
        self.prior[self.shared] = self.prior[self.single] = 1.0
        if not calibrated:
            self.prior[self.focal] = [v.focal_sigma**-2 for v in views]
        self.linear = np.concatenate([basis.identity, basis.expression], axis=2)

    def camera(self, state: _State, i: int) -> Camera:
        """View i's camera from the head frame, without lens distortion."""
        given = self.views[i].camera
        K = given.K.copy()
        K[0, 0] *= np.exp(state.log_focal[i])
        K[1, 1] *= np.exp(state.log_focal[i])
        return Camera(K, *state.poses[i], given.width, given.height)

    def values(self, state: _State) -> Float64Array:
        """All unknowns that have a zero-mean prior, as one vector (poses as zeros)."""
        x = np.zeros(self.size)
        x[self.identity], x[self.expression], x[self.shared] = state.identity, state.expression, state.shared
        x[self.single] = state.single.ravel()
        if not self.calibrated:
            x[self.focal] = state.log_focal
        return x

    def residuals(self, state: _State, i: int) -> Float64Array:
        """View i: (N, 2), modelled minus detected pixels, in sigmas."""
        view, e = self.views[i], self.views[i].error
        points = self.basis.points(state.identity, state.expression)
        shift = e.bias + e.shared @ state.shared + e.single @ state.single[i]
        return np.asarray(view.weight * (project(self.camera(state, i), points) + shift - view.pixels))

    def cost(self, state: _State) -> float:
        """The objective: Cauchy's function of every landmark, and the priors."""
        c2 = self.config.cauchy**2
        values, tail = self.values(state), self.tail
        held = values**2
        held[self.expression] = tail**2 * np.log1p(held[self.expression] / tail**2)
        total = float(self.prior @ held)
        for i in range(len(self.views)):
            r = self.residuals(state, i)
            total += float(c2 * np.log1p((r**2).sum(1) / c2).sum())
            if state.poses[i][1][2] <= 0.02:
                return np.inf
        return total if np.isfinite(total) else np.inf

    def normal_equations(self, state: _State) -> tuple[Float64Array, Float64Array]:
        """Gauss-Newton's A (P, P) and gradient g (P,), reweighted by Cauchy's weights."""
        values = self.values(state)
        prior = self.prior.copy()
        prior[self.expression] /= 1.0 + (values[self.expression] / self.tail) ** 2
        A, g = np.diag(prior), prior * values
        for i in range(len(self.views)):
            r = self.residuals(state, i)
            J = self._jacobian(state, i) * self.views[i].weight[..., None]
            robust = 1.0 / np.sqrt(1.0 + (r**2).sum(1) / self.config.cauchy**2)
            J, r = (J * robust[:, None, None]).reshape(-1, self.size), (r * robust[:, None]).ravel()
            A += J.T @ J
            g += J.T @ r
        held = self._held(values, g)
        A[held, :] = A[:, held] = 0.0
        A[held, held] = 1.0
        g[held] = 0.0
        return A, g

    def _held(self, values: Float64Array, g: Float64Array) -> IntArray:
        """The unknowns that must not move: all of the shape for the mean head, and expressions that would leave their range.

        The latter make the step a projected Newton step (Bertsekas 1982).
        """
        held = np.zeros(self.size, dtype=bool)
        if self.mean_head:
            held[self.identity] = held[self.expression] = True
        low, high = self.range
        e = self.expression
        held[e] |= ((values[e] <= low) & (g[e] > 0)) | ((values[e] >= high) & (g[e] < 0))
        return np.flatnonzero(held)

    def _jacobian(self, state: _State, i: int) -> Float64Array:
        """(N, 2, P): derivative of view i's modelled pixels by every unknown."""
        R, t = state.poses[i]
        f = self.views[i].camera.K[[0, 1], [0, 1]] * np.exp(state.log_focal[i])
        rotated = self.basis.points(state.identity, state.expression) @ R.T
        x, y, z = (rotated + t).T
        N, zero = len(z), np.zeros_like(z)
        by_point = np.stack(
            [np.stack([f[0] / z, zero, -f[0] * x / z**2], -1), np.stack([zero, f[1] / z, -f[1] * y / z**2], -1)], 1
        )
        J = np.zeros((N, 2, self.size))
        linear = by_point @ R @ self.linear
        S = self.identity.stop
        J[:, :, self.identity], J[:, :, self.expression] = linear[..., :S], linear[..., S:]
        e = self.views[i].error
        B = e.single.shape[2]
        J[:, :, self.shared] = e.shared
        J[:, :, self.single.start + i * B : self.single.start + (i + 1) * B] = e.single
        if self.calibrated:
            # One head pose for all: perturb it in the world frame of the fixed cameras, about the head's place.
            C, centre = self.views[i].camera.R, self._head_centre(state)
            arm = (rotated + t - self.views[i].camera.t) @ C - centre
            by_world = by_point @ C
            J[:, :, self.pose.start : self.pose.start + 3] = by_world @ -skew(arm)
            J[:, :, self.pose.start + 3 : self.pose.stop] = by_world
        else:
            start = self.pose.start + 6 * i
            J[:, :, start : start + 3] = by_point @ -skew(rotated)
            J[:, :, start + 3 : start + 6] = by_point
            J[:, :, self.focal.start + i] = np.stack([f[0] * x / z, f[1] * y / z], -1) * (1.0 - t[2] / z)[:, None]
        return J

    def _head_centre(self, state: _State) -> Float64Array:
        return head_to_world(self.views[0].camera, state.poses[0])[:, 3]

    def moved(self, state: _State, step: Float64Array) -> _State:
        """The state after a step; rotations are perturbed on the left."""
        poses = []
        for i, (R, t) in enumerate(state.poses):
            if self.calibrated:
                w, d = step[self.pose][:3], step[self.pose][3:]
                C = self.views[i].camera
                world = head_to_world(C, (R, t))
                turned = exp_so3(w) @ world[:, :3]
                poses.append((C.R @ turned, C.R @ (world[:, 3] + d) + C.t))
            else:
                d = step[self.pose][6 * i : 6 * i + 6]
                # A longer lens goes with a head farther away: what is left of a focal step is the change of perspective alone,
                # which the solver can tell from a change of distance.
                farther = np.array([1.0, 1.0, np.exp(step[self.focal][i])])
                poses.append((exp_so3(d[:3]) @ R, (t + d[3:]) * farther))
        return _State(
            state.identity + step[self.identity],
            np.clip(state.expression + step[self.expression], *self.range),
            state.shared + step[self.shared],
            state.single + step[self.single].reshape(state.single.shape),
            tuple(poses),
            state.log_focal if self.calibrated else state.log_focal + step[self.focal],
        )
