from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest

from facestudio.evaluate.facescape import CylinderScores
from facestudio.evaluate.now import Variant
from facestudio.evaluate.report import html_report
from facestudio.evaluate.summary import HeadResult, Score, Summary, statistics
from facestudio.evaluate.table import csv_table


def a_score(*distances: float, scale: float = 1.0, absolute: bool = False) -> Score:
    d = np.array(distances)
    measured = {Variant.NOW: d, Variant.METRIC: 2 * d} | ({Variant.ABSOLUTE: 3 * d} if absolute else {})
    return Score(measured, scale, 0.5, CylinderScores(float(d.mean()), 0.1, 1.0))


def a_summary(*heads: HeadResult) -> Summary:
    return Summary(heads, "uncalibrated", "fit", "egg", 1.5, {"numpy": "1.26.4"})


GOOD = HeadResult("anna", a_score(1, 1, 1), a_score(2, 2, 2), 0.5)
POOR = HeadResult("berta", a_score(5), a_score(4), 0.5, notes=("odd",))
FAILED = HeadResult("carla", None, a_score(9), 0.1, "No face was found in <front>.jpg.")


def test_statistics_by_hand() -> None:
    s = statistics(np.array([0.0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]))
    assert (s.median, s.mean, s.p90, s.count) == (5.0, 5.0, 9.0, 11)
    assert s.std == pytest.approx(np.sqrt(10.0))  # of the population


def test_pooling_is_over_points_not_over_heads() -> None:
    summary = a_summary(GOOD, POOR)
    pooled, average = summary.pooled(Variant.NOW), summary.pooled_mean_head(Variant.NOW)
    assert pooled is not None
    assert average is not None
    assert (pooled.median, pooled.mean, pooled.count) == (1.0, 2.0, 4)
    assert (average.median, average.mean) == (2.0, 2.5)
    metric = summary.pooled(Variant.METRIC)
    assert metric is not None
    assert metric.mean == 4.0


def test_a_failed_head_is_listed_and_left_out_of_both_pooled_rows() -> None:
    summary = a_summary(GOOD, FAILED)
    average = summary.pooled_mean_head(Variant.NOW)
    assert summary.done == 0.5
    assert list(summary.failed) == ["carla"]
    assert average is not None
    assert average.count == 3  # over the same heads as ours
    table = summary.table()
    assert "carla FAILED" in table
    assert "LEAVE OUT 1 failed head" in table
    assert "No face was found" in table


def test_when_all_heads_fail_there_are_no_pooled_numbers_but_the_mean_heads() -> None:
    content = json.loads(json.dumps(a_summary(FAILED).to_json(), allow_nan=False))
    assert content["pooled"] is None
    assert content["mean_head"]["median"] == 9.0
    assert content["done"] == 0.0


def test_summary_json_has_what_the_issue_asks_for() -> None:
    content = a_summary(GOOD, POOR, FAILED).to_json()
    assert content["mode"] == "uncalibrated"
    assert content["engine"] == "fit"
    assert content["head_model"] == "egg"
    assert content["seconds"] == 1.5
    for key in ("pooled", "mean_head", "pooled_metric", "mean_head_metric"):
        assert set(content[key]) == {"median", "mean", "std", "p90", "count"}, key  # type: ignore[call-overload]
    assert "pooled_absolute" not in content
    assert set(content["heads"]) == {"anna", "berta", "carla"}  # type: ignore[call-overload]
    assert content["failed"] == {"carla": "No face was found in <front>.jpg."}


def test_the_absolute_error_is_pooled_only_when_every_scored_head_has_it() -> None:
    placed = HeadResult("dora", a_score(1, absolute=True), a_score(1), 0.1)
    assert a_summary(placed).to_json()["pooled_absolute"]["median"] == 3.0  # type: ignore[index]
    assert "pooled_absolute" not in a_summary(placed, GOOD).to_json()


def test_table_shows_each_head_beside_its_mean_head_and_the_gain() -> None:
    lines = a_summary(GOOD, POOR).table().splitlines()
    anna = next(line for line in lines if line.startswith("anna"))
    assert anna.split()[1:] == [
        "1.000",
        "1.000",
        "0.000",
        "1.000",
        "2.000",
        "2.000",
        "2.000",
        "+50",
        "%",
        "2.000",
        "4.000",
        "1.000",
        "1.000",
    ]
    assert "-25 %" in next(line for line in lines if line.startswith("berta"))
    assert any(line.startswith("POOLED") for line in lines)
    assert any(line.startswith("MEAN HEAD") for line in lines)
    assert any("odd" in line for line in lines)


def test_csv_has_one_row_per_head_and_a_pooled_one() -> None:
    rows = list(csv.DictReader(io.StringIO(csv_table(a_summary(GOOD, POOR, FAILED)))))
    assert [row["head"] for row in rows] == ["anna", "berta", "carla", "POOLED"]
    assert rows[0]["now_median"] == "1.0000"
    assert rows[1]["mean_head_metric_p90"] == "8.0000"
    assert (rows[2]["done"], rows[2]["now_median"], rows[2]["failure"]) == ("0", "", "No face was found in <front>.jpg.")
    assert rows[3]["now_mean"] == "2.0000"


def test_report_needs_nothing_else_shows_the_worst_first_and_escapes_names() -> None:
    page = html_report(a_summary(GOOD, POOR, FAILED), {"anna": "heads/anna/report.html"})
    assert page.index("carla <span") < page.index(">berta<") < page.index(">anna<")
    assert "&lt;front&gt;" in page
    assert "<front>" not in page
    assert 'href="heads/anna/report.html"' in page
    for foreign in ("<script", "src=", "http"):
        assert foreign not in page
    assert "bar worse" in page  # berta is worse than the mean head
    assert "Failed heads are not in these numbers" in page


def test_report_of_nothing_but_failures_says_so() -> None:
    assert "No head could be measured" in html_report(a_summary(FAILED))
