"""Exporting a head that was saved before."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from facestudio.cli.verbs import app
from facestudio.errors import FaceStudioError, OutputError, SavedHeadError
from facestudio.export.folder import export_head
from facestudio.export.saved import save_head
from facestudio.head.model import HeadModel, pack
from facestudio.pipeline.export_head import export_saved, find_saved
from tests.export.globe import globe_model, globe_reconstruction, globe_texture


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return globe_model()


@pytest.fixture(scope="module")
def capture(model: HeadModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capture folder with its result, as `export_head` writes it."""
    folder = tmp_path_factory.mktemp("capture")
    export_head(model, globe_reconstruction(model, folder), globe_texture(model), folder / "head", "Ada")
    return folder


def test_it_writes_the_same_files_again(capture: Path, model: HeadModel, tmp_path: Path) -> None:
    written = export_saved(capture, tmp_path, ("glb", "obj", "head"), model=model)
    names = ["Ada.glb", "Ada.head.npz", "Ada.mtl", "Ada.obj", "Ada_albedo.png"]
    assert sorted(p.name for p in written) == names
    for name in names:
        assert (tmp_path / name).read_bytes() == (capture / "head" / name).read_bytes(), name


def test_another_name_is_used(capture: Path, model: HeadModel, tmp_path: Path) -> None:
    assert [p.name for p in export_saved(capture, tmp_path, ("glb",), model=model, name="Bo")] == ["Bo.glb"]


@pytest.mark.parametrize("place", ["", "head", "head/Ada.head.npz"])
def test_a_capture_a_result_or_a_file_may_be_named(place: str, capture: Path) -> None:
    assert find_saved(capture / place) == capture / "head" / "Ada.head.npz"


def test_no_head_and_several_heads_are_said(capture: Path, model: HeadModel, tmp_path: Path) -> None:
    with pytest.raises(SavedHeadError, match="holds no head"):
        find_saved(tmp_path)
    for name in ("Ada", "Bo"):
        save_head(tmp_path, name, model, globe_reconstruction(model, tmp_path), globe_texture(model))
    with pytest.raises(SavedHeadError, match=r"Ada\.head\.npz, Bo\.head\.npz"):
        find_saved(tmp_path)


def test_wrong_choices_are_refused_before_anything_is_read(capture: Path, tmp_path: Path) -> None:
    with pytest.raises(FaceStudioError, match="'x3d'"):
        export_saved(capture, tmp_path, ("x3d",))
    with pytest.raises(FaceStudioError, match="No format"):
        export_saved(capture, tmp_path, ())
    with pytest.raises(OutputError):
        export_saved(capture, tmp_path, ("glb",), name="a/b")


def test_the_verb_exports(capture: Path, model: HeadModel, tmp_path: Path) -> None:
    own = tmp_path / "globe.npz"
    own.write_bytes(pack(model, half=False))
    run = CliRunner().invoke(app, ["export", str(capture), "-o", str(tmp_path / "out"), "--head", str(own), "-f", "glb,obj"])
    # The globe's file has another hash than the globe of the fixtures: the refusal is the point here.
    assert run.exit_code == 2
    from facestudio.head.model import load

    loaded = load(own)
    save_head(tmp_path / "result", "Ada", loaded, globe_reconstruction(loaded, tmp_path), globe_texture(loaded))
    arguments = [
        "export",
        str(tmp_path / "result"),
        "-o",
        str(tmp_path / "out"),
        "--head",
        str(own),
        "-f",
        "glb, obj",
        "-f",
        "json",
    ]
    run = CliRunner().invoke(app, arguments)
    assert run.exit_code == 0, run.output
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"Ada.glb", "Ada.obj", "Ada.mtl", "Ada_albedo.png", "Ada.json"}
