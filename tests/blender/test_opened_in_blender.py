"""NAME_open_in_blender.py, run in a real Blender twice, and .blend and .fbx through it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from facestudio.export.folder import export_head
from facestudio.export.saved import SavedHead, load_head
from facestudio.head.store import load_head as load_head_model
from facestudio.paths import resources_dir
from facestudio.pipeline.build_head import reconstruct
from tests.benchmarks.bench_silhouette import overlaps
from tests.blender.opened import Blender, expect_glb, expect_opens, facts, open_and_check, reread_obj

BENCH = (
    *("AIAN_M_1", "Asian_F_1", "Asian_M_2", "Black_F_1", "Black_M_1", "Hispanic_F_2"),
    *("Hispanic_M_1", "MENA_F_1", "MENA_M_2", "NHPI_M_1", "White_F_1", "White_M_2"),
)

pytestmark = pytest.mark.blender


@pytest.fixture(scope="module")
def blender() -> Blender:
    found = shutil.which("blender")
    if found is None:
        pytest.skip("needs Blender on the PATH (Debian: apt-get install blender python3-numpy)")
    return Blender(found)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[SavedHead, Path]:
    """The default bundle of the sample photos."""
    folder = tmp_path_factory.mktemp("sample")
    photos = [resources_dir() / "sample" / f"{view}.jpg" for view in ("left", "front", "right")]
    reconstruct(
        photos, folder, cameras=resources_dir() / "sample" / "cameras.json", engine="fit", texture_size=512, name="Ada L'Été"
    )
    return load_head(folder / "Ada L'Été.head.npz"), folder


def test_the_sample_s_default_bundle_opens(blender: Blender, sample: tuple[SavedHead, Path]) -> None:
    saved, folder = sample
    expect_opens(blender, saved, folder, ("front", "left"))


@pytest.fixture(scope="module")
def module() -> Blender:
    """FACESTUDIO_BPY: a Python interpreter that has Blender as the module bpy (in an environment of its own: it needs another numpy)."""
    python = os.environ.get("FACESTUDIO_BPY")
    if not python:
        pytest.skip("needs FACESTUDIO_BPY, a Python interpreter with the module bpy")
    return Blender(python, module=True)


def test_it_opens_in_the_module_bpy_too(module: Blender, sample: tuple[SavedHead, Path], tmp_path: Path) -> None:
    saved, folder = sample
    expect_opens(module, saved, folder, ("right",), tmp_path)
    expect_glb(module, saved, folder / f"{saved.name}.glb", tmp_path)
    assert max(reread_obj(module, saved, folder / f"{saved.name}.obj", tmp_path)) < 1e-6


def test_the_check_can_fail(blender: Blender, sample: tuple[SavedHead, Path], tmp_path: Path) -> None:
    saved, folder = sample
    wrong = facts(saved, folder, ())
    wrong["cameras"]["front"]["pixels"][0][0] += 0.1
    ran = open_and_check(blender, wrong, tmp_path)
    assert ran.returncode == 3
    assert "camera front is" in ran.stdout + ran.stderr


def test_blender_writes_blend_and_fbx(blender: Blender, sample: tuple[SavedHead, Path], tmp_path: Path) -> None:
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
    ran = blender.run(look)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    height = round(float(np.ptp(saved.reconstruction.vertices[:, 1])), 4)
    found = next(line for line in ran.stdout.splitlines() if line.startswith("FOUND")).split()
    assert found[1:3] == [str(saved.model.vertex_count), str(1 + len(saved.model.expression_names))]
    assert abs(float(found[3]) - height) <= 2e-4
    assert found[4] == "1"
    assert "SAVED ['ARMATURE', 'CAMERA', 'CAMERA', 'CAMERA', 'MESH'] True" in ran.stdout


def test_blender_rereads_the_obj_with_its_vertex_order_and_texture_coordinates(
    blender: Blender, sample: tuple[SavedHead, Path], tmp_path: Path
) -> None:
    saved, folder = sample
    assert max(reread_obj(blender, saved, folder / f"{saved.name}.obj", tmp_path)) < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("name", BENCH)
def test_a_bench_head_opens(name: str, blender: Blender, shared: Path, tmp_path: Path) -> None:
    """FACESTUDIO_RESULTS: a folder of result folders by name, as reconstructed before; else the heads are made here, at draft quality."""
    if os.environ.get("CI"):
        pytest.skip("one head is enough there")
    folder = Path(os.environ.get("FACESTUDIO_RESULTS", tmp_path)) / name
    if not folder.is_dir():
        source = shared / "bench" / "dev" / name
        photos = [source / f"{view}.jpg" for view in ("left", "front", "right")]
        reconstruct(photos, folder, cameras=source / "cameras.json", quality="draft", texture_size=1024, name=name)
    saved = load_head(folder / f"{name}.head.npz")
    expect_opens(blender, saved, folder, ("left", "front", "right"), tmp_path)
    expect_glb(blender, saved, folder / f"{name}.glb", tmp_path)
    assert max(reread_obj(blender, saved, folder / f"{name}.obj", tmp_path)) < 1e-6
    assert min(overlaps(saved, shared / "bench" / "dev" / name)) >= 0.93


def test_flame_opens_too(blender: Blender, flame_file: Path, tmp_path: Path) -> None:
    photos = [resources_dir() / "sample" / f"{view}.jpg" for view in ("left", "front", "right")]
    cameras = resources_dir() / "sample" / "cameras.json"
    reconstruct(photos, tmp_path, cameras=cameras, engine="fit", texture_size=512, name="F", head=str(flame_file))
    expect_opens(blender, load_head(tmp_path / "F.head.npz", load_head_model(flame_file)), tmp_path, ("front",))
