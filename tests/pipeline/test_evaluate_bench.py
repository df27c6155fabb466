from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from facestudio.errors import Cancelled, DatasetError, FaceStudioError, OutputError
from facestudio.evaluate.now import Variant
from facestudio.pipeline.evaluate_bench import evaluate_bench
from facestudio.progress import CancelToken, Progress
from tests.evaluate.synthetic_bench import build_truth, egg_model, write_bench

MODEL = egg_model()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bench(tmp_path_factory.mktemp("data") / "bench", ["anna", "berta", "blank", "broken"])


def test_a_perfect_reconstruction_scores_zero_and_the_mean_head_does_not(bench: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    summary = evaluate_bench(bench, out, calibrated=True, heads=["anna", "berta"], build=build_truth, model=MODEL)
    for variant in Variant:
        pooled = summary.pooled(variant)
        assert pooled is not None
        assert pooled.p90 < 1e-3, variant
    content = json.loads((out / "summary.json").read_text())
    assert content["done"] == 1.0
    assert content["mode"] == "calibrated"
    assert content["head_model"] == "egg"
    assert content["pooled_absolute"]["median"] < 1e-3
    assert content["mean_head"]["median"] > 0.05
    assert content["heads"]["berta"]["mean_head"]["now"]["median"] > 0.1
    for name in ("meshes/anna.glb", "meshes/anna.json", "meshes/berta.glb", "scores.csv", "report.html"):
        assert (out / name).is_file(), name


def test_without_cameras_nothing_is_said_about_absolute_position(bench: Path, tmp_path: Path) -> None:
    given: list[Path | None] = []

    def build(
        photos: Sequence[Path | str],
        out: Path,
        *,
        cameras: Path | None,
        head: str,
        engine: str,
        name: str,
        progress: Progress,
        cancel: CancelToken,
    ) -> None:
        given.append(cameras)
        build_truth(photos, out, cameras=cameras, head=head, engine=engine, name=name, progress=progress, cancel=cancel)

    summary = evaluate_bench(bench, tmp_path, heads=["anna"], build=build, model=MODEL)
    assert given == [None]
    assert summary.mode == "uncalibrated"
    assert summary.pooled(Variant.ABSOLUTE) is None


def test_failures_are_rows_with_their_reason_and_stop_nothing(bench: Path, tmp_path: Path) -> None:
    summary = evaluate_bench(bench, tmp_path, build=build_truth, model=MODEL)
    assert summary.done == 0.5
    assert "No face was found in front.jpg. Use a photo" in summary.failed["blank"]
    assert "defect in FaceStudio: ZeroDivisionError" in summary.failed["broken"]
    assert "FAILED blank" in summary.table()
    assert json.loads((tmp_path / "summary.json").read_text())["done"] == 0.5
    assert "FAILED broken" in (tmp_path / "report.html").read_text()


def test_a_head_that_fails_now_leaves_no_mesh_of_an_earlier_run(bench: Path, tmp_path: Path) -> None:
    (tmp_path / "meshes").mkdir()
    (tmp_path / "meshes" / "blank.glb").write_bytes(b"old")
    evaluate_bench(bench, tmp_path, heads=["blank"], build=build_truth, model=MODEL)
    assert not (tmp_path / "meshes" / "blank.glb").exists()


def test_an_engine_that_writes_no_landmarks_is_a_failed_head(bench: Path, tmp_path: Path) -> None:
    def build(
        photos: Sequence[Path | str],
        out: Path,
        *,
        cameras: Path | None,
        head: str,
        engine: str,
        name: str,
        progress: Progress,
        cancel: CancelToken,
    ) -> None:
        build_truth(photos, out, cameras=cameras, head=head, engine=engine, name=name, progress=progress, cancel=cancel)
        (out / f"{name}.json").write_text("{}")

    summary = evaluate_bench(bench, tmp_path, heads=["anna"], build=build, model=MODEL)
    assert "now_landmarks" in summary.failed["anna"]


def test_meshes_of_an_earlier_run_can_be_scored_again(bench: Path, tmp_path: Path) -> None:
    before = evaluate_bench(bench, tmp_path, heads=["anna"], build=build_truth, model=MODEL)
    built: list[str] = []

    def build(
        photos: Sequence[Path | str],
        out: Path,
        *,
        cameras: Path | None,
        head: str,
        engine: str,
        name: str,
        progress: Progress,
        cancel: CancelToken,
    ) -> None:
        built.append(name)
        build_truth(photos, out, cameras=cameras, head=head, engine=engine, name=name, progress=progress, cancel=cancel)

    after = evaluate_bench(bench, tmp_path, heads=["anna", "berta"], build=build, model=MODEL, rebuild=False)
    assert built == ["berta"]
    assert after.done == 1.0
    assert after.heads[0].seconds is None
    assert before.heads[0].seconds is not None


@pytest.mark.slow
def test_two_processes_give_what_one_gives(bench: Path, tmp_path: Path) -> None:
    one = evaluate_bench(bench, tmp_path / "1", calibrated=True, heads=["anna", "blank"], build=build_truth, model=MODEL)
    two = evaluate_bench(
        bench, tmp_path / "2", calibrated=True, heads=["anna", "blank"], build=build_truth, model=MODEL, jobs=2
    )
    assert [h.name for h in two.heads] == [h.name for h in one.heads]
    assert two.failed == one.failed
    assert two.pooled(Variant.NOW) == one.pooled(Variant.NOW)


def test_cancelling_stops_before_the_next_head_and_writes_no_summary(bench: Path, tmp_path: Path) -> None:
    cancel = CancelToken()
    seen: list[str] = []

    def progress(stage: str, fraction: float, message: str = "") -> None:
        seen.append(message)
        cancel.cancel()

    with pytest.raises(Cancelled):
        evaluate_bench(bench, tmp_path, build=build_truth, model=MODEL, progress=progress, cancel=cancel)
    assert len(seen) == 1
    assert not (tmp_path / "summary.json").exists()


@pytest.mark.slow
def test_cancelling_reaches_the_worker_processes(bench: Path, tmp_path: Path) -> None:
    cancel = CancelToken()

    def progress(stage: str, fraction: float, message: str = "") -> None:
        cancel.cancel()

    with pytest.raises(Cancelled):
        evaluate_bench(bench, tmp_path, build=build_truth, model=MODEL, progress=progress, cancel=cancel, jobs=2)
    assert not (tmp_path / "summary.json").exists()


def test_a_disk_that_refuses_ends_the_run_instead_of_failing_every_head(bench: Path, tmp_path: Path) -> None:
    def build(
        photos: Sequence[Path | str],
        out: Path,
        *,
        cameras: Path | None,
        head: str,
        engine: str,
        name: str,
        progress: Progress,
        cancel: CancelToken,
    ) -> None:
        raise OutputError("The disk is full.", "Free some space.")

    with pytest.raises(OutputError, match="disk is full"):
        evaluate_bench(bench, tmp_path, heads=["anna"], build=build, model=MODEL)


def test_an_output_folder_that_is_a_file_is_refused_before_any_work(bench: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError):
        evaluate_bench(bench, tmp_path / "out", build=build_truth, model=MODEL)


def test_unknown_head_and_unknown_engine_are_refused_by_name(bench: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="carla") as caught:
        evaluate_bench(bench, tmp_path, heads=["carla"], build=build_truth, model=MODEL)
    assert "anna, berta, blank, broken" in caught.value.remedy
    with pytest.raises(FaceStudioError, match="magic"):
        evaluate_bench(bench, tmp_path, engine="magic", model=MODEL)
    with pytest.raises(FaceStudioError, match="no quality 'best'"):
        evaluate_bench(bench, tmp_path, engine="auto", quality="best", model=MODEL)


def test_a_corrupt_data_set_is_refused_before_any_work(tmp_path: Path) -> None:
    bench = write_bench(tmp_path / "bench", ["anna", "berta"])
    (bench / "berta" / "landmarks3d.json").write_text("{}")
    with pytest.raises(DatasetError, match="berta"):
        evaluate_bench(bench, tmp_path / "out", build=build_truth, model=MODEL)
    assert not (tmp_path / "out").exists()
