"""Train RAFT on the pairs of `pairs`, and measure it beside DIS on held-out subjects.

Pretrained RAFT has seen flying chairs and driving films. This one sees nothing but skin: two pictures of one face whose brightness was made
equal, shifted by a few pixels, with grain, highlights that move with the camera, and hair that the truth says nothing of.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from facestudio.atomic import write_file
from facestudio.errors import DatasetError
from facestudio.progress import CancelToken, Progress, silent
from facestudio.reconstruct.correspondence import flow_both_ways
from facestudio.training.checkpoint import save_checkpoint
from facestudio.training.loop import LoopConfig, Trained, Trainer, place_in_run
from facestudio.training.raft.net import raft
from facestudio.training.raft.pairs import Pair
from facestudio.types import Float32Array

WEIGHTS = "raft.pth"


@dataclass(frozen=True)
class RaftConfig:
    """How to train.

    window: pixels of the square that a sample shows. far_px: every second sample's second picture is moved by up to so much: what has to be
    found in the end is a pixel or two, from which alone a network does not learn what matching is. updates: of the flow. decay: what an
    update's loss counts of the next one's (gamma of the paper's eq. 7). judged: held-out windows that are measured.
    """

    small: bool = True
    window: int = 192
    far_px: int = 24
    batch: int = 4
    updates: int = 6
    decay: float = 0.8
    judged: int = 64
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            minutes=60.0, rate=4e-4, decay=1e-5, clip=1.0, average=0.998, bf16=True, warmup=0.05, floor=0.02, threads=1
        )
    )


@dataclass(frozen=True)
class Sample:
    """One direction of one reading. first, second: (h, w) uint8. flow: (h, w, 2) float32, pixels. weight: (h, w) float32 in [0, 1]."""

    first: Float32Array
    second: Float32Array
    flow: Float32Array
    weight: Float32Array


def save_pair(path: Path, pair: Pair) -> None:
    """Write a pair, whole or not at all."""
    packed = io.BytesIO()
    np.savez(packed, **vars(pair))
    write_file(path, packed.getvalue())


def pair_files(folder: Path) -> list[Path]:
    """The pairs in a folder. Raises DatasetError when there is none."""
    found = sorted(folder.glob("*.npz"))
    if not found:
        raise DatasetError(
            f"There are no pairs in {folder}.", "Name a folder of subjects, as make_synthetic_bench writes them."
        )
    return found


def read_sample(path: Path, reading: int, backwards: bool) -> Sample:
    """One direction of one reading of a kept pair. Raises DatasetError when the file is damaged."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            pictures = [kept[name][reading].astype(np.float32) for name in ("drawn", "photo")]
            flow, weight = (kept[("back" if backwards else "there") + end].astype(np.float32) for end in ("", "_weight"))
    except (OSError, ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile) as error:
        raise DatasetError(f"The pair {path} cannot be read ({error}).", "Delete it.") from error
    first, second = reversed(pictures) if backwards else pictures
    return Sample(first, second, flow, weight / 255.0)


def cut(sample: Sample, window: int, rng: np.random.Generator, far_px: int = 0) -> Sample:
    """A random square of a sample, mirrored and turned at random: gravity means nothing to a flow. far_px: see `RaftConfig`."""
    corner, apart = np.zeros(2, int), np.zeros(2, int)
    for axis, size in enumerate(sample.weight.shape):
        corner[axis] = rng.integers(size - window + 1)
        apart[axis] = np.clip(rng.integers(-far_px, far_px + 1), -corner[axis], size - window - corner[axis])
    view, moved = (np.s_[y : y + window, x : x + window] for y, x in (corner, corner + apart))
    first, second, flow, weight = sample.first[view], sample.second[moved], sample.flow[view], sample.weight[view]
    flow = flow - apart[::-1].astype(np.float32)
    if rng.integers(2):
        first, second, flow, weight = (a[:, ::-1] for a in (first, second, flow, weight))
        flow = flow * np.array([-1.0, 1.0], np.float32)
    if rng.integers(2):
        first, second, flow, weight = (a[::-1] for a in (first, second, flow, weight))
        flow = flow * np.array([1.0, -1.0], np.float32)
    if rng.integers(2):
        first, second, flow, weight = (np.swapaxes(a, 0, 1) for a in (first, second, flow, weight))
        flow = flow[..., ::-1]
    return Sample(*(np.ascontiguousarray(a, np.float32) for a in (first, second, flow, weight)))


def batches(
    files: Sequence[Path], config: RaftConfig, epoch: int, rank: int = 0, world: int = 1
) -> Iterator[dict[str, Tensor]]:
    """One pass over the pairs, each in a random reading and direction: first, second (B, 3, h, w) in [-1, 1]; flow (B, 2, h, w); weight."""
    rng = np.random.default_rng([config.loop.seed, epoch, rank])
    order: list[int] = np.random.default_rng([config.loop.seed, epoch]).permutation(len(files))[rank::world].tolist()
    for start in range(0, len(order) - config.batch + 1, config.batch):
        chosen = [
            cut(read_sample(files[k], int(rng.integers(2)), bool(rng.integers(2))), config.window, rng, i % 2 * config.far_px)
            for i, k in enumerate(order[start : start + config.batch])
        ]
        yield {
            "first": as_input([s.first for s in chosen]),
            "second": as_input([s.second for s in chosen]),
            "flow": torch.from_numpy(np.stack([s.flow for s in chosen])).permute(0, 3, 1, 2),
            "weight": torch.from_numpy(np.stack([s.weight for s in chosen])),
        }


def as_input(pictures: Sequence[Float32Array]) -> Tensor:
    """(B, 3, h, w) float32 in [-1, 1] of grey pictures (h, w) in [0, 255]."""
    stacked = torch.from_numpy(np.stack(pictures)).clamp(0.0, 255.0) / 127.5 - 1.0
    return stacked[:, None].expand(-1, 3, -1, -1).contiguous()


def sequence_loss(flows: Sequence[Tensor], truth: Tensor, weight: Tensor, decay: float) -> Tensor:
    """Eq. 7 of the paper: the l1 distances of all updates' flows (B, 2, h, w) from the truth, pixels, the last one's counting most.

    Here averaged by the weight (B, h, w) of each pixel.
    """
    total, last = weight.sum().clamp(min=1.0), len(flows) - 1
    return torch.stack(
        [decay ** (last - i) * ((f.float() - truth).abs().sum(1) * weight).sum() / total for i, f in enumerate(flows)]
    ).sum()


def train_raft(
    files: Sequence[Path],
    held_out: Sequence[Path],
    out: Path,
    config: RaftConfig | None = None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> Trained:
    """Train on kept pairs; the same call continues. out/raft.pth: a state dict of torchvision's. Raises Cancelled, OutputError."""
    config = config or RaftConfig()
    net, (rank, world) = raft(config.small), place_in_run()

    def losses(batch: dict[str, Tensor]) -> dict[str, Tensor]:
        flows = net(batch["first"], batch["second"], num_flow_updates=config.updates)
        apart = (flows[-1].detach().float() - batch["flow"]).norm(dim=1)
        total = batch["weight"].sum().clamp(min=1.0)
        return {
            "flow": sequence_loss(flows, batch["flow"], batch["weight"], config.decay),
            "pixels": (apart * batch["weight"]).sum() / total,
        }

    judged = held_out_samples(held_out, config)
    beside = {name: _mean_error(flows, judged) for name, flows in (("dis", _by_dis(judged)), ("zero", _by_zero(judged)))}

    def validate(net: nn.Module) -> dict[str, float]:
        return {"pixels": _mean_error(by_net(net, judged, config.updates), judged), **beside} if judged else {}

    trainer = Trainer(
        config.loop, net, losses, lambda epoch: batches(files, config, epoch, rank, world), out, progress, cancel, validate
    )
    done = trainer.run()
    if not rank:
        save_checkpoint(out / WEIGHTS, {k: v.half() if v.is_floating_point() else v for k, v in trainer.averaged().items()})
    return done


def held_out_samples(files: Sequence[Path], config: RaftConfig) -> list[Sample]:
    """The middles of held-out pairs, evenly spread over files, readings and directions."""
    step = max(len(files) // max(config.judged, 1), 1)
    rng = np.random.default_rng(0)
    chosen = list(files)[::step][: config.judged]
    return [cut(read_sample(f, i % 2, i // 2 % 2 == 1), config.window, rng) for i, f in enumerate(chosen)]


def by_net(net: nn.Module, samples: Sequence[Sample], updates: int) -> list[Float32Array]:
    """(h, w, 2) float32, pixels, of each sample."""
    with torch.no_grad():
        found = [net(as_input([s.first]), as_input([s.second]), num_flow_updates=updates)[-1][0] for s in samples]
    return [f.float().permute(1, 2, 0).numpy() for f in found]


def _by_dis(samples: Sequence[Sample]) -> list[Float32Array]:
    return [flow_both_ways(s.first, s.second)[0] for s in samples]


def _by_zero(samples: Sequence[Sample]) -> list[Float32Array]:
    return [np.zeros_like(s.flow) for s in samples]


def _mean_error(flows: Sequence[Float32Array], samples: Sequence[Sample]) -> float:
    """Mean end point error over all samples, pixels, weighted."""
    errors = [(np.linalg.norm(f - s.flow, axis=-1) * s.weight).sum() for f, s in zip(flows, samples, strict=True)]
    return float(sum(errors) / max(sum(s.weight.sum() for s in samples), 1.0))
