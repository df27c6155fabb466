"""The board as a PDF: vectors, true to scale, with its specification and a ruler line printed on it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from facestudio.atomic import write_file
from facestudio.capture.calibration.board import BoardSpec, black_rectangles

_RULER_MM = 100
_INSTRUCTIONS = (
    "Print at 100 % (no fit to page). Measure the line with a ruler: it must be 100 mm long. If it is not, print again.",
    "Glue the sheet to something flat and stiff (glass, foam board): a bent board makes a bent calibration.",
)


def board_pdf(spec: BoardSpec) -> bytes:
    """The PDF's content, one page in landscape."""
    from reportlab.lib.pagesizes import A3, A4, landscape
    from reportlab.lib.units import mm
    from reportlab.pdfgen.canvas import Canvas

    width, height = landscape({"A4": A4, "A3": A3}[spec.paper])
    buffer = io.BytesIO()
    canvas: Any = Canvas(buffer, pagesize=(width, height), pageCompression=1)
    canvas.setTitle(f"FaceStudio calibration board, {spec.paper}")
    canvas.setAuthor("FaceStudio")
    board_width, board_height = spec.columns * spec.square_mm * mm, spec.rows * spec.square_mm * mm
    left, top = (width - board_width) / 2, height - 12 * mm
    for x, y, w, h in black_rectangles(spec):
        # A hair of overlap keeps viewers from drawing white seams between cells of one marker.
        canvas.rect(left + x * mm, top - (y + h) * mm, w * mm, h * mm, stroke=0, fill=1)
    below = top - board_height
    _ruler(canvas, left, below - 8 * mm, mm)
    canvas.setFont("Helvetica-Bold", 9)
    canvas.drawString(left, below - 16.5 * mm, f"FaceStudio  {spec.text}")
    canvas.setFont("Helvetica", 8)
    for k, line in enumerate(_INSTRUCTIONS):
        canvas.drawString(left, below - (20.7 + 4.2 * k) * mm, line)
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def write_board(spec: BoardSpec, path: Path) -> Path:
    """Write the PDF. Raises OutputError."""
    write_file(path, board_pdf(spec))
    return path


def _ruler(canvas: Any, x: float, y: float, mm: float) -> None:
    canvas.setLineWidth(0.4)
    canvas.line(x, y, x + _RULER_MM * mm, y)
    for k in range(0, _RULER_MM + 1, 5):
        canvas.line(x + k * mm, y, x + k * mm, y + (3.5 if k % 10 == 0 else 2.0) * mm)
    canvas.setFont("Helvetica", 7)
    for k in range(0, _RULER_MM + 1, 20):
        canvas.drawCentredString(x + k * mm, y - 3.2 * mm, f"{k}")
    canvas.drawString(x + (_RULER_MM + 4) * mm, y - 3.2 * mm, "mm")
