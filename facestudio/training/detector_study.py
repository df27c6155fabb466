"""What mediapipe gets wrong, measured on synthetic subjects whose truth is known: makes models/mediapipe_error.npz.

Each subject is photographed at a row of yaws and detected. The residual, detected minus projected truth, in metres at the head's depth,
becomes one long vector per subject over all yaws and landmarks; the mirror image of every subject is a second one. Their mean is
the bias; their principal components the errors a head keeps from view to view; the components of what is left at each yaw the
errors of one view; the rest is independent (`facestudio.reconstruct.detector_error` says how the fit uses them).

Run `python -m facestudio.training.detector_study --assets FOLDER` with the folder of MakeHuman's CC0 assets.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facestudio import manifest
from facestudio.errors import NoFaceError
from facestudio.geometry.camera import project, to_camera
from facestudio.head.landmarks import embedding, on_surface
from facestudio.head.model import HeadModel
from facestudio.head.store import load_head
from facestudio.landmarks.mediapipe_detector import SCHEME, MediapipeDetector
from facestudio.landmarks.mirror_map import MEDIAPIPE_MIRROR
from facestudio.paths import models_dir
from facestudio.reconstruct.detector_error import DetectorError, save
from facestudio.training.subjects import photograph_subject
from facestudio.training.synth.portrait import Wardrobe, read_wardrobe
from facestudio.types import Float64Array, Image, IntArray

_LOG = logging.getLogger(__name__)

FILE = "mediapipe_error.npz"
_ENTRY = {
    "name": "mediapipe-error",
    "file": FILE,
    "licence": "CC0-1.0 AND MIT AND Apache-2.0",
    "made_by": "python -m facestudio.training.detector_study --assets ../shared/data/makehuman_cc0",
    "source": "statistics of mediapipe FaceMesh 0.10.21 (Apache-2.0) on 240 synthetic OpenHead subjects in MakeHuman's CC0 skins",
}


@dataclass(frozen=True)
class ErrorStudyConfig:
    """Size of the study.

    subjects: how many. yaws: nominal, degrees, symmetric about 0. shared_modes, single_modes: how many components are kept.
    caution: what the independent sigmas are multiplied by: photos vary in more ways than our renders do. Chosen on bench/dev;
    on held-out renders of our own it costs 1 to 2 % of the gain.
    first_seed: other studies use other seeds, so that the same subject is never both studied and tested on.
    """

    subjects: int = 240
    yaws: tuple[float, ...] = (-60.0, -45.0, -30.0, -15.0, 0.0, 15.0, 30.0, 45.0, 60.0)
    shared_modes: int = 80
    single_modes: int = 20
    caution: float = 5.0
    first_seed: int = 20_000


def residuals(
    model: HeadModel, wardrobe: Wardrobe, detector: MediapipeDetector, seed: int, yaws: tuple[float, ...]
) -> Float64Array:
    """(Y, N, 2) metres at the head's depth, x right, y down: detected minus true, for one subject; NaN where no face was found."""
    points = embedding(model, SCHEME)
    subject = photograph_subject(model, wardrobe, yaws, seed)
    truth = on_surface(subject.vertices, model.faces, points)
    rows = np.full((len(yaws), len(points.ids), 2), np.nan)
    for k, photo in enumerate(subject.photographs):
        try:
            detected = detector.detect(Image(photo.picture), f"subject {seed}").landmarks.points[points.ids]
        except NoFaceError:
            continue
        error = detected - project(photo.camera, truth)
        # A detection far off is another failure than imprecision: the fit meets it with its robust loss, not with this model.
        if float(np.median(np.linalg.norm(error, axis=1))) < 20.0:
            rows[k] = error * to_camera(photo.camera, np.zeros(3))[2] / photo.camera.K[0, 0]
    return rows


def mirrored(rows: Float64Array, ids: IntArray) -> Float64Array:
    """The residuals (Y, N, 2) of the mirror image of the subject; yaws must be symmetric."""
    row = {int(k): i for i, k in enumerate(ids)}
    partner = np.array([row.get(int(MEDIAPIPE_MIRROR[k]), i) for i, k in enumerate(ids)])
    return np.asarray(rows[::-1][:, partner] * np.array([-1.0, 1.0]))


def error_model(samples: Float64Array, yaws: tuple[float, ...], ids: IntArray, config: ErrorStudyConfig) -> DetectorError:
    """Fit the error model to samples (M, Y, N, 2), metres; NaN where a view failed."""
    M, Y, N, _ = samples.shape
    bias = np.nanmedian(samples, axis=0)
    centred = np.where(np.isfinite(samples), samples - bias, 0.0)
    # A few wild detections must not become a mode: limit each residual to four robust standard deviations of its kind.
    limit = 4.0 * 1.4826 * np.median(np.abs(centred), axis=0)
    centred = np.clip(centred, -limit, limit)
    flat = centred.reshape(M, -1)
    _, s, Vt = np.linalg.svd(flat / np.sqrt(M), full_matrices=False)
    A = min(config.shared_modes, len(s))
    shared = (s[:A, None] * Vt[:A]).T.reshape(Y, N, 2, A)
    rest = (flat - (flat @ Vt[:A].T) @ Vt[:A]).reshape(M, Y, N * 2)
    single, sigma = np.zeros((Y, N, 2, config.single_modes)), np.zeros((Y, N, 2))
    for k in range(Y):
        _, sk, Vk = np.linalg.svd(rest[:, k] / np.sqrt(M), full_matrices=False)
        B = min(config.single_modes, len(sk))
        single[k, ..., :B] = (sk[:B, None] * Vk[:B]).T.reshape(N, 2, B)
        left = rest[:, k] - (rest[:, k] @ Vk[:B].T) @ Vk[:B]
        # Components explain the sample they were fitted to too well: divide by the remaining degrees of freedom.
        freedom = max(0.2, 1.0 - (A + B) / M)
        sigma[k] = config.caution * np.sqrt((left**2).mean(0) / freedom).reshape(N, 2)
    return DetectorError(np.asarray(yaws), ids, bias, shared, single, np.maximum(sigma, 1e-4))


_WORKER: dict[str, object] = {}


def _start(assets: Path) -> None:
    model = load_head("open")
    _WORKER.update(model=model, wardrobe=read_wardrobe(assets, model), detector=MediapipeDetector())


def _one(task: tuple[int, tuple[float, ...]]) -> Float64Array:
    return residuals(_WORKER["model"], _WORKER["wardrobe"], _WORKER["detector"], *task)  # type: ignore[arg-type]


def study(assets: Path, config: ErrorStudyConfig | None = None, processes: int = 2) -> DetectorError:
    """Photograph, detect and fit. Minutes to tens of minutes."""
    config = config or ErrorStudyConfig()
    ids = embedding(load_head("open"), SCHEME).ids
    tasks = [(config.first_seed + i, config.yaws) for i in range(config.subjects)]
    samples: list[Float64Array] = []
    with multiprocessing.get_context("spawn").Pool(processes, _start, (assets,)) as pool:
        for rows in pool.imap_unordered(_one, tasks, chunksize=4):
            if len(samples) % 40 == 0:
                _LOG.info("%d of %d subjects", len(samples) // 2, config.subjects)
            samples += [rows, mirrored(rows, ids)]
    return error_model(np.array(samples), config.yaws, ids, config)


def write(error: DetectorError) -> None:
    """Ship the model: models/mediapipe_error.npz and its manifest entry."""
    save(error, models_dir() / FILE)
    manifest.record(models_dir(), _ENTRY)


def main() -> None:
    """Make the shipped error model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=Path, required=True)
    parser.add_argument("--subjects", type=int, default=ErrorStudyConfig.subjects)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    write(study(arguments.assets, ErrorStudyConfig(subjects=arguments.subjects)))


if __name__ == "__main__":
    main()
