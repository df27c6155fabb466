"""More than three photos: landmark fit and dense matching use all of them, and the head comes with three."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facestudio.geometry.camera import project
from facestudio.head.landmarks import on_surface
from facestudio.head.store import load_head
from facestudio.landmarks.mediapipe_detector import POINTS
from facestudio.pipeline.engine_fit import by_landmarks, by_matching
from facestudio.pipeline.evidence import evidence_basis, evidence_error, landmark_term
from facestudio.pipeline.job import Job
from facestudio.reconstruct.refinement import Quality
from facestudio.types import Landmarks, Reconstruction, Triplet, View, ViewName
from tests.reconstruct.refine_scene import make_capture

YAWS = (40.0, 0.0, -40.0, 20.0, -20.0)
NAMES = (*ViewName, ViewName.FRONT, ViewName.FRONT)


@pytest.fixture(scope="module")
def job() -> Job:
    model = load_head("open")
    term = landmark_term(model, "mediapipe")
    capture = make_capture(model, YAWS)
    views = []
    for name, view in zip(NAMES, capture.views, strict=True):
        assert view.camera is not None
        points = np.zeros((POINTS, 2))
        points[term.basis.ids] = project(view.camera, on_surface(capture.truth, model.faces, term.places))
        image = replace(view.image, focal_px=float(view.camera.K[0, 0]))
        views.append(View(name, image, None, Landmarks(points, "mediapipe478", np.full(POINTS, 0.3))))
    masks = [np.ones(v.image.pixels.shape[:2], np.float32) for v in views]
    basis, error = evidence_basis(model), evidence_error()
    return Job(
        Triplet(tuple(views[:3])),
        model,
        basis,
        error,
        error,
        masks[:3],
        Quality.DRAFT,
        more=tuple(views[3:]),
        more_masks=masks[3:],
    )


def test_dense_matching_looks_at_all_of_them(job: Job) -> None:
    said: list[object] = []

    def told(result: object) -> None:
        said.append(result)

    found = by_matching(replace(job, partial=told))
    assert found.engine == "auto", found.notes
    assert [v.name for v in found.views] == list(ViewName)
    assert len(found.cameras) == len(found.quality) == 3
    assert any(note.startswith("5 photos were measured") for note in found.notes)
    (first,) = said
    assert isinstance(first, Reconstruction)
    assert len(first.views) == 3
    of_three = by_matching(replace(job, more=(), more_masks=()))
    assert found.sigma is not None
    assert of_three.sigma is not None
    face = job.model.part_vertices("face")
    assert np.median(found.sigma[face]) < np.median(of_three.sigma[face])  # two photos more, and better known
    assert not np.allclose(found.vertices, of_three.vertices, atol=1e-5)


def test_the_landmark_fit_does_too(job: Job) -> None:
    found = by_landmarks(job)
    assert [v.name for v in found.views] == list(ViewName)
    assert any(note.startswith("5 photos were measured") for note in found.notes)
    assert not np.allclose(found.vertices, by_landmarks(replace(job, more=(), more_masks=())).vertices, atol=1e-6)
