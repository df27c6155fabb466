"""Do photos that lie come to stand, and do upright ones stay? `python -m tests.benchmarks.bench_upright FOLDER …`.

Every JPEG and PNG below the folders is looked at in all four ways, alone (`landmarks.upright.see_upright`), and what came of it is counted.
A photo in which no face is found in any way is named.
"""

from __future__ import annotations

import argparse
import logging
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from facestudio.errors import NoFaceError
from facestudio.landmarks.mediapipe_detector import MediapipeDetector
from facestudio.landmarks.upright import see_upright, stands
from facestudio.pipeline.read_picture import read_picture

_LOG = logging.getLogger(__name__)
LAID = ("upright", "on its left side", "upside down", "on its right side")


def main() -> None:
    """Print the counts."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    paths = sorted(
        p for folder in parser.parse_args().folders for p in folder.rglob("*") if p.suffix in (".jpg", ".jpeg", ".png")
    )
    came: dict[str, Counter[str]] = {way: Counter() for way in LAID}
    with closing(MediapipeDetector()) as detector:
        for path in paths:
            image = read_picture(path)
            for laid, way in enumerate(LAID):
                given = replace(image, pixels=np.ascontiguousarray(np.rot90(image.pixels, laid)))
                try:
                    sight = see_upright(detector, given, path.name)
                except NoFaceError:
                    came[way]["refused"] += 1
                    _LOG.info("%s, %s: no face", path, way)
                    continue
                turned = "upright" if (laid + sight.quarters) % 4 == 0 else "wrong"
                said = "turned" if sight.quarters else "left, sure" if stands(sight.face) else "left, doubtful"
                came[way][f"{turned} ({said})"] += 1
    for way, counts in came.items():
        _LOG.info("%-17s %s", way, ", ".join(f"{n} {what}" for what, n in sorted(counts.items())))


if __name__ == "__main__":
    main()
