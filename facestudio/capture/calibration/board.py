"""Our calibration board: a chessboard whose white squares carry markers (ChArUco).

Every corner has a number, even when only part of the board is seen. Nearly all complaints about such boards are boards that are not what
the program believes; so the specification is printed on it, with a line to be measured by a ruler.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from facestudio.types import ByteArray, Float64Array


@dataclass(frozen=True)
class BoardSpec:
    """columns, rows: squares. square_mm, marker_mm: their sides as printed. dictionary: of OpenCV's markers. paper: that it fits on."""

    columns: int = 8
    rows: int = 5
    square_mm: float = 30.0
    marker_mm: float = 22.0
    dictionary: str = "DICT_5X5_100"
    paper: str = "A4"

    @property
    def text(self) -> str:
        """What is printed on the board and kept with a calibration."""
        size = f"{self.columns} x {self.rows} squares of {self.square_mm:g} mm, markers of {self.marker_mm:g} mm"
        return f"ChArUco {size}, {self.dictionary}, {self.paper}"

    @property
    def corners(self) -> Float64Array:
        """(N, 3) float64, metres: the inner corners by number, in the board's frame (x right, y down, z into the board)."""
        grid = np.mgrid[1 : self.rows, 1 : self.columns].reshape(2, -1)[::-1].T * self.square_mm / 1000.0
        return np.concatenate([grid, np.zeros((len(grid), 1))], axis=1)

    @property
    def edges(self) -> list[tuple[int, int]]:
        """Pairs of corners that are neighbours, one square apart."""
        wide = self.columns - 1
        across = [(i, i + 1) for i in range(wide * (self.rows - 1)) if (i + 1) % wide]
        return across + [(i, i + wide) for i in range(wide * (self.rows - 2))]


BOARDS = {"A4": BoardSpec(), "A3": BoardSpec(9, 6, 42.0, 31.0, paper="A3")}


def opencv_board(spec: BoardSpec) -> cv2.aruco.CharucoBoard:
    """OpenCV's object for a board; its unit is the metre."""
    dictionary = cv2.aruco.getPredefinedDictionary(int(getattr(cv2.aruco, spec.dictionary)))
    board = cv2.aruco.CharucoBoard((spec.columns, spec.rows), spec.square_mm / 1000, spec.marker_mm / 1000, dictionary)
    board.setLegacyPattern(False)
    return board


def board_picture(spec: BoardSpec, pixels_per_mm: float) -> ByteArray:
    """(H, W) uint8: the board, without margins."""
    size = (round(spec.columns * spec.square_mm * pixels_per_mm), round(spec.rows * spec.square_mm * pixels_per_mm))
    return np.asarray(opencv_board(spec).generateImage(size, marginSize=0, borderBits=1), dtype=np.uint8)


def black_rectangles(spec: BoardSpec) -> list[tuple[float, float, float, float]]:
    """The board's ink as (x, y, width, height) in millimetres from its top left corner, y down: exact at any resolution of the printer."""
    board = opencv_board(spec)
    dictionary = board.getDictionary()
    bits = int(dictionary.markerSize) + 2
    cell = spec.marker_mm / bits
    ink: list[tuple[float, float, float, float]] = []
    marked = set()
    points: Any = board.getObjPoints()
    for corners, number in zip(points, np.ravel(np.asarray(board.getIds())), strict=True):
        x0, y0 = (np.asarray(corners)[:, :2].min(axis=0) * 1000.0).tolist()
        marked.add((int(x0 // spec.square_mm), int(y0 // spec.square_mm)))
        image = dictionary.generateImageMarker(int(number), bits, borderBits=1)
        for row, column in zip(*np.nonzero(np.asarray(image) == 0), strict=True):
            ink.append((x0 + column * cell, y0 + row * cell, cell, cell))
    side = spec.square_mm
    squares = [(c, r) for r in range(spec.rows) for c in range(spec.columns) if (c, r) not in marked]
    return ink + [(c * side, r * side, side, side) for c, r in squares]
