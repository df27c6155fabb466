"""Doing once, before anyone waits, what the first reconstruction would do lazily: imports, numba's start, the face finder's graphs.

Some of it holds Python's lock for a quarter of a second at a time. Done while the window says "starting engine…", nobody feels it.
"""

from __future__ import annotations

import gc
from contextlib import closing

import numpy as np


def warm_up() -> None:
    """Import and start everything a reconstruction uses. Raises what an import raises."""
    from facestudio.geometry.rasterize import interpolate, rasterize
    from facestudio.head.store import load_head
    from facestudio.landmarks.dense_net import dense_landmarks
    from facestudio.landmarks.mediapipe_detector import MediapipeDetector
    from facestudio.pipeline import build_head  # noqa: F401  what it imports is what the first reconstruction would wait for
    from facestudio.pipeline.evidence import best_evidence, evidence_error
    from facestudio.types import Image, Landmarks

    corners = np.array([[0.0, 0.0, 1.0], [3.0, 0.0, 1.0], [0.0, 3.0, 1.0]])
    triangle = np.array([[0, 1, 2]])
    interpolate(rasterize(corners, triangle, 4, 4), triangle, corners)
    with closing(MediapipeDetector()):
        pass
    evidence = best_evidence(load_head("open"))
    evidence_error(evidence)
    if evidence != "mediapipe":
        blank = Image(np.zeros((64, 64, 3), np.uint8))
        dense_landmarks([blank], [Landmarks(np.random.default_rng(0).uniform(16, 48, (478, 2)), "mediapipe478", np.ones(478))])
    # What the imports made stays for good: the collector need not walk over a million objects again and again.
    gc.freeze()
