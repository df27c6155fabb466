"""A head to show, a window to show it in, and a real viewer; all of it needs a display."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QMainWindow

from facestudio.app.viewer.surface import ShownHead, Surface, surface
from facestudio.head.model import HeadModel
from facestudio.types import ByteArray

if sys.platform == "linux":
    os.environ.setdefault("QT_QPA_PLATFORM", "xcb")  # "offscreen" crashes at the first 3D picture
HAS_DISPLAY = sys.platform != "linux" or bool(os.environ.get("DISPLAY"))
SKIN = (205, 150, 120)


def spin(milliseconds: int) -> None:
    """Let Qt work for a while."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def wait_for(condition: Callable[[], bool], milliseconds: int = 5000) -> bool:
    """Let Qt work until a condition holds; False when it never did."""
    for _ in range(milliseconds // 20):
        if condition():
            return True
        spin(20)
    return condition()


@pytest.fixture(scope="session")
def painted() -> ByteArray:
    """A texture (256, 256, 3) of skin with a blue upper half and a red left edge: enough to tell where it lands."""
    albedo = np.full((256, 256, 3), SKIN, np.uint8)
    albedo[:128, :, 2] = 250
    return albedo


@pytest.fixture(scope="session")
def open_surface(openhead: HeadModel) -> Surface:
    return surface(openhead)


@pytest.fixture(scope="session")
def shown(openhead: HeadModel, open_surface: Surface, painted: ByteArray) -> ShownHead:
    """The mean OpenHead, painted, with made-up knowledge about it."""
    z = openhead.template[:, 2]
    seen = np.clip((z - z.min()) / (z.max() - z.min()) * 4, 0, 3).astype(np.uint8)
    return ShownHead(open_surface, openhead.template, painted, seen, 0.0005 + 0.01 * (z.max() - z))


@pytest.fixture
def window(request: pytest.FixtureRequest) -> Iterator[QMainWindow]:
    """A window of a fixed size."""
    if not HAS_DISPLAY:
        pytest.skip("needs a display or Xvfb")
    request.getfixturevalue("qapp")  # not before the check: without a display Qt aborts
    made = QMainWindow()
    made.resize(640, 480)
    yield made
    made.close()
    made.deleteLater()
    spin(1)
