"""Pictures and labels of a growing data set, ready for training the dense landmarks: read once, kept as JPEG, augmented anew each time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from facestudio.errors import DatasetError
from facestudio.head.model import HeadModel
from facestudio.landmarks.crop import crop_square
from facestudio.landmarks.dense_model import to_unit
from facestudio.landmarks.dense_start import StartNet, start_points
from facestudio.reconstruct.detector_error import DetectorError
from facestudio.training.dense.augment import AugmentConfig, another_look, augment
from facestudio.training.dense.detected import read_detected
from facestudio.training.dense.starts import simulate, true_points
from facestudio.training.synth.shard import Shard, read_dataset, read_shard
from facestudio.types import BoolArray, Float32Array, IntArray


@dataclass(frozen=True)
class Example:
    """One batch: pictures (N, 3, S, S) float32 in [0, 1]; start and points (N, P, 2) in [-1, 1]; visible (N, P) bool."""

    pictures: Tensor
    start: Tensor
    points: Tensor
    visible: Tensor


@dataclass
class ShardExamples:
    """A shard with K draws of the detector, all in pixels of the shard's pictures.

    detected (K, N, D, 2) float32 with boxes (K, N, 4), and starts (K, N, P, 2) float16. real: (N,) bool, pictures whose last draw is what
    mediapipe said of them; the others' last draw is from its error model, as all the rest are.
    """

    shard: Shard
    detected: Float32Array
    boxes: Float32Array
    starts: np.ndarray[tuple[int, ...], np.dtype[np.float16]]
    real: BoolArray


@dataclass
class Examples:
    """All shards read so far. `refresh` reads those that have appeared since.

    draws: of the detector's error model for each picture. really: how often a picture that mediapipe has looked at starts from what it
    said; always when judging.
    """

    folder: Path
    model: HeadModel
    error: DetectorError
    start: StartNet
    draws: int = 2
    really: float = 0.7
    held: list[ShardExamples] = field(default_factory=list)
    read: set[Path] = field(default_factory=set)

    def refresh(self, most: int | None = None) -> int:
        """Read new shards, at most so many; returns how many pictures are held. Raises DatasetError when there are none at all."""
        dataset = read_dataset(self.folder)
        size = int(dataset.config["size"])
        fresh = [path for path in dataset.shards if path not in self.read][:most]
        for path in fresh:
            self.read.add(path)
            shard = read_shard(path)
            rng = np.random.default_rng([len(self.read), 77])
            truth, ids = true_points(shard, self.model, size), self.model.embeddings["mediapipe478"].ids
            draws, boxes, starts = [], [], []
            said = read_detected(path, len(shard), len(ids))
            real = np.zeros(len(shard), np.bool_) if said is None else usable(said, truth, size)
            for k in range(self.draws + int(said is not None)):
                detected = simulate(shard, truth, ids, self.error, rng)
                if said is not None and k == self.draws:
                    detected[real] = said[real]
                draws.append(detected)
                boxes.append(np.concatenate([detected.min(1), detected.max(1)], axis=1))
                with torch.no_grad():
                    starts.append(start_points(self.start, torch.from_numpy(detected)).numpy().astype(np.float16))
            self.held.append(ShardExamples(shard, np.stack(draws), np.stack(boxes), np.stack(starts), real))
        if not self.held:
            raise DatasetError(
                f"{self.folder} holds no shards yet.", "Run facestudio synth first, or wait for its first shard."
            )
        return sum(len(s.shard) for s in self.held)

    def places(self) -> IntArray:
        """(M, 2) int64: shard and picture of everything held."""
        rows = [np.column_stack([np.full(len(s.shard), k), np.arange(len(s.shard))]) for k, s in enumerate(self.held)]
        places: IntArray = np.concatenate(rows).astype(np.int64)
        return places

    def example(
        self,
        place: IntArray,
        size: int,
        mirror: IntArray,
        rng: np.random.Generator,
        config: AugmentConfig | None,
        other: bool = False,
    ) -> tuple[Float32Array, Float32Array, Float32Array, BoolArray]:
        """Picture (3, size, size) in [0, 1], start and truth (P, 2) in crop pixels, visible (P,).

        config: None for no augmentation. other: show it in `another_look`.
        """
        held, i = self.held[place[0]], int(place[1])
        draw = int(rng.integers(len(held.boxes)))
        if held.real[i] and (config is None or rng.random() < self.really):
            draw = len(held.boxes) - 1
        start, truth = held.starts[draw, i].astype(np.float32), held.shard.landmarks[i]
        crop = crop_square(held.boxes[draw, i].astype(np.float64), size)
        both, visible = np.concatenate([start, truth]), held.shard.visible[i]
        picture, moved, order = augment(held.shard.picture(i), both, crop, mirror, rng, config)
        if other:
            picture = another_look(picture, rng)
        n = len(truth)
        start, truth = moved[:n][order], moved[n:][order]
        return (picture.transpose(2, 0, 1) / np.float32(255.0)).astype(np.float32), start, truth, visible[order]


def usable(said: Float32Array, truth: Float32Array, size: int) -> BoolArray:
    """(N,) bool: pictures in which the face was found, and not another one, from detections and truth (N, D, 2), pixels of S x S.

    A detection far off is another failure than imprecision, and no network should learn to make up for it.
    """
    off: BoolArray = np.median(np.linalg.norm(said - truth, axis=2), axis=1) < 0.04 * size  # NaN is not smaller
    return off


def batches(
    examples: Examples,
    places: IntArray,
    size: int,
    batch: int,
    mirror: IntArray,
    seed: tuple[int, int],
    config: AugmentConfig | None,
    ahead: int = 6,
) -> Iterator[Example]:
    """The places, shuffled by the seed and augmented in a thread of their own, while the network learns from the batch before."""
    ready: queue.Queue[Example | BaseException | None] = queue.Queue(ahead)
    stop = threading.Event()

    def work() -> None:
        try:
            rng = np.random.default_rng(seed)
            order = rng.permutation(len(places))
            for first in range(0, len(order) - batch + 1, batch):
                rows = [examples.example(places[k], size, mirror, rng, config) for k in order[first : first + batch]]
                x, start, points, visible = (np.stack(part) for part in zip(*rows, strict=True))
                made = Example(
                    torch.from_numpy(x).contiguous(memory_format=torch.channels_last),
                    to_unit(torch.from_numpy(start), size),
                    to_unit(torch.from_numpy(points), size),
                    torch.from_numpy(visible),
                )
                while not stop.is_set():
                    try:
                        ready.put(made, timeout=0.2)
                        break
                    except queue.Full:
                        continue
                if stop.is_set():
                    return
            ready.put(None)
        except BaseException as error:  # whatever it is, the training must hear of it
            ready.put(error)

    worker = threading.Thread(target=work, name="examples", daemon=True)
    worker.start()
    try:
        while (made := ready.get()) is not None:
            if isinstance(made, BaseException):
                raise made
            yield made
    finally:
        stop.set()
        worker.join(timeout=5.0)
