"""Are photos of different people told from photos of one? `python -m tests.benchmarks.bench_strangers BENCH … [--head FILE]`.

Every triplet of a bench as it is (nothing should be said), then, by a fixed draw, 36 triplets of three people and 36 with one photo of
somebody else (something should be), once without cameras and once with each photo's own (`reconstruct.one_head` uses lenses only). Prints
`one_head_cost` and the shares beyond `FitLimits.strangers`; the same for pairs of photos. Triplets in which no face is found are named.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from facestudio.errors import FaceStudioError
from facestudio.evaluate.datasets.bench import head_names
from facestudio.head.dense import attach_dense
from facestudio.head.model import load
from facestudio.head.store import load_head
from facestudio.landmarks.mediapipe_detector import MediapipeDetector
from facestudio.pipeline.cameras_file import read_cameras
from facestudio.pipeline.check_fit import FitLimits
from facestudio.pipeline.evidence import evidence_basis, evidence_error, with_dense
from facestudio.pipeline.import_triplet import find_views, read_photos
from facestudio.reconstruct.one_head import one_head_cost
from facestudio.types import View, ViewName

_LOG = logging.getLogger(__name__)
MIXED = 36
PAIRS = ((0, 1), (0, 2), (1, 2))


def captures(bench: Path) -> list[tuple[View, ...]]:
    """Every triplet of a bench with cameras and dense landmarks; pictures shrunk to nothing but their size."""
    found, basis = [], evidence_basis(load_head("open"))
    with MediapipeDetector() as detector:
        for name in head_names(bench):
            photos = [bench / name / f"{view}.jpg" for view in ViewName]
            try:
                triplet = find_views(read_photos(photos), basis, detector, read_cameras(bench / name / "cameras.json"))
            except FaceStudioError as error:
                _LOG.info("%s: %s", name, error)
                continue
            views = with_dense(triplet).views
            blank = [np.broadcast_to(np.uint8(0), v.image.pixels.shape) for v in views]
            found.append(tuple(replace(v, image=replace(v.image, pixels=p)) for v, p in zip(views, blank, strict=True)))
    return found


def main() -> None:
    """Print the table."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("benches", type=Path, nargs="+")
    parser.add_argument("--head", type=Path, help="another head model's file, such as an imported FLAME")
    words = parser.parse_args()
    model = load_head("open") if words.head is None else attach_dense(load(words.head))
    basis, error = evidence_basis(model, "dense"), evidence_error("dense")
    limit = FitLimits().strangers

    def told(what: str, sets: Sequence[Sequence[View]]) -> None:
        costs = np.array([c for c in (one_head_cost(views, basis, error) for views in sets) if c is not None])
        spread = np.percentile(costs, [0, 25, 50, 75, 100]).round(1)
        _LOG.info("  %-34s %s  %d of %d beyond %.0f", what, spread, (costs > limit).sum(), len(costs), limit)

    for bench in words.benches:
        heads = captures(bench)
        for cameras in ("without cameras", "with cameras"):
            ready = [h if cameras == "with cameras" else tuple(replace(v, camera=None) for v in h) for h in heads]
            rng = np.random.default_rng(0)
            draws = [rng.choice(len(heads), 3, replace=False) for _ in range(MIXED)]
            _LOG.info("%s, %s: least, quartiles, largest", bench.name, cameras)
            told("one person, three photos", ready)
            told("three people", [[ready[h][i] for i, h in enumerate(d)] for d in draws])
            told("one photo of another", [[ready[d[int(i == k % 3)]][i] for i in range(3)] for k, d in enumerate(draws)])
            told("one person, two photos", [[h[i] for i in pair] for h in ready for pair in PAIRS])
            pairs = [(d, PAIRS[k % 3]) for k, d in enumerate(draws)]
            told("two people, two photos", [[ready[d[n]][i] for n, i in enumerate(pair)] for d, pair in pairs])


if __name__ == "__main__":
    main()
