from __future__ import annotations

import base64
import re
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


def page_commands(content: bytes) -> str:
    """The drawing commands of the PDF's page."""
    stream = re.search(rb"stream\r?\n(.*?)\r?\n?endstream", content, re.DOTALL)
    assert stream is not None
    return zlib.decompress(base64.a85decode(stream[1].strip().removesuffix(b"~>"))).decode()


def page_ink(content: bytes) -> list[tuple[float, float, float, float]]:
    """The filled rectangles on the PDF's page: x, y, width, height in points, y up."""
    found = re.findall(r"([-\d.]+) ([-\d.]+) ([-\d.]+) ([-\d.]+) re f", page_commands(content))
    return [(float(x), float(y), float(w), float(h)) for x, y, w, h in found]


@pytest.mark.parametrize("paper", BOARDS)
def test_all_words_are_on_the_page_and_below_the_board(paper: str) -> None:
    from reportlab.pdfbase.pdfmetrics import stringWidth

    spec, content = BOARDS[paper], board_pdf(BOARDS[paper])
    lowest_ink = min(y for _, y, _, _ in page_ink(content))
    width = 842 if paper == "A4" else 1191
    font, size, seen = "", 0.0, []
    for name, points, x, y, words in re.findall(
        r"/(F\d) ([\d.]+) Tf|1 0 0 1 ([\d.]+) ([\d.]+) Tm \((.*?)\) Tj", page_commands(content)
    ):
        if name:
            font, size = {"F1": "Helvetica", "F2": "Helvetica-Bold"}[name], float(points)
            continue
        seen.append(words)
        assert float(x) + stringWidth(words.replace("\\", ""), font, size) < width - 14, words
        assert 14 < float(y) < lowest_ink - size / 2, words
    assert any(spec.text in words for words in seen)


@pytest.mark.parametrize("paper", BOARDS)
def test_the_board_on_the_page_is_neither_mirrored_nor_upside_down(paper: str) -> None:
    spec, scale = BOARDS[paper], 3.0
    page = np.full((round(842 * 1.42 * scale), round(1191 * scale)), 255, dtype=np.uint8)
    for x, y, w, h in page_ink(board_pdf(spec)):
        top = page.shape[0] - scale * (y + h)
        page[round(top) : round(top + scale * h), round(scale * x) : round(scale * (x + w))] = 0
    found = BoardFinder(spec).find(page)
    assert found is not None
    assert len(found.ids) == len(spec.corners)
    by_number = found.pixels[np.argsort(found.ids)]
    assert by_number[1, 0] > by_number[0, 0], "corner 1 is to the right of corner 0"
    assert by_number[spec.columns - 1, 1] > by_number[0, 1], "the second row is below the first"
    across = np.linalg.norm(by_number[spec.columns - 2] - by_number[0]) / scale / 72 * 25.4
    assert across == pytest.approx((spec.columns - 2) * spec.square_mm, abs=0.15)


def test_the_text_says_what_the_board_is() -> None:
    assert BOARDS["A4"].text == "ChArUco 8 x 5 squares of 30 mm, markers of 22 mm, DICT_5X5_100, A4"
    assert zlib.crc32(board_picture(BOARDS["A4"], 4.0).tobytes()) == zlib.crc32(board_picture(BoardSpec(), 4.0).tobytes())
