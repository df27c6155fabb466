"""How far is a head in FLAME's topology from the same head in OpenHead's? `python -m tests.benchmarks.bench_retarget FLAME.npz RESULTS`.

FLAME.npz: as `facestudio models import` keeps it. RESULTS: folders with NAME.head.npz made with OpenHead, below any depth. Distances on
the face (skin, lips, lids), millimetres: every FLAME vertex to OpenHead's surface, every OpenHead vertex to FLAME's, and OpenHead after
the way there and back, vertex to vertex.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from facestudio.export.saved import load_head
from facestudio.head.registration import closest_points
from facestudio.head.retarget import carry_head, fit_identity
from facestudio.head.store import load_head as load_head_model

FACE = ("face", "lips", "eyelids")


def main(flame_file: Path, results: Path) -> None:
    """Print a row per head, and the medians of all."""
    flame = load_head_model(flame_file)
    rows = []
    for path in sorted(results.rglob("*.head.npz")):
        saved = load_head(path)
        surface, model = saved.reconstruction.vertices, saved.model
        carried = carry_head(surface, model, flame)
        hit = closest_points(carried, surface, model.faces)
        on_face = np.isin(hit.faces, np.flatnonzero(model.part_faces(*FACE))) & ~flame.part_vertices("eye_left", "eye_right")
        face = model.part_vertices(*FACE)
        back = closest_points(surface[face], carried, flame.faces).distance
        again = np.linalg.norm(carry_head(carried, flame, model) - surface, axis=1)[face]
        strongest = float(np.abs(fit_identity(carried, flame)).max())
        row = [
            1000 * float(f(x))
            for x in (hit.distance[on_face], back, again)
            for f in (np.median, lambda d: np.percentile(d, 95))
        ]
        rows.append(row)
        numbers = ", ".join(f"{median:.3f} ({p95:.2f})" for median, p95 in zip(row[::2], row[1::2], strict=True))
        sys.stdout.write(f"{saved.name:>14}: {numbers} mm; strongest FLAME coefficient {strongest:.1f}\n")
    numbers = ", ".join(f"{m:.3f}" for m in np.median(rows, axis=0)[::2])
    sys.stdout.write(f"medians of medians: to OpenHead, to FLAME, there and back: {numbers} mm (in brackets above: 95 %)\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
