"""Training the deep SfM networks: the paper's configuration, and one that a CPU carries in minutes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from facestudio import manifest
from facestudio.errors import DatasetError
from facestudio.head.store import load_head
from facestudio.progress import CancelToken, Progress, silent
from facestudio.reconstruct.sfm.infer import DEPTH_FILE, POSE_FILE, about
from facestudio.reconstruct.sfm.networks import NetworkConfig, SfmNet
from facestudio.reconstruct.sfm.objective import LossConfig, Sequences, estimate, objective
from facestudio.training.checkpoint import export_weights
from facestudio.training.loop import LoopConfig, Trained, Trainer, place_in_run
from facestudio.training.sfm.errors import depth_errors, turn_errors
from facestudio.training.sfm.orbits import OrbitConfig, Orbits, stacked, subset


@dataclass(frozen=True)
class SfmConfig:
    """A training. batch: heads per step. passes: how often an epoch shows every head. checked: held-out heads measured per epoch."""

    network: NetworkConfig = field(default_factory=NetworkConfig)
    losses: LossConfig = field(default_factory=LossConfig)
    orbits: OrbitConfig = field(default_factory=OrbitConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)
    batch: int = 2
    passes: int = 1
    checked: int = 6


# Section 5.1: Adam with betas 0.9 and 0.99, Kaiming's initialisation, batch 2, 50 epochs, 384 x 384, 800 landmarks. The paper names no
# learning rate; 1e-4 is what the depth networks it builds on use (Godard et al. 2019).
PAPER = SfmConfig(
    NetworkConfig(64, (256, 128, 64, 32, 16), 1),
    LossConfig(),
    OrbitConfig(size=384, frames=12, landmarks=800, keep=8),
    LoopConfig(epochs=50, optimiser="adam", rate=1e-4, betas=(0.9, 0.99), schedule="constant", row_steps=20),
    batch=2,
)
# A CPU core that is free takes about 0.12 s a step: four minutes. Counted in steps, a run is the same on a busy machine.
SMALL = SfmConfig(
    NetworkConfig(24, (64, 48, 24, 16, 12), 2),
    LossConfig(),
    OrbitConfig(start="bundle", size=96, frames=3, landmarks=568),
    LoopConfig(
        steps=2000, optimiser="adam", rate=1e-3, betas=(0.9, 0.99), clip=2.0, average=0.99, bf16=True, row_steps=20, threads=1
    ),
    batch=2,
    passes=6,
)
CONFIGS = {"paper": PAPER, "small": SMALL}


def named_config(
    name: str,
    minutes: float | None = None,
    steps: int | None = None,
    landmarks: int | None = None,
    losses: str = "full",
    size: int | None = None,
) -> SfmConfig:
    """A configuration by name, changed where asked.

    minutes, steps: of training, instead of its own end. landmarks: of the nested 800. losses: "full", "photometric" (the first column of
    the paper's fig. 10) or "landmarks" (bundle adjustment alone, the second). size: pixels of the square pictures, a multiple of 32, which
    the networks halve five times. Raises DatasetError for a name there is not and for a size that does not fit.
    """
    if name not in CONFIGS:
        raise DatasetError(f"There is no configuration {name!r}.", f"Choose one of: {', '.join(CONFIGS)}.")
    config = CONFIGS[name]
    if minutes is not None or steps is not None:
        config = replace(config, loop=replace(config.loop, minutes=minutes, steps=steps, epochs=None))
    if landmarks is not None:
        config = replace(config, orbits=replace(config.orbits, landmarks=landmarks))
    if size is not None:
        if size < 32 or size % 32:
            raise DatasetError(f"The networks cannot look at {size} pixels.", "Choose a multiple of 32, such as 64, 96 or 128.")
        config = replace(config, orbits=replace(config.orbits, size=size))
    parts = {
        "full": config.losses,
        "photometric": replace(config.losses, landmark=0.0, depth=0.0),
        "landmarks": replace(config.losses, photometric=0.0, depth=0.0, smooth=0.0),
    }
    if losses not in parts:
        raise DatasetError(f"There are no losses {losses!r}.", f"Choose one of: {', '.join(parts)}.")
    return replace(config, losses=parts[losses])


def train_sfm(
    data: Path,
    out: Path,
    config: SfmConfig,
    held_out: Path | None = None,
    head: str = "open",
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> Trained:
    """Train on the orbits of a data set, or go on where a training in `out` was stopped; write the weights there.

    held_out: another data set, measured after every epoch. Under torchrun each process takes its share of the heads. Writes
    checkpoint.pt, curve.csv, curve.png, sfm_depth.npz and sfm_pose.npz. Raises DatasetError, OutputError, Cancelled.
    """
    model = load_head(head)
    orbits = Orbits(data, config.orbits, model)
    checked = Orbits(held_out, config.orbits, model) if held_out is not None else None
    torch.manual_seed(config.loop.seed)
    net = SfmNet(config.network)
    rank, ranks = place_in_run()

    def batches(epoch: int) -> Iterator[dict[str, Tensor]]:
        rng = np.random.default_rng([config.loop.seed, epoch])  # the same order in every process, which then takes its rows
        for _ in range(config.passes):
            for batch in orbits.batches(config.batch, rng, rank, ranks):
                yield {name: value for name, value in vars(batch).items() if value is not None}

    def losses(batch: dict[str, Tensor]) -> dict[str, Tensor]:
        sequences = Sequences(**batch)
        parts = objective(estimate(net, sequences), sequences, config.losses)
        # Says without a gradient how many per cent of the steps found a pair of frames for the losses over pixels.
        used = torch.tensor(100.0 * ("photometric" in parts or not config.losses.photometric))
        return parts | {"pixels_used": used}

    def validate(trained: nn.Module) -> dict[str, float]:
        assert checked is not None
        return held_out_errors(trained, checked, config)

    trainer = Trainer(config.loop, net, losses, batches, out, progress, cancel, validate if checked is not None else None)
    done = trainer.run()
    if rank == 0:
        net.load_state_dict(trainer.averaged())
        write_weights(net, out, config.orbits.size)
    return done


def held_out_errors(net: nn.Module, orbits: Orbits, config: SfmConfig) -> dict[str, float]:
    """Depth error (mm) and error of the turn between frames (degrees, and of its start) on held-out heads, every second frame of each."""
    rows: list[dict[str, float]] = []
    for index in range(min(config.checked, len(orbits))):
        whole = orbits.head(index)
        head = subset(whole, np.arange(0, len(whole.pictures), 2))
        data = stacked([head], config.orbits.landmarks)
        found = estimate(net, data)  # type: ignore[arg-type]  # the loop hands the network over as a module
        truth = torch.from_numpy(head.truth_pose)[None].float()
        rows.append(
            {
                "depth_mm": depth_errors(found.depth, data).mean_mm,
                "turn_deg": turn_errors(found.poses, truth),
                "start_turn_deg": turn_errors(data.start, truth),
            }
        )
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def write_weights(net: SfmNet, folder: Path, size: int) -> None:
    """Write both networks' weights as float16 .npz. Raises OutputError."""
    extra: dict[str, Any] = {"about": np.array(about(net.config, size))}
    export_weights(net.depth, folder / DEPTH_FILE, extra)
    export_weights(net.pose, folder / POSE_FILE, extra)


def ship(trained: Path, models: Path, made_by: str) -> None:
    """Put the weights of a training among the shipped models, with manifest entries. made_by: the command that trained them."""
    for file, name, what in (
        (DEPTH_FILE, "sfm-depth", "depth network"),
        (POSE_FILE, "sfm-pose", "camera motion network"),
    ):
        models.mkdir(parents=True, exist_ok=True)
        (models / file).write_bytes((trained / file).read_bytes())
        manifest.record(
            models,
            {
                "name": name,
                "file": file,
                "licence": "CC0-1.0 AND MIT AND Apache-2.0",
                "made_by": made_by,
                "source": f"{what} of the deep SfM engine, trained from scratch on synthetic OpenHead subjects in MakeHuman's CC0 skins "
                "and hair; see docs/training/sfm.md",
            },
        )
