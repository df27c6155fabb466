"""The search along a ray: what it finds, how sure it says it is, and what it must not claim."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from facestudio.errors import Cancelled
from facestudio.geometry.shading import vertex_normals
from facestudio.head.model import HeadModel
from facestudio.progress import CancelToken
from facestudio.reconstruct.correspondence import FlowConfig, Matches
from facestudio.reconstruct.photo import dull, plain
from facestudio.reconstruct.sighting import Layer, Photo, Sighting, sight
from facestudio.reconstruct.sweep import SweepConfig, peak, sweep
from facestudio.types import Float32Array, View
from tests.reconstruct.refine_scene import Capture, given_cameras, make_capture

SHIFTS = np.linspace(-0.0015, 0.0015, 13, dtype=np.float32)


def read(view: View, gain: float = 1.0) -> Photo:
    ones = np.ones(view.image.pixels.shape[:2], np.float32)
    pixels = np.clip(view.image.pixels * gain, 0, 255).astype(np.uint8)
    layers = tuple(Layer(np.asarray(cv2.GaussianBlur(f(pixels), (0, 0), 0.8), np.float32), 1.0) for f in (plain, dull))
    return Photo(layers, ones, ones, ones)


def seen(model: HeadModel, capture: Capture, lift_m: float, gain: float = 1.0) -> list[Sighting]:
    """Both photos through a head that lies `lift_m` outside the true one."""
    vertices = capture.truth + lift_m * vertex_normals(capture.truth, model.faces)
    photos = [read(v, gain if k else 1.0) for k, v in enumerate(capture.views)]
    found = [sight(p, c, vertices, model.faces) for p, c in zip(photos, given_cameras(capture), strict=True)]
    assert found[0] is not None and found[1] is not None
    return [s for s in found if s is not None]


def shift_mm(matches: Matches, sightings: list[Sighting]) -> Float32Array:
    """The shift along the normal that each match stands for."""
    other, reference = sightings[matches.target].camera, sightings[matches.source].camera
    ray = matches.points - reference.centre
    ray /= (matches.normals * ray).sum(1)[:, None]  # per metre along the normal
    pixel = [(other.K @ (other.R @ (matches.points + s * ray).T + other.t[:, None])).T for s in (0.0, 1e-4)]
    rate = (pixel[1][:, :2] / pixel[1][:, 2:] - pixel[0][:, :2] / pixel[0][:, 2:]) / 1e-4
    return np.asarray(1000.0 * (matches.flow * rate).sum(1) / (rate**2).sum(1))


def face_only(model: HeadModel) -> Float32Array:
    return model.part_faces("face", "skin").astype(np.float32)


@pytest.fixture(scope="module")
def capture(openhead: HeadModel) -> Capture:
    return make_capture(openhead, yaws=(0.0, 30.0))


@pytest.mark.parametrize(("lift_mm", "gain"), [(0.6, 1.0), (-0.4, 1.0), (0.6, 0.7)])
def test_a_head_that_lies_too_far_out_or_in_is_found_out_whatever_the_exposure(
    openhead: HeadModel, capture: Capture, lift_mm: float, gain: float
) -> None:
    sightings = seen(openhead, capture, lift_mm / 1000.0, gain)
    matches = sweep(sightings, 0, 1, SweepConfig(), FlowConfig(), face_only(openhead), CancelToken())
    assert len(matches.flow) > 1000
    assert np.median(shift_mm(matches, sightings)) == pytest.approx(-lift_mm, abs=0.08)


def test_most_errors_lie_within_two_stated_standard_deviations(openhead: HeadModel, capture: Capture) -> None:
    sightings = seen(openhead, capture, 0.0004)
    matches = sweep(sightings, 0, 1, SweepConfig(), FlowConfig(), face_only(openhead), CancelToken())
    off = np.abs(shift_mm(matches, sightings) + 0.4)
    px_per_mm = np.linalg.norm(matches.flow, axis=1) / np.maximum(np.abs(shift_mm(matches, sightings)), 1e-3)
    assert np.mean(off < 2.0 * matches.sigma_px / px_per_mm) > 0.8


def test_nothing_is_claimed_where_the_pictures_have_nothing_in_common(openhead: HeadModel, capture: Capture) -> None:
    sightings = seen(openhead, capture, 0.0)
    rng = np.random.default_rng(0)
    noise = tuple(
        Layer(rng.normal(128, 20, layer.picture.shape).astype(np.float32), 1.0) for layer in sightings[0].photo.layers
    )
    foreign = [replace(sightings[0], photo=replace(sightings[0].photo, layers=noise)), sightings[1]]
    own = sweep(sightings, 0, 1, SweepConfig(), FlowConfig(), face_only(openhead), CancelToken())
    other = sweep(foreign, 0, 1, SweepConfig(), FlowConfig(), face_only(openhead), CancelToken())
    assert len(other.flow) < 0.05 * len(own.flow)


def test_a_parabola_is_found_between_the_steps_with_its_uncertainty() -> None:
    true = np.array([[0.00041, -0.00077]], np.float32)
    scores = (0.9 - 2e5 * (SHIFTS[:, None, None] - true) ** 2).astype(np.float32)
    shift, likeness, sigma, inside = peak(scores, SHIFTS, 25.0)
    np.testing.assert_allclose(shift, true, atol=2e-6)
    np.testing.assert_allclose(likeness, 0.9, atol=1e-3)
    # rho bends by 4e5 per square metre: sqrt(0.1 / (4e5 * 25)) = 0.1 mm.
    np.testing.assert_allclose(sigma, 1e-4, rtol=0.02)
    assert inside.all()


def test_a_maximum_at_the_end_of_the_row_is_none() -> None:
    scores = np.broadcast_to(SHIFTS[:, None, None], (13, 2, 2)).astype(np.float32)
    assert not peak(scores, SHIFTS, 25.0)[3].any()


def test_it_stops_when_asked(openhead: HeadModel, capture: Capture) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        sweep(seen(openhead, capture, 0.0), 0, 1, SweepConfig(), FlowConfig(), face_only(openhead), cancel)
