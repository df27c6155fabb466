"""How often a second a slider moves the head: `python -m tests.benchmarks.bench_live_head` (under xvfb-run where there is no screen).

Goal: 20 updates a second at OpenHead's size on two cores. An update is all of it: sliders' values to vertices, normals, arrays, and the
picture on the screen. The parts that need no screen are timed by themselves, beside the decoder's smplx for comparison.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from facestudio.app.viewer.surface import ShownHead, surface
from facestudio.head.decoder import Decoder
from facestudio.head.posing import PosedHead
from facestudio.head.store import load_head
from facestudio.types import Float64Array, Reconstruction, Scale
from tests.benchmarks.bench_rasterize import timed

SIZE = (1040, 640)  # the stage's viewer at 1440 x 900
SECONDS = 4.0


def main() -> None:
    model = load_head()
    mesh = surface(model)
    head = PosedHead(model, model.template)
    rng = np.random.default_rng(0)
    expression, pose = rng.random(52) * 0.3, rng.normal(0, 0.05, (5, 3))
    vertices = head.vertices(expression, pose)
    sys.stdout.write(f"{model.name}: {model.vertex_count} vertices, {len(mesh.faces)} triangles\n")
    timed("posed by numpy (head.posing)", lambda: head.vertices(expression, pose))
    timed("normals", lambda: mesh.normals(vertices))
    decoder, identity = Decoder(model), np.zeros(model.identity_basis.shape[2])
    timed("for comparison: smplx (head.decoder)", lambda: decoder.decode(identity, expression, pose))
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        sys.stdout.write("no screen: run under xvfb-run to time the picture, too\n")
        return
    _on_screen(head, ShownHead(mesh, model.template, np.full((2048, 2048, 3), 160, np.uint8)))


def _on_screen(head: PosedHead, shown: ShownHead) -> None:
    if sys.platform == "linux":
        os.environ["QT_QPA_PLATFORM"] = "xcb"
    from PySide6.QtWidgets import QApplication, QMainWindow

    from facestudio.app.viewer.colours import ViewMode
    from facestudio.app.viewer.vtk_viewer import VtkViewer

    app = QApplication.instance() or QApplication([])
    window = QMainWindow()
    window.resize(*SIZE)
    viewer = VtkViewer(window)
    window.setCentralWidget(viewer.widget)
    window.show()
    viewer.show_head(shown)
    steps = np.linspace(0.0, 1.0, 40)

    def update(step: float) -> None:
        expression = np.zeros(52)
        expression[[24, 43, 44]] = step
        viewer.move(head.vertices(expression, np.full((5, 3), 0.02 * step)))
        app.processEvents()

    for mode in (ViewMode.TEXTURE, ViewMode.CLAY, ViewMode.WIRE, ViewMode.NORMALS):
        viewer.set_mode(mode)
        update(0.0)
        sys.stdout.write(f"{mode} at {SIZE[0]} x {SIZE[1]}, drawn: {_rate(update, steps)}\n")
    sys.stdout.write("".join(f"{line.strip()}\n" for line in viewer.capabilities().splitlines() if "renderer string" in line))
    viewer.close()
    window.close()
    with tempfile.TemporaryDirectory() as folder:
        _in_the_window(shown, Path(folder))


def _in_the_window(shown: ShownHead, folder: Path) -> None:
    """The whole way in the whole window: a slider's signal, undo, the head, the picture, and the window put together again."""
    os.environ["FACESTUDIO_CONFIG_DIR"], os.environ["FACESTUDIO_LIBRARY"] = f"{folder}/config", f"{folder}/library"
    from PySide6.QtWidgets import QApplication

    from facestudio.app.application import Application
    from facestudio.app.engine import Engine
    from facestudio.app.pages.head.opened import OpenedHead
    from facestudio.app.pages.head.page import HeadPage

    app = QApplication.instance()
    assert isinstance(app, QApplication)
    program = Application(app, Engine(modules=()))
    program.window.resize(1440, 900)
    program.show()
    page = program.window.stage.show_page("head")
    assert isinstance(page, HeadPage)
    model = load_head()
    r = Reconstruction(
        head_model=model.name,
        identity=np.zeros(model.identity_basis.shape[2]),
        expression=np.zeros(52),
        vertices=model.template.astype(np.float64),
        posed_vertices=model.template.astype(np.float64),
        views=(),
        cameras=(),
        scale=Scale.ASSUMED,
        quality=(),
    )
    page.presenter.open_made(OpenedHead("benchmark", None, model, r, None, shown, ()))
    page.tabs.setCurrentWidget(page.face)
    slider = page.face.rows["expression:24"].slider

    def update(step: float) -> None:
        slider.setValue(round(100 * step))
        app.processEvents()

    update(0.0)
    sys.stdout.write(f"a slider in the whole window at 1440 x 900, textured: {_rate(update, np.linspace(0.02, 1.0, 40))}\n")
    program.window.close()
    program.close()


def _rate(update: Callable[[float], None], steps: Float64Array) -> str:
    """Updates a second, and what one costs in processor time, which other programs' load changes little."""
    count, start, spent = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - start < SECONDS:
        update(float(steps[count % len(steps)]))
        count += 1
    each = (time.process_time() - spent) / count
    return f"{count / (time.perf_counter() - start):.1f} updates/s, {1000 * each:.0f} ms of processor time each"


if __name__ == "__main__":
    main()
