"""What an engine gets to work on: one capture, with everything that was found out about it before."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from facestudio.head.landmarks import LandmarkBasis
from facestudio.head.model import HeadModel
from facestudio.progress import CancelToken, Partial, Progress, ignored, silent
from facestudio.reconstruct.detector_error import DetectorError
from facestudio.reconstruct.identity_evidence import IdentityEvidence
from facestudio.reconstruct.refinement import Quality
from facestudio.types import Float32Array, Triplet, View


@dataclass
class Clock:
    """Seconds spent in each stage."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add what the block takes to the stage of this name."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


@dataclass(frozen=True)
class Job:
    """One capture to make a head of.

    triplet: its views carry landmarks. basis: those that the landmark fit uses; error: what their detectors get wrong.
    mediapipe_error: what mediapipe alone gets wrong, for those who use its points only.
    masks: (H, W) float32 in [0, 1] per view, 1 where the person is. quality: how long an engine with rounds may take.
    more, more_masks: further photos of the same still head, uncalibrated, for an engine that takes any number.
    measured: what the network says of the identity, for an engine that weighs it.
    """

    triplet: Triplet
    model: HeadModel
    basis: LandmarkBasis
    error: DetectorError
    mediapipe_error: DetectorError
    masks: Sequence[Float32Array]
    quality: Quality = Quality.STANDARD
    clock: Clock = field(default_factory=Clock)
    progress: Progress = silent
    cancel: CancelToken = field(default_factory=CancelToken)
    partial: Partial = ignored
    more: tuple[View, ...] = ()
    more_masks: Sequence[Float32Array] = ()
    measured: IdentityEvidence | None = None
