"""The dense detector: it goes with the face, mirrors with the picture, and says how sure it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from facestudio.errors import HeadModelError
from facestudio.landmarks.dense_model import DenseLandmarker, DenseNet, DenseNetConfig
from facestudio.landmarks.dense_net import SCHEME, DenseConfig, DenseDetector, dense_landmarks
from facestudio.landmarks.dense_start import StartConfig, StartNet
from facestudio.landmarks.detector import Face
from facestudio.training.checkpoint import export_weights
from facestudio.types import Image, Landmarks

POINTS, DETECTED = 6, 10
MIRROR = np.array([1, 0, 3, 2, 4, 5])
SMALL = DenseConfig(size=64)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained network whose basis moves points."""
    torch.manual_seed(4)
    start, net = StartNet(StartConfig(inputs=DETECTED, points=POINTS)), DenseNet(DenseNetConfig(points=POINTS))
    start.mean = torch.tensor([[-0.5, 0.0], [0.5, 0.0], [-0.3, 0.6], [0.3, 0.6], [0.0, -0.4], [0.0, 0.2]])
    net.basis.normal_(std=0.05)
    path = tmp_path_factory.mktemp("weights") / "net.npz"
    extra = {"mirror": MIRROR, "detected": np.arange(DETECTED), "sigma_scale": np.array([2.0], np.float32)}
    export_weights(DenseLandmarker(start, net), path, extra)
    return path


def _face(shift: float = 0.0) -> tuple[Image, Landmarks]:
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 256, (300, 400, 3), dtype=np.uint8)
    picture = np.roll(picture, int(shift), axis=1)
    points = np.array([[150.0 + 10 * k, 100.0 + 7 * (k * 3 % 10)] for k in range(DETECTED)]) + np.array([shift, 0.0])
    return Image(picture), Landmarks(points, "mediapipe478", np.ones(DETECTED))


def test_points_go_with_the_face(weights: Path) -> None:
    (a, da), (b, db) = _face(), _face(23.0)
    first, second = dense_landmarks([a, b], [da, db], weights, SMALL)
    assert first.scheme == SCHEME
    assert first.points.shape == (POINTS, 2)
    assert np.allclose(second.points, first.points + np.array([23.0, 0.0]), atol=1e-2)
    assert np.allclose(second.sigma, first.sigma, rtol=1e-3)
    assert first.seen is not None
    assert ((first.seen >= 0) & (first.seen <= 1)).all()


def test_a_mirrored_picture_gives_mirrored_points(weights: Path) -> None:
    image, found = _face()
    flipped = Image(np.ascontiguousarray(image.pixels[:, ::-1]))
    # The start must be mirrored, too: a detector whose points are the same set mirrored.
    symmetric = np.concatenate([found.points[:5], found.points[:5] * [-1, 1] + np.array([399.0, 0.0])])
    straight = replace(found, points=symmetric)
    first = dense_landmarks([image], [straight], weights, SMALL)[0]
    mirrored = replace(found, points=symmetric[[5, 6, 7, 8, 9, 0, 1, 2, 3, 4]] * [-1, 1] + np.array([399.0, 0.0]))
    second = dense_landmarks([flipped], [mirrored], weights, SMALL)[0]
    assert np.allclose(second.points[MIRROR] * [-1, 1] + np.array([399.0, 0.0]), first.points, atol=0.05)


def test_views_together_give_what_each_gives_alone(weights: Path) -> None:
    faces = [_face(), _face(11.0)]
    together = dense_landmarks([f[0] for f in faces], [f[1] for f in faces], weights, SMALL)
    alone = [dense_landmarks([image], [found], weights, SMALL)[0] for image, found in faces]
    for a, b in zip(together, alone, strict=True):
        assert np.allclose(a.points, b.points, atol=1e-2)


def test_the_calibrated_factor_widens_the_sigmas(weights: Path, tmp_path: Path) -> None:
    with np.load(weights) as data:
        arrays = {name: data[name] for name in data.files}
    np.savez(tmp_path / "w.npz", **(arrays | {"sigma_scale": np.array([4.0], np.float32)}))
    image, found = _face()
    wide = dense_landmarks([image], [found], tmp_path / "w.npz", SMALL)[0]
    assert np.allclose(wide.sigma, 2.0 * dense_landmarks([image], [found], weights, SMALL)[0].sigma, rtol=1e-5)


class Known:
    """A detector that knows where the face is."""

    scheme = "mediapipe478"
    closed = False

    def detect(self, image: Image, where: str) -> Face:
        found = _face()[1]
        return Face(found, np.concatenate([found.points.min(0), found.points.max(0)]), 2)

    def close(self) -> None:
        self.closed = True


def test_the_adapter_is_a_detector_over_another(weights: Path) -> None:
    first = Known()
    detector = DenseDetector(first, weights, SMALL)
    face = detector.detect(_face()[0], "here")
    assert face.landmarks.scheme == detector.scheme == SCHEME
    assert face.rivals == 2
    detector.close()
    assert first.closed


def test_without_weights_it_says_so(tmp_path: Path) -> None:
    image, found = _face()
    with pytest.raises(HeadModelError, match="cannot be read"):
        dense_landmarks([image], [found], tmp_path / "none.npz")
