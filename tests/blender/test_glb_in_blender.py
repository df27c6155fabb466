"""The .glb as Blender reads it. Blender is GPL: it runs as a program of its own, and only here."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from facestudio.export.glb import glb_bytes
from facestudio.export.pictures import png_bytes
from facestudio.export.scene import HeadScene, build_scene
from facestudio.head.model import HeadModel
from facestudio.paths import resources_dir
from facestudio.pipeline.build_head import reconstruct
from facestudio.types import Texture
from tests.blender.opened import Blender, check_glb, expectations
from tests.export.globe import globe_model, globe_reconstruction, globe_texture

pytestmark = pytest.mark.blender


@pytest.fixture(scope="module")
def blender() -> Blender:
    found = shutil.which("blender")
    if found is None:
        pytest.skip("needs Blender on the PATH (Debian: apt-get install blender python3-numpy)")
    return Blender(found)


def run_check(blender: Blender, scene: HeadScene, expected: dict[str, Any], folder: Path) -> subprocess.CompletedProcess[str]:
    glb = folder / "head.glb"
    glb.write_bytes(glb_bytes(scene, png_bytes(scene.albedo)))
    return check_glb(blender, glb, expected, folder)


@pytest.fixture(scope="module")
def globe_scene(tmp_path_factory: pytest.TempPathFactory) -> HeadScene:
    model = globe_model()
    return build_scene(model, globe_reconstruction(model, tmp_path_factory.mktemp("photos")), globe_texture(model), "globe")


@pytest.fixture(scope="module")
def openhead_scene(openhead: HeadModel, globe_scene: HeadScene, tmp_path_factory: pytest.TempPathFactory) -> HeadScene:
    """The shipped head with a random identity, before the globe's cameras."""
    rng = np.random.default_rng(5)
    identity = rng.normal(size=openhead.identity_basis.shape[-1])
    vertices = openhead.template + openhead.identity_basis.astype(np.float64) @ identity
    globe = globe_model()
    head = dataclasses.replace(
        globe_reconstruction(globe, tmp_path_factory.mktemp("photos")),
        identity=identity,
        expression=np.zeros(len(openhead.expression_names)),
        vertices=vertices,
        posed_vertices=vertices,
    )
    albedo = cv2.resize(globe_scene.albedo, (512, 512)).astype(np.uint8)
    texture = Texture(albedo, np.ones((512, 512), np.uint8), np.ones(openhead.vertex_count, np.uint8))
    return build_scene(openhead, head, texture, "Ada")


@pytest.mark.parametrize("which", ["globe_scene", "openhead_scene"])
def test_blender_finds_texture_bones_shape_keys_cameras_and_size(
    which: str, blender: Blender, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    scene: HeadScene = request.getfixturevalue(which)
    ran = run_check(blender, scene, expectations(scene), tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "all checks passed" in ran.stdout


@pytest.mark.slice
@pytest.mark.parametrize("head", ["open", "flame"])
def test_a_head_made_from_the_sample_photos_opens(
    head: str, blender: Blender, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    which = head if head == "open" else str(request.getfixturevalue("flame_file"))
    sample = resources_dir() / "sample"
    photos = [sample / f"{view}.jpg" for view in ("left", "front", "right")]
    built = reconstruct(
        photos, tmp_path, cameras=sample / "cameras.json", head=which, engine="fit", texture_size=512, name="Ada"
    )
    expected = expectations(build_scene(built.model, built.reconstruction, built.texture, "Ada"))
    ran = check_glb(blender, tmp_path / "Ada.glb", expected, tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "all checks passed" in ran.stdout
    height = np.ptp(built.reconstruction.vertices[:, 1])
    assert 0.2 < height < 0.4
    assert len(expected["joints"]) == 5


def test_the_check_can_fail(blender: Blender, globe_scene: HeadScene, tmp_path: Path) -> None:
    wrong = expectations(globe_scene)
    wrong["joints"]["jaw"]["position"][1] += 1e-3
    ran = run_check(blender, globe_scene, wrong, tmp_path)
    assert ran.returncode == 3
    assert "bone jaw is" in ran.stdout + ran.stderr
