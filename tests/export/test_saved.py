"""NAME.head.npz: what goes in comes out, and nothing else is let in."""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from facestudio.errors import HeadModelError, OutputError, SavedHeadError
from facestudio.export.saved import SavedHead, load_head, save_head, saved_bytes
from facestudio.head.model import HeadModel
from facestudio.types import Camera, Image, Landmarks, PointCloud, Reconstruction, Texture, View

WRITTEN = {
    Reconstruction: {
        "head_model", "identity", "expression", "vertices", "posed_vertices", "views", "cameras", "scale", "quality", "engine", "notes",
        "seconds", "mean_head_reprojection_px", "world_from_head", "sigma", "gaze", "points",
    },
    PointCloud: {"points", "colours", "normals", "views"},
    Texture: {"albedo", "provenance", "views_seen"},
    View: {"name", "image", "camera", "landmarks"},
    Image: {"pixels", "focal_px", "source", "notes"},
    Landmarks: {"points", "scheme", "sigma", "notes", "seen"},
    Camera: {"K", "R", "t", "width", "height", "distortion"},
}  # fmt: skip


@pytest.fixture
def whole(small_reconstruction: Reconstruction, small_model: HeadModel, tmp_path: Path) -> Reconstruction:
    """Every optional part present, and the photos real files."""
    r = small_reconstruction
    rng = np.random.default_rng(1)
    views: list[View] = []
    for view, camera in zip(r.views, r.cameras, strict=True):
        source = tmp_path / f"{view.name}.jpg"
        smooth = cv2.resize(rng.integers(0, 255, (12, 16, 3), dtype=np.uint8), (320, 240))
        cv2.imwrite(str(source), smooth)
        pixels = np.asarray(cv2.imread(str(source))[..., ::-1], dtype=np.uint8)
        image = Image(np.ascontiguousarray(pixels), 300.5, source, ("A note.",))
        marks = view.landmarks
        if marks is not None and views:  # the first view's detector does not say what is hidden
            marks = dataclasses.replace(marks, seen=rng.uniform(size=len(marks.points)))
        views.append(dataclasses.replace(view, image=image, camera=camera, landmarks=marks))
    cameras = tuple(dataclasses.replace(c, distortion=np.array([0.1, -0.02, 1e-3, 0.0, 0.3])) for c in r.cameras)
    world = np.arange(12.0).reshape(3, 4)
    sigma = rng.uniform(0, 1e-3, small_model.vertex_count)
    unit = np.tile(np.array([0.0, 0.6, 0.8], np.float32), (7, 1))
    points = PointCloud(
        rng.standard_normal((7, 3)).astype(np.float32),
        rng.integers(0, 255, (7, 3), dtype=np.uint8),
        unit,
        np.arange(7, dtype=np.uint8),
    )
    return dataclasses.replace(
        r, views=tuple(views), cameras=cameras, world_from_head=world, sigma=sigma, gaze=rng.normal(size=(2, 3)), points=points
    )


def same(a: Any, b: Any) -> bool:
    """Equal through and through; a photo's source keeps its name only."""
    if isinstance(a, Path):
        return isinstance(b, Path) and a.name == b.name
    if dataclasses.is_dataclass(a):
        return all(same(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a))
    if isinstance(a, np.ndarray):
        return bool(a.dtype == b.dtype and np.array_equal(a, b))
    if isinstance(a, tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)


def test_everything_comes_back(whole: Reconstruction, small_model: HeadModel, small_texture: Texture, tmp_path: Path) -> None:
    path = save_head(tmp_path, "Ada", small_model, whole, small_texture)
    assert path.name == "Ada.head.npz"
    for view in whole.views:
        assert view.image.source is not None
        view.image.source.unlink()  # the file is self-contained
    back = load_head(path, small_model)
    assert (back.name, back.model) == ("Ada", small_model)
    assert same(back.reconstruction, whole)
    assert same(back.texture, small_texture)


def test_no_field_is_forgotten() -> None:
    assert {kind: {f.name for f in dataclasses.fields(kind)} for kind in WRITTEN} == WRITTEN


def test_a_bare_head_comes_back(
    small_reconstruction: Reconstruction, small_model: HeadModel, small_texture: Texture, tmp_path: Path
) -> None:
    """No calibration, no sigma, no landmarks, photos that are no files, odd numbers."""
    r = small_reconstruction
    views = tuple(dataclasses.replace(v, landmarks=None, image=dataclasses.replace(v.image, source=None)) for v in r.views)
    quality = tuple(dataclasses.replace(q, reprojection_px=float("inf")) for q in r.quality)
    bare = dataclasses.replace(r, views=views, quality=quality, mean_head_reprojection_px=None)
    back = load_head(save_head(tmp_path, "Ada", small_model, bare, small_texture), small_model).reconstruction
    assert same(dataclasses.replace(back, views=()), dataclasses.replace(bare, views=()))
    assert [v.image.source for v in back.views] == [None] * 3
    assert max(np.abs(a.image.pixels - b.image.pixels.astype(int)).max() for a, b in zip(back.views, views, strict=True)) <= 2


def test_equal_heads_give_equal_bytes(whole: Reconstruction, small_model: HeadModel, small_texture: Texture) -> None:
    assert saved_bytes("a", small_model, whole, small_texture) == saved_bytes("a", small_model, whole, small_texture)


def test_another_head_model_is_refused(
    whole: Reconstruction, small_model: HeadModel, small_texture: Texture, tmp_path: Path
) -> None:
    path = save_head(tmp_path, "Ada", small_model, whole, small_texture)
    with pytest.raises(HeadModelError, match="another version") as caught:
        load_head(path, dataclasses.replace(small_model, sha256="1" * 64))
    assert caught.value.remedy
    with pytest.raises(HeadModelError, match="'globe'"):
        load_head(path)
    other = save_head(tmp_path, "Bo", dataclasses.replace(small_model, name="openhead"), whole, small_texture)
    with pytest.raises(HeadModelError, match="another version"):
        load_head(other)


def rewritten(raw: bytes, path: Path, **changed: Any) -> Path:
    with np.load(io.BytesIO(raw)) as data:
        arrays = {k: data[k] for k in data.files}
    for key, value in changed.items():
        arrays[key.replace("__", "/")] = value
    np.savez(path, **arrays)
    return path


@pytest.fixture
def raw(small_reconstruction: Reconstruction, small_model: HeadModel, small_texture: Texture) -> bytes:
    return saved_bytes("Ada", small_model, small_reconstruction, small_texture)


def expect_refusal(path: Path, model: HeadModel) -> SavedHeadError:
    with pytest.raises(SavedHeadError) as caught:
        load_head(path, model)
    assert caught.value.what
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.8, 0.999])
def test_a_truncated_file_is_refused(share: float, raw: bytes, small_model: HeadModel, tmp_path: Path) -> None:
    (tmp_path / "Ada.head.npz").write_bytes(raw[: int(len(raw) * share)])
    expect_refusal(tmp_path / "Ada.head.npz", small_model)


def test_flipped_bytes_never_escape_as_another_error(raw: bytes, small_model: HeadModel, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for spot in rng.integers(0, len(raw), 60):
        broken = bytearray(raw)
        broken[spot] ^= 0xFF
        (tmp_path / "Ada.head.npz").write_bytes(broken)
        try:
            assert isinstance(load_head(tmp_path / "Ada.head.npz", small_model), SavedHead)
        except (SavedHeadError, HeadModelError) as error:
            assert error.remedy


@pytest.mark.parametrize(
    "changed",
    [
        {"vertices": np.zeros((3, 3))},
        {"vertices": np.full((864, 3), np.nan)},
        {"identity": np.zeros(400)},
        {"view__0__camera": np.zeros(5)},
        {"view__1__photo": np.zeros(100, np.uint8)},
        {"albedo_png": np.zeros(0, np.uint8)},
        {"meta": np.frombuffer(b"{}", np.uint8)},
        {"meta": np.frombuffer(b"[" * 100_000, np.uint8)},
        {"meta": np.frombuffer(b"\xff\x00", np.uint8)},
        {"views_seen": np.array([object()], dtype=object)},
    ],
)
def test_contents_that_cannot_be_are_refused(
    changed: dict[str, Any], raw: bytes, small_model: HeadModel, tmp_path: Path
) -> None:
    expect_refusal(rewritten(raw, tmp_path / "Ada.head.npz", **changed), small_model)


def test_a_newer_file_says_so(raw: bytes, small_model: HeadModel, tmp_path: Path) -> None:
    newer = np.frombuffer(json.dumps({"schema": 99}).encode(), np.uint8)
    error = expect_refusal(rewritten(raw, tmp_path / "Ada.head.npz", meta=newer), small_model)
    assert "newer FaceStudio" in error.what


def test_a_bomb_is_refused_unread(small_model: HeadModel, tmp_path: Path) -> None:
    path = tmp_path / "Ada.head.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("meta.npy", "w") as member:
        for _ in range(1100):
            member.write(bytes(1_000_000))
    assert "claims to hold" in expect_refusal(path, small_model).what


def test_missing_files_and_folders_are_refused(small_model: HeadModel, tmp_path: Path) -> None:
    assert "does not exist" in expect_refusal(tmp_path / "no.head.npz", small_model).what
    expect_refusal(tmp_path, small_model)


def test_a_folder_that_cannot_be_written_is_said(
    whole: Reconstruction, small_model: HeadModel, small_texture: Texture, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        save_head(tmp_path / "file", "Ada", small_model, whole, small_texture)
