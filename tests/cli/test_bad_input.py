"""Whatever an operator feeds it, the command line answers with a sentence and a non-zero exit, and writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from facestudio.cli.verbs import app
from facestudio.paths import resources_dir

RUNNER = CliRunner()
SAMPLE = resources_dir() / "sample"


def black(path: Path) -> None:
    cv2.imwrite(str(path), np.zeros((480, 640, 3), np.uint8))


def noise(path: Path) -> None:
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8))


def cartoon(path: Path) -> None:
    """A smiley: round head, two dots, a mouth."""
    picture = np.full((480, 640, 3), 255, np.uint8)
    cv2.circle(picture, (320, 240), 150, (0, 220, 255), -1)
    cv2.circle(picture, (270, 200), 15, (0, 0, 0), -1)
    cv2.circle(picture, (370, 200), 15, (0, 0, 0), -1)
    cv2.ellipse(picture, (320, 270), (70, 50), 0, 0, 180, (0, 0, 0), 6)
    cv2.imwrite(str(path), picture)


def tiny(path: Path) -> None:
    cv2.imwrite(str(path), cv2.resize(cv2.imread(str(SAMPLE / "front.jpg")), (20, 20)))


def truncated(path: Path) -> None:
    path.write_bytes((SAMPLE / "front.jpg").read_bytes()[:20_000])


def text(path: Path) -> None:
    path.write_text("This is not a picture.")


def run(*arguments: object) -> tuple[int, str]:
    result = RUNNER.invoke(app, ["reconstruct", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, " ".join((result.output + (result.stderr or "")).split())


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (black, "No face was found in bad.jpg"),
        (noise, "No face was found in bad.jpg"),
        (cartoon, "No face was found in bad.jpg"),
        (tiny, "bad.jpg is only 20 x 20 pixels"),
        (truncated, "bad.jpg is damaged or cut off"),
        (text, "bad.jpg is not a picture"),
    ],
)
def test_a_bad_picture_is_named_and_nothing_is_written(tmp_path: Path, make: Callable[[Path], None], sentence: str) -> None:
    bad = tmp_path / "bad.jpg"
    make(bad)
    code, said = run(SAMPLE / "left.jpg", bad, SAMPLE / "right.jpg", "-o", tmp_path / "out")
    assert code == 2
    assert sentence in said
    assert "Traceback" not in said
    assert not (tmp_path / "out").exists()


def test_missing_files_wrong_heads_engines_and_sizes_are_said(tmp_path: Path) -> None:
    photos = [SAMPLE / f"{v}.jpg" for v in ("left", "front", "right")]
    for arguments, sentence in (
        ((tmp_path / "gone.jpg",), "gone.jpg does not exist"),
        ((*photos, photos[0], "--engine", "mfnet"), "4 photos were given"),
        ((*photos, "--engine", "magic"), "no engine 'magic'"),
        ((*photos, "--texture-size", 7), "cannot be 7 pixels wide"),
        ((*photos, "--cameras", tmp_path / "none.json"), "none.json does not exist"),
        ((*photos, "--head", tmp_path / "none.npz"), "none.npz"),
    ):
        code, said = run(*arguments, "-o", tmp_path / "out")
        assert code == 2, said
        assert sentence in said
        assert not (tmp_path / "out").exists()


def test_an_unwritable_folder_is_said_before_the_work_is_lost(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    code, said = run(SAMPLE / "front.jpg", "-o", tmp_path / "file" / "out", "--texture-size", 256)
    assert code == 2
    assert "file" in said
    assert "Traceback" not in said
