"""NAME_open_in_blender.py, run in a real Blender twice, and .blend and .fbx through it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from facestudio.export.blender_script import plain_camera, slider_range
from facestudio.export.folder import export_head
from facestudio.export.saved import SavedHead, load_head
from facestudio.export.scene import HeadScene, build_scene
from facestudio.geometry.camera import project, screen
from facestudio.geometry.rasterize import rasterize
from facestudio.geometry.shading import resized
from facestudio.head.model import EYES
from facestudio.head.store import load_head as load_head_model
from facestudio.paths import resources_dir
from facestudio.pipeline.build_head import reconstruct
from facestudio.types import BoolArray

CHECK = Path(__file__).with_name("check_opened.py")
BENCH = (
    *("AIAN_M_1", "Asian_F_1", "Asian_M_2", "Black_F_1", "Black_M_1", "Hispanic_F_2"),
    *("Hispanic_M_1", "MENA_F_1", "MENA_M_2", "NHPI_M_1", "White_F_1", "White_M_2"),
)
PERCENT = 50

pytestmark = pytest.mark.blender


@pytest.fixture(scope="module")
def blender() -> str:
    found = shutil.which("blender")
    if found is None:
        pytest.skip("needs Blender on the PATH (Debian: apt-get install blender python3-numpy)")
    return found


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
        "cameras": {
            c.name: {
                "width": c.camera.width,
                "height": c.camera.height,
                "points": points.tolist(),
                "pixels": project(plain_camera(c.camera), points).tolist(),
            }
            for c in scene.cameras
        },
        "pictures": {view: str((pictures or folder) / f"silhouette_{view}.png") for view in views},
        "percent": PERCENT,
    }


def open_and_check(blender: str, expected: dict[str, Any], folder: Path) -> subprocess.CompletedProcess[str]:
    notes = folder / "expected.json"
    notes.write_text(json.dumps(expected), encoding="utf-8")
    plain = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    plain |= {"PATH": os.defpath, "FACESTUDIO_EXPECTED": str(notes)}
    empty = ["--python-expr", "import bpy; bpy.ops.wm.read_factory_settings(use_empty=True)"]
    command = [blender, "--background", "--factory-startup", "--python-exit-code", "3", *empty]
    command += ["--python", expected["script"], "--python", str(CHECK)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, env=plain)


def silhouette(scene: HeadScene, view: str) -> BoolArray:
    camera = plain_camera(next(c.camera for c in scene.cameras if c.name == view))
    small = resized(camera, camera.height * PERCENT // 100, camera.width * PERCENT // 100)
    drawn = rasterize(screen(small, scene.vertices.astype(np.float64)), scene.faces, small.height, small.width)
    return np.asarray(drawn.pix_to_face >= 0)


def overlap(a: BoolArray, b: BoolArray) -> float:
    return float((a & b).sum() / (a | b).sum())


def expect_opens(blender: str, saved: SavedHead, folder: Path, views: tuple[str, ...], pictures: Path | None = None) -> None:
    scene = build_scene(saved.model, saved.reconstruction, saved.texture, saved.name)
    expected = facts(saved, folder, views, pictures)
    ran = open_and_check(blender, expected, pictures or folder)
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    assert "as meant" in ran.stdout
    for view, picture in expected["pictures"].items():
        drawn = cv2.imread(picture, cv2.IMREAD_UNCHANGED)[..., 3] > 127
        assert overlap(drawn, silhouette(scene, view)) >= 0.97, view


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[SavedHead, Path]:
    """The default bundle of the sample photos."""
    folder = tmp_path_factory.mktemp("sample")
    photos = [resources_dir() / "sample" / f"{view}.jpg" for view in ("left", "front", "right")]
    reconstruct(
        photos, folder, cameras=resources_dir() / "sample" / "cameras.json", engine="fit", texture_size=512, name="Ada L'Été"
    )
    return load_head(folder / "Ada L'Été.head.npz"), folder


def test_the_sample_s_default_bundle_opens(blender: str, sample: tuple[SavedHead, Path]) -> None:
    saved, folder = sample
    expect_opens(blender, saved, folder, ("front", "left"))


def test_it_opens_in_the_module_bpy_too(sample: tuple[SavedHead, Path]) -> None:
    """FACESTUDIO_BPY: a Python interpreter that has Blender as the module bpy (in an environment of its own: it needs another numpy)."""
    python = os.environ.get("FACESTUDIO_BPY")
    if not python:
        pytest.skip("needs FACESTUDIO_BPY, a Python interpreter with the module bpy")
    saved, folder = sample
    expected = facts(saved, folder, ("right",))
    (folder / "expected.json").write_text(json.dumps(expected), encoding="utf-8")
    code = (
        "import bpy, runpy, sys; bpy.ops.wm.read_factory_settings(use_empty=True); "
        "[runpy.run_path(path, run_name='__main__') for path in sys.argv[1:]]"
    )
    plain = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")} | {
        "FACESTUDIO_EXPECTED": str(folder / "expected.json")
    }
    command = [python, "-c", code, expected["script"], str(CHECK)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, env=plain)
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    assert "as meant" in ran.stdout
    drawn = cv2.imread(expected["pictures"]["right"], cv2.IMREAD_UNCHANGED)[..., 3] > 127
    assert (
        overlap(drawn, silhouette(build_scene(saved.model, saved.reconstruction, saved.texture, saved.name), "right")) >= 0.97
    )


def test_the_check_can_fail(blender: str, sample: tuple[SavedHead, Path], tmp_path: Path) -> None:
    saved, folder = sample
    wrong = facts(saved, folder, ())
    wrong["cameras"]["front"]["pixels"][0][0] += 0.1
    ran = open_and_check(blender, wrong, tmp_path)
    assert ran.returncode == 3
    assert "camera front is" in ran.stdout + ran.stderr


def test_blender_writes_blend_and_fbx(blender: str, sample: tuple[SavedHead, Path], tmp_path: Path) -> None:
    saved, _ = sample
    written = export_head(saved.model, saved.reconstruction, saved.texture, tmp_path, "Ada", ("blend", "fbx"))
    assert [p.name for p in written] == ["Ada.blend", "Ada.fbx"]
    assert {p.name for p in tmp_path.iterdir()} == {"Ada.blend", "Ada.fbx"}
    look = (
        "import bpy, sys; bpy.ops.wm.read_factory_settings(use_empty=True); "
        f"bpy.ops.import_scene.fbx(filepath={str(tmp_path / 'Ada.fbx')!r}); "
        "h = next(o for o in bpy.data.objects if o.type == 'MESH'); "
        "print('FOUND', len(h.data.vertices), len(h.data.shape_keys.key_blocks), round(h.dimensions.z, 4), "
        "len([i for i in bpy.data.images if i.size[0] > 0])); "
        f"bpy.ops.wm.open_mainfile(filepath={str(tmp_path / 'Ada.blend')!r}); "
        "print('SAVED', sorted(o.type for o in bpy.data.objects), all(i.packed_file for i in bpy.data.images if i.size[0]))"
    )
    plain = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")} | {"PATH": os.defpath}
    command = [blender, "--background", "--factory-startup", "--python-exit-code", "3", "--python-expr", look]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=plain)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    height = round(float(np.ptp(saved.reconstruction.vertices[:, 1])), 4)
    found = next(line for line in ran.stdout.splitlines() if line.startswith("FOUND")).split()
    assert found[1:3] == [str(saved.model.vertex_count), str(1 + len(saved.model.expression_names))]
    assert abs(float(found[3]) - height) <= 2e-4
    assert found[4] == "1"
    assert "SAVED ['ARMATURE', 'CAMERA', 'CAMERA', 'CAMERA', 'MESH'] True" in ran.stdout


def test_blender_rereads_the_obj_with_its_vertex_order_and_texture_coordinates(
    blender: str, sample: tuple[SavedHead, Path], tmp_path: Path
) -> None:
    saved, folder = sample
    scene = build_scene(saved.model, saved.reconstruction, saved.texture, saved.name)
    look = (
        "import bpy, json; bpy.ops.wm.read_factory_settings(use_empty=True); "
        f"bpy.ops.wm.obj_import(filepath={str(folder / (saved.name + '.obj'))!r}); "
        "m = next(o for o in bpy.data.objects if o.type == 'MESH').data; "
        "found = {'v': [list(v.co) for v in m.vertices], 'f': [list(p.vertices) for p in m.polygons], "
        "'uv': [list(l.uv) for l in m.uv_layers[0].data], 'images': [i.name for i in bpy.data.images]}; "
        f"open({str(tmp_path / 'found.json')!r}, 'w').write(json.dumps(found))"
    )
    plain = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")} | {"PATH": os.defpath}
    command = [blender, "--background", "--factory-startup", "--python-exit-code", "3", "--python-expr", look]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=plain)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = json.loads((tmp_path / "found.json").read_text())
    assert np.abs(np.array(found["v"]) - scene.vertices).max() < 1e-6
    assert np.array_equal(np.array(found["f"]), scene.faces)
    assert np.abs(np.array(found["uv"]) - scene.uv[scene.uv_faces.ravel()]).max() < 1e-6
    assert any("albedo" in name for name in found["images"])


@pytest.mark.slow
@pytest.mark.parametrize("name", BENCH)
def test_a_bench_head_opens(name: str, blender: str, shared: Path, tmp_path: Path) -> None:
    """FACESTUDIO_RESULTS: a folder of result folders by name, as reconstructed before; else the heads are made here, at draft quality."""
    if os.environ.get("CI"):
        pytest.skip("one head is enough there")
    folder = Path(os.environ.get("FACESTUDIO_RESULTS", tmp_path)) / name
    if not folder.is_dir():
        source = shared / "bench" / "dev" / name
        photos = [source / f"{view}.jpg" for view in ("left", "front", "right")]
        reconstruct(photos, folder, cameras=source / "cameras.json", quality="draft", texture_size=1024, name=name)
    expect_opens(blender, load_head(folder / f"{name}.head.npz"), folder, ("left", "front", "right"), tmp_path)


def test_flame_opens_too(blender: str, flame_file: Path, tmp_path: Path) -> None:
    photos = [resources_dir() / "sample" / f"{view}.jpg" for view in ("left", "front", "right")]
    cameras = resources_dir() / "sample" / "cameras.json"
    reconstruct(photos, tmp_path, cameras=cameras, engine="fit", texture_size=512, name="F", head=str(flame_file))
    expect_opens(blender, load_head(tmp_path / "F.head.npz", load_head_model(flame_file)), tmp_path, ("front",))
