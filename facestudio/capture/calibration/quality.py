"""How good a calibration is, in units that matter: pixels, and millimetres on the board's known edges; and whether it still holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from facestudio.capture.calibration.board import BoardSpec
from facestudio.capture.calibration.extrinsics import Shots
from facestudio.geometry.triangulate import reprojection_error, triangulate
from facestudio.types import Camera, Float64Array, IntArray, ViewName


@dataclass(frozen=True)
class ScaleError:
    """Of the board's edges as the calibrated cameras measure them. mean: signed, as a share. rms_mm: of one edge. edges: how many."""

    mean: float
    rms_mm: float
    edges: int


def scale_error(cameras: Mapping[ViewName, Camera], shots: Shots, spec: BoardSpec) -> ScaleError:
    """Triangulate the board's corners in every shot and compare the distance of neighbours with the printed one."""
    lengths: list[float] = []
    for shot in shots:
        for a, b in combinations([v for v in cameras if v in shot], 2):
            common = np.intersect1d(shot[a].ids, shot[b].ids)
            if len(common) < 2:
                continue
            pixels = [shot[v].pixels[_rows(shot[v].ids, common)] for v in (a, b)]
            points = dict(zip(common.tolist(), triangulate([cameras[a], cameras[b]], pixels), strict=True))
            lengths += [float(np.linalg.norm(points[i] - points[j])) for i, j in spec.edges if i in points and j in points]
    if not lengths:
        return ScaleError(0.0, 0.0, 0)
    errors = np.array(lengths) * 1000.0 - spec.square_mm
    return ScaleError(float(errors.mean() / spec.square_mm), float(np.sqrt((errors**2).mean())), len(lengths))


@dataclass(frozen=True)
class DriftConfig:
    """doubtful_px, moved_px: disagreement, pixels at 1280 pixels' width, above which a calibration is doubted, and refused.

    together: weight of the disagreement of three views at once against that of two. Face landmarks differ between views by what the
    detector gets wrong: on the bench by at most 4.9 by this measure, and by at least 6 after any camera was turned by 0.5° up or down or
    by 1° aside. A turn about its own line of sight hardly shows in a face; it does with the board.
    """

    doubtful_px: float = 5.0
    moved_px: float = 6.0
    together: float = 0.6


@dataclass(frozen=True)
class Drift:
    """disagreement_px: of the views, at 1280 pixels' width. by_view: mean over the pairs with each camera. moved: a camera has moved."""

    disagreement_px: float
    by_view: Mapping[ViewName, float]
    moved: bool
    sentence: str


def drift(
    cameras: Mapping[ViewName, Camera], points: Mapping[ViewName, Float64Array], config: DriftConfig | None = None
) -> Drift:
    """Whether a calibration still holds for a later capture.

    points: (N, 2) pixels for each of two views or more, row by row the same points: landmarks of a face, or the board's corners. Pairs of
    views see what leaves the epipolar lines, all three at once what moves along them.
    """
    config = config or DriftConfig()
    views = [v for v in cameras if v in points]
    pairs = {p: _disagreement(cameras, points, p) for p in combinations(views, 2)}
    by_view = {v: float(np.mean([e for p, e in pairs.items() if v in p])) for v in views}
    value = max(pairs.values())
    if len(views) > 2:
        value = max(value, config.together * _disagreement(cameras, points, views))
    if value < config.doubtful_px:
        sentence = f"The rig is as calibrated (the views agree to {value:.1f} px)."
    elif value < config.moved_px:
        sentence = f"The views agree to {value:.1f} px only. Check with the board whether a camera was touched."
    else:
        ranked = sorted(by_view, key=lambda v: by_view[v])
        clear = len(views) > 2 and by_view[ranked[-1]] > 1.3 * by_view[ranked[-2]]
        sentence = f"A camera has moved: the views disagree by {value:.0f} px. Calibrate the rig again."
        if clear:
            which = ranked[-1]
            sentence = (
                f"The {which} camera has most likely moved: the views disagree by {value:.0f} px. Calibrate the rig again."
            )
    return Drift(value, by_view, value >= config.moved_px, sentence)


def _disagreement(
    cameras: Mapping[ViewName, Camera], points: Mapping[ViewName, Float64Array], views: Sequence[ViewName]
) -> float:
    """Median over the points of the sum of the views' reprojection errors, pixels at 1280 pixels' width."""
    chosen = [cameras[v] for v in views]
    error = reprojection_error(chosen, [points[v] for v in views])
    scale = np.array([1280.0 / max(c.width, c.height) for c in chosen])
    return float(np.median((error * scale[:, None]).sum(axis=0)))


def _rows(ids: IntArray, wanted: IntArray) -> IntArray:
    order = np.argsort(ids)
    return np.asarray(order[np.searchsorted(ids[order], wanted)])
