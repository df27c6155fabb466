"""Others' checkers on the files of all heads: `python -m tests.benchmarks.check_bundles RESULTS`.

RESULTS: folders with NAME.head.npz, below any depth. For each head: Khronos' validator on its own NAME.glb, USD's validators, trimesh on
STL and OBJ (written anew), Epic's rules, and the lids: area of eyeball seen and how far it pokes through, half closed and closed, from the
front and from 42 degrees on both sides.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from facestudio.export.checklist import metahuman_checklist
from facestudio.export.saved import load_head
from facestudio.export.scene import build_scene
from tests.export.bundle import obj_errors, stl_is_watertight, usd_complaints, write_bundle
from tests.export.khronos import validate
from tests.export.lid_depth import look_at_eyes

YAWS = (-42.0, 0.0, 42.0)


def row(path: Path) -> str:
    """The findings on one head."""
    saved = load_head(path)
    scene = build_scene(saved.model, saved.reconstruction, saved.texture, saved.name)
    issues = validate(path.with_name(f"{saved.name}.glb"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_bundle(saved, folder)
        usd = len(usd_complaints(folder / f"{saved.name}.usdc"))
        watertight = stl_is_watertight(folder / f"{saved.name}.stl")
        position, uv = obj_errors(saved, folder / f"{saved.name}.obj")
    eyes = {w: [eye for yaw in YAWS for eye in look_at_eyes(saved.model, scene, w, yaw)] for w in (0.5, 1.0)}
    lids = ", ".join(
        f"{w}: {max(e.open_mm2 for e in seen):.0f} mm2 open, {max(e.poking_mm for e in seen):.2f} mm through"
        for w, seen in eyes.items()
    )
    missed = [check.rule for check in metahuman_checklist(saved.model, scene, saved.texture) if not check.passed]
    return (
        f"{saved.name:>14}: glTF {issues['numErrors']} errors, {issues['numWarnings']} warnings; USD {usd} complaints; "
        f"STL {'watertight' if watertight else 'OPEN'}; OBJ {position:.0e} m, {uv:.0e} uv; lids {lids}; "
        f"Epic: {'; '.join(missed) or 'all met'}\n"
    )


if __name__ == "__main__":
    for each in sorted(Path(sys.argv[1]).rglob("*.head.npz")):
        sys.stdout.write(row(each))
        sys.stdout.flush()
