"""Which pictures of free-running cameras belong together.

Cameras of one period T that are not wired together differ by a constant phase: the best triplet of one moment is 0.39 T apart on average
(13 ms at 30 a second) and 0.67 T at worst. Phases drift, so that a burst of a second holds better moments than any single one.

A picture's time is when its reader woke, and a busy computer wakes a reader late. A camera is regular, so such a picture betrays itself by
an odd distance from its neighbours (`steady`) and is avoided. Everything here is a pure function of the pictures and their times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import cv2
import numpy as np

from facestudio.capture.camera import Frame
from facestudio.types import ByteArray, ViewName


@dataclass(frozen=True)
class SyncConfig:
    """How a triplet is judged; a cost of 1 is what makes one triplet clearly worse than another.

    spread_ms: a spread that costs 1. blur: a sharpness of this share below the burst's best costs 1. closed: what closed eyes cost.
    doubt: what a picture costs whose time is doubtful: its distance from its neighbours is off by more than the share `irregular`.
    finalists: triplets, best by spread, whose sharpness is measured. eyes_looked_at: how many of them, at most, are looked at for open
    eyes, which is slow; after closed ones the next look goes at least blink_s away, because a blink lasts 0.1 to 0.4 s (Schiffman 2001)
    and every picture during it is as closed as the first.
    """

    spread_ms: float = 15.0
    blur: float = 0.35
    closed: float = 3.0
    doubt: float = 1.5
    irregular: float = 0.08
    finalists: int = 40
    eyes_looked_at: int = 6
    blink_s: float = 0.12


@dataclass(frozen=True)
class Spread:
    """Milliseconds between the earliest and the latest picture of a triplet: half of the moments are below p50, 95 % below p95."""

    p50_ms: float
    p95_ms: float


@dataclass(frozen=True)
class Choice:
    """A chosen triplet. spread_ms: between its first and last picture. sharpness: relative to the burst's best, 1 is the best.

    eyes_open: None when nobody looked. certain: the times are trusted. considered: how many triplets the burst held. reason: for the
    operator.
    """

    frames: Mapping[ViewName, Frame]
    spread_ms: float
    sharpness: Mapping[ViewName, float] = field(default_factory=dict)
    eyes_open: bool | None = None
    certain: bool = True
    considered: int = 1
    reason: str = ""


EyesOpen = Callable[[Mapping[ViewName, Frame]], bool | None]


def spread_ms(frames: Mapping[ViewName, Frame]) -> float:
    """Milliseconds between the first and the last picture."""
    times = [f.t_ns for f in frames.values()]
    return (max(times) - min(times)) / 1e6 if times else 0.0


def matched(rings: Mapping[ViewName, Sequence[Frame]]) -> list[dict[ViewName, Frame]]:
    """Every triplet made of one picture and those nearest to it in time from the other cameras; no triplet twice, in order of time."""
    rings = {v: r for v, r in rings.items() if r}
    times = {v: np.array([f.t_ns for f in r], dtype=np.int64) for v, r in rings.items()}
    found: dict[tuple[int, ...], dict[ViewName, Frame]] = {}
    for ring in rings.values():
        for anchor in ring:
            rows = tuple(int(np.argmin(np.abs(times[v] - anchor.t_ns))) for v in rings)
            found[rows] = {v: rings[v][i] for v, i in zip(rings, rows, strict=True)}
    return [found[rows] for rows in sorted(found)]


def steady(ring: Sequence[Frame], irregular: float) -> list[bool]:
    """For each picture of a camera, whether its time is trusted: it was not queued, and is as far from its neighbours as usual.

    irregular: by which share of the usual distance it may be off.
    """
    if len(ring) < 4:
        return [f.fresh for f in ring]
    gaps = np.diff(np.array([f.t_ns for f in ring], dtype=np.float64))
    usual = float(np.median(gaps))
    regular = [True, *(np.abs(gaps - usual) <= irregular * usual).tolist(), True]
    return [f.fresh and before and after for f, (before, after) in zip(ring, pairwise(regular), strict=True)]


def running_spread(rings: Mapping[ViewName, Sequence[Frame]]) -> Spread | None:
    """The spread of the nearest pictures over the last second; None with fewer than two cameras sending."""
    rings = {v: r for v, r in rings.items() if r}
    if len(rings) < 2:
        return None
    # The newest pictures' partners may still be on their way, and the oldest's may have left the ring: both would look too far apart.
    latest, earliest = min(r[-1].t_ns for r in rings.values()), max(r[0].t_ns for r in rings.values())
    anchors = [f for f in next(iter(rings.values())) if earliest <= f.t_ns <= latest]
    if not anchors:
        return None
    times = {v: np.array([f.t_ns for f in r], dtype=np.int64) for v, r in rings.items()}
    spreads = []
    for anchor in anchors:
        near = [t[np.argmin(np.abs(t - anchor.t_ns))] for t in times.values()]
        spreads.append((max(near) - min(near)) / 1e6)
    return Spread(float(np.percentile(spreads, 50)), float(np.percentile(spreads, 95)))


def sharpness(picture: ByteArray) -> float:
    """How much fine detail the middle of a picture (H, W, 3) shows: the variance of its Laplacian at 480 pixels' width, noise smoothed."""
    h, w = picture.shape[:2]
    middle = picture[h // 6 : h - h // 6, w // 4 : w - w // 4]
    grey = cv2.cvtColor(middle, cv2.COLOR_BGR2GRAY)
    factor = min(1.0, 480.0 / grey.shape[1])
    small = cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA) if factor < 1.0 else grey
    return float(cv2.Laplacian(cv2.GaussianBlur(small, (0, 0), 0.8), cv2.CV_64F).var())


def best_triplet(
    rings: Mapping[ViewName, Sequence[Frame]],
    window: tuple[int, int],
    eyes_open: EyesOpen | None = None,
    config: SyncConfig | None = None,
) -> Choice | None:
    """The best pictures that belong together within a window of time (first, last; nanoseconds): close in time, sharp, eyes open.

    Cameras without a picture in the window are left out; None when no camera has one. eyes_open is asked for the few best only.
    """
    config = config or SyncConfig()
    inside = {v: [f for f in r if window[0] <= f.t_ns <= window[1]] for v, r in rings.items()}
    doubtful = {id(f) for r in rings.values() for f, sure in zip(r, steady(r, config.irregular), strict=True) if not sure}

    def timing(triplet: Mapping[ViewName, Frame]) -> float:
        doubts = sum(id(f) in doubtful for f in triplet.values())
        return spread_ms(triplet) / config.spread_ms + config.doubt * doubts

    triplets = sorted(matched(inside), key=timing)
    if not triplets:
        return None
    finalists = triplets[: config.finalists]
    detail = {(v, id(f)): sharpness(f.bgr) for t in finalists for v, f in t.items()}
    best = {v: max(value for (view, _), value in detail.items() if view == v) for v in finalists[0]}

    def relative(triplet: Mapping[ViewName, Frame]) -> dict[ViewName, float]:
        return {v: detail[v, id(f)] / max(best[v], 1e-9) for v, f in triplet.items()}

    def cost(triplet: Mapping[ViewName, Frame]) -> float:
        return timing(triplet) + (1.0 - min(relative(triplet).values())) / config.blur

    ranked = sorted(finalists, key=cost)
    chosen, open_ = ranked[0], None
    if eyes_open is not None:
        judged = _looked_at(ranked, eyes_open, config)
        chosen, open_ = min(judged, key=lambda j: cost(j[0]) + (config.closed if j[1] is False else 0.0))
    choice = Choice(
        frames=chosen,
        spread_ms=spread_ms(chosen),
        sharpness=relative(chosen),
        eyes_open=open_,
        certain=not any(id(f) in doubtful for f in chosen.values()),
        considered=len(triplets),
    )
    return replace(choice, reason=_reason(choice, spread_ms(triplets[0])))


def _looked_at(
    ranked: Sequence[dict[ViewName, Frame]], eyes_open: EyesOpen, config: SyncConfig
) -> list[tuple[dict[ViewName, Frame], bool | None]]:
    """Triplets, best first, with what was seen, up to one with open eyes: what comes after it costs more and cannot win."""
    judged: list[tuple[dict[ViewName, Frame], bool | None]] = []
    left = list(ranked)
    closed_at: list[float] = []
    while left and len(judged) < config.eyes_looked_at:
        # Once a blink has covered every moment, the looks that remain go to the best triplets after all.
        apart = (i for i, t in enumerate(left) if all(abs(_moment(t) - c) >= config.blink_s * 1e9 for c in closed_at))
        triplet = left.pop(next(apart, 0))
        judged.append((triplet, eyes_open(triplet)))
        if judged[-1][1] is not False:
            break
        closed_at.append(_moment(triplet))
    return judged


def _moment(triplet: Mapping[ViewName, Frame]) -> float:
    """The middle of a triplet's times, nanoseconds."""
    times = [f.t_ns for f in triplet.values()]
    return (min(times) + max(times)) / 2.0


def _reason(choice: Choice, closest_ms: float) -> str:
    parts = [f"Best of {choice.considered}: pictures {choice.spread_ms:.0f} ms apart."]
    if not choice.certain:
        parts.append("The computer was too busy to tell exactly.")
    if choice.spread_ms > closest_ms + 0.5:
        parts.append(f"Sharper than the closest ones ({closest_ms:.0f} ms).")
    elif min(choice.sharpness.values()) > 0.9:
        parts.append("Sharp.")
    if choice.eyes_open is not None:
        parts.append("Eyes open." if choice.eyes_open else "No moment with open eyes was found.")
    missing = [v.value for v in ViewName if v not in choice.frames]
    if missing:
        parts.append(f"Without {', '.join(missing)}.")
    return " ".join(parts)
