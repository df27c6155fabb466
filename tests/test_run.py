"""run.py: what it installs and when, and that whatever goes wrong ends in a sentence."""

from __future__ import annotations

import ast
import errno
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tools import system_packages

RUN = Path(__file__).resolve().parent.parent / "run.py"
posix_only = pytest.mark.skipif(os.name != "posix", reason="uses a shell script in the place of a program")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """run.py as a module, with its .venv and its locks in a folder of this test and nothing really installed."""
    spec = importlib.util.spec_from_file_location("run_under_test", RUN)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    venv = tmp_path / ".venv"
    paths = {"ROOT": tmp_path, "VENV": venv, "BIN": venv / "bin", "PYTHON": venv / "bin" / "python"}
    paths |= {
        "UNFINISHED": venv / "facestudio-unfinished",
        "LOG": venv / "facestudio-setup.log",
        "DEV_LOCK": tmp_path / "dev.txt",
    }
    for name, path in paths.items():
        monkeypatch.setattr(module, name, path)
    locks = (tmp_path / "lock.txt", tmp_path / "torch.txt")
    for lock in (*locks, tmp_path / "dev.txt"):
        lock.write_text("numpy==1.26.4\n")
    monkeypatch.setattr(module, "RUNTIME_LOCKS", locks)
    monkeypatch.setattr(module, "check_shared_libraries", lambda: None)
    return module


@pytest.fixture
def steps(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace the slow steps of a set-up by ones that only write down that they ran."""
    done: list[str] = []

    def make_venv() -> None:
        done.append("venv")
        run.UNFINISHED.touch()
        run.BIN.mkdir(exist_ok=True)
        run.PYTHON.touch()

    def step(name: str) -> Callable[[], None]:
        return lambda: done.append(name)

    monkeypatch.setattr(run, "make_venv", make_venv)
    monkeypatch.setattr(run, "install_runtime", step("runtime"))
    monkeypatch.setattr(run, "install_dev", step("dev"))
    return done


def test_run_needs_nothing_but_the_standard_library() -> None:
    tree = ast.parse(RUN.read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= set(sys.stdlib_module_names) | {"tools"}


def test_what_run_imports_needs_nothing_but_the_standard_library_either() -> None:
    tree = ast.parse((RUN.parent / "tools" / "system_packages.py").read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("version", [(3, 9), (3, 10), (3, 13)])
def test_a_python_without_wheels_is_refused_by_its_number(run: ModuleType, version: tuple[int, int]) -> None:
    with pytest.raises(run.SetupError, match=rf"this is {version[0]}\.{version[1]}\."):
        run.check_python(version)


@pytest.mark.parametrize("version", [(3, 11), (3, 12)])
def test_a_python_with_wheels_is_accepted(run: ModuleType, version: tuple[int, int]) -> None:
    run.check_python(version)


@pytest.mark.parametrize("words", [["--help"], ["-h"], []])
def test_help_names_every_verb(run: ModuleType, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert run.main(words) == (0 if words else 2)
    text = capsys.readouterr().out
    assert all(f"  {verb} " in text for verb in run.VERBS)


def test_an_unknown_verb_is_named_and_so_are_those_there_are(run: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["reconstrct"]) == 2
    text = capsys.readouterr().out
    assert "reconstrct" in text
    assert "setup" in text


def test_the_second_start_installs_nothing(run: ModuleType, steps: list[str]) -> None:
    run.ensure()
    run.ensure()
    assert steps == ["venv", "runtime"]


def test_the_checkers_are_installed_only_when_asked_for(run: ModuleType, steps: list[str]) -> None:
    run.ensure()
    run.ensure(dev=True)
    run.ensure(dev=True)
    assert steps == ["venv", "runtime", "dev"]


def test_a_changed_lock_is_installed_into_the_same_environment(run: ModuleType, steps: list[str]) -> None:
    run.ensure(dev=True)
    run.RUNTIME_LOCKS[1].write_text("torch==2.13.1\n")
    run.ensure(dev=True)
    assert steps == ["venv", "runtime", "dev", "runtime"]


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit, OSError(errno.ENOSPC, "No space left on device")])
def test_a_set_up_that_was_cut_off_starts_afresh(
    run: ModuleType, steps: list[str], monkeypatch: pytest.MonkeyPatch, end: BaseException
) -> None:
    whole = run.install_runtime

    def cut_off() -> None:
        raise end

    monkeypatch.setattr(run, "install_runtime", cut_off)
    with pytest.raises((KeyboardInterrupt, SystemExit, OSError)):
        run.ensure()
    assert not run.is_current(run.RUNTIME_LOCKS)
    monkeypatch.setattr(run, "install_runtime", whole)
    run.ensure()
    assert steps == ["venv", "venv", "runtime"]
    assert run.is_current(run.RUNTIME_LOCKS)


def test_an_environment_whose_python_is_gone_is_made_again(run: ModuleType, steps: list[str]) -> None:
    run.ensure()
    run.PYTHON.unlink()
    run.ensure()
    assert steps == ["venv", "runtime", "venv", "runtime"]
    assert run.is_current(run.RUNTIME_LOCKS)


@posix_only
def test_a_moved_folder_is_set_up_again(run: ModuleType, steps: list[str]) -> None:
    run.ensure()
    (run.BIN / "facestudio").write_text("#!/elsewhere/.venv/bin/python\n")
    run.stamp(run.RUNTIME_LOCKS).write_text("as written in the other folder")
    run.ensure()
    assert steps == ["venv", "runtime", "venv", "runtime"]


def test_a_second_set_up_waits_for_the_first(run: ModuleType) -> None:
    run.VENV.mkdir()
    with run.only_one(), (run.VENV / "facestudio-setup.lock").open("w") as other, pytest.raises(OSError):
        run.lock_file(other.fileno(), wait=False)
    with (run.VENV / "facestudio-setup.lock").open("w") as other:
        run.lock_file(other.fileno(), wait=False)


def test_making_the_environment_clears_what_an_earlier_one_left(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    (run.VENV / "lib").mkdir(parents=True)
    (run.VENV / "lib" / "half").touch()
    ended = subprocess.CompletedProcess([], 0, "", "")
    monkeypatch.setattr(run.subprocess, "run", lambda *_, **__: ended)
    run.make_venv()
    assert [path.name for path in run.VENV.iterdir()] == [run.UNFINISHED.name]


def test_too_little_disk_is_said_before_anything_is_made(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "DISK_BYTES", 1 << 62)
    with pytest.raises(run.SetupError, match="GB free"):
        run.ensure()
    assert not run.is_current(run.RUNTIME_LOCKS)


@posix_only
@pytest.mark.parametrize(
    ("output", "remedy"),
    [
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("NewConnectionError: Temporary failure in name resolution", "network"),
        ("ERROR: No matching distribution found for numpy==1.26.4", "no such version"),
        ("ERROR: something else", "log"),
    ],
)
def test_when_pip_fails_its_last_lines_and_a_remedy_are_shown(run: ModuleType, output: str, remedy: str) -> None:
    run.BIN.mkdir(parents=True)
    run.PYTHON.write_text(f"#!/bin/sh\necho '{output}'\nexit 1\n")
    run.PYTHON.chmod(0o755)
    with pytest.raises(run.SetupError) as caught:
        run.pip("-r", "lock.txt")
    assert output in caught.value.what
    assert remedy in caught.value.remedy


def test_missing_system_packages_are_one_line_to_run_when_we_may_not_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(system_packages, "may_install", lambda: None)
    with pytest.raises(system_packages.SetupError) as caught:
        system_packages.install_system_packages(["libgomp1", "zlib1g"], "FaceStudio")
    assert caught.value.remedy == "Run: sudo apt-get install -y --no-install-recommends libgomp1 zlib1g"


@posix_only
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems bring what the window needs")
def test_libraries_of_the_window_that_the_loader_does_not_know_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    known = [name for name in system_packages.WINDOW_LIBRARIES if name != "libxcb-cursor.so.0"]
    (tmp_path / "ldconfig").write_text("#!/bin/sh\n" + "".join(f"echo {name}\n" for name in known))
    (tmp_path / "ldconfig").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert system_packages.missing_packages(system_packages.WINDOW_LIBRARIES) == ["libxcb-cursor0"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only X has virtual screens")
def test_a_virtual_screen_is_brought_only_where_there_is_no_real_one(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted: list[str] = []
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "Xvfb" else name)
    monkeypatch.setattr(system_packages, "install_system_packages", lambda packages, _purpose: wanted.extend(packages))
    monkeypatch.setenv("DISPLAY", ":0")
    assert system_packages.virtual_screen() == []
    monkeypatch.delenv("DISPLAY")
    assert system_packages.virtual_screen()[:2] == ["xvfb-run", "-a"]
    assert wanted == ["xvfb"]


@pytest.mark.parametrize(
    ("number", "words"), [(errno.EROFS, "can be written"), (errno.EACCES, "writable"), (errno.ENOSPC, "disk space")]
)
def test_a_folder_that_cannot_be_written_ends_in_a_sentence(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int, words: str
) -> None:
    def refuse(dev: bool = False) -> None:
        raise OSError(number, os.strerror(number), "some/folder")

    monkeypatch.setattr(run, "ensure", refuse)
    assert run.main(["setup"]) == 2
    text = capsys.readouterr().out
    assert "some/folder" in text
    assert words in text


def test_ctrl_c_ends_with_130_and_no_traceback(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(dev: bool = False) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "ensure", interrupt)
    assert run.main(["setup"]) == 130
    assert "Stopped" in capsys.readouterr().out


def test_bench_without_arguments_says_which_folder_is_missing(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(run, "BENCH", tmp_path / "nowhere")
    assert run.main(["bench"]) == 2
    assert str(tmp_path / "nowhere") in capsys.readouterr().out


def test_demo_writes_beside_run_py_wherever_it_is_started_from(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    commands: list[tuple[str, ...]] = []
    monkeypatch.setattr(run, "ensure", lambda dev=False: None)

    def hand_over(*command: str) -> int:
        commands.append(command)
        return 0

    monkeypatch.setattr(run, "hand_over", hand_over)
    monkeypatch.setattr(run, "has_screen", lambda: False)
    assert run.main(["demo", "--head", "flame"]) == 0
    assert commands == [("-m", "facestudio", "demo", "-o", str(tmp_path / "out" / "sample"), "--head", "flame")]


@pytest.mark.parametrize(("code", "shown"), [(0, True), (2, False)])
def test_demo_shows_its_result_where_there_is_a_screen(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int, shown: bool
) -> None:
    commands: list[tuple[str, ...]] = []

    def hand_over(*command: str) -> int:
        commands.append(command)
        return 0

    monkeypatch.setattr(run, "ensure", lambda dev=False: None)
    monkeypatch.setattr(run, "hand_over", hand_over)
    monkeypatch.setattr(run, "has_screen", lambda: True)
    monkeypatch.setattr(run, "check_window_libraries", lambda: None)
    monkeypatch.setattr(run.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], code))
    assert run.main(["demo"]) == code
    assert commands == [("-m", "facestudio", "app", str(tmp_path / "out" / "sample"))] * shown


def test_the_tests_run_on_a_virtual_screen_when_there_is_no_other(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def record(words: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(words)
        return subprocess.CompletedProcess(words, 0)

    monkeypatch.setattr(run, "ensure", lambda dev=False: None)
    monkeypatch.setattr(run, "ensure_gltf_validator", lambda: None)
    monkeypatch.setattr(run, "ensure_blender", lambda: None)
    monkeypatch.setattr(run, "ensure_screen", lambda: ["xvfb-run", "-a"])
    monkeypatch.setattr(run.subprocess, "run", record)
    assert run.main(["test", "tests/gui"]) == 0
    assert commands == [["xvfb-run", "-a", str(run.PYTHON), "-m", "pytest", "tests/gui"]]


@pytest.mark.parametrize(("late", "second", "ends"), [(True, 0, 0), (True, 1, 1), (False, 0, 1)])
def test_only_tests_that_wait_for_something_real_get_a_second_try(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, late: bool, second: int, ends: int
) -> None:
    tries: list[list[str]] = []

    def answer(words: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        if "pytest" not in words:
            return subprocess.CompletedProcess(words, 0, "", "")
        if "--collect-only" in words:
            return subprocess.CompletedProcess(words, run.NOTHING_COLLECTED if late else 0)
        tries.append(words)
        return subprocess.CompletedProcess(words, second if "--last-failed" in words else 1)

    for tool in ("ensure", "ensure_gltf_validator", "ensure_blender"):
        monkeypatch.setattr(run, tool, lambda *_, **__: None)
    monkeypatch.setattr(run, "ensure_screen", list)
    monkeypatch.setattr(run.subprocess, "run", answer)
    assert run.main(["test"]) == ends
    assert len(tries) == (2 if late else 1)
