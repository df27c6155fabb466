"""`facestudio train mfnet`: synthetic captures, then the paper's own losses, to one file of weights.

    look      the landmark network's trunk, as it is, looks at every capture once, in as many variants as there is time for
    fusion    everything behind the trunk learns from what it saw, from memory: its linear part in closed form, then all of it, step by step
    whole     trunk and all, picture by picture, at a low rate
    self      the paper's self-supervised losses (eq. 11), on photographs where there are some; its weights are kept only if the held-out
              captures gain by them

While a stage trains, `sheet.png` shows every few minutes what the network makes of some held-out captures. Under torchrun every process
looks at and learns from its own share; the first one judges and writes.

Without a landmark network (the paper's configuration) training begins with "whole". Each stage continues where it was stopped.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from facestudio.atomic import write_file
from facestudio.errors import DatasetError
from facestudio.head.model import HeadModel
from facestudio.landmarks.weights import load_weights
from facestudio.progress import CancelToken, Progress, silent
from facestudio.reconstruct.mfnet.deca import import_deca
from facestudio.reconstruct.mfnet.mirror import mirror_of
from facestudio.reconstruct.mfnet.network import PAPER, SMALL, MFNet, MFNetConfig, Prediction, mfnet_for
from facestudio.training.checkpoint import export_weights, load_checkpoint, save_checkpoint
from facestudio.training.loop import CHECKPOINT, LoopConfig, Trainer, place_in_run
from facestudio.training.mfnet.augment import AugmentConfig
from facestudio.training.mfnet.batch import TripletBatch
from facestudio.training.mfnet.cache import JitterConfig, SightCache, remember
from facestudio.training.mfnet.flow import FlowEstimator, dis_flow
from facestudio.training.mfnet.selfsupervised import SelfSupervision, SelfSupervisionConfig
from facestudio.training.mfnet.sheet import Sheet
from facestudio.training.mfnet.straight import solve_straight
from facestudio.training.mfnet.supervision import Supervision, predict, validation
from facestudio.training.mfnet.triplets import Captures, PhotoTriplets, SyntheticTriplets
from facestudio.training.mfnet.vague import VagueError
from facestudio.types import ByteArray

Objective = Callable[[Prediction, TripletBatch], dict[str, Tensor]]
CONFIGS: dict[str, MFNetConfig] = {"small": SMALL, "paper": PAPER}
STAGES = ("look", "fusion", "whole", "self")
WEIGHTS, LOOKED, SHEET = "mfnet.npz", "looked.pt", "sheet.png"


@dataclass(frozen=True)
class MFNetTraining:
    """How MFNet is trained.

    minutes: of all stages together; shares: of look, fusion, whole and self. stages: those to run. captures: most captures looked at, in at
    most so many variants. batch: captures in a step of whole and self; fusion_batch: of fusion. rate_*: highest learning rates.
    fusion_steps: steps of fusion (None: as many as its share of the minutes allows): with so many, the same data give the same weights.
    straight_passes: over what was looked at, each shaken anew, for the straight layer. validate: captures held out. threads: torch's, None
    as they are. sheet_minutes: between two pictures of how far it is.
    """

    minutes: float = 40.0
    shares: tuple[float, float, float, float] = (0.25, 0.15, 0.5, 0.1)
    stages: tuple[str, ...] = STAGES
    captures: int = 100_000
    variants: int = 2
    batch: int = 16
    fusion_batch: int = 64
    fusion_steps: int | None = None
    straight_passes: int = 4
    rate_fusion: float = 3e-4
    rate_whole: float = 3e-4
    rate_self: float = 2e-5
    decay: float = 0.02
    average: float = 0.999
    validate: int = 200
    seed: int = 0
    bf16: bool = True
    threads: int | None = None
    sheet_minutes: float = 5.0
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    jitter: JitterConfig = field(default_factory=JitterConfig)
    selfsupervised: SelfSupervisionConfig = field(default_factory=SelfSupervisionConfig)

    def minutes_of(self, stage: str) -> float:
        """How long a stage may take, minutes: its share among those that run ("look" being part of "fusion")."""
        running = {name for name in STAGES if name in self.stages} | ({"look"} if "fusion" in self.stages else set())
        share = dict(zip(STAGES, self.shares, strict=True))
        return self.minutes * share[stage] / sum(share[name] for name in running)


class MFNetTrainer:
    """The stages, one after the other, on one network.

    data: folders of synthetic triplets; held_out: another such folder, to judge on (None: a twenty-fifth of the subjects is kept back).
    out: checkpoints, curves, weights, sheet. photos: prepared photographs for stage self; flow: the estimator of its flow loss.
    """

    def __init__(
        self,
        model: HeadModel,
        net: MFNet,
        data: list[Path],
        out: Path,
        config: MFNetTraining | None = None,
        progress: Progress = silent,
        cancel: CancelToken | None = None,
        held_out: Path | None = None,
        photos: Path | None = None,
        flow: FlowEstimator = dis_flow,
    ) -> None:
        self.model, self.net, self.out, self.flow = model, net, out, flow
        self.rank, self.ranks = place_in_run()
        self.config, self.progress, self.cancel = config or MFNetTraining(), progress, cancel or CancelToken()
        c = net.config
        mirror = mirror_of(model, c.identity, c.expression)

        def captures(folders: list[Path], hold_out: int) -> SyntheticTriplets:
            return SyntheticTriplets(folders, model, mirror, c.side, c.identity, c.expression, hold_out)

        self.captures = captures(data, 25)
        self.photos = PhotoTriplets([photos], mirror, c.side, 10**9) if photos else None  # none is held out: there is no truth
        self.supervision = Supervision(model, net)
        judged = captures([held_out], 1) if held_out else self.captures
        self.held_out = list(judged.held_out(25, self.config.validate))
        if not self.held_out:
            raise DatasetError("No capture is left to judge on.", "Make more subjects, or give a data set with --held-out.")
        self.sheet = Sheet(model, net, self.held_out, out / SHEET, self.config.sheet_minutes)
        self.found: dict[str, dict[str, float]] = {}

    def run(self) -> dict[str, dict[str, float]]:
        """Run the stages and write `out`/mfnet.npz; what validation said after each. Raises OutputError, DatasetError, Cancelled."""
        if self.config.threads:
            torch.set_num_threads(self.config.threads)
        self._judge("start")
        stages = self.config.stages
        if self.net.config.landmarks and "fusion" in stages:
            self._fusion()
        if "whole" in stages:
            self._whole()
        if "self" in stages:
            self._self()
        self.save()
        return self.found

    def save(self) -> None:
        """Write the network as it is."""
        if self.rank:
            return
        export_weights(self.net, self.out / WEIGHTS, extra=_described(self.net.config, self.model.name))
        write_file(self.out / "validation.json", json.dumps(self.found, indent=1).encode())

    def _fusion(self) -> None:
        assert self.net.landmarker is not None and self.net.points is not None
        seen, held = self._remember(self.config.minutes_of("look"))
        self.net.landmarker.requires_grad_(False)
        seen.vague = VagueError(self.net.points.mean)
        loop = self._loop("fusion", self.config.rate_fusion)
        if self.config.fusion_steps is not None:
            loop = replace(loop, minutes=None, steps=self.config.fusion_steps)

        def losses(batch: TripletBatch) -> dict[str, Tensor]:
            of: Objective = self.supervision
            return of(predict(self.net, batch), batch)

        def batches(epoch: int) -> Iterator[TripletBatch]:
            return seen.batches(epoch, self.config.fusion_batch, self.config.seed + self.rank, self.config.jitter)

        judged = list(held.batches(0, 50))
        if not (self.out / "fusion" / CHECKPOINT).is_file():
            passes = chain.from_iterable(batches(-1 - i) for i in range(self.config.straight_passes))
            solve_straight(self.net, passes, self.cancel)
            self._judge("straight", judged)
        self._train("fusion", loop, losses, batches, judged)
        self.net.landmarker.requires_grad_(True)

    def _remember(self, minutes: float) -> tuple[SightCache, SightCache]:
        """The sights of the captures, varied, and of those held out. Ends with the time, or with enough variants."""
        end, c = time.monotonic() + 60.0 * minutes, self.config

        def varied() -> Iterator[TripletBatch]:
            for variant in range(c.variants):
                share = (variant, min(16, c.batch), c.captures, c.seed, c.augment, self.rank, self.ranks)
                for batch in self.captures.in_order(*share):
                    yield batch
                    if time.monotonic() > end and self.ranks == 1:  # of several, all must have equally many
                        return

        kept = self.out / (f"rank{self.rank}-{LOOKED}" if self.rank else LOOKED)
        if kept.is_file():
            state = load_checkpoint(kept)
            return SightCache(state["seen"]), SightCache(state["held"])
        held = remember(self.net, self.held_out, c.validate, cancel=self.cancel)
        most = c.variants * min(self.captures.refresh(), c.captures) // self.ranks
        seen = remember(self.net, varied(), most, self.progress, self.cancel)
        save_checkpoint(kept, {"seen": seen.arrays, "held": held.arrays})
        return seen, held

    def _whole(self) -> None:
        losses = self._pictured(self.supervision)
        batches = partial(self._pictures, self.captures)
        self._train("whole", self._loop("whole", self.config.rate_whole), losses, batches, self.held_out)

    def _self(self) -> None:
        before, last = {k: v.clone() for k, v in self.net.state_dict().items()}, list(self.found)[-1]
        objective = SelfSupervision(self.model, self.net.config, self.config.selfsupervised, self.flow)
        batches = partial(self._pictures, self.photos or self.captures)
        self._train("self", self._loop("self", self.config.rate_self), self._pictured(objective), batches, self.held_out)
        if self.found["self"]["shape_mm"] > self.found[last]["shape_mm"]:
            self.net.load_state_dict(before)

    def _pictured(self, of: Objective) -> Callable[[TripletBatch], dict[str, Tensor]]:
        def losses(batch: TripletBatch) -> dict[str, Tensor]:
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.config.bf16):
                sight = self.net.look(batch.crops.flatten(0, 1), batch.detected.flatten(0, 1))
            return of(self.net.say(sight, batch.K), batch)

        return losses

    def _pictures(self, captures: Captures, epoch: int) -> Iterator[TripletBatch]:
        c = self.config
        return captures.batches(epoch, c.batch, c.seed, c.augment, self.rank, self.ranks)

    def _loop(self, stage: str, rate: float) -> LoopConfig:
        c = self.config
        return LoopConfig(minutes=c.minutes_of(stage), rate=rate, decay=c.decay, clip=5.0, average=c.average, seed=c.seed)

    def _train(
        self,
        stage: str,
        loop: LoopConfig,
        losses: Callable[[TripletBatch], dict[str, Tensor]],
        batches: Callable[[int], Iterator[TripletBatch]],
        held_out: list[TripletBatch],
    ) -> None:
        trainer = Trainer(
            loop,
            self.net,
            losses,
            batches,
            self.out / stage,
            lambda _, fraction, message="": self.progress(stage, fraction, message),
            self.cancel,
            validate=lambda _: self._validate(held_out),
        )
        trainer.run()
        self.net.load_state_dict(trainer.averaged())
        self._judge(stage)
        self.save()
        if self.rank == 0:
            self.sheet.update(now=True)

    def _validate(self, held_out: list[TripletBatch]) -> dict[str, float]:
        if self.rank == 0:
            self.sheet.update()
        rows = [validation(self.net, self.supervision, batch) for batch in held_out]
        weight = np.array([len(b) for b in held_out], float)
        return {name: float(np.average([row[name] for row in rows], weights=weight)) for name in rows[0]}

    def _judge(self, stage: str, held_out: list[TripletBatch] | None = None) -> None:
        self.net.eval()
        self.found[stage] = self._validate(held_out or self.held_out)
        self.progress(stage, 1.0, "  ".join(f"{k} {v:.3f}" for k, v in self.found[stage].items()))


def train_mfnet(
    data: list[Path],
    out: Path,
    model: HeadModel,
    *,
    config: str = "small",
    landmarks: Path | None = None,
    start: Path | None = None,
    deca: Mapping[str, object] | None = None,
    held_out: Path | None = None,
    photos: Path | None = None,
    flow: FlowEstimator = dis_flow,
    training: MFNetTraining | None = None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> dict[str, dict[str, float]]:
    """Train a new network; see the module. landmarks: weights of the landmark network to begin with; start: of a whole MFNet.

    deca: DECA's state, for the paper's trunk. held_out: a folder of triplets to judge on. photos: prepared photographs
    for stage self; flow: its estimator. Returns what validation said after each stage.
    Raises HeadModelError for weights that do not fit, DatasetError for data that are none, OutputError and Cancelled.
    """
    torch.manual_seed((training or MFNetTraining()).seed)
    net = mfnet_for(model, CONFIGS[config])
    if landmarks is not None and net.landmarker is not None:
        load_weights(net.landmarker, landmarks)
    if deca is not None:
        import_deca(net.trunk, deca)
    if start is not None:
        load_weights(net, start)
    return MFNetTrainer(model, net, data, out, training, progress, cancel, held_out, photos, flow).run()


def _described(config: MFNetConfig, head: str) -> dict[str, ByteArray]:
    text = json.dumps({"config": asdict(config), "head_model": head}, sort_keys=True)
    return {"meta": np.frombuffer(text.encode(), np.uint8)}
