"""How far a job is and how long it still takes, from how long its stages took the last times.

The pipeline reports a fraction for each stage, and does not know the stages to come. What the stages of the last job of the same kind
took is remembered in a small file; from it the fraction of the whole follows, and the time left: what this stage still needs at its
present speed plus what the later ones took. Without a memory the fraction is the stage's own and the time left is unknown (-1): no guess
is shown as knowledge.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from facestudio.atomic import write_file
from facestudio.errors import OutputError

UNKNOWN = -1.0
_NEW_SHARE = 0.5  # how much the last run counts against those before it
_remembered: dict[str, dict[str, float]] = {}


def recall(kind: str, file: Path | None) -> dict[str, float]:
    """Stage -> seconds of jobs of a kind, in order; empty when there was none yet or the file is damaged."""
    if kind not in _remembered and file is not None:
        with contextlib.suppress(OSError, ValueError, AttributeError, TypeError):
            stored = json.loads(file.read_text(encoding="utf-8")).get(kind, {})
            _remembered[kind] = {str(stage): float(seconds) for stage, seconds in stored.items()}
    return dict(_remembered.get(kind, {}))


class TimeLeft:
    """The clock of one job. Times are seconds of a monotonic clock."""

    def __init__(self, kind: str, file: Path | None = None) -> None:
        self._kind, self._file = kind, file
        self._expected = recall(kind, file)
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
        if not self._expected:
            return fraction, UNKNOWN
        elapsed = now - self._start
        here = self._expected.get(stage, 0.0)
        if fraction - self._first > 0.3:  # by now its own speed says more than memory
            here = elapsed / (fraction - self._first)
        ended = [s for s in self._expected if s in self._spent]
        last = max((list(self._expected).index(s) for s in (*ended, stage) if s in self._expected), default=-1)
        later = sum(list(self._expected.values())[last + 1 :])
        rest = max(here * (1.0 - fraction), 0.0) if fraction > 0 else max(here - elapsed, 0.0)
        done = sum(self._spent.values()) + here * fraction
        total = done + rest + later
        self._shown = max(self._shown, min(done / total, 1.0) if total > 0 else fraction)
        return self._shown, rest + later

    def finish(self, now: float) -> None:
        """The job ended well: remember what its stages took."""
        self._close(now)
        if not self._spent:
            return
        old = self._expected
        mixed = {s: t if s not in old else _NEW_SHARE * t + (1 - _NEW_SHARE) * old[s] for s, t in self._spent.items()}
        _remembered[self._kind] = mixed
        if self._file is not None:
            stored: dict[str, dict[str, float]] = {}
            with contextlib.suppress(OSError, ValueError):
                stored = json.loads(self._file.read_text(encoding="utf-8"))
            stored = {**stored, self._kind: {s: round(t, 3) for s, t in mixed.items()}} if isinstance(stored, dict) else {}
            with contextlib.suppress(OutputError):  # a memory for comfort: its loss is no reason to disturb anyone
                write_file(self._file, json.dumps(stored, indent=1).encode())

    def _close(self, now: float) -> None:
        if self._stage:
            self._spent[self._stage] = self._spent.get(self._stage, 0.0) + now - self._start
            self._stage = ""
