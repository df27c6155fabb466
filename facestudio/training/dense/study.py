"""What both detectors get wrong together, measured on held-out synthetic orbits: makes models/dense_error.npz.

The dense landmarks start from mediapipe's, so their errors hang together; 1,200 points of two networks are far from as many witnesses.
As for mediapipe alone (`training.detector_study`), the residuals of a subject over all yaws and all points of both detectors are one
vector; their mean is the bias, their principal components the errors that a head keeps, and so on. The subjects are none that anything
was trained on. The factor that makes the network's own sigmas honest is found on the same subjects.

`python -m facestudio.training.dense.study --orbits DIR`, where DIR is made by
`facestudio synth --mode orbit --frames 9 --sweep 60 --size 384 --subjects 120 --per-shard 4 --seed 7007 -o DIR`.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from facestudio import manifest
from facestudio.errors import DatasetError, NoFaceError
from facestudio.geometry.camera import to_camera
from facestudio.head.dense import COUNT, dense_mirror
from facestudio.head.landmarks import embedding
from facestudio.head.model import HeadModel
from facestudio.head.store import load_head
from facestudio.landmarks.dense_net import dense_landmarks
from facestudio.landmarks.detector import LandmarkDetector
from facestudio.landmarks.mediapipe_detector import POINTS, SCHEME, MediapipeDetector
from facestudio.paths import models_dir
from facestudio.reconstruct.detector_error import DetectorError, save
from facestudio.training.dense.starts import crop_camera, detector_mirror, true_points
from facestudio.training.detector_study import ErrorStudyConfig, error_model
from facestudio.training.synth.shard import Shard, read_dataset, read_shard
from facestudio.types import Float64Array, Image, IntArray, Landmarks

_LOG = logging.getLogger(__name__)

FILE = "dense_error.npz"
_ENTRY = {
    "name": "dense-error",
    "file": FILE,
    "licence": "CC0-1.0 AND MIT AND Apache-2.0",
    "made_by": "python -m facestudio.training.dense.study --orbits DIR",
    "source": "statistics of mediapipe FaceMesh 0.10.21 (Apache-2.0) and of our dense landmarks on 120 synthetic OpenHead subjects "
    "wearing MakeHuman's CC0 assets",
}
# Twice mediapipe's caution: 800 points of one network are fewer witnesses than 478 of another. Chosen on bench/dev, of 5, 10 and 20.
STUDY = replace(ErrorStudyConfig(), shared_modes=80, single_modes=20, caution=10.0)


@dataclass(frozen=True)
class Residuals:
    """metres: (subjects, yaws, N, 2) float64, detected minus true at the head's depth, x right, y down; NaN where no face was found.

    The N points are the mediapipe landmarks of the embedding, then the dense ones. yaws: degrees, ascending. inside: the dense points'
    coordinate errors over their stated sigmas, visible points only (K,).
    """

    metres: Float64Array
    yaws: tuple[float, ...]
    ratio: Float64Array


def detect(shard: Shard, detector: LandmarkDetector) -> list[Landmarks | None]:
    """Mediapipe's landmarks of every picture, None where it finds no face."""
    found: list[Landmarks | None] = []
    for i in range(len(shard)):
        try:
            found.append(detector.detect(Image(shard.picture(i)), f"picture {i}").landmarks)
        except NoFaceError:
            found.append(None)
    return found


def residuals(shard: Shard, found: Sequence[Landmarks | None], model: HeadModel, weights: Path | None = None) -> Residuals:
    """What the detectors missed on a shard of whole orbits."""
    ids = embedding(model, SCHEME).ids
    truth = true_points(shard, model, shard.picture(0).shape[0]).astype(np.float64)
    frames = int(np.sum(shard.subject == shard.subject[0]))
    metres = np.full((len(shard), len(ids) + COUNT, 2), np.nan)
    ratios = []
    for i, marks in enumerate(found):
        if marks is None:
            continue
        dense = dense_landmarks([Image(shard.picture(i))], [marks], weights)[0]
        error = np.concatenate([marks.points[ids] - truth[i], dense.points - shard.landmarks[i]])
        seen = shard.visible[i] & ~shard.covered[i]
        ratios.append(np.abs(error[len(ids) :][seen] / dense.sigma[seen, None]).ravel())
        # A detection far off is another failure than imprecision: the fit meets it with its robust loss, not with this model.
        if float(np.median(np.linalg.norm(error[: len(ids)], axis=1))) < 0.04 * shard.picture(0).shape[0]:
            metres[i] = error * to_camera(crop_camera(shard, i), np.zeros(3))[2] / shard.K[i, 0, 0]
    order = np.argsort(shard.yaw_deg[:frames])
    yaws = tuple(float(round(float(y), 1)) for y in shard.yaw_deg[:frames][order])
    return Residuals(
        metres.reshape(-1, frames, metres.shape[1], 2)[:, order], yaws, np.concatenate(ratios) if ratios else np.zeros(0)
    )


def fit_error(samples: Float64Array, yaws: tuple[float, ...], ids: IntArray, config: ErrorStudyConfig = STUDY) -> DetectorError:
    """The error model of both detectors from residuals (M, Y, N, 2), metres. ids: mediapipe's landmarks; dense ones follow at 478 + k.

    Every subject's mirror image is another subject. Yaws must be symmetric about 0.
    """
    partner = np.concatenate([detector_mirror(ids), len(ids) + dense_mirror()])
    mirrored = samples[:, ::-1][:, :, partner] * np.array([-1.0, 1.0])
    both = np.stack([samples, mirrored], axis=1).reshape(-1, *samples.shape[1:])
    numbers = np.concatenate([ids, POINTS + np.arange(COUNT)]).astype(np.int32)
    # Orbits are named by the virtual camera, whose yaw is exact.
    return error_model(both, tuple((np.asarray(yaws) - np.asarray(yaws)[::-1]) / 2.0), numbers, config)


def honest_factor(ratio: Float64Array, share: float = 0.683) -> float:
    """The factor on stated sigmas that puts this share of the errors inside one. ratio: (K,) |error| / sigma."""
    return float(np.quantile(ratio, share))


def main() -> None:
    """Make the shipped error model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orbits", type=Path, required=True)
    parser.add_argument("--weights", type=Path, default=None)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    model = load_head("open")
    shards = read_dataset(arguments.orbits).shards
    if not shards:
        raise DatasetError(f"{arguments.orbits} holds no shards.", "Make them with facestudio synth.")
    found = []
    with MediapipeDetector() as detector:
        for path in shards:
            shard = read_shard(path)
            found.append(residuals(shard, detect(shard, detector), model, arguments.weights))
            _LOG.info("%s", path.name)
    _LOG.info("the sigmas should be %.3f times as large", honest_factor(np.concatenate([r.ratio for r in found])))
    samples = np.concatenate([r.metres for r in found])
    save(fit_error(samples, found[0].yaws, embedding(model, SCHEME).ids), models_dir() / FILE)
    manifest.record(models_dir(), _ENTRY)


if __name__ == "__main__":
    main()
