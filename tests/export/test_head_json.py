"""NAME.json."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facestudio.export.head_json import head_json, now_landmarks
from facestudio.export.scene import HeadScene
from facestudio.head.model import Embedding, HeadModel
from facestudio.types import Image, Reconstruction, Texture, View, ViewName


@pytest.fixture
def content(
    small_model: HeadModel, small_reconstruction: Reconstruction, small_texture: Texture, small_scene: HeadScene
) -> dict[str, Any]:
    text = head_json(small_model, small_reconstruction, small_texture, small_scene, {"fit": 0.4, "export": 0.25})
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def test_parameters_and_scale(content: dict[str, Any], small_reconstruction: Reconstruction) -> None:
    assert content["schema"] == 1
    assert content["identity"] == small_reconstruction.identity.tolist()
    assert content["expression"] == {"jawOpen": 0.3, "cheekPuff": 0.0, "breathe": 0.1}
    assert content["scale"] == "assumed"
    assert "estimates" in content["scale_note"]
    assert content["head_model"]["sha256"] == "0" * 64


def test_cameras_hold_every_number_needed_to_project(content: dict[str, Any], small_reconstruction: Reconstruction) -> None:
    assert list(content["cameras"]) == ["left", "front", "right"]
    for written, camera in zip(content["cameras"].values(), small_reconstruction.cameras, strict=True):
        for key in ("K", "R", "t", "distortion"):
            assert np.array_equal(written[key], getattr(camera, key))
        assert (written["width"], written["height"]) == (320, 240)


def test_quality_stands_beside_the_mean_head(content: dict[str, Any]) -> None:
    quality = content["quality"]
    assert quality["views"]["left"] == {"reprojection_px": 1.25, "held_out_px": None, "yaw_degrees": 40.0}
    assert quality["mean_head_reprojection_px"] == 5.5
    assert quality["views_seen_share"] == {"0": 0.25, "1": 0.25, "2": 0.25, "3": 0.25}
    assert quality["texture_share"] == pytest.approx({"measured": 1 / 3, "mirrored": 1 / 3, "inferred": 1 / 3})


def test_photos_are_hashed(content: dict[str, Any], photo_folder: Path) -> None:
    expected = hashlib.sha256((photo_folder / "left.jpg").read_bytes()).hexdigest()
    assert content["photos"]["left"] == {"file": "left.jpg", "sha256": expected}


def test_a_photo_that_is_gone_and_one_made_in_memory_do_not_stop_it(
    small_model: HeadModel, small_reconstruction: Reconstruction, small_texture: Texture, small_scene: HeadScene, tmp_path: Path
) -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    views = (View(ViewName.LEFT, Image(pixels, source=tmp_path / "gone.jpg")), View(ViewName.FRONT, Image(pixels)))
    head = dataclasses.replace(small_reconstruction, views=views, cameras=small_reconstruction.cameras[:2])
    content = json.loads(head_json(small_model, head, small_texture, small_scene, {}))
    assert content["photos"] == {"left": {"file": "gone.jpg", "sha256": None}, "front": None}


def test_times_versions_and_notes(content: dict[str, Any]) -> None:
    assert content["seconds"] == {"fit": 0.4, "export": 0.25}
    assert {"facestudio", "python", "numpy", "opencv"} <= set(content["versions"])
    assert content["notes"] == ["The photos were given in another order."]


def test_now_landmarks_lie_on_the_exported_mesh(
    content: dict[str, Any], small_model: HeadModel, small_scene: HeadScene
) -> None:
    points = np.array(content["now_landmarks"])
    assert points.shape == (7, 3)
    e = small_model.embeddings["now7"]
    chosen = small_model.faces[e.faces, e.bary.argmax(axis=1)]
    assert np.abs(points - small_scene.vertices[chosen]).max() < 1e-7


def test_now_landmarks_from_the_68_in_now_s_order(small_model: HeadModel, small_reconstruction: Reconstruction) -> None:
    now = small_model.embeddings["now7"]
    order = [33, 54, 48, 36, 39, 42, 45]  # shuffled on purpose
    where = [(36, 39, 42, 45, 33, 48, 54).index(i) for i in order]
    by_68 = Embedding(np.array(order, np.int32), now.faces[where], now.bary[where])
    other = dataclasses.replace(small_model, embeddings={"ibug68": by_68})
    found, expected = (now_landmarks(m, small_reconstruction.vertices) for m in (other, small_model))
    assert found is not None
    assert expected is not None
    assert np.array_equal(found, expected)


def test_a_model_without_landmarks_writes_none(
    small_model: HeadModel, small_reconstruction: Reconstruction, small_texture: Texture, small_scene: HeadScene
) -> None:
    bare = dataclasses.replace(small_model, embeddings={})
    assert "now_landmarks" not in json.loads(head_json(bare, small_reconstruction, small_texture, small_scene, {}))


def test_what_is_not_finite_becomes_null(
    small_model: HeadModel, small_reconstruction: Reconstruction, small_texture: Texture, small_scene: HeadScene
) -> None:
    odd = dataclasses.replace(small_reconstruction, mean_head_reprojection_px=float("nan"))
    text = head_json(small_model, odd, small_texture, small_scene, {})
    assert "NaN" not in text
    assert json.loads(text)["quality"]["mean_head_reprojection_px"] is None
