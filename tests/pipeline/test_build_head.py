"""The whole job on the shipped sample: photos in, head out."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

import facestudio
from facestudio.errors import CameraFileError, Cancelled, FaceStudioError
from facestudio.evaluate.now import measure_unaligned
from facestudio.head.store import load_head
from facestudio.paths import resources_dir
from facestudio.pipeline.build_head import BuiltHead, reconstruct
from facestudio.progress import CancelToken
from facestudio.types import PROVENANCE_MEASURED, Mesh, Reconstruction, Scale, ViewName

SAMPLE = resources_dir() / "sample"
PHOTOS = [SAMPLE / f"{view}.jpg" for view in ("left", "front", "right")]


@pytest.fixture(scope="module")
def metric(tmp_path_factory: pytest.TempPathFactory) -> tuple[BuiltHead, Path]:
    """The sample with its cameras."""
    out = tmp_path_factory.mktemp("metric")
    return reconstruct(PHOTOS, out, cameras=SAMPLE / "cameras.json", engine="fit", texture_size=512, name="sample"), out


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
    expected = {
        "sample.glb",
        "sample.obj",
        "sample.mtl",
        "sample_albedo.png",
        "sample.head.npz",
        "sample.json",
        "preview.png",
        "report.html",
    }
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
    built = facestudio.reconstruct(PHOTOS, engine="fit", texture_size=256)
    r = built.reconstruction
    assert r.scale is Scale.ASSUMED
    assert r.world_from_head is None
    assert built.files == ()
    model = load_head("open")
    ratio = np.ptp(r.vertices[:, 0]) / np.ptp(model.template[:, 0])
    assert 0.85 < ratio < 1.15


def test_a_wrong_order_is_put_right_and_said(metric: tuple[BuiltHead, Path]) -> None:
    built = reconstruct([PHOTOS[2], PHOTOS[0], PHOTOS[1]], cameras=SAMPLE / "cameras.json", engine="fit", texture_size=256)
    assert any("corrected" in n for n in built.reconstruction.notes)
    assert np.allclose(built.reconstruction.vertices, metric[0].reconstruction.vertices, atol=1e-6)


@pytest.mark.parametrize("photos", [PHOTOS[1:2], PHOTOS[:2], [PHOTOS[1]] * 3])
def test_one_two_or_the_same_photo_thrice_work(photos: list[Path]) -> None:
    r = reconstruct(photos, texture_size=256, engine="fit").reconstruction
    assert len(r.views) == len(set(photos))
    assert max(q.reprojection_px for q in r.quality) < 6


def test_one_calibrated_photo_uses_its_own_camera_and_claims_no_size() -> None:
    r = reconstruct([PHOTOS[0]], cameras=SAMPLE / "cameras.json", engine="fit", texture_size=256).reconstruction
    assert r.views[0].name is ViewName.LEFT
    assert r.scale is Scale.ASSUMED
    assert any("does not measure size" in n for n in r.notes)


@pytest.mark.parametrize("damage", ["exchanged", "millimetres"])
def test_cameras_of_something_else_are_refused(damage: str, tmp_path: Path) -> None:
    rig = json.loads((SAMPLE / "cameras.json").read_text())
    if damage == "exchanged":
        rig["left"], rig["right"] = rig["right"], rig["left"]
    else:
        for name in ViewName:
            rig[name]["t"] = [1000.0 * t for t in rig[name]["t"]]
    (tmp_path / "cameras.json").write_text(json.dumps(rig))
    with pytest.raises(CameraFileError, match="do not fit the photos"):
        reconstruct(PHOTOS, tmp_path / "out", cameras=tmp_path / "cameras.json", texture_size=256)
    assert not (tmp_path / "out").exists()


def test_what_is_wrong_with_the_request_is_said_before_any_work(tmp_path: Path) -> None:
    for wrong, sentence in (({"name": "../up"}, "cannot be the name"), ({"texture_size": 999}, "999 pixels")):
        with pytest.raises(FaceStudioError, match=sentence):
            reconstruct([tmp_path / "never read.jpg"], tmp_path / "out", **wrong)
    with pytest.raises(FaceStudioError, match="too long"):
        reconstruct([tmp_path / "never read.jpg"], tmp_path / "out", name="a" * 300)


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    built = reconstruct([PHOTOS[1]], "~/mine", texture_size=256)
    assert built.files
    assert all(path.parent == tmp_path / "mine" for path in built.files)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux allows file names that are no text")
def test_a_file_name_that_is_no_text_works(tmp_path: Path) -> None:
    photo = Path(os.fsdecode(os.fsencode(tmp_path) + b"/n\xff <b>.jpg"))
    photo.write_bytes(PHOTOS[1].read_bytes())
    built = reconstruct([photo], tmp_path / "out", texture_size=256)
    facts = json.loads((tmp_path / "out" / "n_ _b_.json").read_text(encoding="utf-8"))
    assert facts["photos"]["front"]["file"] == photo.name
    assert {path.name for path in built.files} >= {"n_ _b_.glb", "report.html"}


def test_every_exif_rotation_gives_the_same_head(tmp_path: Path) -> None:
    heads = []
    for orientation, undo in ((1, None), (6, Pillow.Transpose.ROTATE_90), (5, Pillow.Transpose.TRANSPOSE)):
        picture = Pillow.open(PHOTOS[1]).convert("RGB")
        exif = Pillow.Exif()
        exif[0x0112] = orientation
        (picture.transpose(undo) if undo is not None else picture).save(tmp_path / f"{orientation}.png", exif=exif)
        heads.append(reconstruct([tmp_path / f"{orientation}.png"], texture_size=256).reconstruction.vertices)
    assert np.array_equal(heads[0], heads[1])
    assert np.array_equal(heads[0], heads[2])


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


class StopAt:
    """A progress that asks to stop when it hears of a stage."""

    def __init__(self, stage: str) -> None:
        self.stage, self.token = stage, CancelToken()

    def __call__(self, stage: str, fraction: float, message: str = "") -> None:
        if stage == self.stage:
            self.token.cancel()


def test_cancelling_leaves_nothing_behind(tmp_path: Path) -> None:
    for stage in ("landmarks", "texture", "export"):
        stop, out = StopAt(stage), tmp_path / stage
        with pytest.raises(Cancelled):
            reconstruct(PHOTOS[1:2], out, texture_size=256, progress=stop, cancel=stop.token)
        assert not out.exists() or not list(out.iterdir())


def test_dense_matching_comes_closer_to_the_true_sample_than_landmarks_do(metric: tuple[BuiltHead, Path]) -> None:
    """The sample was rendered from a known OpenHead: both heads are judged in the rig's own frame, without any alignment."""
    truth = json.loads((SAMPLE / "truth.json").read_text())
    model = load_head("open")
    face = model.part_vertices("face", "lips")
    true_face = (model.template + model.identity_basis @ np.array(truth["identity"], np.float32))[face].astype(np.float64)
    matched = reconstruct(
        PHOTOS, cameras=SAMPLE / "cameras.json", engine="auto", quality="standard", texture_size=256
    ).reconstruction
    assert matched.engine == "auto", matched.notes
    assert matched.sigma is not None

    def median_mm(r: Reconstruction) -> float:
        assert r.world_from_head is not None
        placed = r.vertices @ r.world_from_head[:, :3].T + r.world_from_head[:, 3]
        return float(np.median(measure_unaligned(Mesh(placed, model.faces), true_face)))

    assert median_mm(matched) < 0.6 * median_mm(metric[0].reconstruction)
    assert median_mm(matched) < 0.5
