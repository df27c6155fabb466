"""The head-model file: what goes in comes out, and what cannot be right is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facestudio.errors import HeadModelError
from facestudio.head.model import Embedding, HeadModel, check, load, pack


@pytest.fixture
def model() -> HeadModel:
    """A small head: a tetrahedron of 0.3 m."""
    rng = np.random.default_rng(0)
    share = np.full((4, 5), 0.2, np.float32)
    return HeadModel(
        name="tetra",
        licence="CC0",
        template=np.array([[0, 0.3, 0], [0.1, 0, 0], [-0.1, 0, 0], [0, 0, 0.1]], np.float32),
        identity_basis=rng.normal(0, 1e-2, (4, 3, 6)).astype(np.float32),
        expression_basis=rng.normal(0, 1e-2, (4, 3, 2)).astype(np.float32),
        expression_names=("smileLeft", "jawOpen"),
        pose_basis=rng.normal(0, 1e-3, (36, 12)).astype(np.float32),
        joint_regressor=np.full((5, 4), 0.25, np.float32),
        parents=np.array([-1, 0, 1, 1, 1], np.int32),
        skin_weights=share,
        faces=np.array([[0, 2, 3], [0, 3, 1], [0, 1, 2], [1, 3, 2]], np.int32),
        uv=rng.random((4, 2)).astype(np.float32),
        uv_faces=np.array([[0, 2, 3], [0, 3, 1], [0, 1, 2], [1, 3, 2]], np.int32),
        face_parts=np.array([0, 0, 1, 1], np.uint8),  # type: ignore[arg-type]
        part_names=("skin", "eye_left"),
        mirror=np.array([0, 2, 1, 3], np.int32),
        embeddings={
            "now7": Embedding(np.array([3], np.int32), np.array([1], np.int32), np.array([[0.5, 0.25, 0.25]], np.float32))
        },
    )


def test_a_stored_model_comes_back_the_same(model: HeadModel, tmp_path: Path) -> None:
    path = tmp_path / "head.npz"
    path.write_bytes(pack(model, half=False))
    found = load(path)
    for field in fields(HeadModel):
        if field.name not in ("embeddings", "sha256"):
            before, after = getattr(model, field.name), getattr(found, field.name)
            np.testing.assert_array_equal(after, before, err_msg=field.name)
            if isinstance(before, np.ndarray):
                assert after.dtype == before.dtype, field.name
    np.testing.assert_array_equal(found.embeddings["now7"].bary, model.embeddings["now7"].bary)
    assert len(found.sha256) == 64


def test_equal_models_give_equal_bytes_and_halves_stay_close(model: HeadModel, tmp_path: Path) -> None:
    assert pack(model) == pack(replace(model))
    assert pack(model) != pack(replace(model, version="2"))
    path = tmp_path / "head.npz"
    path.write_bytes(pack(model, half=True))
    assert np.abs(load(path).identity_basis - model.identity_basis).max() < 2e-5
    np.testing.assert_array_equal(load(path).template, model.template)


def test_parts_are_found_by_name_and_unknown_ones_are_empty(model: HeadModel) -> None:
    assert model.part_faces("eye_left").tolist() == [False, False, True, True]
    assert model.part_faces("skin", "eye_left").all()
    assert not model.part_faces("teeth").any()
    assert model.part_vertices("skin").tolist() == [True, True, True, True]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: {"template": m.template * 1000}, "not metres"),
        (lambda m: {"template": m.template * np.nan}, "not finite"),
        (lambda m: {"faces": m.faces + 2}, "faces points outside"),
        (lambda m: {"uv_faces": m.uv_faces + 2}, "uv_faces points outside"),
        (lambda m: {"face_parts": m.face_parts + 1}, "face_parts points outside"),
        (lambda m: {"mirror": m.mirror[:3]}, "mirror has shape"),
        (lambda m: {"expression_names": ("one",)}, "expression_basis has shape"),
        (lambda m: {"joint_regressor": m.joint_regressor * 2}, "rows of joint_regressor"),
        (lambda m: {"skin_weights": m.skin_weights * 0.9}, "rows of skin_weights"),
    ],
)
def test_what_cannot_be_right_is_named(
    model: HeadModel, tmp_path: Path, change: Callable[[HeadModel], dict[str, Any]], words: str
) -> None:
    check(model)
    broken = replace(model, **change(model))
    with pytest.raises(ValueError, match=words):
        check(broken)
    path = tmp_path / "head.npz"
    path.write_bytes(pack(broken, half=False))
    with pytest.raises(HeadModelError, match=words):
        load(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no model"], ids=["empty", "cut", "text"])
def test_files_that_are_no_models_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "head.npz"
    path.write_bytes(content)
    with pytest.raises(HeadModelError, match="damaged"):
        load(path)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(HeadModelError, match="cannot be read"):
        load(tmp_path / "head.npz")
