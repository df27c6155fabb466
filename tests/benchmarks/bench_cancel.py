"""How long a reconstruction works between two looks at whether it should stop: the longest such gap of each stage.

python -m tests.benchmarks.bench_cancel [--runs 5] [--quality standard] [--texture 2048] [--where]

Gaps are told in the process's processor time on one thread, which other programs' load does not stretch and which is no shorter than what
an idle machine takes; the wall clock is beside it. Each gap is known by the two places in the code between which it lies, and the shortest
of all runs counts. The first run, with its imports and compilations, is not counted. The window promises 200 ms.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

os.environ |= {
    "OMP_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}  # before anything counts the cores

import cv2

from facestudio.export.formats import FORMATS
from facestudio.paths import resources_dir
from facestudio.pipeline.build_head import reconstruct
from facestudio.pipeline.export_head import export_saved
from facestudio.pipeline.warm_up import warm_up
from facestudio.progress import CancelToken

_DEEP = 8  # frames of the caller that tell one place from another
_SHOWN = 16


class Watch(CancelToken):
    """A token that notes when it was looked at, and from where."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = "start"
        self.gaps: list[tuple[str, str, float, float]] = []
        self._last, self._place = _now(), "start"

    def check(self) -> None:
        """Note the gap since the last look."""
        now, place = _now(), _caller()
        self.gaps.append((self.stage, f"{self._place} -> {place}", now[0] - self._last[0], now[1] - self._last[1]))
        self._last, self._place = _now(), place

    def progress(self, stage: str, fraction: float, message: str = "") -> None:
        """The stage that the next gaps belong to."""
        self.stage = stage


def _now() -> tuple[float, float]:
    """(processor time, wall clock), seconds."""
    return time.process_time(), time.perf_counter()


def _caller() -> str:
    frame = sys._getframe(2)
    names: list[str] = []
    while frame is not None and len(names) < _DEEP:
        names.append(f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}")
        frame = frame.f_back  # type: ignore[assignment]
    return " < ".join(names)


def one_run(quality: str, texture: int, out: Path) -> list[tuple[str, str, float, float]]:
    """The gaps of one reconstruction of the sample, and of exporting it in every format of our own."""
    sample, watch = resources_dir() / "sample", Watch()
    photos = [sample / f"{view}.jpg" for view in ("left", "front", "right")]
    reconstruct(
        photos,
        out,
        cameras=sample / "cameras.json",
        quality=quality,
        texture_size=texture,
        name="head",
        cancel=watch,
        progress=watch.progress,
    )
    watch.check()
    watch.stage = "open"
    formats = sorted(set(FORMATS) - {"blend", "fbx"})  # those are written by Blender, which is killed when asked to stop
    export_saved(out, out.with_name(f"{out.name}-all"), formats, progress=watch.progress, cancel=watch)
    watch.check()
    return watch.gaps


def main() -> None:
    """Print one line per stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--quality", default="standard")
    parser.add_argument("--texture", type=int, default=2048)
    parser.add_argument("--where", action="store_true", help="also the longest gaps, and where they are")
    asked = parser.parse_args()
    warm_up()
    cv2.setNumThreads(1)
    found: dict[tuple[str, str, int], list[tuple[float, float]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        one_run("draft", 1024, Path(folder) / "warm")
        for run in range(asked.runs):
            seen: dict[tuple[str, str], int] = defaultdict(int)
            for stage, where, busy, wall in one_run(asked.quality, asked.texture, Path(folder) / str(run)):
                found[stage, where, seen[stage, where]].append((busy, wall))
                seen[stage, where] += 1
    sure = {key: min(times) for key, times in found.items() if len(times) > asked.runs // 2}
    for stage in dict.fromkeys(stage for stage, _, _ in found):
        busy, wall = max(gap for key, gap in sure.items() if key[0] == stage)
        sys.stdout.write(f"{stage:<12} longest gap {1000 * busy:5.0f} ms of work, {1000 * wall:5.0f} ms on the clock\n")
    if asked.where:
        for (stage, where, number), (busy, wall) in sorted(sure.items(), key=lambda item: item[1], reverse=True)[:_SHOWN]:
            sys.stdout.write(f"\n{stage} {number}: {1000 * busy:.0f} ms ({1000 * wall:.0f})\n  {where}\n")


if __name__ == "__main__":
    main()
