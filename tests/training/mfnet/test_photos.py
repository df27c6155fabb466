"""Triplets of photographs, from made files laid out as Multi-PIE's and from any folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from facestudio.errors import DatasetError
from facestudio.training.mfnet.photos import MULTIPIE_YAW, MultiPieConfig, folder_triplets, multipie_triplets


def made_multipie(folder: Path) -> Path:
    for subject in ("001", "002"):
        for camera in ("051", "041", "050", "130", "140", "240", "110", "081"):
            for light in ("00", "07"):
                place = folder / "session01" / "multiview" / subject / "01" / f"{camera[:2]}_{camera[2]}"
                place.mkdir(parents=True, exist_ok=True)
                (place / f"{subject}_01_01_{camera}_{light}.png").touch()
    (folder / "session01" / "multiview" / "002" / "01" / "05_1" / "002_01_01_051_07.png").unlink()  # no front, no triplet
    return folder


def test_the_front_camera_is_the_anchor_and_the_sides_are_drawn(tmp_path: Path) -> None:
    triplets = multipie_triplets(made_multipie(tmp_path))
    assert [t.name for t in triplets] == ["001_01_01_00", "001_01_01_07", "002_01_01_00"]
    for t in triplets:
        assert "_051_" in t.front.name
        left, right = (p.name.split("_")[3] for p in (t.left, t.right))
        assert 15 <= MULTIPIE_YAW[left] <= 60
        assert -60 <= MULTIPIE_YAW[right] <= -15
        assert len({p.name.split("_")[4] for p in (t.left, t.front, t.right)}) == 1  # one light


def test_the_draw_is_the_same_for_a_seed_and_another_for_another(tmp_path: Path) -> None:
    folder = made_multipie(tmp_path)
    assert multipie_triplets(folder, 3) == multipie_triplets(folder, 3)
    assert any(multipie_triplets(folder, s) != multipie_triplets(folder, 3) for s in range(4, 9))


def test_the_range_of_the_sides_can_be_set(tmp_path: Path) -> None:
    only = multipie_triplets(made_multipie(tmp_path), config=MultiPieConfig(nearest=90, farthest=90))
    assert {t.left.name.split("_")[3] for t in only} == {"240"}


def test_a_folder_without_the_layout_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photo.png").touch()
    with pytest.raises(DatasetError, match="05_1"):
        multipie_triplets(tmp_path)
    with pytest.raises(DatasetError, match="left, front and right"):
        folder_triplets(tmp_path)


def test_any_folder_of_triplets_works(tmp_path: Path) -> None:
    for name in ("b", "a/deep"):
        (tmp_path / name).mkdir(parents=True)
        for view in ("Left.JPG", "front.png", "right.jpeg"):
            (tmp_path / name / view).touch()
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "left.jpg").touch()
    found = folder_triplets(tmp_path)
    assert [t.name for t in found] == ["a/deep", "b"]
    assert found[0].left.name == "Left.JPG"
