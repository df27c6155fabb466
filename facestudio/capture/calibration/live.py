"""The board before the live cameras: where it is seen, and when it is held still at a new place."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from facestudio.capture.calibration.board import BoardSpec
from facestudio.capture.calibration.detect import BoardFinder, Detection
from facestudio.capture.group import CameraGroup
from facestudio.errors import FaceStudioError
from facestudio.types import Float64Array, ViewName


@dataclass(frozen=True)
class BoardSeen:
    """One look for the board. detection: None when it was not found. size: (width, height) of the picture."""

    view: ViewName
    t_ns: int
    detection: Detection | None
    size: tuple[int, int]


class BoardLoop:
    """Looks for the board in the newest picture of each view in turn. `report(BoardSeen)` is called in this thread."""

    def __init__(
        self, group: CameraGroup, spec: BoardSpec, report: Callable[[BoardSeen], None], per_second: float = 8.0
    ) -> None:
        self._group, self._spec, self._report = group, spec, report
        self._pause = 1.0 / per_second
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="board", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """End."""
        self._stop.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        finder = BoardFinder(self._spec)
        seen: dict[ViewName, int] = {}
        while not self._stop.is_set():
            for view in self._group.views:
                if self._stop.wait(self._pause):
                    return
                frame = self._group.latest(view)
                if frame is None or seen.get(view) == frame.t_ns:
                    continue
                seen[view] = frame.t_ns
                try:
                    found = finder.find(frame.bgr)
                except FaceStudioError:
                    found = None
                self._report(BoardSeen(view, frame.t_ns, found, (frame.bgr.shape[1], frame.bgr.shape[0])))


@dataclass(frozen=True)
class TriggerConfig:
    """Distances are shares of the picture's width.

    still: largest movement between two looks that counts as held still. new: smallest distance from every shot taken so far, in any view,
    for a place that is worth another. looks: so many still looks in a row.
    """

    still: float = 0.006
    new: float = 0.06
    looks: int = 2


class StillTrigger:
    """Says when to take a shot by itself: the board is held still, and where no shot was taken yet. Feed it every look."""

    def __init__(self, config: TriggerConfig | None = None) -> None:
        self._config = config or TriggerConfig()
        self._last: dict[ViewName, Float64Array] = {}
        self._still: dict[ViewName, int] = {}
        self._taken: list[dict[ViewName, Float64Array]] = []

    def look(self, seen: BoardSeen) -> bool:
        """True when a shot should be taken now; the place then counts as taken."""
        if seen.detection is None:
            self._last.pop(seen.view, None)
            self._still[seen.view] = 0
            return False
        at = _corner_map(seen)
        before = self._last.get(seen.view)
        moved = _distance(at, before) if before is not None else np.inf
        self._still[seen.view] = self._still.get(seen.view, 0) + 1 if moved < self._config.still else 0
        self._last[seen.view] = at
        visible = list(self._last)
        if not visible or any(self._still.get(v, 0) < self._config.looks for v in visible):
            return False
        now = {v: self._last[v] for v in visible}
        if any(self._close(now, taken) for taken in self._taken):
            return False
        self._taken.append(now)
        return True

    def _close(self, now: Mapping[ViewName, Float64Array], taken: Mapping[ViewName, Float64Array]) -> bool:
        common = [v for v in now if v in taken]
        return bool(common) and len(now) <= len(taken) and all(_distance(now[v], taken[v]) < self._config.new for v in common)


def _corner_map(seen: BoardSeen) -> Float64Array:
    """(N, 3) float64: number, x, y of the corners, places as shares of the picture's width."""
    assert seen.detection is not None
    return np.concatenate([seen.detection.ids[:, None].astype(np.float64), seen.detection.pixels / seen.size[0]], axis=1)


def _distance(a: Float64Array, b: Float64Array) -> float:
    """Mean distance of the corners that both have; infinite without any."""
    common, rows_a, rows_b = np.intersect1d(a[:, 0], b[:, 0], return_indices=True)
    if not len(common):
        return float(np.inf)
    return float(np.linalg.norm(a[rows_a, 1:] - b[rows_b, 1:], axis=1).mean())
