"""Others' checkers on the default bundles of all heads: `python -m tests.benchmarks.check_bundles RESULTS --bench BENCH --blender`.

RESULTS: folders with NAME.head.npz and the rest of a default bundle, below any depth. For each head: Khronos' validator on its own
NAME.glb, USD's validators, trimesh on STL and OBJ (written anew), Epic's rules, and the lids: area of eyeball seen and how far it pokes
through, half closed and closed, from the front and from 42 degrees on both sides.
--bench: silhouettes against the truth's, worst of the photos. --blender, --bpy: in the Blender on the PATH, and in the module bpy of that
interpreter: the .glb (counts, names, bones, size, texture, cameras), what the script leaves (topology, vertices, sliders, photos' cameras,
gaze, silhouettes against our own, worst of the photos), and the OBJ reread.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from facestudio.export.checklist import metahuman_checklist
from facestudio.export.saved import SavedHead, load_head
from facestudio.export.scene import build_scene
from tests.benchmarks.bench_silhouette import overlaps
from tests.blender.opened import Blender, expect_glb, expect_opens, reread_obj
from tests.export.bundle import obj_errors, stl_is_watertight, usd_complaints, write_bundle
from tests.export.khronos import validate
from tests.export.lid_depth import look_at_eyes

YAWS = (-42.0, 0.0, 42.0)


def row(path: Path, bench: Path | None, blenders: dict[str, Blender]) -> str:
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
    words = [
        f"glTF {issues['numErrors']} errors, {issues['numWarnings']} warnings; USD {usd} complaints; "
        f"STL {'watertight' if watertight else 'OPEN'}; OBJ {position:.0e} m, {uv:.0e} uv; lids {lids}; "
        f"Epic: {'; '.join(missed) or 'all met'}"
    ]
    if bench is not None:
        words.append(f"truth's silhouette {min(overlaps(saved, bench / saved.name)):.3f}")
    words += [f"{program}: {in_blender(blender, saved, path.parent)}" for program, blender in blenders.items()]
    return f"{saved.name:>14}: {'; '.join(words)}\n"


def in_blender(blender: Blender, saved: SavedHead, bundle: Path) -> str:
    """The default bundle in one Blender: what was found, or what is wrong."""
    try:
        with tempfile.TemporaryDirectory() as name:
            work = Path(name)
            expect_glb(blender, saved, bundle / f"{saved.name}.glb", work)
            views = tuple(str(v.name) for v in saved.reconstruction.views)
            likeness = min(expect_opens(blender, saved, bundle, views, work))
            position, uv = reread_obj(blender, saved, bundle / f"{saved.name}.obj", work)
    except AssertionError as wrong:
        return f"WRONG: {' '.join(str(wrong).split())[-300:]}"
    return f"as meant, silhouettes {likeness:.3f}, OBJ {position:.0e} m, {uv:.0e} uv"


def main() -> None:
    """Print a row per head."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--bench", type=Path, help="as bench/dev, with truth.ply")
    parser.add_argument("--blender", action="store_true", help="also in the Blender on the PATH")
    parser.add_argument("--bpy", help="also in this Python interpreter's module bpy")
    options = parser.parse_args()
    blenders = {"Blender": Blender(shutil.which("blender") or "blender")} if options.blender else {}
    blenders |= {"bpy": Blender(options.bpy, module=True)} if options.bpy else {}
    for each in sorted(options.results.rglob("*.head.npz")):
        sys.stdout.write(row(each, options.bench, blenders))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
