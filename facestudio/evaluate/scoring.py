"""One head under every protocol: the NoW alignment, the metric one, no alignment at all, and the cylinder."""

from __future__ import annotations

from facestudio.evaluate.datasets.bench import BenchHead
from facestudio.evaluate.facescape import compare, region_pixels, unroll
from facestudio.evaluate.now import Variant, measure, measure_unaligned
from facestudio.evaluate.prediction import Prediction
from facestudio.evaluate.summary import Score
from facestudio.progress import CancelToken
from facestudio.types import Mesh

_SWAPPED = "its landmarks fit the truth better mirrored: left and right may be swapped"


def score(prediction: Prediction, head: BenchHead, cancel: CancelToken) -> tuple[Score, list[str]]:
    """Measure a prediction against a bench head: its numbers, and notes on what is odd about them.

    ABSOLUTE is measured only when the prediction says where it lies in the cameras' world frame.
    Raises DatasetError when the prediction has no surface, and Cancelled.
    """
    now = measure(prediction.mesh, prediction.landmarks, head.scan, head.landmarks, Variant.NOW)
    cancel.check()
    metric = measure(prediction.mesh, prediction.landmarks, head.scan, head.landmarks, Variant.METRIC)
    cancel.check()
    distances = {Variant.NOW: now.distances_mm, Variant.METRIC: metric.distances_mm}
    if (pose := prediction.world_from_head) is not None:
        placed = Mesh(prediction.mesh.vertices @ pose[:3, :3].T + pose[:3, 3], prediction.mesh.faces)
        distances[Variant.ABSOLUTE] = measure_unaligned(placed, head.scan)
    cancel.check()
    truth = unroll(head.truth)
    aligned = Mesh(now.alignment.apply(prediction.mesh.vertices), prediction.mesh.faces)
    cylinder = compare(truth, region_pixels(truth, head.truth, head.region), unroll(aligned))
    return Score(distances, now.alignment.scale, now.landmark_rmse_mm, cylinder), [_SWAPPED] if now.mirrored else []
