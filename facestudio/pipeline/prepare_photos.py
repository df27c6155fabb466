"""Photographs made ready for MFNet's self-supervised stage: detectors look at each once, and what they say is kept in shards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from facestudio.errors import DatasetError, FaceStudioError
from facestudio.head.model import HeadModel
from facestudio.landmarks.dense_net import dense_landmarks
from facestudio.landmarks.detector import LandmarkDetector
from facestudio.pipeline.evidence import evidence_basis
from facestudio.pipeline.import_triplet import find_views, read_photos
from facestudio.progress import CancelToken, Progress, silent
from facestudio.training.mfnet.photos import PhotoTriplet
from facestudio.training.mfnet.prepare import described, photo_shard
from facestudio.training.synth.shard import shard_path, write_description, write_shard
from facestudio.types import Image, Landmarks, Triplet, View

SIZE, PER_SHARD = 192, 50
Dense = Callable[[Sequence[Image], Sequence[Landmarks]], list[Landmarks]]


def prepare_photos(
    triplets: Sequence[PhotoTriplet],
    out: Path,
    model: HeadModel,
    detector: LandmarkDetector,
    source: str,
    *,
    dense: Dense = dense_landmarks,
    per_shard: int = PER_SHARD,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> list[str]:
    """Write a data set of photo triplets; shards that exist stay, so that a stopped run goes on. Returns what was left out, and why.

    Left and right are where the head's turn says, whatever the files are called. dense: finds the 800 landmarks beside the detector's.
    Raises DatasetError when `out` holds another data set or no triplet could be used, HeadModelError, OutputError, Cancelled.
    """
    cancel = cancel or CancelToken()
    write_description(out, described(source, SIZE))
    basis, left_out = evidence_basis(model), []
    for start in range(0, len(triplets), per_shard):
        path = shard_path(out, start // per_shard)
        if path.is_file():
            continue
        ready = []
        for number, triplet in enumerate(triplets[start : start + per_shard], start):
            cancel.check()
            progress("photos", number / len(triplets), triplet.name)
            try:
                found = find_views(read_photos((triplet.left, triplet.front, triplet.right)), basis, detector)
                ready.append((number, *_three(found, triplet.name, dense)))
            except FaceStudioError as error:
                left_out.append(f"{triplet.name}: {error}")
        if ready:
            write_shard(path, photo_shard(ready, model, SIZE))
    if not list(out.glob("shard-*.npz")):
        raise DatasetError(f"None of {len(triplets)} triplets could be used: {left_out[0]}", "Give sharp photos of faces.")
    progress("photos", 1.0, f"{len(triplets) - len(left_out)} triplets")
    return left_out


def _three(found: Triplet, name: str, dense: Dense) -> tuple[Sequence[View], list[Landmarks]]:
    marks = [view.landmarks for view in found.views if view.landmarks is not None]
    if len(marks) != 3:
        raise DatasetError(f"{name} shows {len(marks)} different photos, not three.", "Give left, front and right.")
    return found.views, dense([view.image for view in found.views], marks)
