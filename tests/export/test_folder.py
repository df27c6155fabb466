"""The whole output folder."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from facestudio.errors import Cancelled, OutputError
from facestudio.export.folder import check_name, export_head, safe_name
from facestudio.export.formats import DEFAULT
from facestudio.head.model import HeadModel
from facestudio.progress import CancelToken
from facestudio.types import Reconstruction, Texture

ALL = {
    "globe_open_in_blender.py",
    "globe_left.jpg",
    "globe_front.jpg",
    "globe_right.jpg",
    "globe.glb",
    "globe.obj",
    "globe.mtl",
    "globe_albedo.png",
    "globe.json",
    "globe.head.npz",
    "preview.png",
    "report.html",
}


def test_all_formats_make_all_files(
    small_model: HeadModel, small_reconstruction: Reconstruction, small_texture: Texture, tmp_path: Path
) -> None:
    out = tmp_path / "globe_facestudio"
    written = export_head(small_model, small_reconstruction, small_texture, out, "globe")
    assert {p.name for p in written} == {p.name for p in out.iterdir()} == ALL
    assert all(p.stat().st_size > 0 for p in written)
    content = json.loads((out / "globe.json").read_text())
    assert set(content["seconds"]) == {"fit", "export"}
    albedo = cv2.imread(str(out / "globe_albedo.png"))[..., ::-1]
    assert np.array_equal(albedo, small_texture.albedo)


@pytest.mark.parametrize(
    ("chosen", "files"),
    [
        (("glb", "json"), {"globe.glb", "globe.json"}),
        (("obj",), {"globe.obj", "globe.mtl", "globe_albedo.png"}),
        (("preview",), {"preview.png"}),
        (("report",), {"report.html"}),
    ],
)
def test_only_the_chosen_formats(
    chosen: tuple[str, ...],
    files: set[str],
    small_model: HeadModel,
    small_reconstruction: Reconstruction,
    small_texture: Texture,
    tmp_path: Path,
) -> None:
    written = export_head(small_model, small_reconstruction, small_texture, tmp_path / "out", "globe", chosen)
    assert {p.name for p in written} == files


def test_an_unknown_format_is_refused(
    small_model: HeadModel, small_reconstruction: Reconstruction, small_texture: Texture, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="x3d"):
        export_head(small_model, small_reconstruction, small_texture, tmp_path, "globe", ("x3d",))


@pytest.mark.parametrize("step", range(0, 14, 3))
def test_a_cancel_at_any_step_leaves_nothing(
    step: int, small_model: HeadModel, small_reconstruction: Reconstruction, small_texture: Texture, tmp_path: Path
) -> None:
    token, calls = CancelToken(), 0

    def progress(stage: str, fraction: float, message: str = "") -> None:
        nonlocal calls
        if calls == step:
            token.cancel()
        calls += 1

    with pytest.raises(Cancelled):
        export_head(small_model, small_reconstruction, small_texture, tmp_path / "out", "globe", DEFAULT, progress, token)
    assert list(tmp_path.iterdir()) == []


def test_progress_rises_to_one(
    small_model: HeadModel, small_reconstruction: Reconstruction, small_texture: Texture, tmp_path: Path
) -> None:
    seen: list[float] = []
    export_head(
        small_model,
        small_reconstruction,
        small_texture,
        tmp_path,
        "globe",
        progress=lambda stage, fraction, message="": seen.append(fraction),
    )
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0.0, 1.0)


@pytest.mark.parametrize("views", [1, 2])
def test_fewer_photos_make_a_folder_too(
    views: int, small_model: HeadModel, small_reconstruction: Reconstruction, small_texture: Texture, tmp_path: Path
) -> None:
    r = small_reconstruction
    fewer = dataclasses.replace(r, views=r.views[:views], cameras=r.cameras[:views], quality=r.quality[:views])
    export_head(small_model, fewer, small_texture, tmp_path, "globe")
    assert (tmp_path / "report.html").read_text().count("photo with the head drawn over it") == views


def test_a_head_out_of_the_picture_still_makes_a_folder(
    small_model: HeadModel, small_reconstruction: Reconstruction, small_texture: Texture, tmp_path: Path
) -> None:
    r = small_reconstruction
    away = tuple(dataclasses.replace(c, t=c.t + np.array([5.0, 0.0, 0.0])) for c in r.cameras)
    behind = dataclasses.replace(r.cameras[2], t=-r.cameras[2].t)
    export_head(small_model, dataclasses.replace(r, cameras=(*away[:2], behind)), small_texture, tmp_path, "globe")
    assert {p.name for p in tmp_path.iterdir()} == ALL


@pytest.mark.parametrize("name", ["", " ", "a/b", "..", "../x", "a\\b", "a\nb", ".hidden", "a:b", "a.", "con", "Nul.x", "COM1"])
def test_names_that_cannot_be_files_are_refused(name: str) -> None:
    with pytest.raises(OutputError, match="cannot be the name") as caught:
        check_name(name)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("text", "name"), [("a/b:c", "a_b_c"), (" .x. ", "x"), ("..", "head"), ("", "head"), ("Ada L", "Ada L"), ("aux", "_aux")]
)
def test_a_name_nobody_chose_is_made_safe(text: str, name: str) -> None:
    assert safe_name(text) == name
    check_name(name)


@pytest.mark.parametrize("name", ["globe", "Ada Lovelace", "Åsa_3-b", "山田", "v1.2"])
def test_ordinary_names_are_accepted(name: str) -> None:
    check_name(name)
