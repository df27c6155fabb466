from __future__ import annotations

import re
import shutil
import subprocess
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from facestudio.capture.calibration.board import BOARDS, BoardSpec, black_rectangles, board_picture
from facestudio.capture.calibration.board_pdf import board_pdf, write_board
from facestudio.capture.calibration.detect import BoardFinder
from facestudio.types import ByteArray


def painted(spec: BoardSpec, pixels_per_mm: float) -> ByteArray:
    """The PDF's rectangles as a picture."""
    shape = (round(spec.rows * spec.square_mm * pixels_per_mm), round(spec.columns * spec.square_mm * pixels_per_mm))
    out = np.full(shape, 255, dtype=np.uint8)
    for x, y, w, h in black_rectangles(spec):
        x0, y0, x1, y1 = (round(v * pixels_per_mm) for v in (x, y, x + w, y + h))
        out[y0:y1, x0:x1] = 0
    return out


@pytest.mark.parametrize("paper", BOARDS)
def test_what_is_printed_is_what_is_looked_for(paper: str) -> None:
    spec = BOARDS[paper]
    ours, opencvs = painted(spec, 4.0), board_picture(spec, 4.0)
    assert (ours != opencvs).mean() < 0.01, "differences at the edges of marker cells only"
    framed = cv2.copyMakeBorder(ours, 60, 60, 60, 60, cv2.BORDER_CONSTANT, value=[255])
    found = BoardFinder(spec).find(np.asarray(framed, dtype=np.uint8))
    assert found is not None
    assert len(found.ids) == len(spec.corners)
    where = spec.corners[found.ids][:, :2] * 1000 * 4.0 - 0.5 + 60
    assert np.abs(found.pixels - where).max() < 0.2


def test_edges_join_corners_one_square_apart() -> None:
    spec = BOARDS["A4"]
    lengths = [np.linalg.norm(spec.corners[a] - spec.corners[b]) for a, b in spec.edges]
    assert lengths == pytest.approx([0.03] * len(lengths))
    assert len(lengths) == 6 * 4 + 7 * 3


@pytest.mark.parametrize("paper", BOARDS)
def test_the_pdf_is_true_to_scale_and_carries_its_specification(paper: str, tmp_path: Path) -> None:
    spec = BOARDS[paper]
    content = board_pdf(spec)
    assert content.startswith(b"%PDF")
    box = re.search(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+)", content)
    assert box is not None
    millimetres = [float(v) / 72 * 25.4 for v in box.groups()]
    assert millimetres == pytest.approx([297.0, 210.0] if paper == "A4" else [420.0, 297.0], abs=0.5)
    assert spec.columns * spec.square_mm < millimetres[0] - 10
    assert spec.rows * spec.square_mm < millimetres[1] - 40, "room for the ruler line and the text"
    assert write_board(spec, tmp_path / "board.pdf").read_bytes()[:4] == b"%PDF"


@pytest.mark.skipif(shutil.which("pdftoppm") is None, reason="needs pdftoppm")
def test_the_printed_board_is_found(tmp_path: Path) -> None:
    write_board(BOARDS["A4"], tmp_path / "board.pdf")
    subprocess.run(["pdftoppm", "-r", "150", "-gray", "-png", "board.pdf", "page"], cwd=tmp_path, check=True)
    page = cv2.imread(str(next(tmp_path.glob("page*.png"))), cv2.IMREAD_GRAYSCALE)
    found = BoardFinder(BOARDS["A4"]).find(np.asarray(page, dtype=np.uint8))
    assert found is not None
    assert len(found.ids) == len(BOARDS["A4"].corners)


def test_the_text_says_what_the_board_is() -> None:
    assert BOARDS["A4"].text == "ChArUco 8 x 5 squares of 30 mm, markers of 22 mm, DICT_5X5_100, A4"
    assert zlib.crc32(board_picture(BOARDS["A4"], 4.0).tobytes()) == zlib.crc32(board_picture(BoardSpec(), 4.0).tobytes())
