"""Real FLAME files of every kind come in; damaged and foreign ones do not."""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facestudio.errors import HeadModelError, OutputError
from facestudio.head import flame_import
from facestudio.head.flame_import import attach_embeddings, import_flame, read_flame, write_embeddings
from facestudio.head.flame_uv import Unwrapped
from facestudio.head.model import Embedding, HeadModel, load

Arrays = dict[str, Any]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, flame: HeadModel) -> None:
    """Skip the seconds of unwrapping where texture coordinates are beside the point: the topology is always the same."""
    layout = Unwrapped(flame.uv, flame.uv_faces, flame.face_parts.astype(np.uint8), flame.mirror, flame.eye_islands)
    monkeypatch.setattr(flame_import, "unwrap", lambda template, faces: layout)


def test_the_reduced_open_file_comes_in_whole(flame: HeadModel, flame_source: Path) -> None:
    with np.load(flame_source, allow_pickle=False) as data:
        np.testing.assert_array_equal(flame.template, data["v_template"])
        np.testing.assert_array_equal(flame.identity_basis, data["shapedirs"])
        np.testing.assert_array_equal(flame.faces, data["f"])
        np.testing.assert_array_equal(flame.joint_regressor, data["J_regressor"])
        np.testing.assert_array_equal(flame.skin_weights, data["weights"])
        np.testing.assert_array_equal(flame.pose_basis[35], data["posedirs"][:, :, 35].ravel())
    assert flame.name == "flame"
    assert flame.expression_basis.shape == (5023, 3, 0)
    assert flame.expression_names == ()
    assert flame.parents.tolist() == [-1, 0, 1, 1, 1]
    assert "CC BY 4.0" in flame.licence
    assert hashlib.sha256(flame_source.read_bytes()).hexdigest() in flame.version


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("style", ["python 2 with chumpy", "python 3"])
def test_a_full_pickle_comes_in(
    tmp_path: Path, flame_arrays: Arrays, python2_pickle: Callable[[Any], bytes], chumpy: type, style: str
) -> None:
    path = tmp_path / "generic_model.pkl"
    if style == "python 3":
        path.write_bytes(pickle.dumps(flame_arrays))
    else:
        wrapped = {name: chumpy(flame_arrays[name]) for name in ("v_template", "shapedirs", "weights", "posedirs")}
        path.write_bytes(python2_pickle(flame_arrays | wrapped))
    model = load(import_flame(path, tmp_path / "store"))
    assert model.identity_basis.shape == (5023, 3, 300)
    assert model.expression_basis.shape == (5023, 3, 100)
    assert len(set(model.expression_names)) == 100
    assert model.parents.tolist() == [-1, 0, 1, 1, 1]
    np.testing.assert_array_equal(model.identity_basis, flame_arrays["shapedirs"][:, :, :300].astype(np.float32))
    np.testing.assert_array_equal(model.expression_basis, flame_arrays["shapedirs"][:, :, 300:].astype(np.float32))
    np.testing.assert_array_equal(model.joint_regressor, flame_arrays["J_regressor"].toarray().astype(np.float32))
    assert "research" in model.licence


@pytest.mark.usefixtures("quick")
def test_left_is_the_subjects_left(flame: HeadModel) -> None:
    joints = flame.joint_regressor @ flame.template
    for part, joint, sign in (("eye_left", 3, 1), ("eye_right", 4, -1)):
        middle = flame.template[flame.part_vertices(part)].mean(axis=0)
        assert sign * middle[0] > 0.02
        assert np.linalg.norm(middle - joints[joint]) < 0.003


CHANGES: dict[str, tuple[Callable[[Arrays], Arrays], str]] = {
    "too few vertices": (lambda a: {"v_template": a["v_template"][:-1]}, r"v_template has shape \(5022, 3\)"),
    "too few faces": (lambda a: {"f": a["f"][:-1]}, "f has shape"),
    "flat basis": (lambda a: {"shapedirs": a["shapedirs"].reshape(-1, 400)}, "shapedirs has shape"),
    "body's pose basis": (lambda a: {"posedirs": np.zeros((5023, 3, 207))}, "posedirs has shape"),
    "regressor rows": (lambda a: {"J_regressor": a["J_regressor"] * 1.01}, "rows of J_regressor do not sum to 1"),
    "weights rows": (lambda a: {"weights": a["weights"] * 0.5}, "rows of weights do not sum to 1"),
    "millimetres": (lambda a: {"v_template": a["v_template"] * 1000}, "not in metres: its head is 319 units tall"),
    "not finite": (lambda a: {"v_template": a["v_template"] * np.nan}, "not finite"),
    "face outside": (lambda a: {"f": a["f"] + 1}, "outside the vertices"),
    "other skeleton": (lambda a: {"kintree_table": a["kintree_table"][::-1]}, "joints hang together"),
    "other topology": (lambda a: {"f": np.tile(a["f"][:16], (624, 1))[:9976]}, "separate pieces"),
    "missing": (lambda a: {"weights": "gone"}, "no array 'weights'"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_not_flame_is_refused_with_the_reason(tmp_path: Path, flame_arrays: Arrays, change: str) -> None:
    make, words = CHANGES[change]
    path = tmp_path / "generic_model.pkl"
    path.write_bytes(pickle.dumps(flame_arrays | make(flame_arrays)))
    with pytest.raises(HeadModelError, match=words) as caught:
        import_flame(path, tmp_path / "store")
    assert "flame.is.tue.mpg.de" in caught.value.remedy
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [("model.npz", b"PK\x03\x04 and nothing more"), ("model.npz", b""), ("model.pkl", b"hello"), ("model.npz", b"\x93NUMPY")],
)
def test_damaged_files_are_refused(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(HeadModelError, match="damaged"):
        import_flame(path, tmp_path)


def test_an_npz_with_objects_in_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    np.savez(path, v_template=np.array([{}], dtype=object))
    with pytest.raises(HeadModelError, match="more than arrays"):
        import_flame(path, tmp_path)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(HeadModelError, match="cannot be read"):
        import_flame(tmp_path / "none.pkl", tmp_path)


@pytest.mark.usefixtures("quick")
def test_an_import_that_cannot_be_stored_leaves_the_old_one(
    tmp_path: Path, flame_source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "flame.npz").write_bytes(b"the old one")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="disk is full"):
        import_flame(flame_source, tmp_path)
    assert (tmp_path / "flame.npz").read_bytes() == b"the old one"
    assert [p.name for p in tmp_path.iterdir()] == ["flame.npz"]


@pytest.mark.usefixtures("quick")
def test_importing_twice_gives_the_same_bytes(tmp_path: Path, flame_source: Path, flame_file: Path) -> None:
    again = import_flame(flame_source, tmp_path)
    assert again.read_bytes() == flame_file.read_bytes()


def test_embeddings_written_are_attached_again(tmp_path: Path, flame: HeadModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flame_import, "models_dir", lambda: tmp_path)
    bare = replace(flame, embeddings={})
    assert attach_embeddings(bare).embeddings == {}  # none shipped: the model as it is
    corner = Embedding(np.array([7], np.int32), np.array([42], np.int32), np.array([[0.2, 0.3, 0.5]], np.float32))
    yaws = np.array([-10, 10], np.float32)
    triangles = np.zeros((2, 17), np.int32)
    marked = replace(
        bare,
        embeddings={"now7": corner},
        contour_yaws=yaws,
        contour_faces=triangles,
        contour_bary=np.ones((2, 17, 3), np.float32),
    )
    write_embeddings(marked, tmp_path / "flame_embeddings.npz")
    found = attach_embeddings(bare)
    np.testing.assert_array_equal(found.embeddings["now7"].ids, corner.ids)
    np.testing.assert_array_equal(found.embeddings["now7"].faces, corner.faces)
    np.testing.assert_array_equal(found.embeddings["now7"].bary, corner.bary)
    np.testing.assert_array_equal(found.contour_yaws, yaws)
    assert found.contour_bary.shape == (2, 17, 3)
    with pytest.raises(HeadModelError, match="not in FLAME's order"):
        attach_embeddings(replace(bare, faces=bare.faces[::-1]))


@pytest.mark.usefixtures("quick")
def test_read_flame_does_not_depend_on_the_suffix(tmp_path: Path, flame_source: Path) -> None:
    renamed = tmp_path / "flame.dat"
    renamed.write_bytes(flame_source.read_bytes())
    assert read_flame(renamed).vertex_count == 5023
