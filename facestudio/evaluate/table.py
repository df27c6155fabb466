"""An evaluation as plain text and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from facestudio.evaluate.facescape import CylinderScores
from facestudio.evaluate.now import Variant
from facestudio.evaluate.summary import HeadResult, Score, Statistics, Summary

NOTE = "Note on"
_MEASURES = ("median", "mean", "std", "p90")


def text_table(summary: Summary) -> str:
    """The table for a console: one row per head, then both pooled rows, then what failed. Millimetres."""
    groups = ("", "NoW, mm", "", "", "", "mean head", "", "", "gain", "metric", "mean head", "", "absolute", "CD")
    titles = ("head", "median", "mean", "std", "p90", "median", "mean", "p90", "", "median", "median", "scale", "median", "mm")
    rows = [_row(head) for head in summary.heads]
    pooled, average = summary.pooled(Variant.NOW), summary.pooled_mean_head(Variant.NOW)
    metric, average_metric = summary.pooled(Variant.METRIC), summary.pooled_mean_head(Variant.METRIC)
    absolute = _cells(summary.pooled(Variant.ABSOLUTE), "median")
    ours = [*_cells(pooled), *_cells(average, "median", "mean", "p90"), gain(pooled, average)]
    rows.append(
        ["POOLED", *ours, *_cells(metric, "median"), *_cells(average_metric, "median"), "", *absolute, _cd(summary.cylinder())]
    )
    beside = ["", "", "", "", *_cells(average_metric, "median"), "", "", "", _cd(summary.cylinder(of_mean_head=True))]
    rows.append(["MEAN HEAD", *_cells(average), *beside])
    return "\n".join([*_aligned([groups, titles, *rows]), "", *closing_lines(summary)])


def closing_lines(summary: Summary) -> list[str]:
    """How many heads were done, in words, and every failure with its reason."""
    total, failed = len(summary.heads), summary.failed
    engine = f"{summary.engine} ({summary.quality})" if summary.engine == "auto" else summary.engine
    first = f"{total - len(failed)} of {total} heads, {summary.mode}, engine {engine}, head model {summary.head_model}, "
    lines = [first + f"{summary.seconds:.0f} s. Unsigned distances from the truth's face region to the head's surface."]
    if failed:
        lines.append(f"The pooled rows LEAVE OUT {len(failed)} failed head{'s' if len(failed) > 1 else ''}:")
        lines += [f"FAILED {name}: {why}" for name, why in failed.items()]
    lines += [f"{NOTE} {head.name}: {note}." for head in summary.heads for note in head.notes]
    return lines


def gain(ours: Statistics | None, average: Statistics | None) -> str:
    """By how much the median is below the mean head's, as a signed percentage; empty when either is missing."""
    if ours is None or average is None or average.median == 0:
        return ""
    return f"{100.0 * (1.0 - ours.median / average.median):+.0f} %"


def csv_table(summary: Summary) -> str:
    """The same as CSV with all measures: a row per head and a row POOLED. Millimetres, radians, shares in [0, 1], seconds."""
    names = [f"{who}{variant}_{m}" for who in ("", "mean_head_") for variant in Variant for m in _MEASURES]
    shape = [f"{who}{m}" for who in ("", "mean_head_") for m in ("cd_mm", "mne_rad", "cr")]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["head", "done", *names, *shape, "scale", "seconds", "failure"])
    for head in summary.heads:
        both = (head.score, head.mean_head)
        numbers = [_of(score, variant) for score in both for variant in Variant]
        cylinders = [None if score is None else score.cylinder for score in both]
        scale = "" if head.score is None else f"{head.score.scale:.5f}"
        seconds = "" if head.seconds is None else f"{head.seconds:.2f}"
        done = int(head.score is not None)
        writer.writerow([head.name, done, *_csv(numbers), *_csv_shape(cylinders), scale, seconds, head.failure or ""])
    numbers = [f(variant) for f in (summary.pooled, summary.pooled_mean_head) for variant in Variant]
    cylinders = [summary.cylinder(), summary.cylinder(of_mean_head=True)]
    writer.writerow(["POOLED", f"{summary.done:.4f}", *_csv(numbers), *_csv_shape(cylinders), "", f"{summary.seconds:.2f}", ""])
    return buffer.getvalue()


def _row(head: HeadResult) -> list[str]:
    ours, average = _of(head.score, Variant.NOW), _of(head.mean_head, Variant.NOW)
    cells = [*_cells(ours), *_cells(average, "median", "mean", "p90"), gain(ours, average)]
    cells += [*_cells(_of(head.score, Variant.METRIC), "median"), *_cells(_of(head.mean_head, Variant.METRIC), "median")]
    scale = "" if head.score is None else f"{head.score.scale:.3f}"
    cylinder = None if head.score is None else head.score.cylinder
    name = head.name if head.score is not None else f"{head.name} FAILED"
    return [name, *cells, scale, *_cells(_of(head.score, Variant.ABSOLUTE), "median"), _cd(cylinder)]


def _of(score: Score | None, variant: Variant) -> Statistics | None:
    return None if score is None else score.statistics(variant)


def _cells(numbers: Statistics | None, *measures: str) -> list[str]:
    wanted = measures or _MEASURES
    return [""] * len(wanted) if numbers is None else [f"{getattr(numbers, m):.3f}" for m in wanted]


def _cd(cylinder: CylinderScores | None) -> str:
    return "" if cylinder is None else f"{cylinder.cd_mm:.3f}"


def _csv(numbers: list[Statistics | None]) -> list[str]:
    return [f"{getattr(n, m):.4f}" if n is not None else "" for n in numbers for m in _MEASURES]


def _csv_shape(cylinders: list[CylinderScores | None]) -> list[str]:
    return [f"{v:.4f}" if c is not None else "" for c in cylinders for v in ((c.cd_mm, c.mne_rad, c.cr) if c else (0, 0, 0))]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns of equal width, the first to the left and numbers to the right; columns without any number are left out."""
    kept = [c for c in range(len(rows[0])) if c == 0 or any(row[c] for row in rows[2:])]
    widths = {c: max(len(row[c]) for row in rows) for c in kept}
    return ["  ".join(row[c].ljust(widths[c]) if c == 0 else row[c].rjust(widths[c]) for c in kept).rstrip() for row in rows]
