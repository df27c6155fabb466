"""How a training went: curve.csv, one row for every few steps, and curve.png."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from facestudio.atomic import write_file

FIRST = ("step", "seconds", "lr")
VALIDATION = "val/"


class Curve:
    """The rows of curve.csv in a folder; continues the file that is there."""

    def __init__(self, folder: Path, last_step: int | None = None) -> None:
        """last_step: rows beyond it are dropped (a run that was killed wrote them after its checkpoint); None begins anew."""
        self._folder = folder
        self.rows: list[dict[str, float]] = []
        path = folder / "curve.csv"
        if last_step is not None and path.is_file():
            with path.open(newline="", encoding="utf-8") as file:
                rows = [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]
            self.rows = [row for row in rows if row["step"] <= last_step]

    def add(self, step: int, seconds: float, lr: float, values: Mapping[str, float]) -> None:
        """One row: losses by name; validation under "val/<name>". Kept in memory until `write`."""
        self.rows.append({"step": step, "seconds": round(seconds, 1), "lr": lr, **values})

    def write(self) -> None:
        """Write curve.csv and curve.png. Raises OutputError."""
        names = list(dict.fromkeys([*FIRST, *(name for row in self.rows for name in row)]))
        text = io.StringIO()
        writer = csv.DictWriter(text, names)
        writer.writeheader()
        writer.writerows({k: f"{v:.6g}" if k != "step" else int(v) for k, v in row.items()} for row in self.rows)
        write_file(self._folder / "curve.csv", text.getvalue().encode())
        if self.rows:
            write_file(self._folder / "curve.png", draw_curve(self.rows))


def draw_curve(rows: list[dict[str, float]]) -> bytes:
    """The PNG of a curve: every loss and validation value over the steps in a panel of its own, and the learning rate."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(name for row in rows for name in row if name not in FIRST and not name.startswith(VALIDATION)))
    bare = [name.removeprefix(VALIDATION) for row in rows for name in row if name.startswith(VALIDATION)]
    panels = list(dict.fromkeys([*names, *bare, "lr"]))
    columns = min(4, len(panels))
    lines = -(-len(panels) // columns)
    figure = Figure(figsize=(3.4 * columns, 2.4 * lines), layout="constrained")
    FigureCanvasAgg(figure)
    for number, name in enumerate(panels):
        axes = figure.add_subplot(lines, columns, number + 1)
        for key, style in ((name, "-"), (VALIDATION + name, ".-")):
            points = [(row["step"], row[key]) for row in rows if key in row]
            if not points:
                continue
            x, y = np.array(points).T
            axes.plot(x, y, style, linewidth=0.8, markersize=3, label="held out" if key.startswith(VALIDATION) else "training")
            if (y > 0).all() and y.max() > 20 * y.min():
                axes.set_yscale("log")
        axes.set_title(name, fontsize=9)
        axes.tick_params(labelsize=7)
        if len(axes.lines) > 1:
            axes.legend(fontsize=7)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
