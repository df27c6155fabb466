"""FaceScape's benchmark from made files of its layout: a head that is right in the picture gets a distance of nothing."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import trimesh

from facestudio.errors import FaceStudioError, NoFaceError
from facestudio.evaluate.datasets.facescape_bench import LAB_FOCALS, PUPIL_MM
from facestudio.evaluate.facescape_protocol import flattened
from facestudio.head.model import HeadModel
from facestudio.head.store import load_head
from facestudio.pipeline.evaluate_facescape import evaluate_facescape
from facestudio.types import Camera, Float64Array

UPRIGHT = np.diag([1.0, -1.0, -1.0])


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return load_head("open")


def write_obj(path: Path, vertices: Float64Array, model: HeadModel) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(trimesh.exchange.obj.export_obj(trimesh.Trimesh(vertices, model.faces, process=False)))


def made_lab(folder: Path, model: HeadModel) -> Path:
    """One subject, its mean head, seen at 1200 pixels; the scan is in pupil distances."""
    write_obj(folder / "lab_mesh" / "00.obj", 1000.0 * model.template.astype(np.float64) / PUPIL_MM, model)
    distance = 1481.48
    for view in (0, 1, 8):
        for name in ("lab_img", "lab_cam"):
            (folder / name).mkdir(exist_ok=True)
        K = [[1200.0, 0, 127.5], [0, 1200.0, 127.5], [0, 0, 1]]
        Rt = np.column_stack([UPRIGHT, [0, 0, distance / PUPIL_MM]]).tolist()
        (folder / "lab_img" / f"00_0_{view:02d}.jpg").touch()
        (folder / "lab_cam" / f"00_0_{view:02d}.json").write_text(json.dumps([K, Rt]))
    (folder / "predef").mkdir()
    np.save(folder / "predef" / "lab_rotations.npy", np.tile(UPRIGHT, (11, 1, 1)))
    np.save(folder / "predef" / "lab_head_centers.npy", np.array([[0, 0, f * distance / 1200.0] for f in LAB_FOCALS]))
    return folder


def test_the_true_head_a_little_too_far_and_as_much_too_large_is_right(head: HeadModel, tmp_path: Path) -> None:
    def look(pictures: Sequence[Path], cameras: Sequence[Camera] | None) -> tuple[Float64Array, list[Camera]]:
        assert cameras is not None
        assert [p.stem for p in pictures] == ["00_0_01", "00_0_00", "00_0_08"]
        far = [Camera(c.K, c.R, 1.05 * c.t / 1000.0, 256, 256) for c in cameras]  # metres
        return 1.05 * head.template.astype(np.float64), far

    text = evaluate_facescape("fs-lab", made_lab(tmp_path / "lab", head), tmp_path / "out", look=look, model=head)
    assert "| MFNet (paper) | 4.89 / 0.14 / 0.99 |" in text
    assert text.endswith("1 of 1 done.\n")
    row = next(csv.DictReader((tmp_path / "out" / "fs-lab.csv").open()))
    assert row["name"] == "00_1200_1-0-8"
    assert float(row["cd_mm"]) < 1.0  # the benchmark's median and mean of depth differ on a whole head
    assert float(row["cr"]) > 0.99


def test_in_the_wild_each_group_has_its_column_and_failures_are_rows(head: HeadModel, tmp_path: Path) -> None:
    folder, scale = tmp_path / "wild", 100.0
    camera = Camera(np.array([[1500.0, 0, 127.5], [0, 1500.0, 127.5], [0, 0, 1.0]]), UPRIGHT, np.array([0, 0, 2.0]), 256, 256)
    flat = flattened(head.template.astype(np.float64), camera, 1.0)
    (folder / "wild_img").mkdir(parents=True)
    (folder / "predef").mkdir()
    for index in (7, 120, 121):
        write_obj(folder / "wild_mesh" / f"{index:03d}.obj", flat, head)
        (folder / "wild_img" / f"{index:03d}.jpg").touch()
    np.save(folder / "predef" / "wild_pupil_scales.npy", np.full(400, scale))
    np.save(folder / "predef" / "wild_rotations.npy", np.tile(np.eye(3), (400, 1, 1)))
    np.save(folder / "predef" / "wild_head_centers.npy", np.tile(flat.mean(0), (400, 1)))

    def look(pictures: Sequence[Path], cameras: Sequence[Camera] | None) -> tuple[Float64Array, list[Camera]]:
        if pictures[0].stem == "121":
            raise NoFaceError("There is no face in 121.jpg.", "Take another photo.")
        return head.template.astype(np.float64), [camera]

    text = evaluate_facescape("fs-wild", folder, tmp_path / "out", look=look, model=head)
    ours = next(line for line in text.splitlines() if line.startswith("| ours"))
    cells = [cell.split(" / ") for cell in ours.strip("| ").split(" | ")[1:]]
    assert [float(c[0]) for c in cells[:2]] == pytest.approx([0.0, 0.0], abs=0.05)
    assert cells[2][0] == "nan"  # no picture of 30 to 60 degrees
    assert text.endswith("2 of 3 done.\n")
    assert "There is no face" in (tmp_path / "out" / "fs-wild.csv").read_text()


def test_another_protocol_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FaceStudioError, match="no protocol 'fs'"):
        evaluate_facescape("fs", tmp_path, tmp_path)
