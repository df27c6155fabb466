"""The time left is what was measured before and now, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from facestudio.app import time_left
from facestudio.app.settings import CHOICES
from facestudio.app.time_left import FIRST_TIMES, UNKNOWN, TimeLeft


@pytest.fixture(autouse=True)
def _no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_left, "_remembered", {})


def run_once(file: Path | None = None) -> None:
    clock = TimeLeft("head", file)
    clock.at("fit", 0.0, 100.0)
    clock.at("refine", 0.0, 102.0)
    clock.at("texture", 0.0, 110.0)
    clock.finish(114.0)


def test_a_job_of_which_nothing_is_known_shows_its_stage_and_claims_no_time() -> None:
    assert TimeLeft("head").at("fit", 0.4, 1.0) == (0.4, UNKNOWN)


KIND = "reconstruct auto standard"
TIMES = FIRST_TIMES[KIND]


def test_the_first_reconstruction_borrows_the_times_of_the_machine_that_was_measured() -> None:
    fraction, left = TimeLeft(KIND).at("read", 0.0, 0.0)
    assert fraction == 0.0
    assert left == pytest.approx(sum(TIMES.values()))


def test_a_slow_computer_is_noticed_when_a_stage_has_ended() -> None:
    clock, now = TimeLeft(KIND), 0.0
    for stage in ("read", "landmarks", "fit"):
        clock.at(stage, 0.0, now)
        now += 4 * TIMES[stage]
    assert clock.at("refine", 0.0, now)[1] == pytest.approx(
        4 * (TIMES["refine"] + TIMES["texture"] + TIMES["export"]), rel=0.01
    )


def test_a_slow_computer_is_noticed_within_a_long_stage() -> None:
    clock = TimeLeft(KIND)
    clock.at("refine", 0.0, 0.0)
    later = TIMES["texture"] + TIMES["export"]
    assert clock.at("refine", 0.5, 5 * TIMES["refine"])[1] == pytest.approx(5 * TIMES["refine"] + 10 * later)


def test_the_first_job_of_another_quality_knows_how_slow_this_computer_is() -> None:
    clock, now = TimeLeft(KIND), 0.0
    for stage, seconds in TIMES.items():
        clock.at(stage, 0.0, now)
        now += 3 * seconds
    clock.finish(now)
    draft = "reconstruct auto draft"
    assert TimeLeft(draft).at("read", 0.0, 0.0)[1] == pytest.approx(3 * sum(FIRST_TIMES[draft].values()))


def test_an_engine_that_was_not_measured_is_taken_to_last_as_long_as_the_usual_one() -> None:
    assert TimeLeft("reconstruct another full").at("read", 0.0, 0.0)[1] == pytest.approx(sum(TIMES.values()))


def test_a_job_of_one_stage_goes_by_its_own_speed() -> None:
    clock = TimeLeft("import")
    assert clock.at("import", 0.0, 0.0)[1] == UNKNOWN
    assert clock.at("import", 0.25, 5.0)[1] == pytest.approx(15.0)


def test_every_kind_that_was_measured_reports_what_the_engines_and_qualities_are() -> None:
    wanted = {f"reconstruct {engine} {quality}" for engine in ("auto", "fit") for quality in CHOICES["quality"]}
    assert wanted <= set(FIRST_TIMES)


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


def test_one_folders_memory_is_not_anothers(tmp_path: Path) -> None:
    run_once(tmp_path / "timings.json")
    assert TimeLeft("head", tmp_path / "other.json").at("fit", 0.0, 0.0)[1] == UNKNOWN
