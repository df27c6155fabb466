"""What the first paint waits for."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication

from tests.benchmarks import bench_startup


@pytest.mark.slow
def test_nothing_heavy_is_imported_before_the_first_paint(qapp: QApplication) -> None:
    assert bench_startup.measure()["heavy"] == []


def test_the_check_would_see_something_heavy(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_startup, "PROGRAM", "import cv2\n" + bench_startup.PROGRAM)
    assert bench_startup.measure()["heavy"] == ["cv2"]
