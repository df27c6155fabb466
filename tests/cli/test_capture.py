from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from facestudio.cli.verbs import app
from facestudio.paths import DATA_VARIABLE, resources_dir
from tests.capture.mjpeg_server import streaming

runner = CliRunner()


@pytest.fixture(autouse=True)
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "data"))


def test_a_capture_from_three_streams_lies_in_its_folder_whole(tmp_path: Path) -> None:
    with streaming() as streams:
        named = [part for v in ("left", "front", "right") for part in (f"--{v}", streams.url(v))]
        done = runner.invoke(app, ["capture", *named, "-o", str(tmp_path / "shot"), "--countdown", "0", "--no-checks"])
    assert done.exit_code == 0, done.output
    names = {p.name for p in (tmp_path / "shot").iterdir()}
    assert names == {"left.jpg", "front.jpg", "right.jpg", "capture.json", "sync.json"}
    assert json.loads((tmp_path / "shot" / "sync.json").read_text())["views"]["left"]["camera"]["width"] == 320


def test_pictures_may_stand_in_for_cameras_and_are_checked(tmp_path: Path) -> None:
    sample = resources_dir() / "sample"
    named = [part for v in ("left", "front", "right") for part in (f"--{v}", str(sample / f"{v}.jpg"))]
    done = runner.invoke(app, ["capture", *named, "-o", str(tmp_path / "shot"), "--countdown", "0", "--fps", "10"])
    assert done.exit_code == 0, done.output
    assert "eyes open" in done.output
    assert "face found" in done.output


def test_without_cameras_it_says_what_to_do(tmp_path: Path) -> None:
    done = runner.invoke(app, ["capture", "-o", str(tmp_path / "shot")])
    assert done.exit_code == 2
    assert not (tmp_path / "shot").exists()


def test_the_list_names_what_is_plugged_in() -> None:
    done = runner.invoke(app, ["cameras", "list"])
    assert done.exit_code == 0, done.output
    assert done.output.strip()


def test_a_camera_is_tested() -> None:
    done = runner.invoke(app, ["cameras", "test", str(resources_dir() / "sample" / "front.jpg"), "--seconds", "0.3"])
    assert done.exit_code == 0, done.output
    assert "pictures per second" in done.output


def test_a_camera_that_is_not_there_is_named() -> None:
    done = runner.invoke(app, ["cameras", "test", "no such camera"])
    assert done.exit_code == 2


def test_the_board_is_written_and_a_rig_travels_between_programs(tmp_path: Path) -> None:
    from facestudio.capture.calibration.rig_file import RigCalibration, load_rig, save_rig
    from tests.capture.calibration.board_scene import true_rig

    done = runner.invoke(app, ["rig", "board", "-o", str(tmp_path / "board.pdf")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "board.pdf").read_bytes().startswith(b"%PDF")
    save_rig(RigCalibration(true_rig()))
    for name in ("camera_array.toml", "rig.yml"):
        done = runner.invoke(app, ["rig", "export", str(tmp_path / name)])
        assert done.exit_code == 0, done.output
        done = runner.invoke(app, ["rig", "import", str(tmp_path / name), "-o", str(tmp_path / "cameras.json")])
        assert done.exit_code == 0, done.output
        assert load_rig(tmp_path / "cameras.json") is not None
    assert runner.invoke(app, ["rig", "board", "--paper", "A7"]).exit_code == 2
    assert runner.invoke(app, ["rig", "calibrate", str(tmp_path)]).exit_code == 2


def test_a_later_capture_tells_whether_a_camera_moved(tmp_path: Path) -> None:
    sample = resources_dir() / "sample"
    arguments = ["rig", "check", str(sample), "--cameras"]
    done = runner.invoke(app, [*arguments, str(sample / "cameras.json")])
    assert done.exit_code == 0, done.output
    assert "as calibrated" in done.output
    content = json.loads((sample / "cameras.json").read_text())
    views = content.get("cameras", content)
    views["left"]["t"][1] += 0.03
    (tmp_path / "moved.json").write_text(json.dumps({"cameras": {v: views[v] for v in ("left", "front", "right")}}))
    done = runner.invoke(app, [*arguments, str(tmp_path / "moved.json")])
    assert done.exit_code == 1, done.output
    assert "moved" in done.output
