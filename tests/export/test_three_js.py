"""three.js' own loader, run by node, reads our GLB as docs/three shows it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from facestudio.export.folder import export_head
from facestudio.export.scene import build_scene
from facestudio.head.model import JOINT_NAMES, HeadModel
from facestudio.types import Reconstruction, Texture
from tests.export.test_real_heads import fitted

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLE = REPOSITORY / "docs" / "three"


@pytest.fixture
def packages() -> Path:
    """The folder whose node_modules hold three.js."""
    folder = Path(os.environ.get("FACESTUDIO_GLTF_VALIDATOR", REPOSITORY / ".venv" / "gltf-validator"))
    if shutil.which("node") is None or not (folder / "node_modules" / "three" / "package.json").exists():
        pytest.skip(f"needs node and the npm package three in {folder} (python3 run.py test installs it)")
    return folder


def test_three_js_reads_texture_sliders_bones_and_cameras(
    openhead: HeadModel, small_reconstruction: Reconstruction, small_texture: Texture, packages: Path, tmp_path: Path
) -> None:
    head = fitted(openhead, small_reconstruction)
    export_head(openhead, head, small_texture, tmp_path, "head", ["glb"])
    command = ["node", str(EXAMPLE / "check.mjs"), str(tmp_path / "head.glb"), str(packages)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    scene = build_scene(openhead, head, small_texture, "head")
    reach = dict(zip(scene.morph_names, np.linalg.norm(scene.morphs, axis=-1).max(axis=1), strict=True))
    assert found["moved"] == pytest.approx({name: float(x) for name, x in reach.items()}, abs=1e-5)
    assert set(found["turned"]) == set(JOINT_NAMES)
    assert min(found["turned"].values()) > 0.001
    assert found["texture"] == [*small_texture.albedo.shape[:2], "srgb"]
    assert found["triangles"] == len(scene.faces)
    np.testing.assert_allclose(found["box"], np.stack([scene.vertices.min(0), scene.vertices.max(0)], axis=1), atol=1e-6)
    for camera, expected in zip(found["cameras"], scene.cameras, strict=True):
        np.testing.assert_allclose(camera["K"], expected.camera.K, atol=1e-9)


def test_the_example_names_no_host_and_only_files_that_three_js_has(packages: Path) -> None:
    page = (EXAMPLE / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"https?://", page + (EXAMPLE / "show.js").read_text(encoding="utf-8"))
    modules = re.findall(r'"(three[^"]*)": "\./(node_modules/[^"]+)"', page)
    assert len(modules) == 2
    for wanted in re.findall(r'from "(three[^"]*)"', (EXAMPLE / "show.js").read_text(encoding="utf-8")):
        name, place = max((m for m in modules if wanted.startswith(m[0])), key=lambda m: len(m[0]))
        assert (packages / (place + wanted.removeprefix(name))).is_file(), wanted
