"""What refinement is given: photos of two sizes, and the pairs of them to match."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from facestudio.head.model import HeadModel
from facestudio.progress import CancelToken
from facestudio.reconstruct.problem import Head, choose_pairs, ideal, prepare, sightings
from facestudio.reconstruct.refinement import RefineConfig
from facestudio.reconstruct.sighting import Layer, Photo
from facestudio.types import Float32Array
from tests.reconstruct.refine_scene import given_cameras, make_capture
from tests.reconstruct.scene import camera_at


@pytest.mark.parametrize("blur_px", [0.8, 1.5])
def test_grain_of_the_half_is_known(blur_px: float) -> None:
    noise = np.random.default_rng(0).normal(0.0, 5.0, (400, 400)).astype(np.float32)
    grain = np.asarray(cv2.GaussianBlur(noise, (0, 0), blur_px), np.float32)
    whole, ones = Layer(grain, float(grain.std())), np.ones((400, 400), np.float32)
    half = Photo((whole,), ones, ones, ones).halved(blur_px).layers[0]
    assert half.picture.shape == (200, 200)
    assert half.noise == pytest.approx(float(half.picture.std()), rel=0.05)
    assert half.noise < 0.95 * whole.noise


def test_both_sizes_show_the_head_at_the_same_place(openhead: HeadModel) -> None:
    capture, config = make_capture(openhead, size=301), RefineConfig()  # odd: the last row and column have no partner
    cameras = [ideal(c) for c in given_cameras(capture)]
    shape = [np.zeros(basis.shape[2]) for basis in (openhead.identity_basis, openhead.expression_basis)]
    start = Head(shape[0], shape[1], np.zeros(openhead.vertex_count), tuple(cameras), np.zeros(3))
    problem = prepare(capture.views, cameras, openhead, start, [None] * 3, (), False, config, None, CancelToken())
    for fine, coarse in zip(*(sightings(problem, start, level) for level in (problem.fine, problem.coarse)), strict=True):
        assert fine is not None
        assert coarse is not None
        rows, columns = np.nonzero(cv2.erode(coarse.covered.astype(np.uint8), np.ones((9, 9), np.uint8)))
        # The middle of a pixel of the half is the corner of four pixels of the whole.
        x, y = (2.0 * (n + c) + 0.5 - f for n, c, f in zip((columns, rows), coarse.corner, fine.corner, strict=True))
        there: Float32Array = np.asarray(
            cv2.remap(fine.points, x.astype(np.float32)[None], y.astype(np.float32)[None], cv2.INTER_LINEAR)[0], np.float32
        )
        apart = np.linalg.norm(there - coarse.points[rows, columns], axis=1)
        assert np.median(apart) < 5e-5  # of pixels that are 2 mm wide
        assert np.percentile(apart, 95) < 1e-3


def test_of_many_views_each_is_matched_with_a_few() -> None:
    def pairs(yaws: Sequence[float]) -> tuple[tuple[int, int], ...]:
        return choose_pairs([camera_at(yaw) for yaw in yaws], (8.0, 62.0))

    assert len(pairs((40.0, 0.0, -40.0))) == 4  # the sides are too far apart
    assert len(pairs((25.0, 0.0, -25.0))) == 6
    found = pairs(np.linspace(-60.0, 60.0, 13).tolist())
    assert {(b, a) for a, b in found} == set(found)
    partners = np.bincount([a for a, _ in found])
    assert partners.min() >= 4
    assert len(found) < 13 * 7
