"""The time left is what was measured before and now, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from facestudio.app import time_left
from facestudio.app.time_left import UNKNOWN, TimeLeft


@pytest.fixture(autouse=True)
def _no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_left, "_remembered", {})


def run_once(file: Path | None = None) -> None:
    clock = TimeLeft("head", file)
    clock.at("fit", 0.0, 100.0)
    clock.at("refine", 0.0, 102.0)
    clock.at("texture", 0.0, 110.0)
    clock.finish(114.0)


def test_the_first_job_shows_its_stage_and_claims_no_time() -> None:
    assert TimeLeft("head").at("fit", 0.4, 1.0) == (0.4, UNKNOWN)


def test_the_second_job_knows_from_the_first_what_is_to_come() -> None:
    run_once()
    clock = TimeLeft("head")
    fraction, left = clock.at("fit", 0.0, 0.0)
    assert fraction == 0.0
    assert left == pytest.approx(14.0)
    clock.at("refine", 0.0, 2.0)
    fraction, left = clock.at("refine", 0.5, 6.0)
    assert fraction == pytest.approx(6 / 14)
    assert left == pytest.approx(4 + 4)


def test_a_slow_run_is_believed_over_memory() -> None:
    run_once()
    clock = TimeLeft("head")
    clock.at("refine", 0.0, 0.0)
    assert clock.at("refine", 0.5, 40.0)[1] == pytest.approx(44.0)


def test_the_fraction_never_goes_back() -> None:
    run_once()
    clock = TimeLeft("head")
    shown = [
        clock.at(stage, f, t)[0] for stage, f, t in [("fit", 0, 0), ("fit", 1, 1), ("refine", 0.1, 20), ("refine", 0.9, 90)]
    ]
    assert shown == sorted(shown)


@pytest.mark.parametrize("damage", ["", "{", "[1]", '{"head": {"fit": "long"}}'])
def test_a_damaged_memory_is_no_memory(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "timings.json"
    file.write_text(damage)
    assert TimeLeft("head", file).at("fit", 0.2, 0.0) == (0.2, UNKNOWN)


def test_the_memory_survives_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_once(tmp_path / "timings.json")
    monkeypatch.setattr(time_left, "_remembered", {})
    assert TimeLeft("head", tmp_path / "timings.json").at("fit", 0.0, 0.0)[1] == pytest.approx(14.0)
