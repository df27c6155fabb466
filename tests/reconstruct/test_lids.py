"""Lids go where the photos' lid landmarks are, and nothing else goes with them."""

from __future__ import annotations

import numpy as np
import pytest

from facestudio.geometry.camera import project
from facestudio.geometry.shading import portrait_camera
from facestudio.head.landmarks import on_surface
from facestudio.head.model import EYES, HeadModel
from facestudio.reconstruct.detector_error import ignorant
from facestudio.reconstruct.lids import _LIDS, fit_lids
from facestudio.types import Camera, Float64Array, Image, Landmarks, View, ViewName

ERROR = ignorant(np.arange(478), 0.0005)


@pytest.fixture(scope="module")
def cameras(openhead: HeadModel) -> tuple[Camera, ...]:
    return tuple(portrait_camera(openhead.template, 1000, 1000, yaw, 2.0) for yaw in (35.0, 0.0, -35.0))


def photographed(model: HeadModel, vertices: Float64Array, cameras: tuple[Camera, ...]) -> list[View]:
    """Views whose landmarks are those of these vertices."""
    embedding = model.embeddings["mediapipe478"]
    views = []
    for camera in cameras:
        points = np.zeros((478, 2))
        points[embedding.ids] = project(camera, on_surface(vertices, model.faces, embedding))
        blank = Image(np.zeros((camera.height, camera.width, 3), np.uint8))
        views.append(View(ViewName.FRONT, blank, camera, Landmarks(points, "mediapipe478", np.ones(478))))
    return views


def off_mm(model: HeadModel, vertices: Float64Array, truth: Float64Array) -> float:
    """Mean height by which the lids' landmarks are off."""
    embedding = model.embeddings["mediapipe478"]
    wanted = [i for eye in _LIDS for lid in eye for i in lid]
    gap = (on_surface(vertices, model.faces, embedding) - on_surface(truth, model.faces, embedding))[:, 1]
    return float(1000.0 * np.abs(gap[np.isin(embedding.ids, wanted)]).mean())


def narrowed(model: HeadModel, amount: float) -> Float64Array:
    """Eyes narrowed by blinks, as another person's are."""
    columns = [model.expression_names.index(name) for name in ("eyeBlinkLeft", "eyeBlinkRight")]
    return np.asarray(model.template.astype(np.float64) + amount * model.expression_basis[..., columns].sum(axis=-1))


@pytest.mark.parametrize("amount", [0.2, -0.1])
def test_lids_follow_the_landmarks(openhead: HeadModel, cameras: tuple[Camera, ...], amount: float) -> None:
    truth, start = narrowed(openhead, amount), openhead.template.astype(np.float64)
    moved = start + fit_lids(openhead, start, cameras, photographed(openhead, truth, cameras), ERROR)
    assert off_mm(openhead, moved, truth) < 0.45 * off_mm(openhead, start, truth)


def test_eyes_that_sit_lower_are_moved_with_their_balls(openhead: HeadModel, cameras: tuple[Camera, ...]) -> None:
    start = openhead.template.astype(np.float64)
    truth = start - np.array([0.0, 0.0012, 0.0])
    by = fit_lids(openhead, start, cameras, photographed(openhead, truth, cameras), ERROR)
    assert -0.0013 < by[openhead.part_vertices(*EYES), 1].mean() < -0.0006


def test_nothing_far_from_the_eyes_moves_and_right_lids_stay(openhead: HeadModel, cameras: tuple[Camera, ...]) -> None:
    start = openhead.template.astype(np.float64)
    by = fit_lids(openhead, start, cameras, photographed(openhead, narrowed(openhead, 0.2), cameras), ERROR)
    assert not by[openhead.part_vertices("lips", "ears", "scalp", "neck")].any()
    assert np.abs(fit_lids(openhead, start, cameras, photographed(openhead, start, cameras), ERROR)).max() < 1e-5


def test_lids_keep_their_distance_from_the_ball(openhead: HeadModel, cameras: tuple[Camera, ...]) -> None:
    start = openhead.template.astype(np.float64)
    moved = start + fit_lids(openhead, start, cameras, photographed(openhead, narrowed(openhead, 0.25), cameras), ERROR)
    lids = openhead.part_vertices("eyelids")
    for row in (3, 4):
        joint = openhead.joint_regressor.astype(np.float64)[row]
        before, after = (np.linalg.norm(v[lids] - joint @ v, axis=1) for v in (start, moved))
        close = before < 0.0165
        assert (after - before)[close].min() > -0.0004
