from __future__ import annotations

import numpy as np
import pytest

from facestudio.errors import DatasetError
from facestudio.evaluate.now import Variant, checked_landmarks, crop, measure, measure_unaligned, procrustes
from facestudio.geometry.rotations import exp_so3
from facestudio.types import Float64Array, Mesh
from tests.evaluate.synthetic_bench import egg, egg_landmarks, points, region

TRUTH = egg()
ROWS = egg_landmarks(TRUTH)
VERTICES = points(TRUTH)
LANDMARKS, SCAN = VERTICES[ROWS], VERTICES[region(TRUTH)]
TURN = exp_so3(np.array([0.4, -1.1, 0.3]))


def moved(places: Float64Array, scale: float = 1.0) -> Float64Array:
    return np.asarray(scale * places @ TURN.T + [0.2, -0.1, 0.5])


def other_shape() -> Mesh:
    """Wider, and dented: not the truth under any similarity."""
    v = np.asarray(TRUTH.vertices) * [1.06, 1.0, 0.97]
    return Mesh(v + np.outer(np.exp(-((v - [0.03, 0.02, 0.08]) ** 2).sum(1) / 4e-4), [0, 0, -0.004]), TRUTH.faces)


@pytest.mark.parametrize("variant", [Variant.NOW, Variant.METRIC])
def test_the_truth_itself_has_no_error_wherever_it_stands(variant: Variant) -> None:
    prediction = Mesh(moved(VERTICES), TRUTH.faces)
    found = measure(prediction, moved(LANDMARKS), SCAN, LANDMARKS, variant)
    assert found.distances_mm.shape == (len(SCAN),)
    assert found.distances_mm.max() < 1e-6
    assert found.landmark_rmse_mm < 1e-9
    assert not found.mirrored


def test_landmarks_that_are_off_by_millimetres_are_forgiven_by_the_refinement() -> None:
    noisy = LANDMARKS + np.random.default_rng(0).normal(0, 0.002, (7, 3))
    found = measure(TRUTH, noisy, SCAN, LANDMARKS, Variant.NOW)
    assert found.landmark_rmse_mm > 1.0
    assert found.distances_mm.max() < 1e-3


def test_turning_moving_and_scaling_the_prediction_changes_no_now_error() -> None:
    shape = other_shape()
    here = measure(shape, shape.vertices[ROWS], SCAN, LANDMARKS, Variant.NOW)
    there = Mesh(moved(points(shape), 1000.0), shape.faces)
    again = measure(there, there.vertices[ROWS], SCAN, LANDMARKS, Variant.NOW)
    assert np.median(here.distances_mm) > 0.05
    np.testing.assert_allclose(again.distances_mm, here.distances_mm, atol=1e-4)
    assert again.alignment.scale * 1000.0 == pytest.approx(here.alignment.scale, rel=1e-6)


def test_the_metric_variant_sees_a_head_that_is_a_tenth_too_large() -> None:
    large = Mesh(TRUTH.vertices * 1.1, TRUTH.faces)
    now = measure(large, LANDMARKS * 1.1, SCAN, LANDMARKS, Variant.NOW)
    metric = measure(large, LANDMARKS * 1.1, SCAN, LANDMARKS, Variant.METRIC)
    assert now.distances_mm.max() < 1e-6
    assert now.alignment.scale == pytest.approx(1 / 1.1)
    assert metric.alignment.scale == 1.0
    assert 1.0 < np.median(metric.distances_mm) < 10.0


def test_a_sphere_inside_a_sphere_is_as_far_as_their_radii_differ() -> None:
    v = np.asarray(TRUTH.vertices)
    directions = v / np.linalg.norm(v, axis=1, keepdims=True)
    outer, inner = 0.1 * directions, Mesh(0.098 * directions, TRUTH.faces)
    found = measure(inner, inner.vertices[ROWS] * 100 / 98, outer, outer[ROWS], Variant.METRIC)
    assert np.median(found.distances_mm) == pytest.approx(2.0, abs=0.15)  # the facets lie a little inside the sphere


def test_the_refinement_reaches_a_minimum() -> None:
    shape = other_shape()
    found = measure(shape, shape.vertices[ROWS], SCAN, LANDMARKS, Variant.NOW)
    least = (found.distances_mm**2).sum()
    a = found.alignment
    for k, change in enumerate(np.vstack([np.eye(7), -np.eye(7)]) * 2e-4):
        turned = (1 + change[6]) * a.apply(shape.vertices) @ exp_so3(change[:3]).T + 0.1 * change[3:6]
        assert (measure_unaligned(Mesh(turned, shape.faces), SCAN) ** 2).sum() > least, f"step {k} goes down"


def test_swapped_left_and_right_are_noticed_and_never_forgiven_by_mirroring() -> None:
    mirrored = Mesh(TRUTH.vertices * [-1, 1, 1], TRUTH.faces[:, ::-1])
    found = measure(mirrored, LANDMARKS * [-1, 1, 1], SCAN, LANDMARKS, Variant.NOW)
    assert found.mirrored
    assert np.linalg.det(found.alignment.R) == pytest.approx(1.0)
    assert found.distances_mm.max() > 1.0


def test_procrustes_recovers_the_similarity_it_is_given() -> None:
    found, mirrored = procrustes(LANDMARKS, moved(LANDMARKS, 1.7), with_scale=True)
    assert found.scale == pytest.approx(1.7)
    np.testing.assert_allclose(found.R, TURN, atol=1e-12)
    np.testing.assert_allclose(found.undo(moved(LANDMARKS, 1.7)), LANDMARKS, atol=1e-12)
    assert not mirrored


def test_unaligned_distances_see_where_the_head_stands() -> None:
    plane = Mesh(np.array([[-1.0, -1, 0], [1, -1, 0], [0, 2, 0]]), np.array([[0, 1, 2]]))
    np.testing.assert_allclose(measure_unaligned(plane, np.array([[0.0, 0, 0.003], [0.1, 0.1, -0.001]])), [3.0, 1.0])


def test_crop_keeps_the_ball_about_the_nose() -> None:
    # Eyes 0.1 apart, bridge at the origin, nose 0.06 below: centre 0.042 below, radius 1.4 * (0.1 + 0.06) / 2 = 0.112.
    marks = np.array(
        [[-0.05, 0, 0], [-0.02, 0, 0], [0.02, 0, 0], [0.05, 0, 0], [0, -0.06, 0], [-0.02, -0.08, 0], [0.02, -0.08, 0]]
    )
    scan = np.array([[0, -0.042 + 0.1119, 0], [0, -0.042 + 0.1121, 0], [0.1119, -0.042, 0], [0, -0.042, -0.1121]])
    assert crop(scan, marks).tolist() == [True, False, True, False]


@pytest.mark.parametrize(
    "seven",
    [np.zeros((6, 3)), np.zeros((7, 3)), np.full((7, 3), np.nan), np.outer(np.arange(7.0), [1, 2, 3])],
    ids=["six", "one point", "not finite", "one line"],
)
def test_landmarks_that_cannot_place_a_head_are_refused(seven: Float64Array) -> None:
    with pytest.raises(DatasetError, match="landmark"):
        checked_landmarks(seven)
