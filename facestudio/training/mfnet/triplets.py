"""Captures from shards, synthetic ones and photographs: read once into memory, decoded and varied batch by batch."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np

from facestudio.errors import DatasetError
from facestudio.geometry.camera import default_focal_px
from facestudio.geometry.rotations import exp_so3
from facestudio.head.landmarks import embedding
from facestudio.head.model import JOINT_NAMES, HeadModel
from facestudio.landmarks.crop import Crop, warp
from facestudio.paths import models_dir
from facestudio.reconstruct import detector_error
from facestudio.reconstruct.mfnet.mirror import Mirror
from facestudio.training.dense.starts import DETECTED, simulate, true_points
from facestudio.training.mfnet.augment import AugmentConfig, augmented, cuts
from facestudio.training.mfnet.batch import Sample, TripletBatch, collate
from facestudio.training.synth.shard import Shard, read_dataset, read_shard
from facestudio.types import Float32Array, Float64Array

_NECK, _JAW = JOINT_NAMES.index("neck"), JOINT_NAMES.index("jaw")


class Captures(ABC):
    """The captures of a data set's folder, or of several, shards that appear later included.

    side: pixels of the crops (the shards' pictures are resampled). Subjects whose number is 0 modulo `hold_out` are for validation.
    """

    mode: ClassVar[str]
    remedy: ClassVar[str]

    def __init__(self, folders: list[Path], mirror: Mirror, side: int, hold_out: int = 25) -> None:
        self.folders, self.mirror, self.side, self.hold_out = folders, mirror, side, hold_out
        self._shards: dict[Path, Shard] = {}
        self.refresh()

    @abstractmethod
    def _detected(self, path: Path) -> Float32Array:
        """(N, D, 2) float32, pixels of a shard's pictures: the detector's points."""

    @abstractmethod
    def _known(self, s: Shard, first: int) -> dict[str, Any]:
        """What is known of a capture beside its pictures, by `Sample`'s names."""

    def refresh(self) -> int:
        """Read the shards that have appeared; how many captures there are now. Raises DatasetError when the folder holds others."""
        for folder in self.folders:
            dataset = read_dataset(folder)
            if dataset.config.get("mode") != self.mode:
                raise DatasetError(f"{folder} holds no {self.mode}.", self.remedy)
            for path in dataset.shards:
                if path not in self._shards:
                    self._shards[path] = read_shard(path)
        return len(self._places(False)) + len(self._places(True))

    def batches(
        self, epoch: int, size: int, seed: int = 0, config: AugmentConfig | None = None, rank: int = 0, ranks: int = 1
    ) -> Iterator[TripletBatch]:
        """One pass over the captures for training, shuffled and varied; deterministic by seed, epoch and rank.

        Of several ranks each takes its share, equally many batches.
        """
        self.refresh()
        rng = np.random.default_rng([seed, epoch, rank])
        places = self._places(False)
        order = np.random.default_rng([seed, epoch]).permutation(len(places))
        for start in range(0, len(places) - size * ranks + 1, size * ranks):
            chosen = [places[i] for i in order[start + rank * size :][:size]]
            yield collate([self._varied(p, rng, config) for p in chosen])

    def in_order(
        self,
        variant: int,
        size: int,
        most: int,
        seed: int = 0,
        config: AugmentConfig | None = None,
        rank: int = 0,
        ranks: int = 1,
    ) -> Iterator[TripletBatch]:
        """The first `most` captures for training, shard by shard, varied; deterministic by seed and variant.

        Of several ranks each takes its share, equally many.
        """
        rng = np.random.default_rng([seed, variant, 4])
        places = self._places(False)[:most]
        places = places[: len(places) - len(places) % ranks][rank::ranks]
        for start in range(0, len(places) - size + 1, size):
            yield collate([self._varied(p, rng, config) for p in places[start : start + size]])

    def held_out(self, size: int, most: int) -> Iterator[TripletBatch]:
        """The captures for validation, as they are, at most so many. With hold_out 1 all are."""
        places = self._places(True)[:most]
        for start in range(0, len(places), size):
            yield collate([self.sample(*p) for p in places[start : start + size]])

    def sample(self, path: Path, first: int, frames: Sequence[Crop] | None = None) -> Sample:
        """The capture whose left view is picture `first` of a shard; frames: how the three are cut, None for whole pictures."""
        s, rows = self._shards[path], slice(first, first + 3)
        pictures = [s.picture(i) for i in range(first, first + 3)]
        given = pictures[0].shape[0]
        if frames is None:
            frames = [Crop(np.full(2, (given - 1) / 2.0), float(given), self.side)] * 3
            if given != self.side:
                shape = (self.side, self.side)
                pictures = [np.asarray(cv2.resize(p, shape, interpolation=cv2.INTER_AREA), np.uint8) for p in pictures]
        else:
            pictures = [warp(p, frame) for p, frame in zip(pictures, frames, strict=True)]
        to_side = np.stack([np.vstack([frame.affine, [0.0, 0.0, 1.0]]) for frame in frames])

        def cut(points: Float32Array) -> Float32Array:
            return np.stack([frame.to_crop(p) for frame, p in zip(frames, points[rows], strict=True)]).astype(np.float32)

        return Sample(
            crops=np.stack(pictures),
            K=(to_side @ s.K[rows]).astype(np.float32),
            detected=cut(self._detected(path)),
            landmarks=cut(s.landmarks),
            visible=s.visible[rows],
            **self._known(s, first),
        )

    def _varied(self, place: tuple[Path, int], rng: np.random.Generator, config: AugmentConfig | None) -> Sample:
        config = config or AugmentConfig()
        frames = cuts(self._shards[place[0]].picture(place[1]).shape[0], self.side, rng, config)
        return augmented(self.sample(*place, frames), self.mirror, rng, config)

    def _places(self, held_out: bool) -> list[tuple[Path, int]]:
        """(shard, first picture) of the captures for validation, or of the others, in a fixed order."""
        return [
            (path, first)
            for path in sorted(self._shards)
            for first in range(0, len(self._shards[path]) - 2, 3)
            if (_number(int(self._shards[path].subject[first])) % self.hold_out == 0) == held_out
        ]


class SyntheticTriplets(Captures):
    """Captures of synthetic subjects, of whom everything is known. identity, expression: how many coefficients are used."""

    mode = "triplets"
    remedy = "Make them with facestudio synth."

    def __init__(
        self,
        folders: list[Path],
        model: HeadModel,
        mirror: Mirror,
        side: int,
        identity: int,
        expression: int,
        hold_out: int = 25,
    ) -> None:
        self.model, self.identity, self.expression = model, identity, expression
        regressor = model.joint_regressor[_NECK].astype(np.float64)
        self._neck, self._neck_basis = regressor @ model.template, np.einsum("v,vcs->cs", regressor, model.identity_basis)
        self._error = detector_error.load(models_dir() / "mediapipe_error.npz")
        self._drawn: dict[Path, Float32Array] = {}
        super().__init__(folders, mirror, side, hold_out)

    def _detected(self, path: Path) -> Float32Array:
        """What mediapipe may say of a shard's pictures, drawn once from its error model."""
        if path not in self._drawn:
            shard = self._shards[path]
            truth = true_points(shard, self.model, shard.picture(0).shape[0])
            rng = np.random.default_rng([len(self._drawn), 78])
            self._drawn[path] = simulate(shard, truth, embedding(self.model, DETECTED).ids, self._error, rng)
        return self._drawn[path]

    def _known(self, s: Shard, first: int) -> dict[str, Any]:
        R, t = self._with_neck(s, first)
        return {
            "identity": s.identity[first, : self.identity].astype(np.float32),
            "expression": s.expression[first, : self.expression].astype(np.float32),
            "jaw": s.pose[first, _JAW].astype(np.float32),
            "R": R.astype(np.float32),
            "t": t.astype(np.float32),
            "guess": default_focal_px(*map(int, s.frame_size[first])) / float(s.frame_K[first, 0, 0]),
            "light": s.light[first : first + 3].reshape(3, 9, 3).astype(np.float32),
        }

    def _with_neck(self, s: Shard, first: int) -> tuple[Float64Array, Float64Array]:
        """R (3, 3, 3), t (3, 3) of the face: a bent neck turns it as a whole."""
        joint = self._neck + self._neck_basis[:, : s.identity.shape[1]] @ s.identity[first]
        bent = exp_so3(s.pose[first, _NECK].astype(np.float64))
        R = s.R[first : first + 3]
        return R @ bent, s.t[first : first + 3] + R @ (joint - bent @ joint)


class PhotoTriplets(Captures):
    """Captures that are photographs, prepared by `prepare`: no truth, landmarks as a detector found them."""

    mode = "photo triplets"
    remedy = "Prepare them with facestudio train mfnet --photos."

    def _detected(self, path: Path) -> Float32Array:
        return np.asarray(self._shards[path].maps["detected"], np.float32)

    def _known(self, s: Shard, first: int) -> dict[str, Any]:
        return {}


def _number(subject: int) -> int:
    """A subject's number without any order in it, so that those held out are of all shards."""
    return int.from_bytes(hashlib.blake2b(str(subject).encode(), digest_size=4).digest(), "big")
