"""Photographs of every page, light and dark, at two sizes, with the sample subject reconstructed: `python3 run.py screenshots`.

They are taken of the real program on a library of its own, so that they show what an operator sees.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QBuffer, QCoreApplication, QEvent, QIODevice
from PySide6.QtWidgets import QApplication

from facestudio.app.application import Application
from facestudio.app.registry import page_classes
from facestudio.app.sample import sample_photos
from facestudio.app.screen import check_screen
from facestudio.app.settings import CONFIG_VARIABLE, LIBRARY_VARIABLE
from facestudio.atomic import write_file

SIZES = ((1280, 720), (1920, 1080))
THEMES = ("dark", "light")
COLOURS = 256  # a palette: the window has few colours, and the files stay small
PATIENCE_SECONDS = 180.0


def wait_until(condition: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Run the event loop until a condition holds. Raises TimeoutError."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("what was to be photographed did not happen")
        QCoreApplication.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
        time.sleep(0.005)


def rest(seconds: float) -> None:
    """Run the event loop for a while, so that what moves or loads comes to rest."""
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > end)


def photograph(program: Application, file: Path) -> None:
    """Save the window as a PNG with a palette."""
    from PIL import Image

    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    program.window.grab().save(buffer, "PNG")
    out = io.BytesIO()
    with Image.open(io.BytesIO(buffer.data().data())) as picture:
        picture.convert("RGB").quantize(COLOURS, kmeans=2, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    write_file(file, out.getvalue())


def take_all(folder: Path) -> list[Path]:
    """Photograph the welcome screen and every page into a folder; returns the files."""
    app = QApplication.instance() or QApplication(["facestudio"])
    assert isinstance(app, QApplication)
    program = Application(app)
    taken: list[Path] = []

    def all_sizes(name: str, settle: float) -> None:
        for width, height in SIZES:
            for theme in THEMES:
                program.settings.update(theme=theme)
                program.window.resize(width, height)
                rest(settle)
                taken.append(folder / f"{name}-{theme}-{width}x{height}.png")
                photograph(program, taken[-1])

    program.settings.update(language="en")
    program.show()
    wait_until(lambda: program.engine.ready)
    all_sizes("welcome", 0.3)
    program.navigator.try_sample()
    wait_until(lambda: any(record.head is not None for record in program.context.library.captures()))
    wait_until(lambda: not program.jobs.active())
    (record,) = program.context.library.captures()
    for page in page_classes():
        if page.key == "head":
            program.navigator.open_capture(record.path)
        elif page.key == "export":
            program.navigator.open_export(record.path)
        else:
            program.navigator.open_page(page.key)
        if page.key == "capture":
            play_sample(program)
        rest(2.0)
        all_sizes(page.key, 0.8)
    program.window.close()
    program.close()
    return taken


def play_sample(program: Application) -> None:
    """Play the sample's photos to the Capture page as three cameras, and wait until it has judged them."""
    from facestudio.app.pages.capture.page import CapturePage
    from facestudio.capture.device import address_identity

    page = program.window.stage.pages["capture"]
    if isinstance(page, CapturePage):
        for view, path in sample_photos().items():
            page.presenter.assign(view, address_identity(str(path)))
        wait_until(lambda: all(page.presenter.tile(view).report is not None for view in sample_photos()))


def main() -> int:
    """Photograph into the folder named, on a library and settings that exist for this only."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/screenshots").resolve()
    check_screen()
    with tempfile.TemporaryDirectory() as place:
        os.environ[CONFIG_VARIABLE], os.environ[LIBRARY_VARIABLE] = f"{place}/config", f"{place}/library"
        for file in take_all(folder):
            sys.stdout.write(f"{file}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
