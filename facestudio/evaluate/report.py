"""An evaluation as one HTML page that needs nothing else: the numbers, and a pair of bars per head, worst first."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from facestudio.evaluate.now import Variant
from facestudio.evaluate.summary import HeadResult, Statistics, Summary
from facestudio.evaluate.table import NOTE, closing_lines, gain

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #1d2430; background: #fff }
h1 { font-size: 1.6rem; margin-bottom: .2rem } h2 { font-size: 1.15rem; margin-top: 2.2rem } .quiet { color: #667085 }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums } th, td { padding: .3rem .55rem; text-align: right }
th:first-child, td:first-child { text-align: left } thead th { border-bottom: 2px solid #d0d5dd; font-weight: 600 }
tbody tr { border-bottom: 1px solid #eaecf0 } tr.pooled { font-weight: 600; background: #f5f7fa }
.bars { width: 14rem } td { white-space: nowrap }
.bar { height: .62rem; border-radius: 2px; margin: 2px 0 } .ours { background: #2f6fd0 } .worse { background: #c8502d }
.average { background: #c3cad5 } .failed { color: #b3261e; font-weight: 600 } .chip { display: inline-block; width: 1.2rem; height: .7rem }
"""
_HEADINGS = ("Head", "", "median", "mean", "std", "p90", "mean head", "gain", "metric", "mean head, metric", "absolute", "CD")


def html_report(summary: Summary, links: Mapping[str, str] | None = None) -> str:
    """The page's text. links: by head, where its own report lies, relative to this page."""
    longest = max((s.median for head in summary.heads for s in _pair(head) if s is not None), default=1.0) or 1.0
    rows = "\n".join(_row(head, longest, (links or {}).get(head.name)) for head in _worst_first(summary))
    lines = closing_lines(summary)
    said = "".join(f'<p class="{"quiet" if line.startswith(NOTE) else "failed"}">{escape(line)}</p>' for line in lines[1:])
    headings = "".join(f"<th>{escape(title)}</th>" for title in _HEADINGS)
    versions = ", ".join(f"{name} {version}" for name, version in summary.versions.items())
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>FaceStudio evaluation</title><style>{_STYLE}</style></head><body>
<h1>How far the heads are from the truth</h1>
<p class="quiet">{escape(lines[0])}</p>{said}
<p>{_verdict(summary)}</p>
<h2>Heads, worst first</h2>
<p class="quiet">Millimetres. Bars are medians: <span class="chip ours"></span> better than the mean head,
<span class="chip worse"></span> worse than it, <span class="chip average"></span> the mean head itself.</p>
<table><thead><tr>{headings}</tr></thead><tbody>
{_pooled_rows(summary, longest)}
{rows}
</tbody></table>
<h2>What the numbers mean</h2>
<p>The head is laid on the truth by seven landmarks, then moved until the squared distances of the face region's points from its
surface are least (NoW protocol); each number summarises what remains. <b>median</b>: half of the points lie nearer;
<b>p90</b>: nine tenths do. <b>metric</b>: the median without a change of size. <b>absolute</b>: the median where the calibrated
cameras put the head, without any alignment. <b>mean head</b>: the head model's average face under the same protocol,
which a reconstruction must beat. <b>gain</b>: how far the median is below the mean head's. Pooled rows are over all points of all
heads. <b>CD</b>: FaceScape's mean distance on a cylinder about the head, both ways.</p>
<p class="quiet">{escape(versions)}</p>
</body></html>
"""


def _verdict(summary: Summary) -> str:
    ours, average = summary.pooled(Variant.NOW), summary.pooled_mean_head(Variant.NOW)
    if ours is None or average is None:
        return "No head could be measured."
    if ours.median < average.median:
        how = f"<b>{gain(ours, average).lstrip('+')} nearer</b> than the mean head ({average.median:.2f} mm)"
    else:
        how = f"<b>no nearer than the mean head</b> ({average.median:.2f} mm)"
    share = "" if summary.done == 1.0 else " Failed heads are not in these numbers."
    return f"Half of all face points lie within <b>{ours.median:.2f} mm</b> of the reconstructed surface: {how}.{share}"


def _worst_first(summary: Summary) -> list[HeadResult]:
    def badness(head: HeadResult) -> float:
        ours = _pair(head)[0]
        return float("inf") if ours is None else ours.median

    return sorted(summary.heads, key=badness, reverse=True)


def _pair(head: HeadResult) -> tuple[Statistics | None, Statistics | None]:
    ours = None if head.score is None else head.score.statistics(Variant.NOW)
    return ours, head.mean_head.statistics(Variant.NOW)


def _row(head: HeadResult, longest: float, link: str | None) -> str:
    ours, average = _pair(head)
    name = escape(head.name) if link is None else f'<a href="{escape(link, quote=True)}">{escape(head.name)}</a>'
    if head.score is None:
        name += ' <span class="failed">failed</span>'
    metric = None if head.score is None else head.score.statistics(Variant.METRIC)
    absolute = None if head.score is None else head.score.statistics(Variant.ABSOLUTE)
    cylinder = None if head.score is None else head.score.cylinder
    cd = "" if cylinder is None else f"{cylinder.cd_mm:.2f}"
    average_metric = head.mean_head.statistics(Variant.METRIC)
    return _line(name, "", (ours, average, metric, average_metric, absolute), cd, longest)


def _pooled_rows(summary: Summary, longest: float) -> str:
    ours, average = summary.pooled(Variant.NOW), summary.pooled_mean_head(Variant.NOW)
    metric, average_metric = summary.pooled(Variant.METRIC), summary.pooled_mean_head(Variant.METRIC)
    cylinders = [summary.cylinder(), summary.cylinder(of_mean_head=True)]
    cd, average_cd = ("" if c is None else f"{c.cd_mm:.2f}" for c in cylinders)
    columns = (ours, average, metric, average_metric, summary.pooled(Variant.ABSOLUTE))
    first = _line("All heads, pooled", "pooled", columns, cd, longest)
    return first + _line(
        "Mean head, pooled", "pooled", (average, None, average_metric, None, None), average_cd, longest, "average"
    )


def _line(name: str, row_class: str, numbers: tuple[Statistics | None, ...], cd: str, longest: float, colour: str = "") -> str:
    ours, average, metric, average_metric, absolute = numbers
    measured = [f"{getattr(ours, m):.2f}" if ours is not None else "" for m in ("median", "mean", "std", "p90")]
    medians = [f"{s.median:.2f}" if s is not None else "" for s in (metric, average_metric, absolute)]
    worse = ours is not None and average is not None and ours.median > average.median
    bars = _bar(ours, colour or ("worse" if worse else "ours"), longest) + _bar(average, "average", longest)
    cells = [*measured, f"{average.median:.2f}" if average is not None else "", gain(ours, average), *medians, cd]
    return f'<tr class="{row_class}"><td>{name}</td><td class="bars">{bars}</td>{"".join(f"<td>{c}</td>" for c in cells)}</tr>'


def _bar(numbers: Statistics | None, colour: str, longest: float) -> str:
    if numbers is None:
        return ""
    return f'<div class="bar {colour}" style="width: {100.0 * min(numbers.median / longest, 1.0):.1f}%"></div>'
