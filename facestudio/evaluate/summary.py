"""The numbers of an evaluation: per head, and pooled over all points of all heads (never a mean of medians)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from facestudio.evaluate.facescape import CylinderScores
from facestudio.evaluate.now import Variant
from facestudio.types import Float64Array


@dataclass(frozen=True)
class Statistics:
    """Of unsigned distances, millimetres. std: of the population. p90: nine tenths of the points lie nearer. count: points."""

    median: float
    mean: float
    std: float
    p90: float
    count: int

    def to_json(self) -> dict[str, float | int]:
        """As it stands in summary.json, rounded to a tenth of a micrometre."""
        values = {"median": self.median, "mean": self.mean, "std": self.std, "p90": self.p90}
        return {name: round(value, 4) for name, value in values.items()} | {"count": self.count}


def statistics(distances_mm: Float64Array) -> Statistics:
    """Summarise distances (P,), P >= 1, millimetres."""
    d = np.asarray(distances_mm, dtype=np.float64)
    return Statistics(float(np.median(d)), float(d.mean()), float(d.std()), float(np.percentile(d, 90)), len(d))


@dataclass(frozen=True)
class Score:
    """One head under all protocols.

    distances_mm: by variant, (P,) float64. scale: what the NOW alignment multiplied the head by (1 = the right size).
    landmark_rmse_mm: what the seven landmarks were apart after Procrustes with scale. cylinder: None when not measured.
    """

    distances_mm: Mapping[Variant, Float64Array]
    scale: float
    landmark_rmse_mm: float
    cylinder: CylinderScores | None = None

    def statistics(self, variant: Variant) -> Statistics | None:
        """The numbers of one variant, or None when it was not measured."""
        return statistics(self.distances_mm[variant]) if variant in self.distances_mm else None


@dataclass(frozen=True)
class HeadResult:
    """One row of the table: the reconstruction beside the mean head.

    score: None when the head failed; `failure` then says why. seconds: of the reconstruction, None for one built earlier.
    notes: what the reader of the numbers should know.
    """

    name: str
    score: Score | None
    mean_head: Score
    seconds: float | None = None
    failure: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Summary:
    """An evaluation. mode: "calibrated" or "uncalibrated". quality: of dense matching. seconds: of the whole evaluation."""

    heads: tuple[HeadResult, ...]
    mode: str
    engine: str
    head_model: str
    seconds: float
    versions: Mapping[str, str] = field(default_factory=dict)
    quality: str = "standard"

    @property
    def done(self) -> float:
        """The share of heads that were reconstructed and scored, in [0, 1]."""
        return sum(head.score is not None for head in self.heads) / len(self.heads)

    @property
    def failed(self) -> dict[str, str]:
        """Why, by name."""
        return {head.name: head.failure or "unknown" for head in self.heads if head.score is None}

    def pooled(self, variant: Variant) -> Statistics | None:
        """Over all points of all heads that were scored; None when none was, or the variant is missing from one of them."""
        return _pool([head.score for head in self.heads if head.score is not None], variant)

    def pooled_mean_head(self, variant: Variant) -> Statistics | None:
        """The mean head over the same heads as `pooled`, so that the two compare; over all heads when none was scored."""
        same = [head.mean_head for head in self.heads if head.score is not None]
        return _pool(same or [head.mean_head for head in self.heads], variant)

    def cylinder(self, of_mean_head: bool = False) -> CylinderScores | None:
        """The mean over heads of the FaceScape measures, as its tables give it."""
        scored = [head for head in self.heads if head.score is not None]
        scores = [(head.mean_head if of_mean_head else head.score) for head in scored]
        values = [score.cylinder for score in scores if score is not None and score.cylinder is not None]
        if not values:
            return None
        columns = np.array([[v.cd_mm, v.mne_rad, v.cr] for v in values]).T
        return CylinderScores(*(float(c[np.isfinite(c)].mean()) if np.isfinite(c).any() else float("nan") for c in columns))

    def table(self) -> str:
        """The table for a console, as text."""
        # Here, not at the top: the table is made of summaries.
        from facestudio.evaluate.table import text_table

        return text_table(self)

    def to_json(self) -> dict[str, object]:
        """The content of summary.json. Lengths in millimetres, times in seconds."""
        content: dict[str, object] = {
            "mode": self.mode,
            "engine": self.engine,
            "quality": self.quality,
            "head_model": self.head_model,
            "done": self.done,
            "failed": self.failed,
            "seconds": round(self.seconds, 2),
            "pooled": _json(self.pooled(Variant.NOW)),
            "mean_head": _json(self.pooled_mean_head(Variant.NOW)),
            "pooled_metric": _json(self.pooled(Variant.METRIC)),
            "mean_head_metric": _json(self.pooled_mean_head(Variant.METRIC)),
        }
        if (absolute := self.pooled(Variant.ABSOLUTE)) is not None:
            content["pooled_absolute"] = _json(absolute)
        for key, cylinder in (("cylinder", self.cylinder()), ("mean_head_cylinder", self.cylinder(of_mean_head=True))):
            if cylinder is not None:
                content[key] = cylinder.to_json()
        content["heads"] = {head.name: _head_json(head) for head in self.heads}
        content["versions"] = dict(self.versions)
        return content


def _pool(scores: Iterable[Score], variant: Variant) -> Statistics | None:
    scores = list(scores)
    if not scores or any(variant not in score.distances_mm for score in scores):
        return None
    return statistics(np.concatenate([score.distances_mm[variant] for score in scores]))


def _json(numbers: Statistics | None) -> dict[str, float | int] | None:
    return None if numbers is None else numbers.to_json()


def _head_json(head: HeadResult) -> dict[str, object]:
    content: dict[str, object] = {"done": head.score is not None}
    if head.failure is not None:
        content["failure"] = head.failure
    if head.score is not None:
        content |= _score_json(head.score)
    content["mean_head"] = _score_json(head.mean_head)
    content["seconds"] = None if head.seconds is None else round(head.seconds, 2)
    content["notes"] = list(head.notes)
    return content


def _score_json(score: Score) -> dict[str, object]:
    content: dict[str, object] = {str(variant): _json(score.statistics(variant)) for variant in score.distances_mm}
    content["scale"] = round(score.scale, 5)
    content["landmark_rmse_mm"] = round(score.landmark_rmse_mm, 3)
    if score.cylinder is not None:
        content["cylinder"] = score.cylinder.to_json()
    return content
