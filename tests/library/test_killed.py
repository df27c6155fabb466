"""kill -9 at any moment: every capture that was complete is there, nothing half is shown, and the next start cleans up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from facestudio.library.records import CaptureState
from facestudio.library.store import Library
from facestudio.types import ViewName

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.realtime, pytest.mark.skipif(os.name == "nt", reason="SIGKILL is a Unix word")]

ADD = """
import sys, time
from pathlib import Path
from facestudio.library import add
from facestudio.library.store import Library
from facestudio.types import ViewName
root, photo, moment = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
library = Library.open(root)
new = add.NewCapture("Ada", "visit", {view: photo for view in ViewName})
library.add_capture(new)
def pause(*args, **kwargs):
    print("now", flush=True)
    time.sleep(60)
if moment == "copying":
    library.add_capture(new, lambda stage, fraction, message="": pause() if fraction > 0.5 else None)
else:
    add.publish = pause
    library.add_capture(new)
"""

SWAP = """
import sys, time
from pathlib import Path
from facestudio.library import staging
from facestudio.library.store import Library
from facestudio.types import ViewName
library = Library.open(Path(sys.argv[1]))
(record,) = library.captures()
rename = Path.rename
def second(self, target):
    if self.name.startswith(".partial-"):
        print("now", flush=True)
        time.sleep(60)
    return rename(self, target)
Path.rename = second
library.assign_views(record.path, {ViewName.LEFT: ViewName.RIGHT, ViewName.RIGHT: ViewName.LEFT})
"""


def kill_at_now(code: str, *arguments: str) -> None:
    """Run code in its own process and kill it when it says "now"."""
    child = subprocess.Popen([sys.executable, "-c", code, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    said = child.stdout.readline()
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert said == "now\n"


@pytest.mark.parametrize("moment", ["copying", "publishing"])
def test_a_half_copied_capture_never_appears(tmp_path: Path, photos: dict[ViewName, Path], moment: str) -> None:
    kill_at_now(ADD, str(tmp_path / "library"), str(photos[ViewName.LEFT]), moment)
    session = tmp_path / "library" / "Ada" / "visit"
    assert any(path.name.startswith(".partial-") for path in session.iterdir())
    library = Library.open(tmp_path / "library")
    library.refresh()
    (record,) = library.captures()
    assert (record.name, record.state) == ("capture 1", CaptureState.CAPTURED)
    assert sorted(path.name for path in session.iterdir()) == ["capture 1", "session.json"]
    library.close()


def test_a_swap_killed_between_its_renames_is_as_before(tmp_path: Path, photos: dict[ViewName, Path], library: Library) -> None:
    from facestudio.library.add import NewCapture

    capture = library.add_capture(NewCapture("Ada", "visit", photos)).path
    kill_at_now(SWAP, str(library.root))
    assert not capture.exists()  # the control: this is the moment
    library.refresh()
    (record,) = library.captures()
    assert record.photos[ViewName.LEFT].read_bytes() == photos[ViewName.LEFT].read_bytes()
    assert sorted(path.name for path in capture.parent.iterdir()) == ["capture 1", "session.json"]


def test_the_staging_folder_of_a_living_process_is_left_alone(tmp_path: Path, photos: dict[ViewName, Path]) -> None:
    arguments = [str(tmp_path / "library"), str(photos[ViewName.LEFT]), "copying"]
    child = subprocess.Popen([sys.executable, "-c", ADD, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "now\n"
        library = Library.open(tmp_path / "library")
        library.refresh()
        session = tmp_path / "library" / "Ada" / "visit"
        assert any(path.name.startswith(".partial-") for path in session.iterdir())
        library.close()
    finally:
        child.kill()
        child.wait()
        time.sleep(0)
