"""FaceScape's benchmark from made files of its layout, and the published rows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from facestudio.errors import DatasetError
from facestudio.evaluate.datasets.facescape_bench import (
    LAB_FOCALS,
    PUPIL_MM,
    depth_offset,
    lab_camera,
    lab_index,
    read_lab_triplets,
    read_wild,
    wild_group,
)
from facestudio.evaluate.published import TABLE1_WILD, TABLE2_LAB, Published, beside


def made_lab(folder: Path) -> Path:
    for name in ("lab_img", "lab_cam", "lab_mesh"):
        (folder / name).mkdir()
    for subject in (0, 7):
        (folder / "lab_mesh" / f"{subject:02d}.obj").touch()
        for focal in range(3):
            for view in range(11):
                if (subject, view) == (7, 10):
                    continue  # one picture is missing
                (folder / "lab_img" / f"{subject:02d}_{focal}_{view:02d}.jpg").touch()
                f = LAB_FOCALS[focal]
                camera = [[[f, 0, 128], [0, f, 128], [0, 0, 1]], [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 10.0]]]
                (folder / "lab_cam" / f"{subject:02d}_{focal}_{view:02d}.json").write_text(json.dumps(camera))
    return folder


def test_both_triplets_at_every_focal_length(tmp_path: Path) -> None:
    found = read_lab_triplets(made_lab(tmp_path))
    assert len([t for t in found if t.subject == 0]) == 6
    assert {t.views for t in found if t.subject == 7} == {(1, 0, 8)}  # the other one lacks a picture
    first = found[0]
    assert first.focal == 1200
    assert [p.name for p in first.pictures] == ["00_0_01.jpg", "00_0_00.jpg", "00_0_08.jpg"]
    assert first.cameras[0].t[2] == pytest.approx(10.0 * PUPIL_MM)


def test_numbers_and_groups_are_the_benchmarks() -> None:
    assert lab_index(0, 0, 10) == 10
    assert lab_index(19, 2, 10) == 659
    assert [wild_group(i) for i in (0, 99, 100, 399)] == ["0-5", "0-5", "5-30", "60-90"]
    with pytest.raises(IndexError):
        wild_group(400)


def test_wild_pictures_with_their_scales(tmp_path: Path) -> None:
    for name in ("wild_img", "wild_mesh"):
        (tmp_path / name).mkdir()
    for index in (3, 250):
        (tmp_path / "wild_img" / f"{index:03d}.jpg").touch()
        (tmp_path / "wild_mesh" / f"{index:03d}.obj").touch()
    np.save(tmp_path / "scales.npy", np.arange(400.0))
    found = read_wild(tmp_path, tmp_path / "scales.npy")
    assert [(w.index, w.scale_mm, w.group) for w in found] == [(3, 3.0, "0-5"), (250, 250.0, "30-60")]
    np.save(tmp_path / "short.npy", np.arange(4.0))
    with pytest.raises(DatasetError, match="400 scales"):
        read_wild(tmp_path, tmp_path / "short.npy")


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no FS-Lab pictures like lab_img/00_0_00"):
        read_lab_triplets(tmp_path)
    (tmp_path / "camera.json").write_text("[1, 2]")
    with pytest.raises(DatasetError, match="K and Rt"):
        lab_camera(tmp_path / "camera.json")


def test_the_depth_shift_is_the_median_and_outliers_do_not_move_it() -> None:
    truth, prediction = np.full((4, 4), 100.0), np.full((4, 4), 97.0)
    prediction[0, 0], prediction[1] = 0.0, [97.0, 97.0, 97.0, 20.0]
    assert depth_offset(truth, prediction) == 3.0
    with pytest.raises(ValueError, match="share no pixel"):
        depth_offset(truth, np.zeros((4, 4)))


def test_ours_stands_beside_the_published_rows() -> None:
    text = beside(TABLE2_LAB, Published("ours", ((1.0, 0.1, 1.0),)))
    assert "| MFNet (paper) | 4.89 / 0.14 / 0.99 |" in text
    assert text.rstrip().endswith("| ours | 1 / 0.10 / 1.00 |")
    with pytest.raises(ValueError, match="groups"):
        beside(TABLE1_WILD, Published("ours", ((1.0, 0.1, 1.0),)))
