"""How long the whole job takes, stage by stage, and how much memory: `python tests/benchmarks/bench_reconstruct.py [HEAD [ENGINE]]`.

Reconstructs the shipped sample twice in one process and reports the second run, when everything is compiled and loaded.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from facestudio.paths import resources_dir
from facestudio.pipeline.build_head import reconstruct

TARGETS = {"fit": 0.5, "texture": 3.0, "export": 1.0}
TARGET_MB = 2000.0


def main() -> None:
    """Run the job twice and print the second run's stages beside their targets."""
    head, engine = (sys.argv[1:] + ["open", "auto"][len(sys.argv) - 1 :])[:2]
    sample = resources_dir() / "sample"
    photos = [sample / f"{view}.jpg" for view in ("left", "front", "right")]
    with tempfile.TemporaryDirectory() as folder:
        start = 0.0
        for _ in range(2):
            start = time.perf_counter()
            reconstruct(photos, folder, cameras=sample / "cameras.json", head=head, engine=engine, name="sample")
        whole = time.perf_counter() - start
        seconds = json.loads((Path(folder) / "sample.json").read_text(encoding="utf-8"))["seconds"]
    for stage, took in seconds.items():
        target = f"   target {TARGETS[stage]:.1f} s" if stage in TARGETS else ""
        sys.stdout.write(f"{stage:>10}: {took:6.2f} s{target}\n")
    sys.stdout.write(f"{'whole':>10}: {whole:6.2f} s\n")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    sys.stdout.write(f"{'peak':>10}: {peak:6.0f} MB  target {TARGET_MB:.0f} MB\n")


if __name__ == "__main__":
    main()
