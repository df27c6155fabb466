"""Which versions made a file."""

from __future__ import annotations

import platform
import sys
from importlib import metadata

from facestudio import __version__

_PACKAGES = {"numpy": "numpy", "opencv": "opencv-contrib-python-headless", "mediapipe": "mediapipe"}


def versions() -> dict[str, str]:
    """FaceStudio, Python and the libraries that decide the numbers; torch only when this process used it."""
    found = {"facestudio": __version__, "python": platform.python_version()}
    packages = _PACKAGES | ({"torch": "torch"} if "torch" in sys.modules else {})
    for label, package in packages.items():
        version = _version(package)
        if version:
            found[label] = version
    return found


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
