"""How far a job is and how long it still takes, from how long its stages took the last times, here or on our machine.

The pipeline reports a fraction for each stage, and does not know the stages to come. What the stages of the last job of the same kind
took is remembered in a small file; from it the fraction of the whole follows, and the time left: what this stage still needs at its
present speed plus what the later ones took. The first job of a kind has no such memory. It borrows what the stages took on the machine on
which FaceStudio is measured (`FIRST_TIMES`, by tests/benchmarks/bench_time_left.py), corrected by how much slower or faster this
computer was at the stages that have ended, or at other kinds of jobs before. A job of one stage goes by its own speed. Of anything else
nothing is known (-1): no guess is shown as knowledge, and what is shown says "about".
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path

from facestudio.atomic import write_file
from facestudio.errors import OutputError

UNKNOWN = -1.0
_NEW_SHARE = 0.5  # how much the last run counts against those before it
_OWN_SPEED = 0.3  # of a stage: from here on its own speed says more than memory
_SPEEDS = (0.1, 30.0)  # of a computer against ours: beyond these something else is the matter
_LEAST_SECONDS = 0.2  # stages shorter than this say nothing about a computer's speed
_remembered: dict[tuple[Path | None, str], dict[str, float]] = {}  # by file and kind

# Seconds of each stage as it is reported, in order, on two cores without a graphics card, for a texture of 2048.
_START, _END = {"read": 0.05, "landmarks": 0.3}, {"texture": 2.0, "export": 0.8}
_REFINING = {"draft": 5.0, "standard": 12.0, "full": 13.0}
FIRST_TIMES: Mapping[str, Mapping[str, float]] = {
    **{f"reconstruct fit {quality}": {**_START, "fit": 0.4, **_END} for quality in _REFINING},
    **{
        f"reconstruct auto {quality}": {**_START, "network": 1.0, "fit": 1.1, "refine": s, **_END}
        for quality, s in _REFINING.items()
    },
    "export": {"open": 0.1, "export": 0.9},
}
_LIKE_ANY = "reconstruct auto standard"  # for an engine that has not been measured
ONE_STAGE = ("import", "export subject", "look at photos", "check rig")  # kinds of jobs that report one stage only


def recall(kind: str, file: Path | None) -> dict[str, float]:
    """Stage -> seconds of jobs of a kind, in order; empty when there was none yet or the file is damaged."""
    if (file, kind) not in _remembered and file is not None:
        with contextlib.suppress(OSError, ValueError, AttributeError, TypeError):
            stored = json.loads(file.read_text(encoding="utf-8")).get(kind, {})
            _remembered[file, kind] = {str(stage): float(seconds) for stage, seconds in stored.items()}
    return dict(_remembered.get((file, kind), {}))


def borrowed(kind: str, file: Path | None) -> dict[str, float]:
    """Stage -> seconds for a kind that never ran here: as on our machine, times how slow this one was at other kinds."""
    found = FIRST_TIMES.get(kind) or (FIRST_TIMES[_LIKE_ANY] if kind.startswith("reconstruct ") else {})
    ours = theirs = 0.0
    for other, times in FIRST_TIMES.items():
        here = recall(other, file)
        ours += sum(seconds for stage, seconds in times.items() if stage in here)
        theirs += sum(here[stage] for stage in times if stage in here)
    factor = _limited(theirs / ours) if ours > 0 and theirs > 0 else 1.0
    return {stage: factor * seconds for stage, seconds in found.items()}


class TimeLeft:
    """The clock of one job. Times are seconds of a monotonic clock."""

    def __init__(self, kind: str, file: Path | None = None) -> None:
        self._kind, self._file = kind, file
        self._known = recall(kind, file)
        self._expected = self._known or borrowed(kind, file)
        self._stage = ""
        self._start, self._first = 0.0, 0.0
        self._spent: dict[str, float] = {}
        self._shown = 0.0

    def at(self, stage: str, fraction: float, now: float) -> tuple[float, float]:
        """(fraction of the whole job, seconds left or -1), given where the present stage is. The fraction never goes back."""
        fraction = min(max(fraction, 0.0), 1.0)
        if stage != self._stage:
            self._close(now)
            self._stage, self._start, self._first = stage, now, fraction
        elapsed, done = now - self._start, fraction - self._first
        if not self._expected:
            only = self._kind in ONE_STAGE and not self._spent and done > _OWN_SPEED / 3
            return fraction, elapsed * (1.0 - fraction) / done if only else UNKNOWN
        speed = 1.0 if self._known else self._speed(stage, elapsed, done)
        here = speed * self._expected.get(stage, 0.0)
        if done > _OWN_SPEED:
            here = elapsed / done
        ended = [s for s in self._expected if s in self._spent]
        last = max((list(self._expected).index(s) for s in (*ended, stage) if s in self._expected), default=-1)
        later = speed * sum(list(self._expected.values())[last + 1 :])
        rest = max(here * (1.0 - fraction), 0.0) if fraction > 0 else max(here - elapsed, 0.0)
        behind = sum(self._spent.values()) + here * fraction
        total = behind + rest + later
        self._shown = max(self._shown, min(behind / total, 1.0) if total > 0 else fraction)
        return self._shown, rest + later

    def finish(self, now: float) -> None:
        """The job ended well: remember what its stages took."""
        self._close(now)
        if not self._spent:
            return
        old = self._known
        mixed = {s: t if s not in old else _NEW_SHARE * t + (1 - _NEW_SHARE) * old[s] for s, t in self._spent.items()}
        _remembered[self._file, self._kind] = mixed
        if self._file is not None:
            stored: dict[str, dict[str, float]] = {}
            with contextlib.suppress(OSError, ValueError):
                stored = json.loads(self._file.read_text(encoding="utf-8"))
            stored = {**stored, self._kind: {s: round(t, 3) for s, t in mixed.items()}} if isinstance(stored, dict) else {}
            with contextlib.suppress(OutputError):  # a memory for comfort: its loss is no reason to disturb anyone
                write_file(self._file, json.dumps(stored, indent=1).encode())

    def _speed(self, stage: str, elapsed: float, done: float) -> float:
        """How much longer than expected the stages took that have ended, and the present one as far as it is done."""
        ended = [(self._spent[s], self._expected.get(s, 0.0)) for s in self._spent]
        now = [(elapsed, done * self._expected.get(stage, 0.0))] if done > _OWN_SPEED else []
        telling = [(spent, expected) for spent, expected in (*ended, *now) if expected >= _LEAST_SECONDS]
        return _limited(sum(s for s, _ in telling) / sum(e for _, e in telling)) if telling else 1.0

    def _close(self, now: float) -> None:
        if self._stage:
            self._spent[self._stage] = self._spent.get(self._stage, 0.0) + now - self._start
            self._stage = ""


def _limited(speed: float) -> float:
    return min(max(speed, _SPEEDS[0]), _SPEEDS[1])
