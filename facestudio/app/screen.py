"""Whether a window can be opened here, asked before Qt is: where it cannot, Qt ends the program, with words that nobody sees."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from pathlib import Path

from facestudio.errors import FaceStudioError

_X = "libxcb.so.1"
_PLUGIN = ("Qt", "plugins", "platforms", "libqxcb.so")


def check_screen() -> None:
    """Raise FaceStudioError when no window can be opened; choose Qt's platform where the viewer needs a certain one."""
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM", "xcb") != "xcb":
        return
    display = os.environ.get("DISPLAY")
    if not display:
        if not os.environ.get("WAYLAND_DISPLAY"):
            raise FaceStudioError(
                "There is no screen to open the window on (DISPLAY is not set).",
                "Start it from the desktop, or use `facestudio reconstruct`, which needs none.",
            )
        return
    _check_libraries()
    if not _answers():
        raise FaceStudioError(
            f"The screen {display} does not answer (DISPLAY names it).",
            "Start it from the desktop of the user who is logged in, or set DISPLAY right.",
        )
    os.environ["QT_QPA_PLATFORM"] = "xcb"  # the 3D viewer draws through X, also where the desktop is Wayland


def _check_libraries() -> None:
    """Load what Qt will load; the loader names what is missing."""
    package = importlib.util.find_spec("PySide6")
    if package is None or package.origin is None:
        return
    try:
        ctypes.CDLL(str(Path(package.origin).parent.joinpath(*_PLUGIN)))
    except OSError as error:
        missing = str(error).split(":")[0]
        raise FaceStudioError(
            f"The window needs the system library {missing}, which is not installed.",
            "Start it by `python3 run.py app`, which installs what is missing or names it.",
        ) from error


def _answers() -> bool:
    """Whether the X server that DISPLAY names lets us in."""
    try:
        xcb = ctypes.CDLL(_X)
    except OSError:
        return True  # nothing to ask with; Qt brings its own
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connection_has_error.argtypes = xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(None, None)
    refused = bool(xcb.xcb_connection_has_error(connection))
    xcb.xcb_disconnect(connection)
    return not refused
