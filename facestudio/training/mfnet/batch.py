"""A batch of captures, ready for MFNet and its losses."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from facestudio.reconstruct.mfnet.network import Sight
from facestudio.types import BoolArray, ByteArray, Float32Array


@dataclass(frozen=True)
class Truth:
    """What is known of B captures of synthetic subjects, float32.

    identity (B, S), expression (B, E), jaw (B, 3) axis-angle. R (B, 3, 3, 3), t (B, 3, 3) metres: head frame to crop camera, the neck's
    turn included. light (B, 3, 9, 3).
    """

    identity: Tensor
    expression: Tensor
    jaw: Tensor
    R: Tensor
    t: Tensor
    light: Tensor


@dataclass(frozen=True)
class TripletBatch:
    """B captures of three views, left, front, right.

    crops (B, 3, 3, S, S) float32 in [0, 1], RGB. K (B, 3, 3, 3) float32, pixels of the crops: as the network is told (the focal length may
    be a guess). detected (B, 3, D, 2) float32 crop pixels: the detector's points, in the order of its embedding. landmarks (B, 3, L, 2)
    float32 crop pixels and visible (B, 3, L) bool. truth: None for photographs. sight: what a frozen trunk saw in the crops, when that was
    computed beforehand; crops and detected are then empty.
    """

    crops: Tensor
    K: Tensor
    detected: Tensor
    landmarks: Tensor
    visible: Tensor
    truth: Truth | None = None
    sight: Sight | None = None

    def __len__(self) -> int:
        """B."""
        return len(self.K)


@dataclass(frozen=True)
class Sample:
    """One capture in numpy, before it is put into a batch; shapes as there, without B. crops: (3, S, S, 3) uint8.

    guess: what FaceStudio would assume the focal length to be when nobody states it, as a multiple of the true one.
    """

    crops: ByteArray
    K: Float32Array
    detected: Float32Array
    landmarks: Float32Array
    visible: BoolArray
    identity: Float32Array | None = None
    expression: Float32Array | None = None
    jaw: Float32Array | None = None
    R: Float32Array | None = None
    t: Float32Array | None = None
    light: Float32Array | None = None
    guess: float = 1.0


def collate(samples: list[Sample]) -> TripletBatch:
    """Samples as one batch; the truth is None unless every sample has it."""

    def stack(name: str) -> Tensor:
        return torch.from_numpy(np.stack([np.asarray(getattr(s, name), np.float32) for s in samples]))

    crops = torch.from_numpy(np.stack([s.crops for s in samples])).permute(0, 1, 4, 2, 3).float() / 255.0
    known = all(s.identity is not None for s in samples)
    truth = Truth(*(stack(f.name) for f in fields(Truth))) if known else None
    visible = torch.from_numpy(np.stack([s.visible for s in samples]))
    return TripletBatch(crops, stack("K"), stack("detected"), stack("landmarks"), visible, truth)
