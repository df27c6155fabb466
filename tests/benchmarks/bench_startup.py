"""How long the window takes, from starting Python to its first paint. Run: python tests/benchmarks/bench_startup.py [runs].

Where there is no screen: xvfb-run -a python tests/benchmarks/bench_startup.py
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

LIMIT_SECONDS = 1.5
HEAVY = ("cv2", "torch", "mediapipe", "numba", "scipy", "pyvista", "vtkmodules")
# What `facestudio app` does, and then tells when it was seen and what was imported by then.
PROGRAM = f"""
import json, os, sys, time
from facestudio.cli import verbs  # the command line's own share
from facestudio.app.screen import check_screen
check_screen()
from PySide6.QtWidgets import QApplication
from facestudio.app.application import Application
app = QApplication([])
program = Application(app)
program.engine.start = lambda: None
def seen():
    loaded = [name for name in {HEAVY!r} if name in sys.modules]
    took = time.monotonic() - float(os.environ["STARTED"])
    print(json.dumps({{"seconds": took, "cpu": time.process_time(), "heavy": loaded}}), flush=True)
    app.quit()
program.window.painted.connect(seen)
program.show()
app.exec()
program.close()
"""


def measure() -> dict[str, object]:
    """One start on empty folders."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "FACESTUDIO_CONFIG_DIR": folder, "FACESTUDIO_LIBRARY": f"{folder}/library"}
        environment["STARTED"] = str(time.monotonic())
        done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    result: dict[str, object] = json.loads(done.stdout)
    return result


def main() -> None:
    """Print the times, the median, and what heavy was imported before the first paint."""
    runs = [measure() for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 7)]
    seconds = [float(str(run["seconds"])) for run in runs]
    sys.stdout.write("runs     " + " ".join(f"{s:.2f}" for s in seconds) + " s\n")
    sys.stdout.write(f"median   {statistics.median(seconds):.2f} s (limit {LIMIT_SECONDS} s)\n")
    cpu = statistics.median(float(str(run["cpu"])) for run in runs)
    sys.stdout.write(f"of it    {cpu:.2f} s of processor time: what it takes on a machine that does nothing else\n")
    sys.stdout.write(f"imported before the first paint: {runs[-1]['heavy'] or 'nothing heavy'}\n")


if __name__ == "__main__":
    main()
