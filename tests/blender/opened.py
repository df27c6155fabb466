"""A default bundle in a real Blender, against what FaceStudio meant. Blender is GPL: it runs as a program of its own, and only here.

Shared by the tests and by `tests.benchmarks.check_bundles`. A Blender is the program, or a Python interpreter with the module bpy.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from facestudio.export.blender_script import plain_camera, slider_range
from facestudio.export.saved import SavedHead
from facestudio.export.scene import HeadScene, build_scene
from facestudio.geometry.camera import project, screen
from facestudio.geometry.rasterize import rasterize
from facestudio.geometry.shading import resized
from facestudio.head.model import EYES
from facestudio.types import BoolArray, Camera, Float64Array

CHECK_GLB, CHECK_OPENED = (Path(__file__).with_name(name) for name in ("check.py", "check_opened.py"))
PERCENT = 50  # of the photos' size
_EMPTY = "import bpy; bpy.ops.wm.read_factory_settings(use_empty=True)"
_REREAD = """
import bpy, json, sys
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.wm.obj_import(filepath=sys.argv[-2])
m = next(o for o in bpy.data.objects if o.type == 'MESH').data
found = {'v': [list(v.co) for v in m.vertices], 'f': [list(p.vertices) for p in m.polygons]}
found |= {'uv': [list(l.uv) for l in m.uv_layers[0].data], 'images': [i.name for i in bpy.data.images]}
open(sys.argv[-1], 'w').write(json.dumps(found))
"""


@dataclasses.dataclass(frozen=True)
class Blender:
    """One Blender. program: its file, or a Python interpreter's. module: whether it is the module bpy of that interpreter."""

    program: str
    module: bool = False

    def run(
        self, *steps: str | Path, after: tuple[str, ...] = (), facts: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run Python steps, texts or files, in an empty scene; `after` are the words behind --. Exit status 3 or 1 when one fails."""
        plain = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        plain |= {} if facts is None else {"FACESTUDIO_EXPECTED": str(facts)}
        if self.module:
            lines = ["import runpy", _EMPTY]
            lines += [f"runpy.run_path({str(s)!r}, run_name='__main__')" if isinstance(s, Path) else s for s in steps]
            command = [self.program, "-c", "\n".join(lines), "--", *after]
        else:
            # Blender's own Python takes the first python3 on the PATH for its home, and then misses the numpy that came with Blender.
            plain |= {"PATH": os.defpath}
            command = [self.program, "--background", "--factory-startup", "--python-exit-code", "3", "--python-expr", _EMPTY]
            for step in steps:
                command += ["--python", str(step)] if isinstance(step, Path) else ["--python-expr", step]
            command += ["--", *after] if after else []
        return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, env=plain)


def centred(camera: Camera) -> Camera:
    """The camera as glTF can hold it: without distortion, its axis through the picture's centre. NAME.json keeps the true one."""
    K = camera.K.copy()
    K[0, 2], K[1, 2] = (camera.width - 1) / 2, (camera.height - 1) / 2
    return dataclasses.replace(camera, K=K, distortion=np.zeros(5))


def seen_by_cameras(scene: HeadScene, points: Float64Array, held: Callable[[Camera], Camera]) -> dict[str, Any]:
    """Per camera its size, and where points (N, 3) appear. held: what becomes of a camera in the file that is looked at."""
    return {
        c.name: {
            "width": c.camera.width,
            "height": c.camera.height,
            "points": points.tolist(),
            "pixels": project(held(c.camera), points).tolist(),
        }
        for c in scene.cameras
    }


def expectations(scene: HeadScene) -> dict[str, Any]:
    joints = {}
    for i, name in enumerate(scene.joint_names):
        parent = int(scene.joint_parents[i])
        joints[name] = {
            "position": scene.joint_positions[i].tolist(),
            "parent": scene.joint_names[parent] if parent >= 0 else None,
        }
    points = scene.vertices[:: max(1, len(scene.vertices) // 50)].astype(np.float64)
    return {
        "name": scene.name,
        "vertices": scene.vertices.tolist(),
        "faces": len(scene.faces),
        "morphs": list(scene.morph_names),
        "morph_reach": np.linalg.norm(scene.morphs, axis=-1).max(axis=-1).tolist(),
        "joints": joints,
        "roughness_map": scene.roughness is not None,
        "texture_size": [scene.albedo.shape[1], scene.albedo.shape[0]],
        "cameras": seen_by_cameras(scene, points, centred),
    }


def facts(saved: SavedHead, folder: Path, views: tuple[str, ...], pictures: Path | None = None) -> dict[str, Any]:
    """What the script in `folder` must leave; silhouettes go to `pictures`."""
    scene = build_scene(saved.model, saved.reconstruction, saved.texture, saved.name)
    eyes = np.flatnonzero(saved.model.part_vertices(*EYES))[::7]
    points = scene.vertices[:: max(1, len(scene.vertices) // 60)].astype(np.float64)
    chosen = scene.uv_faces[:: len(scene.faces) // 50]
    return {
        "name": scene.name,
        "script": str(folder / f"{scene.name}_open_in_blender.py"),
        "vertices": scene.vertices.tolist(),
        "eye_ids": eyes.tolist(),
        "eyes": saved.reconstruction.posed_vertices[eyes].tolist(),
        "faces": len(scene.faces),
        "uv": scene.uv[chosen].reshape(-1, 2).tolist(),
        "ranges": {name: list(slider_range(name)) for name in scene.morph_names},
        "morph_reach": np.linalg.norm(scene.morphs, axis=-1).max(axis=-1).tolist(),
        "cameras": seen_by_cameras(scene, points, plain_camera),
        "pictures": {view: str((pictures or folder) / f"silhouette_{view}.png") for view in views},
        "percent": PERCENT,
    }


def open_and_check(blender: Blender, expected: dict[str, Any], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the bundle's script in Blender, and then check_opened.py on what it left."""
    notes = folder / "expected.json"
    notes.write_text(json.dumps(expected), encoding="utf-8")
    return blender.run(Path(expected["script"]), CHECK_OPENED, facts=notes)


def check_glb(blender: Blender, glb: Path, expected: dict[str, Any], folder: Path) -> subprocess.CompletedProcess[str]:
    """Import a .glb into Blender and run check.py on it."""
    notes = folder / "expected_glb.json"
    notes.write_text(json.dumps(expected), encoding="utf-8")
    return blender.run(CHECK_GLB, after=(str(glb), str(notes)))


def silhouette(scene: HeadScene, view: str) -> BoolArray:
    camera = plain_camera(next(c.camera for c in scene.cameras if c.name == view))
    small = resized(camera, camera.height * PERCENT // 100, camera.width * PERCENT // 100)
    drawn = rasterize(screen(small, scene.vertices.astype(np.float64)), scene.faces, small.height, small.width)
    return np.asarray(drawn.pix_to_face >= 0)


def overlap(a: BoolArray, b: BoolArray) -> float:
    return float((a & b).sum() / (a | b).sum())


def expect_opens(
    blender: Blender, saved: SavedHead, folder: Path, views: tuple[str, ...], pictures: Path | None = None
) -> list[float]:
    """Assert that the script leaves what was meant; returns the silhouettes' intersection over union with our own, by view."""
    scene = build_scene(saved.model, saved.reconstruction, saved.texture, saved.name)
    expected = facts(saved, folder, views, pictures)
    ran = open_and_check(blender, expected, pictures or folder)
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    assert "as meant" in ran.stdout
    found = []
    for view, picture in expected["pictures"].items():
        drawn = cv2.imread(picture, cv2.IMREAD_UNCHANGED)[..., 3] > 127
        found.append(overlap(drawn, silhouette(scene, view)))
        assert found[-1] >= 0.97, view
    return found


def expect_glb(blender: Blender, saved: SavedHead, glb: Path, folder: Path) -> None:
    """Assert that Blender imports the .glb with its texture, bones, shape keys, cameras and size."""
    scene = build_scene(saved.model, saved.reconstruction, saved.texture, saved.name)
    ran = check_glb(blender, glb, expectations(scene), folder)
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    assert "all checks passed" in ran.stdout


def reread_obj(blender: Blender, saved: SavedHead, obj: Path, folder: Path) -> tuple[float, float]:
    """Largest error of positions, metres, and of texture coordinates per face corner, as Blender rereads the OBJ; same order asserted."""
    scene = build_scene(saved.model, saved.reconstruction, saved.texture, saved.name)
    found_file = folder / "found.json"
    ran = blender.run(_REREAD, after=(str(obj), str(found_file)))
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    found = json.loads(found_file.read_text(encoding="utf-8"))
    assert np.array_equal(np.array(found["f"]), scene.faces), "other faces, or another order"
    assert any("albedo" in name for name in found["images"]), "no albedo picture"
    positions = np.abs(np.array(found["v"]) - scene.vertices).max()
    return float(positions), float(np.abs(np.array(found["uv"]) - scene.uv[scene.uv_faces.ravel()]).max())
