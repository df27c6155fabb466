"""`facestudio train mfnet`: synthetic captures, then the paper's own losses, to one file of weights.

    look      the landmark network's trunk, as it is, looks at every capture once, in as many variants as there is time for
    fusion    everything behind the trunk learns from what it saw, from memory: thousands of steps a minute
    whole     trunk and all, picture by picture, at a low rate
    self      the paper's self-supervised losses (eq. 11); its weights are kept only if the held-out captures gain by them

Without a landmark network (the paper's configuration) training begins with "whole". Each stage continues where it was stopped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from facestudio.atomic import write_file
from facestudio.head.model import HeadModel
from facestudio.landmarks.weights import load_weights
from facestudio.progress import CancelToken, Progress, silent
from facestudio.reconstruct.mfnet.deca import import_deca
from facestudio.reconstruct.mfnet.mirror import mirror_of
from facestudio.reconstruct.mfnet.network import PAPER, SMALL, MFNet, MFNetConfig, Prediction, mfnet_for
from facestudio.training.checkpoint import export_weights, load_checkpoint, save_checkpoint
from facestudio.training.loop import LoopConfig, Trainer
from facestudio.training.mfnet.augment import AugmentConfig
from facestudio.training.mfnet.batch import TripletBatch
from facestudio.training.mfnet.cache import JitterConfig, SightCache, remember
from facestudio.training.mfnet.selfsupervised import SelfSupervision, SelfSupervisionConfig
from facestudio.training.mfnet.supervision import Supervision, predict, validation
from facestudio.training.mfnet.triplets import SyntheticTriplets
from facestudio.types import ByteArray

Objective = Callable[[Prediction, TripletBatch], dict[str, Tensor]]
CONFIGS: dict[str, MFNetConfig] = {"small": SMALL, "paper": PAPER}
STAGES = ("look", "fusion", "whole", "self")
WEIGHTS, LOOKED = "mfnet.npz", "looked.pt"


@dataclass(frozen=True)
class MFNetTraining:
    """How MFNet is trained.

    minutes: of all stages together; shares: of look, fusion, whole and self. stages: those to run. captures: most captures looked at, in at
    most so many variants. batch: captures in a step of whole and self; fusion_batch: of fusion. rate_*: highest learning rates.
    validate: captures held out. threads: torch's, None as they are.
    """

    minutes: float = 40.0
    shares: tuple[float, float, float, float] = (0.25, 0.15, 0.5, 0.1)
    stages: tuple[str, ...] = STAGES
    captures: int = 100_000
    variants: int = 2
    batch: int = 16
    fusion_batch: int = 64
    rate_fusion: float = 1e-3
    rate_whole: float = 3e-4
    rate_self: float = 2e-5
    decay: float = 0.02
    average: float = 0.999
    validate: int = 200
    seed: int = 0
    bf16: bool = True
    threads: int | None = None
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    jitter: JitterConfig = field(default_factory=JitterConfig)
    selfsupervised: SelfSupervisionConfig = field(default_factory=SelfSupervisionConfig)


class MFNetTrainer:
    """The stages, one after the other, on one network.

    data: folders of synthetic triplets; held_out: another such folder, to judge on (None: a twenty-fifth of the subjects is kept back).
    out: checkpoints, curves, weights.
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
    ) -> None:
        self.model, self.net, self.out = model, net, out
        self.config, self.progress, self.cancel = config or MFNetTraining(), progress, cancel or CancelToken()
        c = net.config
        mirror = mirror_of(model, c.identity, c.expression)

        def captures(folders: list[Path], hold_out: int) -> SyntheticTriplets:
            return SyntheticTriplets(folders, model, mirror, c.side, c.identity, c.expression, hold_out)

        self.captures = captures(data, 25)
        self.supervision = Supervision(model, net)
        judged = captures([held_out], 1) if held_out else self.captures
        self.held_out = list(judged.held_out(25, self.config.validate))
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
        export_weights(self.net, self.out / WEIGHTS, extra=_described(self.net.config, self.model.name))
        write_file(self.out / "validation.json", json.dumps(self.found, indent=1).encode())

    def _fusion(self) -> None:
        assert self.net.landmarker is not None
        minutes = self.config.minutes * self.config.shares[0]
        seen, held = self._remember(minutes)
        self.net.landmarker.requires_grad_(False)
        loop = self._loop(self.config.shares[1], self.config.rate_fusion)

        def losses(batch: TripletBatch) -> dict[str, Tensor]:
            of: Objective = self.supervision
            return of(predict(self.net, batch), batch)

        def batches(epoch: int) -> Iterator[TripletBatch]:
            return seen.batches(epoch, self.config.fusion_batch, self.config.seed, self.config.jitter)

        self._train("fusion", loop, losses, batches, list(held.batches(0, 50)))
        self.net.landmarker.requires_grad_(True)

    def _remember(self, minutes: float) -> tuple[SightCache, SightCache]:
        """The sights of the captures, varied, and of those held out. Ends with the time, or with enough variants."""
        import time

        end = time.monotonic() + 60.0 * minutes

        def varied() -> Iterator[TripletBatch]:
            c = self.config
            for variant in range(c.variants):
                for batch in self.captures.in_order(variant, min(16, c.batch), c.captures, c.seed, c.augment):
                    yield batch
                    if time.monotonic() > end:
                        return

        kept = self.out / LOOKED
        if kept.is_file():
            state = load_checkpoint(kept)
            return SightCache(state["seen"]), SightCache(state["held"])
        held = remember(self.net, self.held_out, self.config.validate, cancel=self.cancel)
        most = self.config.variants * min(self.captures.refresh(), self.config.captures)
        seen = remember(self.net, varied(), most, self.progress, self.cancel)
        save_checkpoint(kept, {"seen": seen.arrays, "held": held.arrays})
        return seen, held

    def _whole(self) -> None:
        losses = self._pictured(self.supervision)
        self._train("whole", self._loop(self.config.shares[2], self.config.rate_whole), losses, self._pictures, self.held_out)

    def _self(self) -> None:
        before = {k: v.clone() for k, v in self.net.state_dict().items()}
        objective = SelfSupervision(self.model, self.net.config, self.config.selfsupervised)
        losses = self._pictured(objective)
        loop = self._loop(self.config.shares[3], self.config.rate_self)
        self._train("self", loop, losses, self._pictures, self.held_out)
        if self.found["self"]["shape_mm"] > self.found.get("whole", self.found["start"])["shape_mm"]:
            self.net.load_state_dict(before)

    def _pictured(self, of: Objective) -> Callable[[TripletBatch], dict[str, Tensor]]:
        def losses(batch: TripletBatch) -> dict[str, Tensor]:
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.config.bf16):
                sight = self.net.look(batch.crops.flatten(0, 1), batch.detected.flatten(0, 1))
            return of(self.net.say(sight, batch.K), batch)

        return losses

    def _pictures(self, epoch: int) -> Iterator[TripletBatch]:
        return self.captures.batches(epoch, self.config.batch, self.config.seed, self.config.augment)

    def _loop(self, share: float, rate: float) -> LoopConfig:
        c = self.config
        return LoopConfig(minutes=c.minutes * share, rate=rate, decay=c.decay, clip=5.0, average=c.average, seed=c.seed)

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

    def _validate(self, held_out: list[TripletBatch]) -> dict[str, float]:
        rows = [validation(self.net, self.supervision, batch) for batch in held_out]
        weight = np.array([len(b) for b in held_out], float)
        return {name: float(np.average([row[name] for row in rows], weights=weight)) for name in rows[0]}

    def _judge(self, stage: str) -> None:
        self.net.eval()
        self.found[stage] = self._validate(self.held_out)
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
    training: MFNetTraining | None = None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> dict[str, dict[str, float]]:
    """Train a new network; see the module. landmarks: weights of the landmark network to begin with; start: of a whole MFNet.

    deca: DECA's state, for the paper's trunk. held_out: a folder of triplets to judge on. Returns what validation said after each stage.
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
    return MFNetTrainer(model, net, data, out, training, progress, cancel, held_out).run()


def _described(config: MFNetConfig, head: str) -> dict[str, ByteArray]:
    text = json.dumps({"config": asdict(config), "head_model": head}, sort_keys=True)
    return {"meta": np.frombuffer(text.encode(), np.uint8)}
