"""The linear algebra of refinement against numerical derivatives and dense solves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from facestudio.geometry.camera import project
from facestudio.geometry.rotations import exp_so3
from facestudio.geometry.shading import vertex_normals
from facestudio.head.model import HeadModel
from facestudio.progress import CancelToken
from facestudio.reconstruct.correspondence import Matches
from facestudio.reconstruct.displace import FieldConfig, blurred, conditional_sigma, prior_field
from facestudio.reconstruct.solve import Evidence, Rows, SolveConfig, System, layout, rows
from facestudio.types import Camera, Float64Array, IntArray
from tests.reconstruct.refine_scene import given_cameras, make_capture


def some_matches(model: HeadModel, flow: float = 0.0) -> Matches:
    """Matches at the centres of faces on the front that look forward."""
    every = model.template[model.faces]
    outward = np.cross(every[:, 1] - every[:, 0], every[:, 2] - every[:, 0])
    outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-12)
    front = model.part_faces("face") & (every.mean(1)[:, 2] > 0.05) & (outward[:, 2] > 0.85)
    chosen = np.flatnonzero(front)[::40].astype(np.int32)
    n, corners, normals = len(chosen), every[chosen], outward[chosen]
    third = np.full((n, 3), 1 / 3, np.float32)
    return Matches(
        0, 1, chosen, third, corners.mean(1), normals.astype(np.float32), np.full((n, 2), flow, np.float32), np.full(n, 0.3, np.float32),
        np.ones(n, np.float32), 1.0, 0.0, 1.0,
    )  # fmt: skip


def seen_after(cameras: list[Camera], m: Matches, lift: float, motion: list[np.ndarray], focal: list[float]) -> np.ndarray:
    """Where camera 1 sees what camera 0 has at its old pixels, after planes and heads moved."""
    a, b = cameras
    K = a.K.copy()
    K[[0, 1], [0, 1]] *= np.exp(focal[0])
    moved_a = replace(a, K=K, R=a.R @ exp_so3(motion[0][:3]), t=a.R @ motion[0][3:] + a.t)
    K = b.K.copy()
    K[[0, 1], [0, 1]] *= np.exp(focal[1])
    moved_b = replace(b, K=K, R=b.R @ exp_so3(motion[1][:3]), t=b.R @ motion[1][3:] + b.t)
    X, n = m.points.astype(np.float64), m.normals.astype(np.float64)
    pixels = np.column_stack([project(a, X), np.ones(len(X))])
    ray = pixels @ np.linalg.inv(moved_a.K).T @ moved_a.R
    depth = np.einsum("ni,ni->n", n, X + lift * n - moved_a.centre) / np.einsum("ni,ni->n", n, ray)
    return project(moved_b, moved_a.centre + depth[:, None] * ray)


def test_rows_are_the_numerical_derivatives_of_what_the_second_camera_sees(openhead: HeadModel) -> None:
    cameras = given_cameras(make_capture(openhead, yaws=(35.0, 0.0)))
    m = some_matches(openhead)
    unknowns = layout(0, 0, 2, calibrated=False)
    found = rows(m, cameras, openhead.faces, openhead.vertex_count, unknowns, 4.0, SolveConfig())
    assert found.across is not None
    origin = seen_after(cameras, m, 0.0, [np.zeros(6)] * 2, [0.0, 0.0])
    # The frame (along, across) is recovered from the shape's own effect.
    pushed = (seen_after(cameras, m, 1e-6, [np.zeros(6)] * 2, [0.0, 0.0]) - origin) / 1e-6
    along = pushed / np.linalg.norm(pushed, axis=1, keepdims=True)
    along *= np.sign(np.einsum("ni,ni->n", along, pushed) * found.rate)[:, None]
    across = np.stack([-along[:, 1], along[:, 0]], -1)
    for column in range(unknowns.size):
        motion, focal, step = [np.zeros(6), np.zeros(6)], [0.0, 0.0], 1e-6
        if column < 12:
            motion[column // 6][column % 6] = step
        else:
            focal[column - 12] = step
        numeric = (seen_after(cameras, m, 0.0, motion, focal) - origin) / step
        scale = max(1.0, float(np.abs(numeric).max()))
        np.testing.assert_allclose(found.along[:, column] / scale, np.einsum("ni,ni->n", along, numeric) / scale, atol=2e-3)
        np.testing.assert_allclose(found.across[:, column] / scale, np.einsum("ni,ni->n", across, numeric) / scale, atol=2e-3)
    np.testing.assert_allclose(np.abs(found.rate), np.linalg.norm(pushed, axis=1), rtol=1e-3)


def test_eliminating_the_field_gives_the_dense_solution(openhead: HeadModel) -> None:
    rng = np.random.default_rng(0)
    unknowns, V = layout(2, 0, 2, calibrated=True), 12
    root = sp.csc_matrix(rng.normal(size=(V, V)) + 6 * np.eye(V))
    system = System.of_prior(unknowns, (root.T @ root).tocsc())
    P = unknowns.size
    mixed = rng.normal(size=(40, P + V))
    goal = rng.normal(size=40)
    normal, right = mixed.T @ mixed, mixed.T @ goal
    system.tt += normal[:P, :P]
    system.t += right[:P]
    system.dt += normal[P:, :P]
    system.dd = sp.csc_matrix(system.dd + normal[P:, P:])
    system.d += right[P:]
    whole = np.block([[system.tt, system.dt.T], [system.dt, system.dd.toarray()]])
    expected = np.linalg.solve(whole, np.concatenate([system.t, system.d]))
    basis = rng.normal(size=(V, 2))
    solution = system.solve(basis, sp.identity(V, format="csc"), CancelToken())
    np.testing.assert_allclose(np.concatenate([solution.step, solution.lift]), expected, atol=1e-8)
    np.testing.assert_allclose(solution.covariance, np.linalg.inv(whole)[:P, :P], atol=1e-8)
    # With the field held where it belongs, the coefficients go where they would have gone; held elsewhere, they do not.
    np.testing.assert_allclose(system.solve_still(solution.lift), solution.step, atol=1e-8)
    assert np.abs(system.solve_still(np.zeros(V)) - solution.step).max() > 1e-3


def test_the_field_has_the_standard_deviation_and_range_it_was_asked_for(openhead: HeadModel) -> None:
    grid = np.stack([*np.meshgrid(np.arange(40) * 0.003, np.arange(40) * 0.003), np.zeros((40, 40))], -1).reshape(-1, 3)
    corner = (np.arange(39)[:, None] * 40 + np.arange(39)).ravel()
    faces = np.concatenate(
        [np.stack([corner, corner + 1, corner + 40], 1), np.stack([corner + 1, corner + 41, corner + 40], 1)]
    )
    config = FieldConfig(sigma_m=0.001, range_m=0.02)
    covariance = np.linalg.inv(prior_field(grid, faces.astype(np.int32), config).precision.toarray())
    middle = 20 * 40 + 20
    assert covariance[middle, middle] ** 0.5 == pytest.approx(0.001, rel=0.1)
    # Lindgren et al.: the correlation has fallen to about 0.1 at the range.
    assert covariance[middle, middle + 7] / covariance[middle, middle] == pytest.approx(0.13, abs=0.06)


def test_opposite_sides_are_as_alike_as_was_asked_for() -> None:
    """On a strip, whose columns are each other's mirror images; its middle column is its own."""
    grid = np.stack([*np.meshgrid((np.arange(21) - 10) * 0.004, np.arange(9) * 0.004), np.zeros((9, 21))], -1).reshape(-1, 3)
    corner = (np.arange(8)[:, None] * 21 + np.arange(20)).ravel()
    faces = np.concatenate(
        [np.stack([corner, corner + 1, corner + 21], 1), np.stack([corner + 1, corner + 22, corner + 21], 1)]
    ).astype(np.int32)
    mirror = (np.arange(9)[:, None] * 21 + np.arange(21)[::-1]).ravel().astype(np.int32)
    config = FieldConfig(sigma_m=0.001, range_m=0.02, symmetry=0.4)
    plain = np.linalg.inv(prior_field(grid, faces, config).precision.toarray())
    found = np.linalg.inv(prior_field(grid, faces, config, mirror).precision.toarray())
    far, near = 4 * 21 + 1, 4 * 21 + 2  # 36 mm off the midline, and its neighbour
    deviation = np.sqrt(np.diag(found))
    assert deviation[far] == pytest.approx(np.sqrt(plain[far, far]), rel=0.1)
    assert found[far, mirror[far]] / found[far, far] == pytest.approx(0.4, abs=0.05)
    assert found[far, near] / (deviation[far] * deviation[near]) > 0.8
    assert deviation.max() < 1.3 * np.sqrt(np.diag(plain).max())


@pytest.mark.parametrize("symmetry", [0.0, 0.4])
def test_sampled_sigma_is_the_posteriors(symmetry: float) -> None:
    grid = np.stack([*np.meshgrid(np.arange(12) * 0.005, np.arange(12) * 0.005), np.zeros((12, 12))], -1).reshape(-1, 3)
    corner = (np.arange(11)[:, None] * 12 + np.arange(11)).ravel()
    faces = np.concatenate(
        [np.stack([corner, corner + 1, corner + 12], 1), np.stack([corner + 1, corner + 13, corner + 12], 1)]
    )
    mirror = (np.arange(12)[:, None] * 12 + np.arange(12)[::-1]).ravel().astype(np.int32) if symmetry else None
    field = prior_field(grid, faces.astype(np.int32), FieldConfig(symmetry=symmetry), mirror)
    data = np.zeros(144)
    data[:72] = 1 / 0.0002**2
    system = System.of_prior(layout(1, 0, 1, True), (field.precision + sp.diags(data)).tocsc())
    factor = system.solve(np.zeros((144, 1)), field.spread, CancelToken()).factor
    sampled = conditional_sigma(field, data, factor, 2000, np.random.default_rng(0))
    exact = np.sqrt(np.diag(np.linalg.inv((field.precision + sp.diags(data)).toarray())))
    np.testing.assert_allclose(sampled, exact, rtol=0.12)


def test_a_uniform_push_is_recovered_and_an_outlier_is_not_believed(openhead: HeadModel) -> None:
    cameras = given_cameras(make_capture(openhead, yaws=(35.0, 0.0)))
    m = some_matches(openhead)
    normals = vertex_normals(openhead.template, openhead.faces)
    normal_basis = np.ones((len(normals), 1), np.float32)
    unknowns = layout(1, 0, 2, calibrated=True)
    origin = seen_after(cameras, m, 0.0, [np.zeros(6)] * 2, [0.0, 0.0])
    flow = seen_after(cameras, m, 0.001, [np.zeros(6)] * 2, [0.0, 0.0]) - origin
    flow[::5] += 30.0
    m = replace(m, flow=flow.astype(np.float32))
    field = prior_field(openhead.template.astype(np.float64), openhead.faces, FieldConfig(sigma_m=1e-6))
    config = SolveConfig(correlation_px2=1.0)
    system = System.of_prior(unknowns, field.precision)
    system.tt[1:, 1:] += 1e9 * np.eye(6)  # hold the head's pose: a push can also be a shift
    evidence = Evidence.none(len(normals), unknowns)
    evidence.add(rows(m, cameras, openhead.faces, len(normals), unknowns, 4.0, config), np.zeros(len(normals)), 0.0005, config)
    system.add(evidence, field.seen(normal_basis), unknowns)
    assert system.solve(normal_basis, field.spread, CancelToken()).step[0] == pytest.approx(0.001, rel=0.1)


def some_rows(rng: np.random.Generator, vertices: int, motions: int) -> Rows:
    """Twenty samples of a pair, linearised."""
    carry = sp.random(20, vertices, 0.3, "csr", random_state=1)
    measured, rate = rng.normal(size=(20, 2)), rng.uniform(1.0, 2.0, 20)
    return Rows(
        rng.normal(size=(20, motions)), None, measured, rate, rng.uniform(1.0, 2.0, 20), rng.uniform(0.1, 1.0, 20), carry
    )


def test_evidence_by_vertices_is_what_a_row_per_match_and_coefficient_would_say() -> None:
    rng = np.random.default_rng(0)
    unknowns, V, config = layout(3, 2, 2, calibrated=True), 15, SolveConfig(floor_m=0.0)
    r, basis, lift = some_rows(rng, V, 6), rng.normal(size=(V, 5)), rng.normal(size=V)
    evidence, system = Evidence.none(V, unknowns), System.of_prior(unknowns, sp.csc_matrix((V, V)))
    before = system.tt.copy()
    evidence.add(r, lift, 1e6, config)
    system.add(evidence, basis, unknowns)
    by_vertex = r.rate[:, None] * r.carry.toarray()
    design = np.hstack([by_vertex @ basis, r.along, by_vertex])
    weight = r.weight / r.sigma**2
    normal = design.T @ (weight[:, None] * design)
    right = design.T @ (weight * (r.measured[:, 0] + by_vertex @ lift))
    P = unknowns.size
    np.testing.assert_allclose(system.tt - before, normal[:P, :P], atol=1e-9)
    np.testing.assert_allclose(system.dt, normal[P:, :P], atol=1e-9)
    np.testing.assert_allclose(system.dd.toarray(), normal[P:, P:], atol=1e-9)
    np.testing.assert_allclose(np.concatenate([system.t, system.d]), right, atol=1e-9)


def a_grid(side: int, step_m: float) -> tuple[Float64Array, IntArray]:
    """A flat square of side x side vertices in the xy plane, and its triangles."""
    x, y = np.meshgrid(np.arange(side) * step_m, np.arange(side) * step_m)
    corner = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).ravel()
    halves = ((corner, corner + 1, corner + side), (corner + 1, corner + side + 1, corner + side))
    faces = np.concatenate([np.stack(h, 1) for h in halves])
    return np.stack([x, y, np.zeros_like(x)], -1).reshape(-1, 3), faces.astype(np.int32)


def test_a_blurred_field_passes_long_waves_and_stops_short_ones() -> None:
    vertices, faces = a_grid(60, 0.002)
    field, blur = prior_field(vertices, faces, FieldConfig()), 0.004
    seen_through = blurred(field, blur)
    inner = (np.abs(vertices[:, :2] - 0.059) < 0.03).all(1)
    for length in (0.08, 0.04, 0.02):
        k = 2.0 * np.pi / length
        wave = np.cos(k * vertices[:, 0])
        passed = (seen_through.seen(wave) * wave)[inner].sum() / (wave * wave)[inner].sum()
        assert passed == pytest.approx(1.0 / (1.0 + (blur * k) ** 2), rel=0.06)
        np.testing.assert_allclose(seen_through.spread @ seen_through.seen(wave), wave, atol=1e-9)


@pytest.mark.parametrize("modelled", [True, False])
def test_only_with_the_blur_in_the_equations_one_measurement_settles_it(modelled: bool) -> None:
    """What is seen is the blurred truth and noise. Measured again from the answer, it must have nothing new to say."""
    rng = np.random.default_rng(0)
    vertices, faces = a_grid(30, 0.003)
    V, unknowns = len(vertices), layout(0, 0, 1, calibrated=True)
    plain = prior_field(vertices, faces, FieldConfig())
    eye = blurred(plain, 0.005)
    field = eye if modelled else plain
    truth = 0.0008 * np.cos(2.0 * np.pi * vertices[:, 0] / 0.02)
    noise, lift, steps, errors = 0.0008 * rng.normal(size=V), np.zeros(V), [], []
    for _ in range(12):
        seen = 1000.0 * (eye.seen(truth - lift) + noise)  # a pixel per millimetre
        ones = np.ones(V)
        r = Rows(
            np.zeros((V, 6)), None, np.stack([seen, 0 * seen], 1), 1000.0 * ones, 0.3 * ones, ones, sp.identity(V, format="csr")
        )
        evidence, system = Evidence.none(V, unknowns), System.of_prior(unknowns, field.precision)
        evidence.add(r, field.seen(lift), 1e6, SolveConfig(floor_m=0.0))
        system.add(evidence, np.zeros((V, 0)), unknowns)
        found = system.solve(np.zeros((V, 0)), field.spread, CancelToken()).lift
        steps.append(float(np.abs(found - lift).max()))
        lift = found
        errors.append(float(np.sqrt(((lift - truth) ** 2).mean())))
    assert (steps[1] < 1e-8) == modelled
    if not modelled:
        assert errors[-1] > 1.15 * min(errors)  # the noise of what is hardly seen grows from round to round
