"""The learned identity prior: what is shipped, what learning does to a small head, and what is refused."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path

import numpy as np
import pytest

from facestudio.errors import HeadModelError
from facestudio.head.model import HeadModel
from facestudio.head.open_head.flame_correspondence import read_correspondence
from facestudio.head.open_head.learned_prior import (
    FILE,
    IdentityPrior,
    apply_prior,
    extra_modes,
    principal_modes,
    read_prior,
    save_prior,
    template_sum,
)
from facestudio.head.open_head.prior_report import Candidate, judge
from facestudio.head.open_head.scan_models import (
    FACE_PARTS,
    carry_islands,
    lip_pairs,
    read_flame,
    read_ict,
    read_surrey,
    without_rigid_motion,
)
from facestudio.paths import models_dir
from facestudio.types import BoolArray, Float32Array


@pytest.fixture(scope="module")
def prior() -> IdentityPrior:
    path = models_dir() / FILE
    if not path.is_file():
        pytest.skip("models/identity_prior.npz has not been learned")
    return read_prior(path)


@pytest.fixture(scope="module")
def face(openhead: HeadModel) -> BoolArray:
    return openhead.part_vertices(*FACE_PARTS)


def random_head(openhead: HeadModel, seed: int) -> Float32Array:
    coefficients = np.random.default_rng(seed).standard_normal(openhead.identity_basis.shape[2])
    return (openhead.template + openhead.identity_basis @ coefficients).astype(np.float32)


def test_the_shipped_prior_is_small_and_states_its_origin(prior: IdentityPrior) -> None:
    assert (models_dir() / FILE).stat().st_size <= 5e6
    assert prior.basis.shape[2] == 150
    entries = tomllib.loads((models_dir() / "manifest.toml").read_text(encoding="utf-8"))["asset"]
    entry = next(e for e in entries if e["file"] == FILE)
    assert "MIT" in entry["licence"]
    assert "Apache-2.0" in entry["licence"]
    assert "ICT-FaceKit" in entry["source"]


def test_people_differ_as_much_as_the_scans_say(prior: IdentityPrior, face: BoolArray) -> None:
    spread = 1000.0 * np.sqrt((prior.basis[face] ** 2).sum(axis=(1, 2)).mean())
    # ICT-FaceKit and FLAME agree on 4.4 to 4.5 mm without rigid motion; the Surrey share and the extra modes add to it.
    assert 4.2 < spread < 5.5


def test_modes_are_ordered_by_strength_among_the_learned_ones(prior: IdentityPrior, face: BoolArray) -> None:
    strength = (prior.basis[face][..., :100] ** 2).sum(axis=(0, 1))
    assert strength[0] > 5 * strength[10] > 5 * strength[60]


def test_random_heads_keep_their_mouths_closed(openhead: HeadModel) -> None:
    pairs = lip_pairs(openhead)
    assert len(pairs) > 10
    for seed in range(5):
        head = random_head(openhead, seed)
        gap = np.linalg.norm(head[pairs[:, 0]] - head[pairs[:, 1]], axis=1)
        rest = np.linalg.norm(openhead.template[pairs[:, 0]] - openhead.template[pairs[:, 1]], axis=1)
        assert np.abs(gap - rest).max() < 0.0015


def test_random_heads_keep_the_size_of_their_eyeballs(openhead: HeadModel) -> None:
    ball = openhead.part_vertices("eye_left")
    for seed in range(5):
        size = np.ptp(random_head(openhead, seed)[ball], axis=0) / np.ptp(openhead.template[ball], axis=0)
        np.testing.assert_allclose(size, 1.0, atol=0.03)


def test_the_mean_head_is_symmetric(openhead: HeadModel) -> None:
    mirrored = openhead.template[openhead.mirror] * (-1.0, 1.0, 1.0)
    assert np.abs(mirrored - openhead.template).max() < 1e-5


def test_the_shipped_head_uses_the_learned_prior(openhead: HeadModel, prior: IdentityPrior) -> None:
    np.testing.assert_allclose(openhead.identity_basis, prior.basis, atol=1e-5)
    assert "MIT" in openhead.licence


def test_a_prior_survives_saving_and_is_applied_to_its_own_template_only(tmp_path: Path, openhead: HeadModel) -> None:
    offset = np.full_like(openhead.template, 0.002)
    learned = IdentityPrior(offset, openhead.identity_basis[..., :3].copy(), template_sum(openhead), "MIT")
    path = tmp_path / "prior.npz"
    save_prior(learned, path)
    first = path.read_bytes()
    save_prior(learned, path)
    assert path.read_bytes() == first
    changed = apply_prior(openhead, path)
    np.testing.assert_allclose(changed.template, openhead.template + 0.002, atol=1e-6)
    assert changed.identity_basis.shape[2] == 3
    assert changed.licence == "MIT"
    assert changed.expression_basis is openhead.expression_basis
    other = dataclasses.replace(openhead, template=openhead.template * np.float32(1.1))
    with pytest.raises(HeadModelError, match="another template"):
        apply_prior(other, path)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 broken"])
def test_a_damaged_prior_is_refused(tmp_path: Path, openhead: HeadModel, content: bytes) -> None:
    path = tmp_path / "prior.npz"
    path.write_bytes(content)
    with pytest.raises(HeadModelError, match="cannot be read"):
        apply_prior(openhead, path)


def test_rigid_motion_is_taken_out_and_size_stays_in(openhead: HeadModel, face: BoolArray) -> None:
    points = openhead.template.astype(np.float64)
    turn = np.cross([0.01, -0.02, 0.03], points) + np.array([0.001, 0.002, 0.003])
    assert np.abs(without_rigid_motion(turn, points, face)).max() < 1e-10
    growth = 0.05 * (points - points[face].mean(0))
    np.testing.assert_allclose(without_rigid_motion(growth, points, face), growth, atol=1e-10)


def test_teeth_follow_the_lips_and_eyeballs_the_lids(openhead: HeadModel) -> None:
    field = np.zeros((openhead.vertex_count, 3))
    field[openhead.part_vertices("lips")] = [0.0, 0.004, 0.0]
    field[openhead.part_vertices("eyelids")] = [0.0, 0.0, 0.003]
    moved = carry_islands(openhead, field)
    np.testing.assert_allclose(
        moved[openhead.part_vertices("teeth")], [[0.0, 0.004, 0.0]] * int(openhead.part_vertices("teeth").sum()), atol=1e-9
    )
    assert moved[openhead.part_vertices("eye_left")].std(axis=0).max() < 1e-12
    assert moved[openhead.part_vertices("eye_right")][0, 2] == pytest.approx(0.003)


def test_principal_modes_keep_the_covariance() -> None:
    modes = np.random.default_rng(0).standard_normal((6, 20, 3))
    basis = principal_modes(modes, np.ones(20), 10)
    flat, again = modes.reshape(6, -1), basis.reshape(len(basis), -1)
    np.testing.assert_allclose(again.T @ again, flat.T @ flat, atol=1e-9)
    np.testing.assert_allclose(again @ again.T, np.diag((again**2).sum(1)), atol=1e-9)


def test_extra_modes_add_only_what_is_missing() -> None:
    rng = np.random.default_rng(1)
    basis, targets = rng.standard_normal((4, 20, 3)), rng.standard_normal((5, 20, 3))
    scale = np.full(20, np.sqrt(1 / 20))
    extra = extra_modes(basis, np.concatenate([targets, basis]), scale, 30)
    assert len(extra) == 5
    assert np.abs(extra.reshape(5, -1) @ basis.reshape(4, -1).T).max() < 1e-9


def test_the_right_prior_predicts_heads_better_than_a_wrong_one(openhead: HeadModel, face: BoolArray) -> None:
    mean = openhead.template.astype(np.float64)
    heads = [random_head(openhead, seed).astype(np.float64) for seed in range(4)]
    right = judge(Candidate("right", mean, openhead.identity_basis), "own", heads, face, openhead.faces)
    scrambled = openhead.identity_basis[..., ::-1].copy() * np.float32(0.1)
    wrong = judge(Candidate("wrong", mean, scrambled), "own", heads, face, openhead.faces)
    assert right.sparse < 0.6 * right.mean_head
    assert right.dense < 0.2
    assert right.surprise < wrong.surprise


def test_the_scan_models_are_people_in_metres(shared: Path) -> None:
    data = shared / "data"
    models = (
        read_ict(data / "ict_facekit"),
        read_flame(data / "flame2023_open" / "flame2023_open_shape60.npz"),
        read_surrey(data / "eos_sfm"),
    )
    for scan in models:
        corners = scan.vertices[[scan.landmarks[33], scan.landmarks[263]]]
        assert 0.08 < np.linalg.norm(corners[0] - corners[1]) < 0.1, scan.name
        assert scan.modes.shape[1:] == scan.vertices.shape
        assert scan.faces.max() < len(scan.vertices)


def test_a_missing_scan_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(HeadModelError, match=r"ict_facekit\.npz is missing"):
        read_ict(tmp_path)


def test_flame_and_openhead_lie_on_each_other(openhead: HeadModel, face: BoolArray, shared: Path) -> None:
    if not (models_dir() / "openhead_to_flame.npz").is_file():
        pytest.skip("models/openhead_to_flame.npz has not been made")
    found = read_correspondence()
    assert 1000 * np.median(found.gap[face]) <= 0.3
    with np.load(shared / "data" / "flame2023_open" / "flame2023_open_shape60.npz") as data:
        vertices, faces = data["v_template"], data["f"]
    there_and_back = found.to_flame(found.to_openhead(vertices, faces), openhead.faces)
    front = (vertices[:, 2] > 0) & (np.abs(vertices[:, 1]) < 0.08)
    assert 1000 * np.median(np.linalg.norm(there_and_back - vertices, axis=1)[front]) < 0.5
