"""Starting the window: settings, theme, language, library, pages; the engine's heavy imports only after the first paint."""

from __future__ import annotations

import sys
from pathlib import Path

from facestudio.app.screen import check_screen


def run(path: Path | None = None) -> int:
    """Open the window, on a head file or result folder if one is named, and return when it is closed: the exit code.

    Raises FaceStudioError when there is no screen or the library's folder cannot be used.
    """
    check_screen()
    from PySide6.QtWidgets import QApplication

    from facestudio.app.application import Application
    from facestudio.app.stop_signals import StopSignals

    app = QApplication.instance() or QApplication([sys.argv[0] or "facestudio"])
    assert isinstance(app, QApplication)
    program = Application(app)
    program.show(path)
    signals = StopSignals(program.window.stop_and_close)
    try:
        return app.exec()
    finally:
        signals.close()
        program.close()
