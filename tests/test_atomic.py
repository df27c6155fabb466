"""A folder appears whole or not at all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from facestudio.atomic import write_folder
from facestudio.errors import OutputError

NEW = {"a.txt": "new a", "b.txt": "new b", "c.txt": "new c"}


def write_new(folder: Path) -> None:
    for name, text in NEW.items():
        (folder / name).write_text(text)


def contents(folder: Path) -> dict[str, str]:
    return {p.name: p.read_text() for p in folder.iterdir()}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    out = tmp_path / "head"
    out.mkdir()
    for name in ("a.txt", "c.txt", "mine.txt"):
        (out / name).write_text(f"old {name}")
    return out


def test_a_new_folder_holds_the_files_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "head"
    assert write_folder(out, write_new) == [out / name for name in sorted(NEW)]
    assert contents(out) == NEW


def test_equal_names_are_replaced_and_others_stay(old: Path) -> None:
    write_folder(old, write_new)
    assert contents(old) == NEW | {"mine.txt": "old mine.txt"}


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, MemoryError])
def test_a_writer_that_fails_changes_nothing(old: Path, failure: type[BaseException]) -> None:
    before = contents(old)

    def writer(folder: Path) -> None:
        write_new(folder)
        raise failure

    with pytest.raises(failure):
        write_folder(old, writer)
    assert contents(old) == before


def test_a_writer_that_fails_leaves_no_new_folders(tmp_path: Path) -> None:
    def writer(folder: Path) -> None:
        (folder / "half.txt").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_folder(tmp_path / "deep" / "head", writer)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("moment", [0, 1, 2])
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_interrupt_between_the_moves_brings_the_old_files_back(
    old: Path, moment: int, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(old)
    replace, moves = Path.replace, 0

    def interrupted(self: Path, target: Path) -> Path:
        nonlocal moves
        into_place = self.name in NEW and target.parent == old and self.parent.name.startswith(".facestudio-partial")
        moves += into_place
        if into_place and moves == moment + 1:
            if when == "after":
                replace(self, target)
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_folder(old, write_new)
    assert moves >= moment + 1
    assert contents(old) == before


def test_old_files_come_back_without_hard_links_too(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(old)
    (old / "b.txt").mkdir()  # the second file cannot be moved into place

    def refuse(self: Path, target: Path) -> None:
        raise OSError("this disk has no hard links")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    with pytest.raises(OutputError, match="a folder stands where a file is to be written"):
        write_folder(old, write_new)
    (old / "b.txt").rmdir()
    assert contents(old) == before


def test_a_kill_leaves_the_old_files(old: Path) -> None:
    before = contents(old)
    code = (
        "import os, sys, pathlib\nfrom facestudio.atomic import write_folder\n"
        "def writer(folder):\n    (folder / 'a.txt').write_text('half')\n    os.kill(os.getpid(), 9)\n"
        "write_folder(pathlib.Path(sys.argv[1]), writer)\n"
    )
    repository = Path(__file__).resolve().parents[2]
    ran = subprocess.run([sys.executable, "-c", code, str(old)], cwd=repository, check=False, timeout=30)
    assert ran.returncode == -9
    assert {p.name: p.read_text() for p in old.iterdir() if p.is_file()} == before


def test_what_a_kill_left_behind_is_swept_away_later_but_not_at_once(old: Path) -> None:
    stale, fresh = old / ".facestudio-partial-old", old / ".facestudio-partial-new"
    for folder in (stale, fresh):
        folder.mkdir()
        (folder / "a.txt").write_text("half")
    long_ago = time.time() - 2 * 3600
    os.utime(stale, (long_ago, long_ago))
    write_folder(old, write_new)
    assert not stale.exists()
    assert fresh.exists()  # another process may be at work in it


def test_a_path_below_a_file_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="a file stands where a folder is needed") as caught:
        write_folder(tmp_path / "file" / "head", write_new)
    assert caught.value.remedy


def test_a_file_in_place_of_the_folder_is_explained(tmp_path: Path) -> None:
    (tmp_path / "head").write_text("x")
    with pytest.raises(OutputError, match="a file stands where a folder is needed"):
        write_folder(tmp_path / "head", write_new)
    assert (tmp_path / "head").read_text() == "x"


def test_a_folder_of_somebody_else_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # Nothing is forbidden to root: the refusal itself must be simulated.
        def refuse(**_: object) -> str:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("tempfile.mkdtemp", refuse)
    else:
        tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="you may not write there") as caught:
        write_folder(tmp_path / "head", write_new)
    assert "folder" in caught.value.remedy
    tmp_path.chmod(0o700)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KiB, where this process may mount one."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    folder = tmp_path / "disk"
    folder.mkdir()
    command = [str(mount), "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if mount is None or umount is None or subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("needs the right to mount a small tmpfs (root)")
    yield folder
    subprocess.run([umount, str(folder)], check=True)


def test_a_full_disk_is_explained_and_keeps_the_old_files(small_disk: Path) -> None:
    out = small_disk / "head"
    write_folder(out, write_new)

    def writer(folder: Path) -> None:
        (folder / "a.txt").write_text("newer a")
        (folder / "big.bin").write_bytes(bytes(1 << 20))

    with pytest.raises(OutputError, match="the disk is full") as caught:
        write_folder(out, writer)
    assert "Free some space" in caught.value.remedy
    assert contents(out) == NEW


def test_the_root_of_another_disk_can_be_written(small_disk: Path) -> None:
    write_folder(small_disk, write_new)
    assert contents(small_disk) == NEW


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX resource limits")
def test_a_file_that_may_not_grow_is_explained_and_keeps_the_old_files(old: Path) -> None:
    before = contents(old)
    code = (
        "import pathlib, resource, signal, sys\nfrom facestudio.errors import OutputError\n"
        "from facestudio.atomic import write_folder\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nresource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n    write_folder(pathlib.Path(sys.argv[1]), lambda f: (f / 'a.txt').write_bytes(bytes(5000)))\n"
        "except OutputError as error:\n    sys.exit(0 if 'larger than this system allows' in error.what else 5)\nsys.exit(6)\n"
    )
    repository = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code, str(old)], cwd=repository, check=False, timeout=30).returncode == 0
    assert contents(old) == before
