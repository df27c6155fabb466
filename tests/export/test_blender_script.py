"""What the Blender script is told, and how a Blender is found and run; the script itself runs in tests/blender."""

from __future__ import annotations

import ast
import dataclasses
import json
import os
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from facestudio.errors import Cancelled, ProgramError
from facestudio.export.blender_program import VARIABLE, find_blender, run_script
from facestudio.export.blender_script import blender_script, plain_camera, plain_photo, slider_range
from facestudio.export.folder import export_head
from facestudio.export.scene import HeadScene, build_scene
from facestudio.geometry.camera import project
from facestudio.head.model import HeadModel
from facestudio.progress import CancelToken
from facestudio.types import Reconstruction, Texture


def told(script: str) -> dict[str, object]:
    """The facts in a script's text, read as Python reads them."""
    call = next(n for n in ast.walk(ast.parse(script)) if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "FACTS")
    assert isinstance(call.value, ast.Call)
    found: dict[str, object] = json.loads(ast.literal_eval(call.value.args[0]))
    return found


@pytest.mark.parametrize("name", ["Ada", "L'Été 山", "a'''b", "x\\", '"; import os; "'])
def test_no_name_breaks_out_of_the_script(
    name: str, small_model: HeadModel, small_reconstruction: Reconstruction, small_texture: Texture
) -> None:
    script = blender_script(
        build_scene(small_model, small_reconstruction, small_texture, name), small_model, small_reconstruction
    )
    assert told(script)["name"] == name
    assert script.isascii()


def test_the_facts_are_the_head_s(small_scene: HeadScene, small_model: HeadModel, small_reconstruction: Reconstruction) -> None:
    facts = told(blender_script(small_scene, small_model, small_reconstruction))
    assert facts["vertices"] == len(small_scene.vertices)
    assert facts["expression"] == {"jawOpen": 0.3, "cheekPuff": 0.0, "breathe": 0.1}
    assert facts["ranges"] == {n: [0.0, 1.0] for n in small_scene.morph_names}


def test_ranges() -> None:
    assert slider_range("jawOpen") == (0.0, 1.0)
    assert slider_range("expression001") == (-3.0, 3.0)
    assert slider_range("expressionist") == (0.0, 1.0)


def test_a_redrawn_photo_shows_every_point_where_the_plain_camera_sees_it(small_reconstruction: Reconstruction) -> None:
    camera = small_reconstruction.cameras[0]
    K = camera.K + np.array([[9.0, 0, 4.0], [0, -6.0, -3.0], [0, 0, 0]])
    camera = dataclasses.replace(camera, K=K, distortion=np.array([-0.25, 0.1, 2e-3, -1e-3, 0.02]))
    plain = plain_camera(camera)
    assert plain.K[0, 0] == plain.K[1, 1]
    points = np.random.default_rng(0).uniform(-0.1, 0.1, (40, 3))
    seen, wanted = project(camera, points), project(plain, points)
    for before, after in zip(seen, wanted, strict=True):
        y, x = np.mgrid[: camera.height, : camera.width]
        spot = np.exp(-((x - before[0]) ** 2 + (y - before[1]) ** 2) / 8.0)
        photo = plain_photo(np.repeat((255 * spot[..., None]).astype(np.uint8), 3, axis=2), camera)
        assert photo.changed
        weight = photo.pixels[..., 0].astype(np.float64) ** 2
        middle = np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()
        assert np.abs(middle - after).max() < 0.1


def test_a_plain_photo_stays_as_it_is(small_reconstruction: Reconstruction) -> None:
    pixels = small_reconstruction.views[0].image.pixels
    assert not plain_photo(pixels, small_reconstruction.cameras[0]).changed


def test_the_original_photo_file_is_passed_on(
    small_model: HeadModel, small_reconstruction: Reconstruction, small_texture: Texture, tmp_path: Path
) -> None:
    source = tmp_path / "IMG_1.jpg"
    cv2.imwrite(str(source), np.full((240, 320, 3), 90, np.uint8), (cv2.IMWRITE_JPEG_QUALITY, 70))
    pixels = np.asarray(cv2.imread(str(source))[..., ::-1], dtype=np.uint8)
    r = small_reconstruction
    view = dataclasses.replace(r.views[1], image=dataclasses.replace(r.views[1].image, source=source, pixels=pixels))
    r = dataclasses.replace(r, views=(r.views[0], view, r.views[2]))
    written = export_head(small_model, r, small_texture, tmp_path / "out", "Ada", ("blender",))
    names = {"Ada.glb", "Ada_open_in_blender.py", "Ada_left.jpg", "Ada_front.jpg", "Ada_right.jpg"}
    assert {p.name for p in written} == names
    assert (tmp_path / "out" / "Ada_front.jpg").read_bytes() == source.read_bytes()


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that stands in for Blender: it runs its script with Python."""
    program = tmp_path / "blender"
    program.write_text(f'#!/bin/sh\nwhile [ "$1" != --python ]; do shift; done\nexec {sys.executable} "$2"\n')
    program.chmod(0o755)
    monkeypatch.setenv(VARIABLE, str(program))
    return program


def script(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "script.py"
    path.write_text(text)
    return path


needs_shell = pytest.mark.skipif(os.name == "nt", reason="the stand-in is a shell script")


@needs_shell
def test_a_failing_script_says_why(stand_in: Path, tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match="ValueError: no head") as caught:
        run_script(script(tmp_path, "raise ValueError('no head')"), [], CancelToken())
    assert caught.value.remedy
    assert sorted(p.name for p in tmp_path.iterdir()) == ["blender", "script.py"]


@needs_shell
def test_an_old_blender_is_told_apart(stand_in: Path, tmp_path: Path) -> None:
    with pytest.raises(ProgramError) as caught:
        run_script(script(tmp_path, "print('Blender 2.79'); raise SystemExit(3)"), [], CancelToken())
    assert "Install Blender 3" in caught.value.remedy


@needs_shell
def test_a_cancel_ends_the_program(stand_in: Path, tmp_path: Path) -> None:
    token = CancelToken()
    threading.Timer(0.3, token.cancel).start()
    start = time.monotonic()
    with pytest.raises(Cancelled):
        run_script(script(tmp_path, "import time; time.sleep(60)"), [], token)
    assert time.monotonic() - start < 30


def test_no_blender_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("facestudio.export.blender_program._places", lambda: iter(()))
    monkeypatch.delenv(VARIABLE, raising=False)
    assert find_blender() is None
    with pytest.raises(ProgramError, match="No Blender") as caught:
        run_script(tmp_path / "s.py", [], CancelToken())
    assert "blender.org" in caught.value.remedy
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(ProgramError, match="cannot be started"):
        run_script(tmp_path / "s.py", [], CancelToken())
