"""Training the networks that ship, on synthetic subjects: one function for each network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from facestudio.atomic import write_file
from facestudio.errors import DatasetError, FaceStudioError
from facestudio.head.model import HeadModel
from facestudio.paths import models_dir
from facestudio.progress import CancelToken, Progress, silent

if TYPE_CHECKING:  # torch: only for those who train
    from facestudio.training.loop import Trained


def train_landmarks(
    data: Path,
    out: Path,
    minutes: float,
    held_out: Path | None = None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
    begin: Path | None = None,
) -> str:
    """Train the dense landmarks on a folder of synthetic triplets; the same call continues. Returns a sentence about how it went.

    held_out: another such folder, judged while training; `data` with "_val" added to its name when None and there. It may still grow,
    as may `data`. begin: weights of an earlier training to begin with. Raises DatasetError, Cancelled, OutputError.
    """
    from facestudio.training.dense.train import WEIGHTS  # torch: only for those who train
    from facestudio.training.dense.train import train_landmarks as train

    if not data.is_dir():
        raise DatasetError(f"There is no data set {data}.", "Make one with facestudio synth.")
    beside = data.with_name(data.name + "_val")
    done = train(data, held_out or (beside if beside.is_dir() else None), out, minutes, progress, cancel, begin=begin)
    return _said(done, f"are {out / WEIGHTS}")


def train_sfm(
    data: Path,
    out: Path,
    config: str = "small",
    minutes: float | None = None,
    steps: int | None = None,
    landmarks: int | None = None,
    losses: str = "full",
    held_out: Path | None = None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
    size: int | None = None,
) -> str:
    """Train the deep SfM networks on a folder of orbits; the same call continues. Returns a sentence about how it went.

    config: "small" or "paper". minutes, steps, landmarks, losses, size: see `training.sfm.train.named_config`. held_out: another such
    folder, measured after every epoch; `data` with "_val" added to its name when None and there. Raises DatasetError, Cancelled,
    OutputError.
    """
    from facestudio.training.sfm.train import named_config
    from facestudio.training.sfm.train import train_sfm as train

    if not data.is_dir():
        raise DatasetError(f"There is no data set {data}.", "Make one with facestudio synth --mode orbit --maps.")
    beside = data.with_name(data.name + "_val")
    chosen = named_config(config, minutes, steps, landmarks, losses, size)
    done = train(data, out, chosen, held_out or (beside if beside.is_dir() else None), progress=progress, cancel=cancel)
    return _said(done, f"are in {out}")


@dataclass(frozen=True)
class MFNetRequest:
    """What `train_mfnet` is asked for. config: "small" or "paper". landmarks: weights of the dense landmarks (None: those that ship).

    start: weights of an MFNet to go on from. deca: a user's copy of DECA's weights. stages: those to run (none: all). captures: most that
    are looked at. photos: a copy of Multi-PIE or a folder of triplets, for stage self; without, it sees the synthetic captures. flow: "dis"
    or "raft", the latter with the weights raft. without: terms of the paper's loss that are left out.
    steps: of stage fusion (None: by the minutes).
    """

    config: str = "small"
    minutes: float = 40.0
    landmarks: Path | None = None
    start: Path | None = None
    deca: Path | None = None
    stages: tuple[str, ...] = ()
    captures: int | None = None
    photos: Path | None = None
    flow: str = "dis"
    raft: Path | None = None
    without: tuple[str, ...] = ()
    steps: int | None = None


def train_mfnet(
    data: Path,
    out: Path,
    request: MFNetRequest,
    held_out: Path | None = None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> str:
    """Train MFNet on a folder of synthetic triplets; the same call continues. Returns a sentence about how it went.

    held_out: as for the landmarks. Raises FaceStudioError for an unknown configuration or stage, HeadModelError for weights that do not
    fit, DatasetError, Cancelled, OutputError.
    """
    from dataclasses import replace

    from facestudio.head.store import load_head
    from facestudio.training.mfnet.deca_file import read_deca  # torch: only for those who train
    from facestudio.training.mfnet.flow import FlowEstimator, dis_flow, raft_flow
    from facestudio.training.mfnet.selfsupervised import TERMS, SelfSupervisionConfig
    from facestudio.training.mfnet.train import CONFIGS, STAGES, WEIGHTS, MFNetTraining
    from facestudio.training.mfnet.train import train_mfnet as train

    if request.config not in CONFIGS:
        raise FaceStudioError(f"There is no configuration {request.config!r}.", f"Choose one of: {', '.join(CONFIGS)}.")
    unknown = set(request.stages) - set(STAGES)
    if unknown:
        raise FaceStudioError(f"There is no stage {min(unknown)!r}.", f"Choose among: {', '.join(STAGES)}.")
    if request.flow not in ("dis", "raft"):
        raise FaceStudioError(f"There is no optical flow {request.flow!r}.", "Choose dis or raft.")
    flow: FlowEstimator = dis_flow
    if request.flow == "raft":
        if request.raft is None:
            raise FaceStudioError(
                "RAFT needs weights.", "Name a state dict of torchvision's raft_large or raft_small with --raft-weights."
            )
        flow = raft_flow(request.raft)
    if missing := set(request.without) - set(TERMS):
        raise FaceStudioError(f"The loss has no term {min(missing)!r}.", f"Choose among: {', '.join(TERMS)}.")
    if not data.is_dir():
        raise DatasetError(f"There is no data set {data}.", "Make one with facestudio synth.")
    model = load_head("open")
    photos = _prepared(request.photos, out, model, progress, cancel) if request.photos else None
    beside = data.with_name(data.name + "_val")
    shipped = models_dir() / "dense_landmarks_net.npz"
    training = MFNetTraining(
        minutes=request.minutes,
        stages=request.stages or STAGES,
        fusion_steps=request.steps,
        selfsupervised=SelfSupervisionConfig(form="through" if request.flow == "raft" else "targets", without=request.without),
    )
    found = train(
        [data],
        out,
        model,
        config=request.config,
        landmarks=request.landmarks or (shipped if shipped.is_file() else None),
        start=request.start,
        deca=read_deca(request.deca) if request.deca else None,
        held_out=held_out or (beside if beside.is_dir() else None),
        photos=photos,
        flow=flow,
        training=replace(training, captures=request.captures or training.captures),
        progress=progress,
        cancel=cancel,
    )
    last = list(found.values())[-1]
    numbers = "  ".join(f"{name} {value:.3f}" for name, value in last.items())
    return f"On held-out captures: {numbers}. The weights are {out / WEIGHTS}."


def _prepared(folder: Path, out: Path, model: HeadModel, progress: Progress, cancel: CancelToken | None) -> Path:
    """A folder of photographs as shards below `out`, detected once."""
    from facestudio.landmarks.mediapipe_detector import MediapipeDetector
    from facestudio.pipeline.prepare_photos import prepare_photos
    from facestudio.training.mfnet.photos import photo_triplets

    ready = out / "photos"
    with MediapipeDetector() as detector:
        prepare_photos(photo_triplets(folder), ready, model, detector, str(folder), progress=progress, cancel=cancel)
    return ready


PAIR_SIDE, SHAKES = 256, 2


def train_raft(
    data: Path,
    out: Path,
    minutes: float,
    held_out: int = 20,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
    steps: int | None = None,
) -> str:
    """Train RAFT on drawings and photos of subjects of known shape; the same call continues. Returns a sentence about how it went.

    data: a bench of synthetic subjects, as tests/benchmarks/make_synthetic_bench.py writes it; its last `held_out` subjects are only
    measured on. steps: train so many instead of minutes. Raises DatasetError, FaceStudioError without torchvision, Cancelled, OutputError.
    """
    from dataclasses import replace

    from facestudio.evaluate.datasets.bench import head_names
    from facestudio.training.raft.train import WEIGHTS, RaftConfig, pair_files
    from facestudio.training.raft.train import train_raft as train

    names = head_names(data)
    if not 0 < held_out < len(names):
        raise DatasetError(
            f"{data} has {len(names)} subjects, {held_out} of them held out.", "Make more subjects, or hold out fewer."
        )
    for i, name in enumerate(names):
        progress("pairs", i / len(names), name)
        _draw_pairs(data, name, i, out / "pairs", cancel or CancelToken())
    files = pair_files(out / "pairs")
    apart = set(names[-held_out:])
    kept, judged = ([f for f in files if (f.name.rsplit("_", 1)[0] in apart) is held] for held in (False, True))
    config = RaftConfig()
    loop = replace(config.loop, minutes=None if steps else minutes, steps=steps)
    done = train(kept, judged, out, replace(config, loop=loop), progress, cancel)
    return _said(done, f"are {out / WEIGHTS}")


def _draw_pairs(data: Path, name: str, seed: int, folder: Path, cancel: CancelToken) -> None:
    """Draw a subject's pairs, unless they are there."""
    import numpy as np

    from facestudio.evaluate.datasets.bench import read_head
    from facestudio.head.store import load_head
    from facestudio.landmarks.segmentation import foreground_mask
    from facestudio.pipeline.cameras_file import read_cameras
    from facestudio.pipeline.import_triplet import read_photos
    from facestudio.training.raft.pairs import Subject, draw_pairs
    from facestudio.training.raft.train import save_pair
    from facestudio.types import View, ViewName

    done = folder / f"{name}_done"
    if done.exists():
        return
    head, model = read_head(data, name, calibrated=True), load_head("open")
    if len(head.truth.vertices) != model.vertex_count:
        raise DatasetError(
            f"The truth of {data / name} is not a mesh of OpenHead.", "Name a folder of make_synthetic_bench's subjects."
        )
    rig, views = read_cameras(head.cameras), (ViewName.LEFT, ViewName.FRONT, ViewName.RIGHT)
    images = read_photos(list(head.photos), silent, cancel)
    subject = Subject(
        tuple(View(n, image) for n, image in zip(views, images, strict=True)),
        tuple(rig[n] for n in views),
        np.asarray(head.truth.vertices, np.float64),
        tuple(foreground_mask(image) for image in images),
    )
    rng, count = np.random.default_rng([seed, 5]), 0
    for _ in range(SHAKES):
        for pair in draw_pairs(subject, model, PAIR_SIDE, rng):
            cancel.check()
            save_pair(folder / f"{name}_{count:03d}.npz", pair)
            count += 1
    write_file(done, b"")


def _said(done: Trained, weights: str) -> str:
    """How a training went. weights: the end of the sentence about them."""
    numbers = "  ".join(f"{name} {value:.4g}" for name, value in done.last.items() if name not in ("step", "seconds", "lr"))
    return f"{done.steps} steps in {done.seconds / 60:.1f} minutes: {numbers}. The weights {weights}."
