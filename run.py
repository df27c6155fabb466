#!/usr/bin/env python3
"""Set FaceStudio up and run it: python3 run.py VERB [arguments].

  setup     make .venv and install everything into it; after that .venv/bin/facestudio is the command line
  app       open the window, on a head or result folder if one is named
  demo      turn the sample photos of resources/sample into a head, in out/sample, and show it where there is a screen
  test      check style, types and floors, then run the tests; with arguments: pytest alone, with these arguments
  bench     measure against ground truth: facestudio evaluate with the arguments (default: ../shared/bench/dev)
  blender   run the tests that open results in a real Blender
  screenshots  photograph every page of the window, light and dark, into docs/screenshots

Every verb sets up first, when something is missing or the pinned versions changed. Standard library only.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.system_packages import (
    SetupError,
    check_shared_libraries,
    check_window_libraries,
    has_screen,
    install_system_packages,
    say,
    tail,
    virtual_screen,
)

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
REQUIREMENTS = ROOT / "requirements"
RUNTIME_LOCKS = (REQUIREMENTS / "lock.txt", REQUIREMENTS / "torch.txt")
DEV_LOCK = REQUIREMENTS / "dev.txt"
WINDOWS = os.name == "nt"
BIN = VENV / ("Scripts" if WINDOWS else "bin")
PYTHON = BIN / ("python.exe" if WINDOWS else "python")
UNFINISHED = VENV / "facestudio-unfinished"  # there while a set-up works: found at the start, the last one was cut off
LOG = VENV / "facestudio-setup.log"

OLDEST, TOO_NEW = (3, 11), (3, 13)  # numpy 1.26 and mediapipe 0.10.21 have wheels for 3.11 and 3.12
DISK_BYTES = 3_000_000_000
TORCH_WHEELS = "FACESTUDIO_TORCH_WHEELS"
LAST_FAILED = ("--last-failed", "--last-failed-no-failures", "none")
NOTHING_COLLECTED = 5  # pytest's exit code
NODE_PACKAGES = ("gltf-validator@2.0.0-dev.3.10", "three@0.187.0")
BENCH = ROOT.parent / "shared" / "bench" / "dev"


# --- the machine ------------------------------------------------------------------------------------------------------


def check_python(version: tuple[int, ...] = sys.version_info[:2]) -> None:
    """Refuse a Python that the pinned packages have no wheels for, and name one that is installed and would do."""
    if OLDEST <= version < TOO_NEW:
        return
    found = next((name for name in ("python3.12", "python3.11") if shutil.which(name)), None)
    remedy = f"Run: {found} run.py" if found else "Install Python 3.12 and run this again with it."
    raise SetupError(f"FaceStudio needs Python 3.11 or 3.12; this is {version[0]}.{version[1]}.", remedy)


# --- the virtual environment ------------------------------------------------------------------------------------------


def fingerprint(locks: Sequence[Path]) -> str:
    """What a finished set-up depends on: the pins, and where the folder is (scripts in .venv name it in full)."""
    digest = hashlib.sha256(str(ROOT).encode())
    for lock in locks:
        digest.update(lock.read_bytes())
    return digest.hexdigest()


def stamp(locks: Sequence[Path]) -> Path:
    """The file that a finished installation of these locks leaves in .venv."""
    return VENV / f"facestudio-{locks[0].stem}.stamp"


def is_current(locks: Sequence[Path]) -> bool:
    """True when these locks were installed completely and did not change since."""
    mark = stamp(locks)
    return PYTHON.exists() and not UNFINISHED.exists() and mark.exists() and mark.read_text() == fingerprint(locks)


def ensure(dev: bool = False) -> None:
    """Bring .venv up to date: the runtime, and with dev also what the checks need. Does nothing when it is."""
    wanted = [RUNTIME_LOCKS] + ([(DEV_LOCK,)] if dev else [])
    if all(map(is_current, wanted)):
        return
    check_python()
    check_shared_libraries()
    VENV.mkdir(exist_ok=True)
    with only_one():
        if UNFINISHED.exists() or not PYTHON.exists() or moved():
            make_venv()
        for locks in wanted:
            if not is_current(locks):
                UNFINISHED.touch()
                stamp(locks).unlink(missing_ok=True)
                install_dev() if locks == (DEV_LOCK,) else install_runtime()
                UNFINISHED.unlink()
                stamp(locks).write_text(fingerprint(locks))


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Hold .venv for one set-up at a time; the system frees it even when we are killed."""
    with (VENV / "facestudio-setup.lock").open("w") as file:
        try:
            lock_file(file.fileno(), wait=False)
        except OSError:
            say("Another set-up is at work here; waiting for it …")
            lock_file(file.fileno(), wait=True)
        yield


def lock_file(handle: int, wait: bool) -> None:
    """Lock an open file for this process, or raise OSError when another holds it and we shall not wait."""
    if sys.platform == "win32":
        import msvcrt

        while True:
            try:
                msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
                return
            except OSError:
                if not wait:
                    raise
                time.sleep(0.5)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


def moved() -> bool:
    """True when .venv was made in another folder: its scripts would start the wrong Python."""
    script = BIN / "facestudio"
    return not WINDOWS and script.exists() and str(VENV) not in script.read_text(errors="replace")[:200]


def make_venv() -> None:
    """An empty virtual environment in the place of whatever an earlier set-up left."""
    if shutil.disk_usage(ROOT).free < DISK_BYTES:
        raise SetupError(
            f"The disk of {ROOT} has less than {DISK_BYTES // 10**9} GB free.", "Free some space and run this again."
        )
    UNFINISHED.touch()
    for entry in VENV.iterdir():
        if entry.name not in {UNFINISHED.name, "facestudio-setup.lock"}:
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    say(f"Making {VENV} …")
    command = [sys.executable, "-m", "venv", str(VENV)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and "ensurepip" in done.stdout + done.stderr:  # Debian keeps this half of venv in a package of its own
        install_system_packages([f"python3.{sys.version_info[1]}-venv"], "A virtual environment")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SetupError(
            f"Python could not make {VENV}:\n{tail(done.stdout + done.stderr)}", "Try with another Python 3.11 or 3.12."
        )


def install_runtime() -> None:
    """The pinned packages, torch, and FaceStudio itself as an editable install."""
    say("Installing the packages (about two minutes the first time) …")
    pip("--no-deps", "-r", str(RUNTIME_LOCKS[0]))
    wheels = os.environ.get(TORCH_WHEELS)
    page = ["--find-links", wheels] if wheels and not shutil.which("nvidia-smi") else []
    # With dependencies: a CUDA build brings its libraries along; a CPU build finds all it needs in place.
    pip(*page, "-r", str(RUNTIME_LOCKS[1]), "-c", str(RUNTIME_LOCKS[0]))
    pip("--no-deps", "--no-build-isolation", "-e", str(ROOT))


def install_dev() -> None:
    """What `test` needs: the checkers, pytest, and Khronos' glTF validator where node is installed."""
    say("Installing the checkers …")
    pip("--no-deps", "-r", str(DEV_LOCK))


def pip(*arguments: str) -> None:
    """Run pip install in .venv; its output goes to the log, its last lines to the error."""
    environment = {**os.environ, "PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    command = [str(PYTHON), "-m", "pip", "install", "--no-input", "--progress-bar", "off", *arguments]
    with LOG.open("w+", encoding="utf-8", errors="replace") as log:
        code = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, env=environment, check=False).returncode
        log.seek(0)
        output = log.read()
    if code:
        raise SetupError(f"pip could not install the packages; the end of {LOG}:\n{tail(output)}", pip_remedy(output))


def pip_remedy(output: str) -> str:
    """What to do, judged by what pip wrote."""
    if "No space left" in output or "Errno 28" in output:
        return "The disk is full: free some space and run this again."
    if any(word in output for word in ("NewConnectionError", "Temporary failure", "ConnectTimeout", "Network is unreachable")):
        return "The package index cannot be reached: check the network (or pip's proxy and index settings) and run this again."
    if "No matching distribution" in output:
        return "The package index has no such version for this machine: check pip's index settings, or use 64-bit Python 3.11 or 3.12."
    return "Run this again; if it fails the same way, send us the log."


# --- the verbs --------------------------------------------------------------------------------------------------------


def hand_over(*command: str) -> int:
    """Become the command (on Windows: run it), so that Ctrl-C and exit codes are its own."""
    words = [str(PYTHON), *command]
    if not WINDOWS:
        os.execv(words[0], words)
    return subprocess.run(words, check=False).returncode


def setup(arguments: Sequence[str]) -> int:
    """Set up and say where the command line is."""
    if arguments:
        raise SetupError("setup takes no arguments.", "Run: python3 run.py setup")
    ensure()
    say(f"Ready. The command line is {BIN / 'facestudio'}")
    return 0


def app(arguments: Sequence[str]) -> int:
    """Open the window."""
    ensure()
    check_window_libraries()
    return hand_over("-m", "facestudio", "app", *arguments)


def demo(arguments: Sequence[str]) -> int:
    """Reconstruct the sample triplet into out/sample, and open the window on it where it can be seen."""
    ensure()
    folder = ROOT / "out" / "sample"
    command = ("-m", "facestudio", "demo", "-o", str(folder), *arguments)
    if not has_screen() or {"--help", "-o", "--output"} & set(arguments):
        return hand_over(*command)
    code = subprocess.run([str(PYTHON), *command], check=False).returncode
    return code or app([str(folder)])


def screenshots(arguments: Sequence[str]) -> int:
    """Photograph the window's pages."""
    ensure()
    check_window_libraries()
    words = [
        *virtual_screen(),
        str(PYTHON),
        "-m",
        "facestudio.app.screenshots",
        *(arguments or [str(ROOT / "docs" / "screenshots")]),
    ]
    return subprocess.run(words, cwd=ROOT, check=False).returncode


def bench(arguments: Sequence[str]) -> int:
    """Evaluate; without arguments on the bench beside the repository."""
    if not arguments and not BENCH.is_dir():
        raise SetupError(f"There is no bench at {BENCH}.", "Name one: python3 run.py bench FOLDER -o out/bench")
    ensure()
    return hand_over("-m", "facestudio", "evaluate", *(arguments or [str(BENCH), "-o", str(ROOT / "out" / "bench")]))


def blender(arguments: Sequence[str]) -> int:
    """Run the tests marked blender, with Debian's Blender installed if need be."""
    ensure(dev=True)
    ensure_blender()
    os.chdir(ROOT)
    return hand_over("-m", "pytest", "-m", "blender", *arguments)


def ensure_blender() -> None:
    """Install Debian's Blender when none is on the PATH and we may, and the numpy that its glTF importer needs."""
    blender = shutil.which("blender")
    if not blender:
        install_system_packages(["blender", "python3-numpy"], "This test")
        return
    command = [blender, "--background", "--factory-startup", "--python-exit-code", "3", "--python-expr", "import numpy"]
    # Blender's own Python takes the first python3 on the PATH for its home: show it the system's, not ours.
    environment = {**os.environ, "PATH": os.defpath}
    if subprocess.run(command, capture_output=True, env=environment, check=False).returncode:
        install_system_packages(["python3-numpy"], "Blender's glTF importer")


def ensure_gltf_validator() -> None:
    """Install Khronos' validator, and three.js, under .venv, where tests/export looks for them."""
    folder = VENV / "gltf-validator"
    npm = shutil.which("npm")
    if all((folder / "node_modules" / name.split("@")[0] / "package.json").exists() for name in NODE_PACKAGES):
        return
    if not npm or not shutil.which("node"):
        raise SetupError("Khronos' glTF validator needs node and npm, which are not installed.", "Install Node.js 18 or newer.")
    command = [npm, "install", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund", *NODE_PACKAGES]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        raise SetupError(f"npm could not install {NODE_PACKAGES}:\n{tail(done.stdout + done.stderr)}", "Check the network.")


def ensure_screen() -> list[str]:
    """What the tests of the window need: its libraries, and the words that bring a virtual screen where there is no real one."""
    check_window_libraries()
    return virtual_screen()


def only_late(pytest: Sequence[str]) -> bool:
    """Whether all tests that just failed wait for something real (marker `realtime` or `gui`): no others get a second try."""
    command = [*pytest, *LAST_FAILED, "--collect-only", "-q", "-m", "not realtime and not gui"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == NOTHING_COLLECTED


def test(arguments: Sequence[str]) -> int:
    """All checks, one line each, and the tests last; every step runs even when one before it failed."""
    ensure(dev=True)
    in_ci = os.environ.get("CI", "").lower() in {"1", "true"}
    failed: list[str] = []
    screen: list[str] = []
    tools = {
        "glTF validator": ensure_gltf_validator,
        "screen": lambda: screen.extend(ensure_screen()),
        "Blender": ensure_blender,
    }
    for name, tool in tools.items():
        if name != "Blender" or in_ci:
            try:
                tool()
            except SetupError as problem:
                say(f"{name}: not here. {problem.what} {problem.remedy}")
                failed += [name] if in_ci else []  # elsewhere the tests that need it skip and say so
    pytest = [*screen, str(PYTHON), "-m", "pytest"]
    if arguments:
        return subprocess.run([*pytest, *arguments], cwd=ROOT, check=False).returncode
    steps = {
        "ruff check": ["ruff", "check"],
        "ruff format": ["ruff", "format", "--check"],
        "mypy": ["mypy"],
        "import floors": ["lint-imports"],
    }
    for name, command in steps.items():
        start = time.monotonic()
        done = subprocess.run([str(BIN / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
        say(f"{name}: {'failed' if done.returncode else 'OK'} ({time.monotonic() - start:.1f} s)")
        if done.returncode:
            failed.append(name)
            say(done.stdout + done.stderr)
    say("pytest:")
    code = subprocess.run([*pytest, "-q"], cwd=ROOT, check=False).returncode
    if code == 1 and only_late(pytest):
        say(
            "Only tests that wait for threads, devices or windows failed. A busy machine can be too slow for one: once more, these alone."
        )
        code = subprocess.run([*pytest, "-q", *LAST_FAILED], cwd=ROOT, check=False).returncode
    if code:
        failed.append("pytest")
    if failed:
        say("Failed: " + ", ".join(failed))
    return 1 if failed else 0


VERBS = {"setup": setup, "app": app, "demo": demo, "test": test, "bench": bench, "blender": blender, "screenshots": screenshots}


def main(words: Sequence[str]) -> int:
    """Run one verb; whatever a user may meet ends in a sentence, not in a traceback."""
    if words and words[0] in {"-h", "--help", "help"}:
        say(__doc__ or "")
        return 0
    if not words or words[0] not in VERBS:
        say((__doc__ or "") if not words else f"There is no verb {words[0]!r}; there are: {', '.join(VERBS)}.")
        return 2
    try:
        return VERBS[words[0]](words[1:])
    except SetupError as problem:
        say(f"{problem.what}\n{problem.remedy}")
    except OSError as problem:
        remedies = {errno.ENOSPC: "Free some disk space", errno.EROFS: "Copy FaceStudio to a folder that can be written"}
        remedies[errno.EACCES] = remedies[errno.EPERM] = "Make the folder writable for you, or copy FaceStudio elsewhere"
        say(
            f"{problem.filename or ROOT}: {problem.strerror}.\n{remedies.get(problem.errno or 0, 'Set it right')} and run this again."
        )
    except KeyboardInterrupt:
        say("\nStopped. The next start carries on from a clean set-up.")
        return 130
    return 2


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a console that cannot show … must not stop us
    sys.exit(main(sys.argv[1:]))
