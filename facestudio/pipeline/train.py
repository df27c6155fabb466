"""Training the networks that ship, on synthetic subjects: one function for each network."""

from __future__ import annotations

from pathlib import Path

from facestudio.errors import DatasetError
from facestudio.progress import CancelToken, Progress, silent


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
    numbers = "  ".join(f"{name} {value:.4g}" for name, value in done.last.items() if name not in ("step", "seconds", "lr"))
    return f"{done.steps} steps in {done.seconds / 60:.1f} minutes: {numbers}. The weights are {out / WEIGHTS}."


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
) -> str:
    """Train the deep SfM networks on a folder of orbits; the same call continues. Returns a sentence about how it went.

    config: "small" or "paper". minutes, steps, landmarks, losses: see `training.sfm.train.named_config`. held_out: another such folder,
    measured after every epoch; `data` with "_val" added to its name when None and there. Raises DatasetError, Cancelled, OutputError.
    """
    from facestudio.training.sfm.train import named_config
    from facestudio.training.sfm.train import train_sfm as train

    if not data.is_dir():
        raise DatasetError(f"There is no data set {data}.", "Make one with facestudio synth --mode orbit --maps.")
    beside = data.with_name(data.name + "_val")
    chosen = named_config(config, minutes, steps, landmarks, losses)
    done = train(data, out, chosen, held_out or (beside if beside.is_dir() else None), progress=progress, cancel=cancel)
    numbers = "  ".join(f"{name} {value:.4g}" for name, value in done.last.items() if name not in ("step", "seconds", "lr"))
    return f"{done.steps} steps in {done.seconds / 60:.1f} minutes: {numbers}. The weights are in {out}."
