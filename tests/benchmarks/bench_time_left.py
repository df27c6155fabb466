"""What each stage of a reconstruction takes, as the window's time left sees it, and how far the first job's estimate is off on its way.

python -m tests.benchmarks.bench_time_left [--kinds "auto standard,fit standard"]. Prints the seconds that FIRST_TIMES in
facestudio/app/time_left.py holds (on the clock, and of processor time), then, for each kind, the time left that a first job would have
shown when a stage began, beside what it really was. Run it on an idle machine; it uses two cores.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from facestudio.app.time_left import TimeLeft
from facestudio.paths import resources_dir
from facestudio.pipeline.build_head import reconstruct
from facestudio.pipeline.warm_up import warm_up


def told(engine: str, quality: str, out: Path) -> list[tuple[float, float, str, float]]:
    """(clock, processor time, stage, fraction) of every report of one reconstruction of the sample, and its end."""
    sample = resources_dir() / "sample"
    reports: list[tuple[float, float, str, float]] = []

    def progress(stage: str, fraction: float, message: str = "") -> None:
        reports.append((time.perf_counter(), time.process_time(), stage, fraction))

    photos = [sample / f"{view}.jpg" for view in ("left", "front", "right")]
    reconstruct(photos, out, cameras=sample / "cameras.json", engine=engine, quality=quality, name="head", progress=progress)
    return [*reports, (time.perf_counter(), time.process_time(), "end", 1.0)]


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", default="fit standard,auto draft,auto standard,auto full")
    kinds = [kind.split() for kind in parser.parse_args().kinds.split(",")]
    warm_up()
    with tempfile.TemporaryDirectory() as folder:
        told("auto", "draft", Path(folder) / "warm")
        for engine, quality in kinds:
            reports = told(engine, quality, Path(folder) / f"{engine}{quality}")
            starts = {stage: (clock, busy) for clock, busy, stage, _ in reversed(reports)}
            order = sorted(starts, key=lambda stage: starts[stage])
            sys.stdout.write(f"\n{engine} {quality}\n")
            estimate, end = TimeLeft(f"reconstruct {engine} {quality}"), reports[-1][0]
            shown: dict[str, float] = {}
            for clock, _, stage, fraction in reports[:-1]:
                _, left = estimate.at(stage, fraction, clock)
                shown.setdefault(stage, left)
            for stage, after in pairwise(order):
                clock, busy = (b - a for a, b in zip(starts[stage], starts[after], strict=True))
                left = end - starts[stage][0]
                sys.stdout.write(
                    f"  {stage:<10} {clock:5.1f} s, {busy:5.1f} s of work; shown as it began: {shown[stage]:5.1f} s left, "
                    f"really {left:5.1f} s\n"
                )


if __name__ == "__main__":
    main()
