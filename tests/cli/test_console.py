"""The command line as a program of its own: what an operator's shell sees."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from facestudio.paths import resources_dir

SAMPLE = resources_dir() / "sample"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
@pytest.mark.parametrize("after", ["read", "export"])
def test_ctrl_c_ends_with_130_one_sentence_and_no_files(after: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "facestudio", "reconstruct", str(SAMPLE / "front.jpg"), "-o", str(tmp_path / "out")]
    log = tmp_path / "log"
    with log.open("wb") as file:
        started = subprocess.Popen(
            [*command, "--engine", "fit", "--texture-size", "1024"], stdout=file, stderr=subprocess.STDOUT
        )
        try:
            if after == "read":
                time.sleep(1.0)  # while it imports, or just after
            else:
                _until_export(started, tmp_path / "out")
            started.send_signal(signal.SIGINT)
            code = started.wait(timeout=60)
        finally:
            started.kill()
    said = log.read_text(encoding="utf-8")
    assert code == 130, said
    assert "Traceback" not in said
    assert not (tmp_path / "out").exists()


def _until_export(started: subprocess.Popen[bytes], out: Path) -> None:
    """Wait until the staging folder appears: files are being written."""
    deadline = time.monotonic() + 120.0
    while time.monotonic() < deadline and started.poll() is None and not list(out.glob(".facestudio-partial-*")):
        time.sleep(0.005)
