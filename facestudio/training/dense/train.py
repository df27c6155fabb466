"""Training the dense landmarks from a folder of synthetic triplets to the weights that ship."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from facestudio.head.dense import dense_ids, dense_mirror
from facestudio.head.landmarks import embedding
from facestudio.head.model import HeadModel
from facestudio.head.store import load_head
from facestudio.landmarks.dense_model import PLACE_M, UNIT, DenseLandmarker, DenseNet, DenseNetConfig
from facestudio.landmarks.dense_start import StartConfig, StartNet
from facestudio.landmarks.weights import load_weights, read_weights
from facestudio.paths import models_dir
from facestudio.progress import CancelToken, Progress, silent
from facestudio.reconstruct import detector_error
from facestudio.training.checkpoint import export_weights
from facestudio.training.dense.augment import AugmentConfig
from facestudio.training.dense.examples import Example, Examples, batches
from facestudio.training.dense.losses import DenseLossConfig, dense_losses
from facestudio.training.dense.starts import DETECTED, components, detector_mirror, train_start
from facestudio.training.loop import LoopConfig, Trained, Trainer, place_in_run
from facestudio.types import Float64Array, IntArray

WEIGHTS = "dense_landmarks_net.npz"
START = "start.npz"
LOOP = LoopConfig(rate=1e-3, decay=0.02, clip=5.0, average=0.998, bf16=True, channels_last=True)


@dataclass(frozen=True)
class DenseTraining:
    """How the dense landmarks are trained.

    sizes: of the crops, each from its share of the training on: what is coarse is learned on small pictures, in less time. begun: the share
    whose sizes a training starts with that begins with trained weights; begun_rate: its highest learning rate, by which it does not first
    forget.
    batch, epoch_batches: an epoch is so many batches of what is there, after which new shards are read and the held-out ones judged.
    start_shards: shards whose geometry trains the start. first_shards, more_shards: read before the first epoch, and before each other:
    reading all at once would keep the network waiting for minutes. held_out: pictures judged after every epoch.
    points: how many random points of a batch look and move. calm: share of the training from which on starts are as good as the detector
    makes them; before, they are displaced, at first by `displaced`.
    """

    loop: LoopConfig = LOOP
    loss: DenseLossConfig = field(default_factory=DenseLossConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    sizes: tuple[tuple[float, int], ...] = ((0.0, 96), (0.3, 128), (0.7, 160))
    begun: float = 0.3
    begun_rate: float = 4e-4
    batch: int = 16
    epoch_batches: int = 150
    start_shards: int = 20
    first_shards: int = 20
    more_shards: int = 8
    held_out: int = 150
    points: int = 256
    calm: float = 0.4
    displaced: float = 0.3

    def size(self, share: float) -> int:
        """Pixels of the crops at this share of the training."""
        return [size for since, size in self.sizes if share >= since][-1]


def train_landmarks(
    data: Path,
    held_out: Path | None,
    out: Path,
    minutes: float,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
    config: DenseTraining | None = None,
    begin: Path | None = None,
) -> Trained:
    """Train on the shards of `data` (read again as they appear), judge on those of `held_out`, keep everything in `out`.

    begin: weights of an earlier training to begin with; parts of the network that it lacks begin anew.
    The same call continues a training that was stopped. Writes the weights as `out`/dense_landmarks_net.npz.
    Raises DatasetError without shards, Cancelled, OutputError.
    """
    c = config or DenseTraining()
    # A core is left to the thread that prepares the pictures.
    threads = c.loop.threads or max(1, (os.cpu_count() or 2) - 1)
    torch.set_num_threads(threads)
    model, error = load_head("open"), detector_error.load(models_dir() / "mediapipe_error.npz")
    mirror = dense_mirror()
    ids = embedding(model, DETECTED).ids
    examples = Examples(data, model, error, StartNet(StartConfig(inputs=len(ids))))
    if (out / START).is_file():
        load_weights(examples.start, out / START)
    else:
        progress("start", 0.0, "")
        examples.refresh(c.start_shards)
        detected = [simulated for s in examples.held for simulated in s.detected]
        dense = [s.shard.landmarks for s in examples.held for _ in s.detected]
        visible = [s.shard.visible for s in examples.held for _ in s.detected]
        examples.start = train_start(
            np.concatenate(detected), np.concatenate(dense), np.concatenate(visible), (detector_mirror(ids), mirror)
        )
        export_weights(examples.start, out / START, half=False)
        examples.held, examples.read = [], set()
    examples.refresh(c.first_shards)
    judged = replace(examples, folder=held_out, held=[], read=set()) if held_out else None
    if judged:
        judged.refresh(4)
    net = DenseNet(DenseNetConfig(points=len(mirror)))
    net.basis = residual_basis(examples, net.config.components)
    net.place = head_places(model)
    if begin is not None:
        began_with(net, begin)
    rate = c.loop.rate if begin is None else min(c.loop.rate, c.begun_rate)
    loop = replace(c.loop, minutes=minutes, threads=threads, rate=rate)
    rank, world = place_in_run()

    def size_now() -> int:
        return c.size(max(trainer.share(), c.begun if begin is not None else 0.0))

    def losses(batch: Example) -> dict[str, Tensor]:
        share = trainer.share()
        start = displaced(batch.start, c.displaced * max(0.0, 1.0 - share / c.calm))
        # Points learn alike from a part of them, in half the time; the map of places learns from all.
        rows = torch.randperm(len(mirror))[: c.points]
        return dense_losses(net(batch.pictures, start, rows), batch.points, batch.visible, net.place, share, rows, c.loss)

    def of_epoch(epoch: int) -> Iterator[Example]:
        examples.refresh(c.more_shards)
        rng = np.random.default_rng([c.loop.seed, epoch, rank])
        places = examples.places()[rank::world]
        places = places[rng.permutation(len(places))[: c.epoch_batches * c.batch]]
        return batches(examples, places, size_now(), c.batch, mirror, (c.loop.seed, epoch), c.augment)

    def validate(_: nn.Module) -> dict[str, float]:
        assert judged is not None
        return judge(net, judged, size_now(), c.held_out)

    trainer = Trainer(loop, net, losses, of_epoch, out, progress, cancel, validate if judged else None)
    done = trainer.run()
    if rank == 0:
        net.load_state_dict(trainer.averaged())
        extra = {"mirror": mirror, "detected": ids, "sigma_scale": np.ones(1, np.float32)}
        export_weights(DenseLandmarker(examples.start, net), out / WEIGHTS, extra)
    return done


def began_with(net: DenseNet, path: Path) -> None:
    """Take over what fits from a weight file of `train_landmarks`, in place. Raises HeadModelError when it cannot be read."""
    earlier = {name.removeprefix("net."): value for name, value in read_weights(path).items() if name.startswith("net.")}
    own = net.state_dict()
    net.load_state_dict({k: v for k, v in earlier.items() if k in own and own[k].shape == v.shape}, strict=False)


def head_places(model: HeadModel) -> Tensor:
    """(P, 3) float32: the dense landmarks of the average head, from their middle, in `PLACE_M`s."""
    points = model.template[dense_ids(model)].astype(np.float32)
    return torch.from_numpy((points - points.mean(0)) / np.float32(PLACE_M))


def displaced(start: Tensor, amount: float) -> Tensor:
    """Starts (N, P, 2) in [-1, 1], turned, scaled and shifted at random, the less the smaller the amount.

    A good start leaves so little to explain that a young network finds nothing to learn from; a bad one makes it look.
    """
    N = len(start)
    turn, zoom, shift = amount * 0.12 * torch.randn(N, 1, 1), torch.exp(amount * 0.08 * torch.randn(N, 1, 1)), 0.08 * amount
    x, y = start[..., :1], start[..., 1:]
    turned = torch.cat([turn.cos() * x - turn.sin() * y, turn.sin() * x + turn.cos() * y], 2)
    return turned * zoom + shift * torch.randn(N, 1, 2)


def residual_basis(examples: Examples, count: int) -> Tensor:
    """(count, P, 2): principal components of what the starts get wrong, times their deviations, in [-1, 1] units of the crops."""
    rows = []
    for s in examples.held:
        for boxes, starts in zip(s.boxes, s.starts, strict=True):
            side = 1.6 * np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
            rows.append((s.shard.landmarks - starts.astype(np.float32)) * (2.0 / side[:, None, None]))
    torch.manual_seed(0)
    _, basis, deviation = components(torch.from_numpy(np.concatenate(rows).astype(np.float32)), count)
    return basis * deviation[:, None, None]


def judge(net: nn.Module, examples: Examples, size: int, most: int) -> dict[str, float]:
    """Mean distances of visible points in hundredths of the crop's side (start and answer), and the share of residuals inside 1 sigma.

    Judged on `most` pictures spread over what is held, as they are and in `another_look` ("_other"), by which weights should be chosen.
    """
    places = examples.places()
    places = places[np.linspace(0, len(places) - 1, min(most, len(places))).astype(int)]
    found = judged_once(net, examples, size, places, False)
    return found | {f"{k}_other": v for k, v in judged_once(net, examples, size, places, True).items() if k in ("px", "inside")}


def judged_once(net: nn.Module, examples: Examples, size: int, places: IntArray, other: bool) -> dict[str, float]:
    """`judge` on these places, in one look."""
    from facestudio.landmarks.dense_model import DenseOutput

    rng = np.random.default_rng(5)
    mirror = np.zeros(net.basis.shape[1], np.int64)  # type: ignore[index]
    kept: list[Float64Array] = []
    for first in range(0, len(places), 50):
        rows = [examples.example(p, size, mirror, rng, None, other) for p in places[first : first + 50]]
        x, start, truth, _ = (np.stack(part) for part in zip(*rows, strict=True))
        visible = np.stack([examples.held[p[0]].shard.visible[p[1]] for p in places[first : first + 50]])
        unit = 2.0 / size
        with torch.autocast("cpu", dtype=torch.bfloat16):
            said: DenseOutput = net(
                torch.from_numpy(x).contiguous(memory_format=torch.channels_last), torch.from_numpy((start + 0.5) * unit - 1.0)
            )
        error = (said.points.float().numpy() - ((truth + 0.5) * unit - 1.0)) * (0.5 / UNIT)
        before = np.linalg.norm(start - truth, axis=-1) / (size * UNIT)
        sigma = np.exp(said.log_sigma.float().numpy())
        inside = (np.abs(error) < sigma[..., None]).mean(-1)
        far = np.linalg.norm(error, axis=-1)
        seen = (said.seen.float().numpy() > 0) == visible
        kept.append(
            np.array([[before[visible].mean(), far[visible].mean(), far[~visible].mean(), inside[visible].mean(), seen.mean()]])
        )
    names = ("start", "px", "px_hidden", "inside", "seen")
    return dict(zip(names, np.concatenate(kept).mean(0).tolist(), strict=True))
