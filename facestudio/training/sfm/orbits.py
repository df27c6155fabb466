"""Sequences to train on: the orbits of a synthetic data set (or of an adaptor), cut to the size and landmarks a configuration asks for.

No truth about shape or motion enters: the start poses come from the landmarks on the head model, and the mask from the hull of
the landmarks. True depth rides along for the curves only.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from facestudio.errors import DatasetError
from facestudio.head.dense import SCHEME, dense_on_face
from facestudio.head.landmarks import LandmarkBasis, landmark_basis
from facestudio.head.model import HeadModel
from facestudio.landmarks.crop import Crop, crop_square
from facestudio.reconstruct.sfm.bundle import FEWEST, Sighting, bundle, pnp
from facestudio.reconstruct.sfm.frames import look, warped_depth, without_distortion
from facestudio.reconstruct.sfm.objective import Sequences
from facestudio.training.synth.shard import Shard, read_dataset, read_shard
from facestudio.types import BoolArray, ByteArray, Camera, Float32Array, Float64Array

_COMPONENTS = 60  # of identity, while the cameras are found


@dataclass(frozen=True)
class OrbitConfig:
    """What a network gets to see of an orbit.

    start: where the cameras start: "pnp" on the average head, frame by frame, or "bundle", all frames together (`sfm.bundle`), with at most
    `bundled` landmarks a frame. size: pixels of the square pictures. frames: pictures per sequence. landmarks: how many of the dense
    landmarks, in their nested order.
    noise: standard deviation of what is added to the landmarks, as a share of the picture's side, as a detector's error would be.
    jitter: the square around the face varies in size by this share, and in place by half of it. dimming: contrast, brightness and colour of
    a whole sequence vary by so much. keep: heads held ready in memory.
    """

    start: Literal["pnp", "bundle"] = "pnp"
    bundled: int = 150
    size: int = 96
    frames: int = 3
    landmarks: int = 568
    noise: float = 0.004
    jitter: float = 0.1
    dimming: float = 0.15
    keep: int = 128


@dataclass(frozen=True)
class MeanPoints:
    """The average head's dense landmarks and how they move. basis: of all 800, identity cut short. on_face: (800,) bool."""

    basis: LandmarkBasis
    on_face: BoolArray


def mean_points(model: HeadModel) -> MeanPoints:
    """The dense landmarks of a model whose landmarks are vertices. Raises HeadModelError."""
    full = landmark_basis(model, SCHEME)
    short = replace(full, identity=full.identity[:, :, :_COMPONENTS])
    return MeanPoints(short, dense_on_face(model))


@dataclass(frozen=True)
class OrbitHead:
    """All F pictures of one head, ordered by yaw.

    pictures (F, S, S, 3) uint8. K (F, 3, 3), start (F, 3, 4), truth_pose (F, 3, 4) float64: head frame to camera.
    landmarks (F, L, 2) float32. visible (F, L). mask (F, S, S) bool. depth (F, S, S) float32 metres, 0 where there is none.
    subject: its seed.
    """

    subject: int
    pictures: ByteArray
    K: Float64Array
    start: Float64Array
    truth_pose: Float64Array
    landmarks: Float32Array
    visible: BoolArray
    mask: BoolArray
    depth: Float32Array


class Orbits:
    """The heads of a data set in "orbit" mode. Raises DatasetError when there is none, or when the data set holds something else."""

    def __init__(self, folder: Path, config: OrbitConfig, model: HeadModel) -> None:
        dataset = read_dataset(folder)
        if dataset.config.get("mode") != "orbit":
            raise DatasetError(f"{folder} does not hold orbits.", "Make them with facestudio synth --mode orbit --maps.")
        self.config = config
        self._points = mean_points(model)
        self._places: list[tuple[Path, int]] = []
        for path in dataset.shards:
            self._places += [(path, int(s)) for s in dict.fromkeys(read_shard(path).subject.tolist())]
        if not self._places:
            raise DatasetError(f"{folder} holds no shard yet.", "Run facestudio synth again.")
        self._ready: OrderedDict[int, OrbitHead] = OrderedDict()

    def __len__(self) -> int:
        """Heads."""
        return len(self._places)

    def head(self, index: int) -> OrbitHead:
        """One head, from memory when it was asked for lately."""
        if index in self._ready:
            self._ready.move_to_end(index)
            return self._ready[index]
        path, subject = self._places[index]
        shard = read_shard(path)
        for other, (where, who) in enumerate(self._places):  # a shard read is a shard used
            if where == path and (who == subject or len(self._ready) < self.config.keep):
                self._ready[other] = prepare(shard, who, self._points, self.config)
        while len(self._ready) > self.config.keep:
            self._ready.popitem(last=False)
        return self._ready.setdefault(index, prepare(shard, subject, self._points, self.config))

    def batches(self, batch: int, rng: np.random.Generator, rank: int = 0, ranks: int = 1) -> Iterator[Sequences]:
        """One epoch: every head once, in random order, `batch` at a time; of several ranks each takes its share, equally many batches."""
        order = rng.permutation(len(self))
        count = max(1, len(order) // (batch * ranks))
        for k in range(count):
            rows = order[(np.arange(batch) + batch * (k * ranks + rank)) % len(order)]
            heads = [varied(pick(self.head(int(i)), self.config.frames, rng), self.config, rng) for i in rows]
            yield stacked(heads, self.config.landmarks)


def prepare(shard: Shard, subject: int, points: MeanPoints, config: OrbitConfig) -> OrbitHead:
    """One head of a shard, cut out as photos will be.

    Frames with too few landmarks are left out. Raises DatasetError when fewer than two are left.
    """
    rows = np.flatnonzero(shard.subject == subject)
    rows = rows[np.argsort(shard.yaw_deg[rows], kind="stable")]
    rng = np.random.default_rng(subject)
    looks, sightings, depths = [], [], []
    for i in rows:
        picture, seen = shard.picture(int(i)), shard.visible[i] & ~shard.covered[i]
        used = np.flatnonzero(seen[: config.landmarks])
        if len(used) < FEWEST:
            continue
        camera = Camera(shard.K[i], shard.R[i], shard.t[i], len(picture), len(picture), shard.distortion[i].astype(np.float64))
        frame = without_distortion(picture, camera, shard.landmarks[i].astype(np.float64), seen, points.on_face)
        found = look(frame, config.size, crop=jittered(crop_square(frame.face, config.size), config, rng))
        # As a detector would, it errs by the same amount whenever it looks at this picture.
        noisy = found.landmarks + config.noise * config.size * rng.standard_normal(found.landmarks.shape)
        depth = np.zeros((config.size, config.size), np.float32)
        if "depth" in shard.maps:
            depth = warped_depth(shard.maps["depth"][i].astype(np.float32), frame.camera, found.camera)
        looks.append((replace(found, landmarks=noisy), seen))
        sightings.append(Sighting(used, noisy[used], np.full(len(used), max(config.noise * config.size, 0.3))))
        depths.append(depth)
    if len(looks) < 2:
        raise DatasetError(f"Subject {subject} shows its face in fewer than two pictures.", "Make the data set again.")
    cameras = [found.camera for found, _ in looks]
    start = pnp(cameras, points.basis.mean, sightings)
    if config.start == "bundle":
        start = bundle(cameras, points.basis, [thin(s, config.bundled) for s in sightings]).cameras
    return OrbitHead(
        subject,
        np.stack([found.picture for found, _ in looks]),
        np.stack([camera.K for camera in cameras]),
        np.stack([_pose(camera) for camera in start]),
        np.stack([_pose(camera) for camera in cameras]),
        np.stack([found.landmarks for found, _ in looks]).astype(np.float32),
        np.stack([seen for _, seen in looks]),
        np.stack([found.mask for found, _ in looks]),
        np.stack(depths),
    )


def thin(seen: Sighting, count: int) -> Sighting:
    """At most about so many of the landmarks, spread over their order."""
    step = max(1, len(seen.rows) // count)
    return Sighting(seen.rows[::step], seen.pixels[::step], seen.sigma[::step])


def jittered(crop: Crop, config: OrbitConfig, rng: np.random.Generator) -> Crop:
    """The square as another detector might have put it."""
    shift, scale = config.jitter * crop.side * rng.uniform(-0.5, 0.5, 2), 1 + config.jitter * rng.uniform(-1, 1)
    return replace(crop, centre=crop.centre + shift, side=crop.side * scale)


def pick(head: OrbitHead, frames: int, rng: np.random.Generator) -> OrbitHead:
    """Some of a head's frames at random, ordered with the middle one first: it is the pose network's reference. 0: all frames."""
    total = len(head.pictures)
    count = total if frames == 0 else min(frames, total)
    return subset(head, np.sort(rng.permutation(total)[:count]))


def subset(head: OrbitHead, rows: NDArray[np.int64]) -> OrbitHead:
    """The frames in these rows, ordered by yaw, the middle one first."""
    middle = len(rows) // 2
    order = np.r_[rows[middle], rows[:middle], rows[middle + 1 :]]
    arrays = {name: value[order] for name, value in vars(head).items() if name != "subject"}
    return replace(head, **arrays)


def varied(head: OrbitHead, config: OrbitConfig, rng: np.random.Generator) -> OrbitHead:
    """The same with one change of colours for the whole sequence."""
    gain = 1 + config.dimming * rng.uniform(-1, 1, 3) * [1.0, 0.4, 0.4]
    colour = gain[0] * np.array([1.0, gain[1], gain[2]])
    shown = (head.pictures.astype(np.float32) - 128) * colour + 128 + 128 * config.dimming * rng.uniform(-0.5, 0.5)
    return replace(head, pictures=np.clip(shown, 0, 255).astype(np.uint8))


def stacked(heads: list[OrbitHead], landmarks: int | None = None) -> Sequences:
    """Heads with equally many frames as one batch. landmarks: only the first so many."""

    def tensor(name: str) -> torch.Tensor:
        values = np.stack([getattr(h, name) for h in heads])
        return torch.from_numpy(values if values.dtype == bool else values.astype(np.float32))

    return Sequences(
        tensor("pictures").permute(0, 1, 4, 2, 3) / 255.0,
        tensor("K"),
        tensor("start"),
        tensor("landmarks")[:, :, :landmarks],
        tensor("visible")[:, :, :landmarks],
        tensor("mask"),
        tensor("depth"),
    )


def _pose(camera: Camera) -> Float64Array:
    return np.concatenate([camera.R, camera.t[:, None]], axis=1)
