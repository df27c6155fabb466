"""The shipped weights on the shipped sample, whose true head and cameras are known."""

from __future__ import annotations

import json

import numpy as np
import pytest

from facestudio.geometry.camera import project
from facestudio.head.dense import attach_dense, dense_ids, dense_mirror, dense_on_face
from facestudio.head.model import HeadModel
from facestudio.landmarks.dense_net import dense_landmarks, dense_weights
from facestudio.landmarks.mediapipe_detector import MediapipeDetector
from facestudio.landmarks.weights import read_extra
from facestudio.paths import resources_dir
from facestudio.pipeline.cameras_file import read_cameras
from facestudio.pipeline.read_picture import read_picture
from facestudio.types import ViewName

SAMPLE = resources_dir() / "sample"

if not dense_weights().is_file():
    pytest.skip("the weights are not here", allow_module_level=True)


def test_they_are_small_and_belong_to_the_shipped_landmarks() -> None:
    assert dense_weights().stat().st_size <= 25_000_000
    assert np.array_equal(read_extra(dense_weights())["mirror"], dense_mirror())


def test_the_points_lie_on_the_sample_s_true_head(openhead: HeadModel) -> None:
    model, cameras = attach_dense(openhead), read_cameras(SAMPLE / "cameras.json")
    truth = json.loads((SAMPLE / "truth.json").read_text())
    head = model.template + model.identity_basis @ np.array(truth["identity"], np.float32)
    images = [read_picture(SAMPLE / f"{view}.jpg") for view in ViewName]
    with MediapipeDetector() as detector:
        faces = [detector.detect(image, "sample").landmarks for image in images]
    for view, found in zip(ViewName, dense_landmarks(images, faces), strict=True):
        assert found.seen is not None
        camera = cameras[view]
        true = project(camera, head[dense_ids(model)].astype(np.float64))
        shown = dense_on_face(model) & (found.seen > 0.8)
        assert shown.sum() > 150
        off = np.linalg.norm(found.points - true, axis=1)[shown]
        assert np.median(off) < 4.5, view  # pixels; the face is 300 pixels high
        # What the network says of itself is true: honest on average, and larger where it is wrong.
        inside = (np.abs(found.points - true) < found.sigma[:, None])[shown].mean()
        assert 0.4 < inside < 0.95, view
