"""How well rendered pictures of the board give three known webcams back (1280 x 720, distortion, blur 0.7 px, noise 3 of 255).

python tests/benchmarks/bench_calibration.py [SHOTS]
"""

from __future__ import annotations

import sys
from itertools import combinations
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from facestudio.capture.calibration.board import BOARDS
from facestudio.capture.calibration.calibrate import calibrate
from facestudio.capture.calibration.detect import BoardFinder
from facestudio.types import ViewName
from tests.capture.calibration.board_scene import board_poses, render, true_rig


def main(count: int) -> None:
    """Render, find, calibrate, compare."""
    spec = BOARDS["A4"]
    truth, finder = true_rig(), BoardFinder(spec)
    shots = []
    for k, board in enumerate(board_poses(count, spec, seed=4)):
        found = {v: finder.find(render(c, board, spec, seed=100 * j + k)) for j, (v, c) in enumerate(truth.items())}
        shots.append({v: d for v, d in found.items() if d is not None})
    report = calibrate(shots, dict.fromkeys(ViewName, (1280, 720)), spec)
    lines = list(report.sentences)
    for view in ViewName:
        got, true = report.rig.cameras[view], truth[view]
        angle = np.degrees(np.arccos(np.clip((np.trace(got.R.T @ true.R) - 1) / 2, -1, 1)))
        lines.append(f"{view}: focal length off by {got.K[0, 0] / true.K[0, 0] - 1:+.3%}, rotation by {angle:.3f} degrees")
    for a, b in combinations(ViewName, 2):
        lengths = [np.linalg.norm(r[a].centre - r[b].centre) for r in (report.rig.cameras, truth)]
        lines.append(f"{a} to {b}: distance off by {lengths[0] / lengths[1] - 1:+.3%} of {lengths[1] * 1000:.0f} mm")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 22)
