"""`facestudio train`: what it says when there is nothing to learn from."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from facestudio.cli.verbs import app

RUNNER = CliRunner()


def test_a_missing_data_set_is_said_and_nothing_is_written(tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = RUNNER.invoke(app, ["train", "landmarks", "--data", str(tmp_path / "none"), "--out", str(out)])
    assert done.exit_code == 2
    assert not out.exists()


def test_a_folder_that_is_no_data_set_is_said(tmp_path: Path) -> None:
    done = RUNNER.invoke(app, ["train", "landmarks", "--data", str(tmp_path), "--out", str(tmp_path / "run")])
    assert done.exit_code == 2
    assert not (tmp_path / "run").exists()


def test_the_networks_are_listed() -> None:
    assert "landmarks" in RUNNER.invoke(app, ["train", "--help"]).output
