"""`facestudio app` where no window can be opened."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


def wait_for_log(config: Path, words: str) -> None:
    """Return when the program wrote these words into its log, after a minute at the latest."""
    log, until = config / "log" / "facestudio.log", time.monotonic() + 60
    while not (log.is_file() and words in log.read_text(encoding="utf-8")) and time.monotonic() < until:
        time.sleep(0.1)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is always a screen")
def test_without_a_screen_it_says_so_and_what_to_do(tmp_path: Path) -> None:
    without = {k: v for k, v in os.environ.items() if k not in {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"}}
    command = [sys.executable, "-m", "facestudio", "app"]
    done = subprocess.run(command, env=without, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "no screen" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.gui
@pytest.mark.skipif(os.name != "posix" or not os.environ.get("DISPLAY"), reason="needs a screen, and signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_question_for_another_library_ends_when_the_program_is_asked_to(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "file").touch()
    places = {"FACESTUDIO_CONFIG_DIR": str(tmp_path / "c"), "FACESTUDIO_LIBRARY": str(tmp_path / "file" / "l")}
    command = [sys.executable, "-m", "facestudio", "app"]
    with subprocess.Popen(command, env={**os.environ, **places}, stderr=subprocess.PIPE, text=True) as window:
        wait_for_log(tmp_path / "c", "asking for another folder")
        time.sleep(1.5)  # from the line of the log to the question's own event loop
        window.send_signal(number)
        _, said = window.communicate(timeout=60)
    assert window.returncode == 2
    assert str(tmp_path / "file") in said
    assert "Traceback" not in said


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is always a screen")
def test_a_screen_that_does_not_answer_is_named(tmp_path: Path) -> None:
    wrong = {**os.environ, "DISPLAY": ":4711", "QT_QPA_PLATFORM": "xcb"}
    command = [sys.executable, "-m", "facestudio", "app"]
    done = subprocess.run(command, env=wrong, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert ":4711" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.gui
@pytest.mark.skipif(os.name != "posix" or not os.environ.get("DISPLAY"), reason="needs a screen, and signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_request_to_end_closes_the_window_in_good_order(tmp_path: Path, number: signal.Signals) -> None:
    places = {"FACESTUDIO_CONFIG_DIR": str(tmp_path / "c"), "FACESTUDIO_LIBRARY": str(tmp_path / "l")}
    with subprocess.Popen([sys.executable, "-m", "facestudio", "app"], env={**os.environ, **places}) as window:
        wait_for_log(tmp_path / "c", "FaceStudio")
        time.sleep(1.5)  # from the first line of the log to the event loop
        window.send_signal(number)
        assert window.wait(60) == 0
    assert (tmp_path / "c" / "window.ini").is_file()  # written when a window closes
    assert not (tmp_path / "c" / "log" / "crash.txt").exists()
