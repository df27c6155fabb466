"""A capture's job is told by files: running, done, failed, cancelled, interrupted."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from facestudio.errors import Cancelled, NoFaceError
from facestudio.library.add import NewCapture
from facestudio.library.records import CaptureState, LibraryError
from facestudio.library.store import Library
from facestudio.pipeline.build_head import BuiltHead
from facestudio.pipeline.reconstruct_capture import ReconstructSettings, reconstruct_capture, settings_of
from facestudio.progress import CancelToken
from facestudio.types import ViewName

pytestmark = pytest.mark.realtime

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """A capture in a library of its own."""
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"\xff\xd8\xff photo")
    library = Library.open(tmp_path / "library")
    record = library.add_capture(NewCapture("Ada", "visit", dict.fromkeys(ViewName, photo)))
    library.close()
    return record.path


def library_of(capture: Path) -> Library:
    """The library that a capture lies in, looked at afresh."""
    library = Library.open(capture.parents[2])
    library.refresh()
    return library


def fake_build(photos: Any, out: Path, *, name: str, **settings: Any) -> BuiltHead:
    """Writes what a finished reconstruction writes, in little."""
    path = out / f"{name}.head.npz"
    path.write_bytes(f"{len(photos)} {settings['quality']}".encode())
    return dataclasses.replace(BuiltHead(*[SimpleNamespace()] * 3), files=(path,))  # type: ignore[arg-type]


def test_a_finished_head_takes_its_place_and_nothing_else_is_left(capture: Path) -> None:
    built = reconstruct_capture(capture, ReconstructSettings(quality="draft"), build=fake_build)
    assert built.files == (capture / "head" / "capture 1.head.npz",)
    assert built.files[0].read_bytes() == b"3 draft"
    assert sorted(p.name for p in capture.iterdir()) == ["capture.json", "front.jpg", "head", "left.jpg", "right.jpg"]
    assert library_of(capture).capture(capture).state is CaptureState.RECONSTRUCTED


def test_while_it_runs_the_capture_says_so_and_refuses_a_second_job(capture: Path) -> None:
    def build(*args: Any, **settings: Any) -> BuiltHead:
        record = library_of(capture).capture(capture)
        assert record.running and not record.interrupted
        assert record.state is CaptureState.CAPTURED
        assert settings_of(record.job) == ReconstructSettings(quality="full", texture_size=1024)
        with pytest.raises(LibraryError, match="worked on"):
            reconstruct_capture(capture, build=fake_build)
        return fake_build(*args, **settings)

    reconstruct_capture(capture, ReconstructSettings(quality="full", texture_size=1024), build=build)


def test_a_failure_is_kept_until_a_run_succeeds(capture: Path) -> None:
    def build(*args: Any, **settings: Any) -> BuiltHead:
        raise NoFaceError("No face was found in front.jpg.", "Take it again.")

    reconstruct_capture(capture, build=fake_build)
    with pytest.raises(NoFaceError):
        reconstruct_capture(capture, build=build)
    record = library_of(capture).capture(capture)
    assert (record.state, record.attention) == (CaptureState.NEEDS_ATTENTION, "No face was found in front.jpg. Take it again.")
    assert record.head is not None  # the earlier head is not lost
    reconstruct_capture(capture, build=fake_build)
    assert library_of(capture).capture(capture).state is CaptureState.RECONSTRUCTED


def test_a_defect_is_named_as_one(capture: Path) -> None:
    def build(*args: Any, **settings: Any) -> BuiltHead:
        raise ZeroDivisionError("division by zero")

    with pytest.raises(ZeroDivisionError):
        reconstruct_capture(capture, build=build)
    assert "A defect in FaceStudio: ZeroDivisionError" in library_of(capture).capture(capture).attention


def test_a_cancel_leaves_everything_as_it_was(capture: Path) -> None:
    def build(*args: Any, cancel: CancelToken, **settings: Any) -> BuiltHead:
        (args[1] / "half").write_bytes(b"")
        raise Cancelled

    before = sorted(p.name for p in capture.iterdir())
    with pytest.raises(Cancelled):
        reconstruct_capture(capture, build=build)
    assert sorted(p.name for p in capture.iterdir()) == before
    assert library_of(capture).capture(capture).state is CaptureState.CAPTURED


def test_a_new_head_has_not_been_exported(capture: Path) -> None:
    reconstruct_capture(capture, build=fake_build)
    library = library_of(capture)
    assert library.mark_exported(capture, capture).state is CaptureState.EXPORTED
    reconstruct_capture(capture, build=fake_build)
    assert library.capture(capture).state is CaptureState.RECONSTRUCTED


def test_a_capture_that_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="no capture"):
        reconstruct_capture(tmp_path / "absent")


KILLED = """
import sys, time
from pathlib import Path
from facestudio.pipeline import reconstruct_capture as module
def build(photos, out, *, name, **settings):
    (out / f"{name}.head.npz").write_bytes(b"new")
    if sys.argv[2] == "while building":
        print("now", flush=True)
        time.sleep(60)
    from facestudio.pipeline.build_head import BuiltHead
    return BuiltHead(None, None, None, ())
rename = Path.rename
def paused(self, target):
    if self.name.startswith(".partial-") and sys.argv[2] == "between the renames":
        print("now", flush=True)
        time.sleep(60)
    return rename(self, target)
Path.rename = paused
def end(capture):
    print("now", flush=True)
    time.sleep(60)
if sys.argv[2] == "before the mark went":
    module.marks.end_job = end
module.reconstruct_capture(Path(sys.argv[1]), module.ReconstructSettings(quality="draft"), build=build)
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is a Unix word")
@pytest.mark.parametrize(
    ("moment", "content"),
    [("while building", b"3 standard"), ("between the renames", b"3 standard"), ("before the mark went", b"new")],
)
def test_kill_at_any_moment_leaves_a_whole_head_and_an_interrupted_job(capture: Path, moment: str, content: bytes) -> None:
    reconstruct_capture(capture, build=fake_build)
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(capture), moment], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    said = child.stdout.readline()
    assert library_of(capture).capture(capture).running
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert said == "now\n"
    unread = Library.open(capture.parents[2])
    assert [record.path for record in unread.interrupted()] == [capture]  # known before every folder was looked at
    unread.close()
    library = library_of(capture)
    (record,) = library.interrupted()
    assert record.state is CaptureState.NEEDS_ATTENTION
    assert "interrupted" in record.attention
    assert settings_of(record.job).quality == "draft"
    assert record.head is not None and record.head.read_bytes() == content
    assert not [p.name for p in capture.iterdir() if p.name.startswith(".")]
    reconstruct_capture(capture, settings_of(record.job), build=fake_build)
    assert library_of(capture).capture(capture).state is CaptureState.RECONSTRUCTED


@pytest.mark.slow
def test_a_real_capture_becomes_a_head_that_opens_again(tmp_path: Path, shared: Path) -> None:
    from facestudio.export.saved import load_head

    subject = shared / "bench" / "dev" / "Asian_F_1"
    photos: dict[ViewName, Path | bytes] = {view: subject / f"{view}.jpg" for view in ViewName}
    library = Library.open(tmp_path / "library")
    capture = library.add_capture(NewCapture("Asian_F_1", "bench", photos, subject / "cameras.json")).path
    seen: list[str] = []
    settings = ReconstructSettings(engine="fit", texture_size=512)
    reconstruct_capture(capture, settings, partial=lambda result: seen.append(type(result).__name__))
    record = library.update(capture)
    assert record is not None and record.state is CaptureState.RECONSTRUCTED
    assert record.head is not None and record.preview is not None
    assert load_head(record.head).reconstruction.scale == "metric"
    assert seen[:2] == ["Triplet", "Reconstruction"]
    library.close()
