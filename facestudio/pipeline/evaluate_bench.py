"""Measure FaceStudio on a bench: reconstruct every triplet, score what was written, and set the mean head beside it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from facestudio.atomic import write_folder
from facestudio.errors import DatasetError, FaceStudioError
from facestudio.evaluate.datasets.bench import BenchHead, head_names, read_head
from facestudio.evaluate.prediction import Prediction, mean_head, read_prediction
from facestudio.evaluate.report import html_report
from facestudio.evaluate.scoring import score
from facestudio.evaluate.summary import HeadResult, Summary
from facestudio.evaluate.table import csv_table
from facestudio.export.versions import versions
from facestudio.head.model import HeadModel
from facestudio.pipeline.reconstruct_all import BuildHead, Job, Outcome, run_all
from facestudio.progress import CancelToken, Progress, silent

MESHES, FULL_RESULTS = "meshes", "heads"
_NOT_PLACED = "its file does not say where it lies in the world, so there is no absolute error"


def evaluate_bench(
    dataset: Path,
    out: Path,
    *,
    calibrated: bool = False,
    head: str = "open",
    engine: str = "fit",
    quality: str = "standard",
    heads: Sequence[str] | None = None,
    jobs: int = 1,
    rebuild: bool = True,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
    build: BuildHead | None = None,
    model: HeadModel | None = None,
) -> Summary:
    """Reconstruct and score the heads of a bench (see `evaluate.datasets.bench`).

    calibrated: give the bench's cameras to the reconstruction. head, engine, quality: as in `build_head.reconstruct`.
    heads: only these names. jobs: heads built at the same time. rebuild: False scores the meshes that `out` holds already and
    builds only the missing ones. build, model: to put others in the place of the product's own.

    Writes out/meshes/NAME.glb and NAME.json, out/heads/NAME (the full results), scores.csv, report.html and summary.json.
    A head that fails is a row that says so, and `Summary.done` is below 1.
    Raises DatasetError for a data set that cannot be used, HeadModelError, OutputError and Cancelled.
    """
    start, cancel = time.perf_counter(), cancel or CancelToken()
    names = head_names(dataset, heads)
    bench = [_read(dataset, name, calibrated, cancel) for name in names]
    build = build or _product(engine, quality)
    write_folder(out, lambda _: None)  # a folder that cannot be written is said now, not after an hour's work
    model = model or _load(head)
    average = mean_head(model)
    wanted = [b for b in bench if rebuild or not _is_built(out, b.name)]
    todo = [_job(b, out, calibrated, head, engine) for b in wanted]
    outcomes = {outcome.name: outcome for outcome in run_all(todo, build, jobs, progress, cancel)}
    results = []
    for k, b in enumerate(bench):
        progress("score", k / len(bench), b.name)
        cancel.check()
        results.append(_score(b, out / MESHES / f"{b.name}.glb", outcomes.get(b.name), average, calibrated, cancel))
    progress("score", 1.0, f"{len(bench)} heads")
    mode = "calibrated" if calibrated else "uncalibrated"
    seconds = time.perf_counter() - start
    summary = Summary(tuple(results), mode, engine, model.name, seconds, versions(), quality)
    write_folder(out, lambda staging: _write(summary, out, staging))
    return summary


def _read(dataset: Path, name: str, calibrated: bool, cancel: CancelToken) -> BenchHead:
    cancel.check()
    return read_head(dataset, name, calibrated=calibrated)


def _product(engine: str, quality: str) -> BuildHead:
    from facestudio.pipeline.build_head import reconstruct
    from facestudio.pipeline.engines import check_engine
    from facestudio.reconstruct.refinement import Quality

    check_engine(engine)
    if quality not in list(Quality):
        raise FaceStudioError(f"There is no quality {quality!r}.", f"Choose one of: {', '.join(Quality)}.")
    return partial(reconstruct, quality=quality)


def _load(head: str) -> HeadModel:
    from facestudio.head.store import load_head

    return load_head(head)


def _is_built(out: Path, name: str) -> bool:
    return all((out / MESHES / f"{name}{suffix}").is_file() for suffix in (".glb", ".json"))


def _job(b: BenchHead, out: Path, calibrated: bool, head: str, engine: str) -> Job:
    cameras = b.cameras if calibrated else None
    return Job(b.name, b.photos, cameras, out / FULL_RESULTS / b.name, out / MESHES, head, engine)


def _score(
    b: BenchHead, glb: Path, outcome: Outcome | None, average: Prediction, calibrated: bool, cancel: CancelToken
) -> HeadResult:
    baseline, _ = score(average, b, cancel)
    seconds = None if outcome is None else outcome.seconds
    if outcome is not None and outcome.failure is not None:
        return HeadResult(b.name, None, baseline, seconds, outcome.failure)
    try:
        prediction = read_prediction(glb)
        measured, notes = score(prediction, b, cancel)
    except DatasetError as error:
        return HeadResult(b.name, None, baseline, seconds, str(error))
    if outcome is None:
        notes.append("built by an earlier run")
    if calibrated and prediction.world_from_head is None:
        notes.append(_NOT_PLACED)
    return HeadResult(b.name, measured, baseline, seconds, notes=tuple(notes))


def _write(summary: Summary, out: Path, staging: Path) -> None:
    reports = {head.name: f"{FULL_RESULTS}/{head.name}/report.html" for head in summary.heads}
    links = {name: link for name, link in reports.items() if (out / link).is_file()}
    (staging / "summary.json").write_text(json.dumps(summary.to_json(), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    (staging / "scores.csv").write_text(csv_table(summary), encoding="utf-8")
    (staging / "report.html").write_text(html_report(summary, links), encoding="utf-8")
