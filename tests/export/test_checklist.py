"""Epic's requirements: a good head passes, and each thing that can be wrong is found."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from facestudio.export.checklist import metahuman_checklist
from facestudio.export.folder import export_head
from facestudio.export.scene import HeadScene, build_scene
from facestudio.head.model import HeadModel
from facestudio.texture.unwrap import lay_out
from facestudio.types import Reconstruction, Texture
from tests.export.test_real_heads import fitted

SIDE = 1024


def painted(model: HeadModel) -> Texture:
    """Plain skin and white eyeballs."""
    albedo = np.full((SIDE, SIDE, 3), (190, 150, 130), np.uint8)
    face = lay_out(model.uv, model.uv_faces, SIDE).face
    eyes = (face >= 0) & model.part_faces("eye_left", "eye_right")[np.maximum(face, 0)]
    albedo[eyes] = 235
    return Texture(albedo, np.ones((SIDE, SIDE), np.uint8), np.ones(model.vertex_count, np.uint8))


@pytest.fixture
def head(openhead: HeadModel, small_reconstruction: Reconstruction) -> Reconstruction:
    found = fitted(openhead, small_reconstruction)
    return dataclasses.replace(found, vertices=openhead.template.astype(np.float64))


def scene_of(model: HeadModel, head: Reconstruction, texture: Texture) -> HeadScene:
    return build_scene(model, head, texture, "Ada")


def failed(model: HeadModel, head: Reconstruction, texture: Texture) -> set[str]:
    checks = metahuman_checklist(model, scene_of(model, head, texture), texture)
    assert all(c.rule and c.finding for c in checks)
    assert len(checks) == 9
    return {c.rule for c in checks if not c.passed}


def test_a_plain_head_passes(openhead: HeadModel, head: Reconstruction) -> None:
    assert failed(openhead, head, painted(openhead)) == set()


def test_flame_passes_too(flame: HeadModel, small_reconstruction: Reconstruction) -> None:
    found = dataclasses.replace(fitted(flame, small_reconstruction), vertices=flame.template.astype(np.float64))
    assert failed(flame, found, painted(flame)) == set()


def test_closed_eyes_are_found(openhead: HeadModel, head: Reconstruction) -> None:
    blink = sum(
        openhead.expression_basis[..., openhead.expression_names.index(f"eyeBlink{side}")].astype(np.float64)
        for side in ("Left", "Right")
    )
    shut = dataclasses.replace(head, vertices=head.vertices + 0.8 * blink)
    assert "Open eyes" in failed(openhead, shut, painted(openhead))


def test_an_open_mouth_is_found(openhead: HeadModel, head: Reconstruction) -> None:
    jaw = openhead.expression_basis[..., openhead.expression_names.index("jawOpen")].astype(np.float64)
    wide = dataclasses.replace(head, vertices=head.vertices + 0.4 * jaw)
    assert failed(openhead, wide, painted(openhead)) == {"A neutral face with closed lips"}


def test_a_head_of_another_size_is_found(openhead: HeadModel, head: Reconstruction) -> None:
    tall = dataclasses.replace(head, vertices=1.4 * head.vertices)
    assert "Human size" in failed(openhead, tall, painted(openhead))


def test_what_the_texture_lacks_is_found(openhead: HeadModel, head: Reconstruction) -> None:
    good = painted(openhead)
    dull = dataclasses.replace(good, albedo=np.full_like(good.albedo, 150))
    assert failed(openhead, head, dull) == {"The whites of the eyes show"}
    unseen = dataclasses.replace(good, provenance=np.full_like(good.provenance, 3))
    assert failed(openhead, head, unseen) == {"A face that was seen"}
    left = openhead.template[:, 0] > 0
    owner = np.zeros(len(openhead.uv), dtype=bool)
    owner[openhead.uv_faces.ravel()] = left[openhead.faces.ravel()]
    face = lay_out(openhead.uv, openhead.uv_faces, SIDE).face
    dark = (face >= 0) & owner[openhead.uv_faces[np.maximum(face, 0)]].all(axis=-1)
    side_lit = good.albedo.copy()
    side_lit[dark] = side_lit[dark] // 6  # more than the even albedo can take out
    assert "Even light on both sides" in failed(openhead, head, dataclasses.replace(good, albedo=side_lit))
    burnt = good.albedo.copy()
    burnt[burnt[..., 0] == 190] = 255
    assert "No burnt-out highlights or black shadows" in failed(openhead, head, dataclasses.replace(good, albedo=burnt))
    small = dataclasses.replace(good, albedo=good.albedo[::4, ::4], provenance=good.provenance[::4, ::4])
    assert "A mesh in OBJ or FBX with a texture of the skin" in failed(openhead, head, small)


def test_light_from_one_side_is_judged_after_it_was_taken_out(openhead: HeadModel, head: Reconstruction) -> None:
    good = painted(openhead)
    normal = head.vertices[:, 0] / np.abs(head.vertices[:, 0]).max()
    owner = np.zeros(len(openhead.uv))
    owner[openhead.uv_faces.ravel()] = normal[openhead.faces.ravel()]
    face = lay_out(openhead.uv, openhead.uv_faces, SIDE).face
    x = np.where(face >= 0, owner[openhead.uv_faces[np.maximum(face, 0)]].mean(axis=-1), 0.0)
    lit = np.clip(good.albedo * (0.72 + 0.28 * x)[..., None], 0, 255).astype(np.uint8)
    texture = dataclasses.replace(good, albedo=lit)
    check = next(
        c
        for c in metahuman_checklist(openhead, scene_of(openhead, head, texture), texture)
        if c.rule == "Even light on both sides"
    )
    assert check.passed
    after, before = (float(word) for word in check.finding.split() if word[0].isdigit())
    assert 1.0 <= after < 1.15 < 1.3 < before


def test_the_metahuman_files_hold_the_even_albedo(openhead: HeadModel, head: Reconstruction, tmp_path: Path) -> None:
    written = export_head(openhead, head, painted(openhead), tmp_path, "Ada", ("metahuman",))
    assert [p.name for p in written] == ["Ada_albedo_even.png", "Ada_metahuman.mtl", "Ada_metahuman.obj"]
    assert "map_Kd Ada_albedo_even.png" in (tmp_path / "Ada_metahuman.mtl").read_text()
    assert "mtllib Ada_metahuman.mtl" in (tmp_path / "Ada_metahuman.obj").read_text()


def test_the_checks_are_in_the_report_and_in_the_numbers(openhead: HeadModel, head: Reconstruction, tmp_path: Path) -> None:
    export_head(openhead, head, painted(openhead), tmp_path, "Ada", ("json", "report"))
    content = json.loads((tmp_path / "Ada.json").read_text())
    assert len(content["metahuman"]) == 9
    assert (len(content["betas_300"]), len(content["expression_100"])) == (300, 100)
    assert content["betas_300"][: len(content["identity"])] == content["identity"]
    assert set(content["lid_travel"]) == {"eyeBlinkLeft", "eyeBlinkRight"}
    assert "Mesh to MetaHuman" in (tmp_path / "report.html").read_text()
