"""The whole job on the shipped sample: photos in, head out."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

import facestudio
from facestudio.errors import Cancelled
from facestudio.head.store import load_head
from facestudio.paths import resources_dir
from facestudio.pipeline.build_head import BuiltHead, reconstruct
from facestudio.progress import CancelToken
from facestudio.types import PROVENANCE_MEASURED, Scale, ViewName

SAMPLE = resources_dir() / "sample"
PHOTOS = [SAMPLE / f"{view}.jpg" for view in ("left", "front", "right")]


@pytest.fixture(scope="module")
def metric(tmp_path_factory: pytest.TempPathFactory) -> tuple[BuiltHead, Path]:
    """The sample with its cameras."""
    out = tmp_path_factory.mktemp("metric")
    return reconstruct(PHOTOS, out, cameras=SAMPLE / "cameras.json", texture_size=512, name="sample"), out


def test_the_calibrated_head_is_metric_and_explains_the_photos(metric: tuple[BuiltHead, Path]) -> None:
    r = metric[0].reconstruction
    assert r.scale is Scale.METRIC
    assert [v.name for v in r.views] == list(ViewName)
    for q, yaw in zip(r.quality, (40, 0, -40), strict=True):
        assert q.reprojection_px < 5
        assert abs(q.yaw_degrees - yaw) < 15
    assert 0.15 < np.ptp(r.vertices[:, 1]) < 0.45


def test_the_folder_holds_everything_the_readme_names(metric: tuple[BuiltHead, Path]) -> None:
    _, out = metric
    expected = {"sample.glb", "sample.obj", "sample.mtl", "sample.png", "sample.json", "preview.png", "report.html"}
    assert expected <= {p.name for p in out.iterdir()}
    facts = json.loads((out / "sample.json").read_text())
    assert np.asarray(facts["now_landmarks"]).shape == (7, 3)
    assert np.asarray(facts["world_from_head"]).shape == (3, 4)
    assert {"read", "landmarks", "fit", "texture"} <= set(facts["seconds"])


def test_the_texture_is_measured_where_the_photos_look(metric: tuple[BuiltHead, Path]) -> None:
    texture = metric[0].texture
    assert texture.albedo.shape == (512, 512, 3)
    assert (texture.provenance == PROVENANCE_MEASURED).mean() > 0.2
    assert (texture.views_seen == 0).any()
    assert texture.views_seen.max() == 3


def test_without_cameras_the_size_is_assumed_and_human() -> None:
    built = facestudio.reconstruct(PHOTOS, texture_size=256)
    r = built.reconstruction
    assert r.scale is Scale.ASSUMED
    assert r.world_from_head is None
    assert built.files == ()
    model = load_head("open")
    ratio = np.ptp(r.vertices[:, 0]) / np.ptp(model.template[:, 0])
    assert 0.85 < ratio < 1.15


def test_a_wrong_order_is_put_right_and_said(metric: tuple[BuiltHead, Path]) -> None:
    built = reconstruct([PHOTOS[2], PHOTOS[0], PHOTOS[1]], cameras=SAMPLE / "cameras.json", texture_size=256)
    assert any("corrected" in n for n in built.reconstruction.notes)
    assert np.allclose(built.reconstruction.vertices, metric[0].reconstruction.vertices, atol=1e-6)


@pytest.mark.parametrize("photos", [PHOTOS[1:2], PHOTOS[:2], [PHOTOS[1]] * 3])
def test_one_two_or_the_same_photo_thrice_work(photos: list[Path]) -> None:
    r = reconstruct(photos, texture_size=256).reconstruction
    assert len(r.views) == len(set(photos))
    assert max(q.reprojection_px for q in r.quality) < 6


def test_of_two_faces_the_larger_is_used_and_said(tmp_path: Path) -> None:
    front = cv2.imread(str(PHOTOS[1]))
    large, small = front[:, 320:960], cv2.resize(front[:, 320:960], None, fx=0.8, fy=0.8)
    both = np.zeros((720, 640 + 512, 3), np.uint8)
    both[:, :640] = large
    both[72:648, 640:] = small
    cv2.imwrite(str(tmp_path / "both.png"), both)
    r = reconstruct([tmp_path / "both.png"], texture_size=256).reconstruction
    assert any("2 faces" in n for n in r.notes)
    assert r.views[0].landmarks is not None
    assert r.views[0].landmarks.points[:, 0].max() < 640


def test_cancelling_leaves_nothing_behind(tmp_path: Path) -> None:
    for stage in ("landmarks", "texture", "export"):
        token = CancelToken()

        def stop(name: str, fraction: float, message: str = "", token: CancelToken = token, stage: str = stage) -> None:
            if name == stage:
                token.cancel()

        out = tmp_path / stage
        with pytest.raises(Cancelled):
            reconstruct(PHOTOS[1:2], out, texture_size=256, progress=stop, cancel=token)
        assert not out.exists() or not list(out.iterdir())
