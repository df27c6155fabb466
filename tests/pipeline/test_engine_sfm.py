"""The engine `sfm` from landmarks to head, with small networks that nobody trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from facestudio.errors import HeadModelError
from facestudio.geometry.camera import project
from facestudio.head.landmarks import LandmarkBasis
from facestudio.head.store import load_head
from facestudio.pipeline import engine_sfm
from facestudio.pipeline.engine_sfm import by_points, facing, points_and_head
from facestudio.pipeline.evidence import evidence_basis, evidence_error
from facestudio.pipeline.job import Job
from facestudio.reconstruct.sfm.frames import Frame
from facestudio.reconstruct.sfm.infer import InferConfig
from facestudio.reconstruct.sfm.networks import NetworkConfig
from facestudio.training.sfm.train import write_weights
from facestudio.types import Image, Landmarks, Reconstruction, Triplet, View, ViewName
from tests.reconstruct.sfm.heads import basis, orbit, orbit_camera

TINY = NetworkConfig(width=8, decoder=(16, 12, 8, 8, 8), pose_shrink=2)


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from facestudio.reconstruct.sfm.networks import SfmNet

    torch.manual_seed(0)
    write_weights(SfmNet(TINY), tmp_path, 64)
    monkeypatch.setattr(engine_sfm, "models_dir", lambda: tmp_path)
    return tmp_path


def frames() -> list[Frame]:
    scene = orbit((-30.0, 0.0, 30.0), 128)
    return [Frame(p, c, m, v) for p, c, m, v in zip(scene.pictures, scene.cameras, scene.landmarks, scene.visible, strict=True)]


@pytest.mark.parametrize("free_size", [False, True])
def test_points_become_a_head_that_still_projects_onto_its_photos(shipped: Path, free_size: bool) -> None:
    model, marks = load_head("open"), basis()
    config = InferConfig(adapt_steps=60, adapt_rate=2e-3)
    found = points_and_head(model, marks, frames(), None, free_size, config=config)
    head = marks.mean + marks.identity @ found.fitted.identity + marks.expression @ found.fitted.expression
    for frame, camera in zip(frames(), found.cameras, strict=True):
        gaps = np.linalg.norm(project(camera, head) - frame.landmarks, axis=1)[frame.visible]
        assert np.median(gaps) < 2.0  # of 128 pixels
    assert found.cloud.points.shape[1] == 3
    # The cloud was moved along with the cameras: it lies about the fitted head.
    low, high = found.fitted.posed.min(0), found.fitted.posed.max(0)
    assert ((found.cloud.points > low - 0.02) & (found.cloud.points < high + 0.02)).all(1).mean() > 0.95
    if not free_size:
        assert found.fitted.scale == 1.0


def test_five_photos_are_all_measured_and_three_stand_for_them(shipped: Path) -> None:
    model, error = load_head("open"), evidence_error()
    full = evidence_basis(model)
    rows = np.flatnonzero(full.ids % 4 == 0)  # quick to solve
    few = LandmarkBasis(full.ids[rows], full.mean[rows], full.identity[rows], full.expression[rows], full.named)
    scene = orbit((40.0, 0.0, -40.0, 20.0, -20.0), 128)
    names = (*ViewName, ViewName.FRONT, ViewName.FRONT)
    views = []
    for name, pixels, camera in zip(names, scene.pictures, scene.cameras, strict=True):
        points = np.zeros((478, 2))
        points[few.ids] = project(camera, few.mean)
        views.append(
            View(name, Image(pixels, float(camera.K[0, 0])), None, Landmarks(points, "mediapipe478", np.full(478, 0.3)))
        )
    masks = [np.ones(v.image.pixels.shape[:2], np.float32) for v in views]
    job = Job(Triplet(tuple(views[:3])), model, few, error, error, masks[:3], more=tuple(views[3:]), more_masks=masks[3:])
    said: list[object] = []

    def told(result: object) -> None:
        said.append(result)

    found = by_points(replace(job, partial=told))
    assert [v.name for v in found.views] == list(ViewName)
    assert len(found.cameras) == len(found.quality) == 3
    assert any(note.startswith("5 photos were measured") for note in found.notes)
    assert found.points is not None
    assert found.points.views.max() > 3  # more than three frames agree on some point
    first = said[0]
    assert isinstance(first, Reconstruction)
    assert len(first.views) == 3


def test_landmarks_that_turn_away_from_the_camera_are_not_counted_as_seen() -> None:
    model, marks = load_head("open"), basis()
    left, front = facing(model, marks, orbit_camera(60.0)), facing(model, marks, orbit_camera(0.0))
    far_side, near_side = marks.mean[:, 0] < -0.055, marks.mean[:, 0] > 0.05
    assert not left[far_side].any()
    assert left[near_side].mean() > 0.9
    assert front.mean() > 0.7


def test_missing_networks_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_sfm, "models_dir", lambda: tmp_path)
    with pytest.raises(HeadModelError, match=r"sfm_depth\.npz"):
        points_and_head(load_head("open"), basis(), frames(), None, False)
