"""Where FaceStudio's own files lie: in a source checkout, in an installed wheel, and in a frozen app; and what a file may be called.

Shipped files stand beside the package in a checkout (`models/`, `resources/`) and inside it in a wheel or frozen app; what the
user imports goes to the user's data folder, which the environment variable FACESTUDIO_DATA overrides.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import platformdirs

DATA_VARIABLE = "FACESTUDIO_DATA"
FORBIDDEN = set('<>:"/\\|?*')  # in the name of a file, on one system or another
_DEVICES = {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in "0123456789¹²³"}


def is_device(name: str) -> bool:
    """Whether Windows takes a file of this name for a device, which it does with any ending."""
    return name.split(".", maxsplit=1)[0].strip().casefold() in _DEVICES


def without_forbidden(name: str) -> str:
    """The name with a "_" for every character that some system does not take in the name of a file."""
    return "".join("_" if c in FORBIDDEN or not c.isprintable() else c for c in name)


def package_dir() -> Path:
    """The folder of the `facestudio` package itself."""
    return Path(__file__).resolve().parent


def models_dir() -> Path:
    """The folder of the models that FaceStudio ships (read only)."""
    return _shipped("models")


def resources_dir() -> Path:
    """The folder of icons, theme, calibration board and sample triplet that FaceStudio ships (read only)."""
    return _shipped("resources")


def user_data_dir() -> Path:
    """The user's own folder for FaceStudio; not created here. FACESTUDIO_DATA overrides the platform's usual place."""
    chosen = os.environ.get(DATA_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    return Path(platformdirs.user_data_dir("facestudio", appauthor=False))


def user_models_dir() -> Path:
    """Where imported head models (FLAME) are kept; not created here."""
    return user_data_dir() / "models"


def _shipped(name: str) -> Path:
    package = package_dir()
    # PyInstaller unpacks data files under sys._MEIPASS.
    frozen = getattr(sys, "_MEIPASS", None)
    roots = [Path(frozen), Path(frozen) / "facestudio"] if frozen else []
    # The checkout comes first, so that a stale build inside the package is never preferred to the tree being worked on.
    for root in (*roots, package.parent, package):
        # The parent of an installed package is site-packages, where a folder "models" could be anybody's.
        if root == package.parent and not (root / "run.py").is_file() and not (root / "pyproject.toml").is_file():
            continue
        if (root / name).is_dir():
            return root / name
    return package / name
