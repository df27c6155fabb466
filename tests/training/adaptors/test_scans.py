"""Made copies of Stirling ESRC and FaceScape, a few triangles each: found, read, circled, and written as a data set to train on."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from facestudio.cli.verbs import app
from facestudio.errors import DatasetError, NoFaceError
from facestudio.geometry.camera import project
from facestudio.geometry.frames import yaw_degrees
from facestudio.head.landmarks import embedding, on_surface
from facestudio.head.store import load_head
from facestudio.landmarks.detector import Face
from facestudio.pipeline.scan_sequences import make_sequences
from facestudio.training.adaptors.facescape_views import frontal_half, pictures, read_capture
from facestudio.training.adaptors.scans import facescape_scans, read_scan, stirling_scans
from facestudio.training.adaptors.sequences import SequenceConfig, circling_cameras, render, sequence_shard, write_sequences
from facestudio.training.sfm.orbits import OrbitConfig, Orbits
from facestudio.training.synth.shard import read_shard
from facestudio.types import BoolArray, ByteArray, Float64Array, Image, Landmarks

QUICK = SequenceConfig(step=20.0, reach=40.0, size=96, focal=125.0)
BOX = np.array([[x, y, z] for x in (-70.0, 70.0) for y in (-100.0, 100.0) for z in (-60.0, 60.0)])
SIDES = [(1, 5, 7), (1, 7, 3)]  # the side at z = +60: towards the camera


def write_obj(path: Path, scale: float = 1.0) -> None:
    """A box in millimetres whose front carries a picture: red to the subject's left (+X), blue to the right."""
    lines = [f"v {x * scale} {y * scale} {z * scale}" for x, y, z in BOX]
    lines += [f"vt {float(x > 0)} {float(y > 0)}" for x, y, _ in BOX]
    lines += ["f " + " ".join(f"{i + 1}/{i + 1}" for i in side) for side in SIDES]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def write_picture(path: Path) -> None:
    picture = np.zeros((32, 32, 3), np.uint8)
    picture[:, :16], picture[:, 16:] = (255, 0, 0), (0, 0, 255)  # OpenCV: blue left, red right
    cv2.imwrite(str(path), picture)


def stirling(folder: Path) -> Path:
    for name in ("F1001_N", "M1002_N", "M1002_smile"):
        write_obj(folder / name / f"{name}.obj")
        write_picture(folder / name / f"{name}.png")
    return folder


def test_neutral_stirling_scans_are_found_and_read_in_metres(tmp_path: Path) -> None:
    places = stirling_scans(stirling(tmp_path))
    assert [(p.subject, p.expression) for p in places] == [("F1001", "N"), ("M1002", "N")]
    assert len(stirling_scans(tmp_path, neutral_only=False)) == 3
    scan = read_scan(places[0])
    assert np.ptp(scan.vertices[:, 1]) == pytest.approx(0.2)
    assert scan.texture is not None


def test_facescape_models_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for subject, model in (("10", "1_neutral"), ("2", "14_sadness"), ("2", "3_mouth_stretch")):
        write_obj(tmp_path / subject / "models_reg" / f"{model}.obj")
    found = [(p.subject, p.expression) for p in facescape_scans(tmp_path)]
    assert found == [("2", "mouth_stretch"), ("2", "sadness"), ("10", "neutral")]


def test_what_is_no_such_data_set_is_said(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no scans of FaceScape"):
        facescape_scans(tmp_path)
    write_obj(tmp_path / "F1_N.obj", scale=0.001)
    with pytest.raises(DatasetError, match="not in millimetres"):
        read_scan(stirling_scans(tmp_path)[0])


def test_the_camera_circles_every_two_degrees_with_the_papers_focal_length() -> None:
    cameras = circling_cameras(SequenceConfig())
    yaws = [yaw_degrees(c) for c in cameras]
    assert np.diff(yaws) == pytest.approx(2.0)
    assert (cameras[0].K[0, 0], cameras[0].width) == (500.0, 384)


def test_a_scan_is_drawn_in_its_colours_with_its_depth(tmp_path: Path) -> None:
    scan = read_scan(stirling_scans(stirling(tmp_path))[0])
    front = render(scan, circling_cameras(QUICK)[2])
    assert front.depth[48, 48] == pytest.approx(QUICK.distance)  # one side is the whole scan: its middle is the origin
    assert front.depth[2, 2] == 0.0
    right, left = front.pixels[48, 40], front.pixels[48, 56]
    assert (right[2], left[0]) == (255, 255)  # the subject's left is at the picture's right, and red


def finder(pixels: ByteArray) -> tuple[Float64Array, BoolArray] | None:
    """A detector that sees a face wherever there is anything, and OpenHead's dense landmarks as if it stood there."""
    if not pixels.any():
        return None
    model = load_head("open")
    points = project(circling_cameras(QUICK)[2], on_surface(model.template, model.faces, embedding(model, "dense800")))
    return points, (points > 1).all(1) & (points < QUICK.size - 2).all(1)


def test_scans_become_a_data_set_that_training_reads_and_broken_ones_are_named(tmp_path: Path) -> None:
    source = stirling(tmp_path / "source")
    (source / "F1003_N.obj").write_text("nothing")
    places = stirling_scans(source)
    left_out = write_sequences(places, tmp_path / "out", finder, "Stirling ESRC", QUICK)
    assert len(left_out) == 1
    assert "F1003_N" in left_out[0]
    orbits = Orbits(tmp_path / "out", OrbitConfig(size=64, landmarks=200), load_head("open"))
    assert len(orbits) == 2
    assert orbits.head(0).pictures.shape == (5, 64, 64, 3)
    before = next((tmp_path / "out").glob("shard-*.npz")).stat().st_mtime_ns
    write_sequences(places, tmp_path / "out", finder, "Stirling ESRC", QUICK)  # goes on where it stopped: nothing to do
    assert next((tmp_path / "out").glob("shard-*.npz")).stat().st_mtime_ns == before
    assert np.array_equal(read_shard(tmp_path / "out" / "shard-00000.npz").view, np.arange(5))


class MadeDetector:
    """`finder` as a detector."""

    scheme = "dense800"

    def detect(self, image: Image, where: str) -> Face:
        found = finder(image.pixels)
        if found is None:
            raise NoFaceError(f"No face was found in {where}.")
        points, seen = found
        return Face(Landmarks(points, self.scheme, np.ones(len(points)), seen=seen.astype(float)), np.zeros(4))

    def close(self) -> None:
        """Nothing to release."""


def write_facescape_photos(folder: Path) -> None:
    """Five photographs of one expression, 60 degrees apart, the second of a camera that is not valid."""
    folder.mkdir(parents=True)
    params: dict[str, object] = {}
    for i, camera in enumerate(circling_cameras(SequenceConfig(step=60.0, reach=120.0, size=200, focal=260.0))):
        Rt = np.concatenate([camera.R, 1000 * camera.t[:, None]], axis=1)
        params |= {f"{i}_K": camera.K.tolist(), f"{i}_Rt": Rt.tolist(), f"{i}_distortion": [0.0] * 5}
        params |= {f"{i}_width": 200, f"{i}_height": 200, f"{i}_valid": i != 1}
        picture = np.full((200, 200, 3), 10 * i, np.uint8)
        picture[95:106, 95:106] = 200
        cv2.imwrite(str(folder / f"{i}.jpg"), picture)
    (folder / "params.json").write_text(json.dumps(params))


@pytest.mark.parametrize("kind", ["stirling", "facescape", "facescape-photos"])
def test_every_kind_of_copy_becomes_a_data_set_of_orbits(kind: str, tmp_path: Path) -> None:
    source, out = tmp_path / "copy", tmp_path / "out"
    if kind == "stirling":
        stirling(source)
    elif kind == "facescape":
        write_obj(source / "2" / "models_reg" / "1_neutral.obj")
    else:
        write_facescape_photos(source / "7" / "1_neutral")
        (source / "8").mkdir()
        (source / "8" / "params.json").write_text("{}")  # no photo: left out, and named
    config = SequenceConfig(step=QUICK.step, reach=QUICK.reach, size=96, focal=QUICK.focal)
    said = make_sequences(source, out, kind, config, detector=MadeDetector())
    expected = {"stirling": "2 of 2", "facescape": "1 of 1", "facescape-photos": "1 of 2"}[kind]
    assert said.startswith(expected)
    assert ("holds no photo" in said) == (kind == "facescape-photos")
    shard = read_shard(out / "shard-00000.npz")
    assert len(shard) == (2 if kind == "facescape-photos" else 5)
    assert shard.picture(0).shape == (96, 96, 3)


def test_the_command_line_says_what_is_wrong_with_a_copy(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for arguments in (["nowhere"], ["empty"], ["empty", "--kind", "facescape-photos"], ["empty", "--kind", "other"]):
        told = [str(tmp_path / arguments[0]), *arguments[1:], "-o", str(tmp_path / "out")]
        assert CliRunner().invoke(app, ["scans", *told]).exit_code == 2
    assert not (tmp_path / "out").exists()


def test_facescape_photographs_come_with_their_cameras_in_metres(tmp_path: Path) -> None:
    folder = tmp_path / "7" / "1_neutral"
    write_facescape_photos(folder)
    capture = read_capture(folder)
    assert [p.name for p in capture.photos] == ["0.jpg", "2.jpg", "3.jpg", "4.jpg"]  # camera 1 is not valid
    half = frontal_half(capture)
    assert [p.name for p in half.photos] == ["2.jpg", "3.jpg"]
    cut = pictures(half, 64, span_m=0.2)
    assert cut[0].camera.t[2] == pytest.approx(0.55)
    assert project(cut[0].camera, np.zeros(3)) == pytest.approx([31.5, 31.5])
    assert cut[0].pixels[32, 32].mean() > 150  # the bright square lies where the origin is seen
    shard = sequence_shard(cut, 7, lambda pixels: (np.zeros((800, 2)), np.ones(800, bool)), SequenceConfig(size=64))
    assert shard.frame_size.tolist() == [[64, 64]] * 2


def test_a_broken_params_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "params.json").write_text('{"0_K": [[1]], "0_Rt": []}')
    cv2.imwrite(str(tmp_path / "0.jpg"), np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(DatasetError, match="camera 0"):
        read_capture(tmp_path)
