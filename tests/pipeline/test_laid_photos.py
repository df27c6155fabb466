"""Photos on their side: everything behind the detector sees them turned."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from facestudio.errors import NoFaceError
from facestudio.export.saved import load_head
from facestudio.paths import resources_dir
from facestudio.pipeline.build_head import reconstruct
from facestudio.pipeline.order_views import TurnOrder
from facestudio.progress import CancelToken
from facestudio.types import Camera, ViewName


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The sample's photos, turned to the left by a quarter, without a word in EXIF."""
    folder = tmp_path_factory.mktemp("laid")
    for view in ViewName:
        picture = cv2.imread(str(resources_dir() / "sample" / f"{view}.jpg"))
        cv2.imwrite(str(folder / f"{view}.png"), np.ascontiguousarray(np.rot90(picture)))
    return [folder / f"{view}.png" for view in ViewName]


def test_a_head_and_all_its_files_see_the_turned_photos(laid: list[Path], tmp_path: Path) -> None:
    built = reconstruct(laid, tmp_path, engine="fit", texture_size=256, name="ada")
    r = built.reconstruction
    assert [sum(f"{view}.png did not stand upright" in n for n in r.notes) for view in ViewName] == [1, 1, 1]
    assert max(q.reprojection_px for q in r.quality) < 4.0
    assert not any("different people" in n or "poorly" in n for n in r.notes)
    saved = load_head(tmp_path / "ada.head.npz").reconstruction
    for i, view in enumerate(ViewName):
        upright = cv2.imread(str(resources_dir() / "sample" / f"{view}.jpg"))[..., ::-1].astype(int)
        for pixels in (
            r.views[i].image.pixels,
            saved.views[i].image.pixels,
            cv2.imread(str(tmp_path / f"ada_{view}.jpg"))[..., ::-1],
        ):
            assert pixels.shape == upright.shape
            assert np.abs(pixels - upright).mean() < 3.0
        assert (saved.cameras[i].width, saved.cameras[i].height) == upright.shape[1::-1]
    assert sum("did not stand" in n for n in json.loads((tmp_path / "ada.json").read_text(encoding="utf-8"))["notes"]) == 3


def test_the_library_finds_their_places(laid: list[Path]) -> None:
    order = TurnOrder(CancelToken())
    try:
        placed, _ = order([laid[2], laid[0], laid[1]])
    finally:
        order.close()
    assert placed == dict(zip(ViewName, laid, strict=True))


def test_with_cameras_they_are_refused_and_the_way_is_said(laid: list[Path]) -> None:
    height, width = cv2.imread(str(laid[0])).shape[:2]
    K = np.array([[900.0, 0, width / 2], [0, 900.0, height / 2], [0, 0, 1.0]])
    cameras = {view: Camera(K, np.eye(3), np.array([0.0, 0.0, 0.6]), width, height) for view in ViewName}
    with pytest.raises(
        NoFaceError, match=r"left\.png does not stand upright: its face is found when it is turned a quarter to the right"
    ):
        reconstruct(laid, cameras=cameras, engine="fit", texture_size=256)
