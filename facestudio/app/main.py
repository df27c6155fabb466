"""Starting the window: settings, theme, language, library, pages; the engine's heavy imports only after the first paint."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from facestudio.errors import FaceStudioError

_log = logging.getLogger(__name__)


def check_screen() -> None:
    """Raise FaceStudioError when there is no screen to open a window on; choose Qt's platform where the viewer needs a certain one."""
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM"):
        return
    if os.environ.get("DISPLAY"):
        os.environ["QT_QPA_PLATFORM"] = "xcb"  # the 3D viewer draws through X, also where the desktop is Wayland
    elif not os.environ.get("WAYLAND_DISPLAY"):
        raise FaceStudioError(
            "There is no screen to open the window on (DISPLAY is not set).",
            "Start it from the desktop, or use `facestudio reconstruct`, which needs none.",
        )


def run(path: Path | None = None) -> int:
    """Open the window, on a head file or result folder if one is named, and return when it is closed: the exit code.

    Raises FaceStudioError when there is no screen or the library's folder cannot be used.
    """
    check_screen()
    from PySide6.QtWidgets import QApplication

    from facestudio.app.application import Application

    app = QApplication.instance() or QApplication([sys.argv[0] or "facestudio"])
    assert isinstance(app, QApplication)
    program = Application(app)
    program.show(path)
    try:
        return app.exec()
    finally:
        program.close()
