"""The training loop of all our networks: any losses, any batches, one process or several.

A training ends by steps, epochs or minutes, whichever comes first, and its learning rate follows the share of the way that is done, so
that it ends annealed whatever ends it. The same call continues a training that was stopped: net, optimiser, averaged weights, random
state, step and seconds are in `checkpoint.pt`. Under torchrun (RANK and WORLD_SIZE in the environment) gradients are averaged over
the processes (DistributedDataParallel, gloo on CPUs); the first one keeps checkpoints and curves.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch import distributed as dist

from facestudio.progress import CancelToken, Progress, silent
from facestudio.training.checkpoint import load_checkpoint, save_checkpoint
from facestudio.training.curve import VALIDATION, Curve

CHECKPOINT = "checkpoint.pt"
Losses = Callable[[Any], dict[str, Tensor]]
Batches = Callable[[int], Iterator[Any]]


@dataclass(frozen=True)
class LoopConfig:
    """How to train.

    minutes, epochs, steps: whichever is reached first ends the training (None: no such end; at least one must be given).
    optimiser: "adam" or "adamw"; rate: its highest learning rate; betas; decay: of the weights.
    schedule: "cosine" (linear warm-up over the share `warmup`, then half a cosine down to `floor` x rate) or "constant".
    clip: largest norm of the gradient (0: any). average: decay of the exponential moving average of the weights (0: none).
    bf16: let matrix products run in bfloat16 (doubles the speed on CPUs that have it). channels_last: memory layout, faster on CPUs.
    keep_minutes: between checkpoints. row_steps: steps that one row of the curve averages. threads: torch's, None as they are.
    """

    minutes: float | None = None
    epochs: int | None = None
    steps: int | None = None
    optimiser: Literal["adam", "adamw"] = "adamw"
    rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    decay: float = 0.0
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup: float = 0.03
    floor: float = 0.01
    clip: float = 0.0
    average: float = 0.0
    bf16: bool = False
    channels_last: bool = False
    keep_minutes: float = 3.0
    row_steps: int = 20
    seed: int = 0
    threads: int | None = None
    device: str = "cpu"


@dataclass(frozen=True)
class Trained:
    """What a training did: its steps and seconds in all (earlier runs included), and the last row of its curve."""

    steps: int
    epochs: int
    seconds: float
    last: dict[str, float]


class _Objective(nn.Module):
    """Losses with their network as one module, which is what DistributedDataParallel wraps."""

    def __init__(self, net: nn.Module, losses: Losses) -> None:
        super().__init__()
        self.net = net
        self._losses = losses

    def forward(self, batch: Any) -> dict[str, Tensor]:
        return self._losses(batch)


class Trainer:
    """Trains one network (or several, gathered in one module)."""

    def __init__(
        self,
        config: LoopConfig,
        net: nn.Module,
        losses: Losses,
        batches: Batches,
        out: Path,
        progress: Progress = silent,
        cancel: CancelToken | None = None,
        validate: Callable[[nn.Module], dict[str, float]] | None = None,
    ) -> None:
        """Prepare a training, or continue the one in `out`.

        losses(batch) gives scalars; their sum is minimised, save those that carry no gradient, which are only written down. It calls the
        network itself. batches(epoch) gives that epoch's batches, the same ones for the same epoch; it must not be empty.
        validate(net): held-out numbers after every epoch, with the averaged weights in the net and the net in eval mode.
        """
        if config.minutes is None and config.epochs is None and config.steps is None:
            raise ValueError("a training needs an end: minutes, epochs or steps")
        self.config, self.net, self._batches, self._out = config, net, batches, out
        self._progress, self._cancel, self._validate = progress, cancel or CancelToken(), validate
        self.rank, self.world = join_run()
        if config.threads:
            torch.set_num_threads(config.threads)
        torch.manual_seed(config.seed + self.rank)
        self._device = torch.device(config.device)
        net.to(self._device)
        if config.channels_last:
            net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        kind = torch.optim.AdamW if config.optimiser == "adamw" else torch.optim.Adam
        self._optimiser = kind(net.parameters(), lr=config.rate, betas=config.betas, weight_decay=config.decay, fused=True)
        self._objective: nn.Module = _Objective(net, losses)
        self.step, self.epoch, self._within, self.seconds = 0, 0, 0, 0.0
        self._averaged = {k: v.detach().clone() for k, v in net.state_dict().items()} if config.average else {}
        path = out / CHECKPOINT
        self._curve = Curve(out, self._restore(load_checkpoint(path)) if path.is_file() else None)
        if self.world > 1:
            self._objective = nn.parallel.DistributedDataParallel(self._objective, find_unused_parameters=True)

    def run(self) -> Trained:
        """Train to the end. On Cancelled the state is kept first. Raises OutputError when the disk refuses."""
        self._began, self._kept = time.monotonic() - self.seconds, time.monotonic()
        row: dict[str, list[float]] = {}
        try:
            while not self._done():
                self.net.train()
                count = 0
                # A continued training passes over what its epoch had already seen.
                for batch in itertools.islice(self._batches(self.epoch), self._within, None):
                    count += 1
                    self._learn(batch, row)
                    if self._done():
                        break
                if not count and not self._within:
                    raise ValueError(f"epoch {self.epoch} has no batches")
                if not self._done() or self._validate is not None:
                    self._end_epoch()
        finally:
            self._keep()
        return Trained(self.step, self.epoch, self.seconds, self._curve.rows[-1] if self._curve.rows else {})

    def averaged(self) -> dict[str, Tensor]:
        """The averaged weights and buffers by name; the network's own without averaging."""
        return dict(self._averaged) if self._averaged else {k: v.detach() for k, v in self.net.state_dict().items()}

    def share(self) -> float:
        """How much of the way is done, in [0, 1]."""
        c = self.config
        shares = [0.0]
        if c.minutes is not None:
            shares.append(self.seconds / (60.0 * c.minutes))
        if c.steps is not None:
            shares.append(self.step / c.steps)
        if c.epochs is not None:
            length = self._epoch_length()
            shares.append((self.epoch + min(self._within / length, 0.999)) / c.epochs)
        return min(max(shares), 1.0)

    def _epoch_length(self) -> float:
        """Batches of an epoch as far as known: those of the epochs before, or twice what this one gave so far."""
        return self.step_of_epochs / self.epoch if self.epoch else 2.0 * self._within + 1.0

    @property
    def step_of_epochs(self) -> float:
        """Steps of all whole epochs so far."""
        return float(max(self.step - self._within, 1))

    def _done(self) -> bool:
        done = self.share() >= 1.0
        if self.world > 1:  # clocks differ: when one process is through, all are
            flag = torch.tensor([float(done)])
            dist.all_reduce(flag, op=dist.ReduceOp.MAX)
            done = bool(flag.item())
        return done

    def _rate(self) -> float:
        c, u = self.config, self.share()
        if c.schedule == "constant":
            return c.rate
        if u < c.warmup:
            return c.rate * (0.02 + 0.98 * u / c.warmup)
        return c.rate * (c.floor + (1.0 - c.floor) * 0.5 * (1.0 + math.cos(math.pi * (u - c.warmup) / (1.0 - c.warmup))))

    def _learn(self, batch: Any, row: dict[str, list[float]]) -> None:
        c = self.config
        self._cancel.check()
        rate = self._rate()
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._optimiser.zero_grad(set_to_none=True)
        cast = torch.autocast(self._device.type, dtype=torch.bfloat16) if c.bf16 else contextlib.nullcontext()
        with cast:
            losses = self._objective(_moved(batch, self._device))
        total = torch.stack([value.float() for value in losses.values() if value.requires_grad]).sum()
        total.backward()
        if c.clip:
            nn.utils.clip_grad_norm_(self.net.parameters(), c.clip)
        # A step that is not finite would end the training for good: pass over it, and let the curve show it.
        if bool(torch.isfinite(total)):
            self._optimiser.step()
        self.step, self._within = self.step + 1, self._within + 1
        self._tell_time()
        self._average()
        for name, value in losses.items():
            row.setdefault(name, []).append(float(value.detach()))
        if self.step % c.row_steps == 0:
            means = {name: sum(values) / len(values) for name, values in row.items()}
            row.clear()
            self._curve.add(self.step, self.seconds, rate, means)
            self._progress("train", self.share(), "  ".join(f"{k} {v:.4g}" for k, v in list(means.items())[:3]))
        if time.monotonic() - self._kept > 60.0 * c.keep_minutes:
            self._keep()

    def _average(self) -> None:
        if not self._averaged:
            return
        # Young averages forget faster: the first weights are worth nothing.
        keep = min(self.config.average, (1.0 + self.step) / (10.0 + self.step))
        with torch.no_grad():
            for name, value in self.net.state_dict().items():
                if value.is_floating_point():
                    self._averaged[name].lerp_(value, 1.0 - keep)
                else:
                    self._averaged[name].copy_(value)

    def _end_epoch(self) -> None:
        self.epoch, self._within = self.epoch + 1, 0
        if self._validate is None:
            return
        own = {k: v.detach().clone() for k, v in self.net.state_dict().items()}
        self.net.load_state_dict(self.averaged())
        self.net.eval()
        with torch.no_grad():
            found = self._validate(self.net)
        self.net.load_state_dict(own)
        self._curve.add(self.step, self.seconds, self._rate(), {VALIDATION + k: v for k, v in found.items()})
        self._tell_time()

    def _tell_time(self) -> None:
        """One clock for all processes: the rate follows the time, and weights stay the same only under the same rates."""
        self.seconds = time.monotonic() - self._began
        if self.world > 1:
            latest = torch.tensor([self.seconds], dtype=torch.float64)
            dist.all_reduce(latest, op=dist.ReduceOp.MAX)
            self.seconds = float(latest.item())

    def _keep(self) -> None:
        self._kept = time.monotonic()
        if self.rank:
            return
        state = {
            "net": self.net.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "averaged": self._averaged,
            "random": torch.get_rng_state(),
            "counts": {"step": self.step, "epoch": self.epoch, "within": self._within},
            "seconds": self.seconds,
        }
        save_checkpoint(self._out / CHECKPOINT, state)
        self._curve.write()

    def _restore(self, state: dict[str, Any]) -> int:
        self.net.load_state_dict(state["net"])
        self._optimiser.load_state_dict(state["optimiser"])
        for name, value in state["averaged"].items():
            if name in self._averaged:
                self._averaged[name].copy_(value)
        torch.set_rng_state(state["random"])
        counts = state["counts"]
        self.step, self.epoch, self._within = int(counts["step"]), int(counts["epoch"]), int(counts["within"])
        self.seconds = float(state["seconds"])
        return self.step


def place_in_run() -> tuple[int, int]:
    """(rank, world): which of how many processes of a torchrun this is, so that each takes its own share of the data; (0, 1) alone."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def join_run() -> tuple[int, int]:
    """The same, after joining the other processes when there are any."""
    rank, world = place_in_run()
    if world > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    return rank, world


def _moved(batch: Any, device: torch.device) -> Any:
    """Tensors of a batch (in dicts, lists, tuples) on the device; everything else as it is."""
    if device.type == "cpu":
        return batch
    if isinstance(batch, Tensor):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, dict):
        return {k: _moved(v, device) for k, v in batch.items()}
    if isinstance(batch, list | tuple):
        return type(batch)(_moved(v, device) for v in batch)
    return batch
