"""How fast synthetic pictures are made: `python -m tests.benchmarks.bench_synth`. Goal: 20 pictures/s at 256² on 2 cores.

Processor time of one process, so that other work on the machine does not count; and the time on the clock of two processes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from facestudio.pipeline.make_synthetic import make_synthetic
from facestudio.training.synth.factory import FactoryConfig, make_subject, pack, wearer_for


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--assets", type=Path, default=Path("../shared/data/makehuman_cc0"))
    parser.add_argument("--subjects", type=int, default=30)
    wanted = parser.parse_args()
    folder = str(wanted.assets) if wanted.assets.is_dir() else ""
    start = time.process_time()
    wearer = wearer_for("open", folder)
    sys.stdout.write(
        f"head and closet ready in {time.process_time() - start:.1f} s of processor time, assets: {folder or 'none'}\n"
    )
    for size in (128, 192, 256):
        config = FactoryConfig(seed=77, size=size)
        make_subject(wearer, config, 10_000)  # compiles
        start = time.process_time()
        taken = [t for n in range(wanted.subjects) for t in make_subject(wearer, config, n)]
        pack(taken)
        each = (time.process_time() - start) / len(taken)
        sys.stdout.write(
            f"{size}²: {1e3 * each:6.1f} ms of processor time a picture = {2.0 / each:5.1f} pictures/s on 2 cores\n"
        )
    with tempfile.TemporaryDirectory() as out:
        times = []
        # Twice as many against once as many: what it costs to start is left out.
        for count in (wanted.subjects, 3 * wanted.subjects):
            start = time.perf_counter()
            config = FactoryConfig(seed=78, subjects=count, size=256, per_shard=5)
            make_synthetic(Path(out) / str(count), config, wanted.assets, 2)
            times.append(time.perf_counter() - start)
        rate = 3 * 2 * wanted.subjects / (times[1] - times[0])
        sys.stdout.write(f"256², two processes, on the clock: {rate:.1f} pictures/s\n")


if __name__ == "__main__":
    main()
