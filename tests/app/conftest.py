"""Presenters and everything else of app/ that shows nothing: no screen is needed."""

from __future__ import annotations

import os
import sys

import pytest
from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QApplication


@pytest.fixture(scope="session")
def qapp() -> QCoreApplication:
    """Qt's application: the one with windows where there is a screen, since a process has one only, else the one without."""
    there = QCoreApplication.instance()
    if there is not None:
        return there
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        return QCoreApplication(["facestudio"])
    return QApplication(["facestudio"])
