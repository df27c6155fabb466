"""A subject in one ZIP file."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from facestudio.errors import Cancelled, OutputError
from facestudio.library.add import NewCapture
from facestudio.library.store import Library
from facestudio.progress import CancelToken


def test_everything_kept_is_in_the_file_bit_for_bit(library: Library, new: NewCapture, tmp_path: Path) -> None:
    record = library.add_capture(new)
    (record.path / ".partial-x").mkdir()
    (record.path / ".partial-x" / "half").write_bytes(b"")
    target = library.export_subject(record.subject_folder, tmp_path / "out" / "ada.zip")
    with zipfile.ZipFile(target) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert archive.read("Ada/visit 1/capture 1/left.jpg") == next(iter(record.photos.values())).read_bytes()
    assert len(names) == 6
    assert [p.name for p in target.parent.iterdir()] == ["ada.zip"]


def test_a_cancel_leaves_no_file(library: Library, new: NewCapture, tmp_path: Path) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        library.export_subject(library.add_capture(new).subject_folder, tmp_path / "out" / "ada.zip", cancel=cancel)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_place_that_cannot_be_written_is_said(library: Library, new: NewCapture, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        library.export_subject(library.add_capture(new).subject_folder, tmp_path / "file" / "ada.zip")
