"""An installed Blender, if there is one, as the writer of .blend and .fbx. It runs as a program of its own; nothing needs it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from facestudio.errors import ProgramError
from facestudio.progress import CancelToken

VARIABLE = "FACESTUDIO_BLENDER"
OLDEST = (3, 0)
_WINDOWS = ("PROGRAMFILES", "PROGRAMW6432", "LOCALAPPDATA")
_POLL_SECONDS = 0.1
_LONGEST_SECONDS = 600.0
_GET = f"Install Blender 3 or newer (blender.org), or name its program in the environment variable {VARIABLE}."


def find_blender() -> Path | None:
    """The Blender to run: the one that FACESTUDIO_BLENDER names, else one on the PATH, else one where installers put it."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).expanduser()
    return next((p for p in _places() if p.is_file()), None)


def run_script(script: Path, arguments: Sequence[str], cancel: CancelToken) -> None:
    """Run one of our scripts in Blender, without a window and without the user's settings and add-ons.

    Raises ProgramError when there is no Blender, when it is too old, or when the script fails; Cancelled when asked to stop.
    """
    blender = find_blender()
    if blender is None:
        raise ProgramError("No Blender was found on this computer, and .blend and .fbx files need it.", _GET)
    options = ["--background", "--factory-startup", "--python-exit-code", "3", "--python", str(script), "--", *arguments]
    # Blender's own Python takes the first python3 on the PATH for its home, and then misses the modules that came with Blender.
    plain = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    if sys.platform.startswith("linux"):
        plain["PATH"] = os.defpath
    said = script.with_suffix(".log")
    try:
        hidden = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # Windows would open a console
        with (
            said.open("wb") as log,
            subprocess.Popen([str(blender), *options], stdout=log, stderr=log, env=plain, creationflags=hidden) as program,
        ):
            code = _wait(program, cancel)
        text = said.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ProgramError(f"{blender} cannot be started ({error.strerror}).", _GET) from error
    finally:
        said.unlink(missing_ok=True)
    if code != 0:
        raise ProgramError(f"Blender could not write the file: {_last_line(text)}", _advice(text))


def _wait(program: subprocess.Popen[bytes], cancel: CancelToken) -> int:
    waited = 0.0
    try:
        while True:
            cancel.check()
            try:
                return program.wait(_POLL_SECONDS)
            except subprocess.TimeoutExpired:
                waited += _POLL_SECONDS
            if waited > _LONGEST_SECONDS:
                raise ProgramError("Blender did not finish within ten minutes.", "Open the script beside the head in Blender.")
    except BaseException:
        program.kill()
        raise


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip() and "Blender quit" not in line]
    errors = [line for line in lines if re.match(r"[A-Za-z.]*(Error|Exception)\b", line)]
    return (errors or lines or ["it said nothing"])[-1]


def _advice(text: str) -> str:
    found = re.search(r"^Blender (\d+)\.(\d+)", text, re.MULTILINE)
    if found and (int(found[1]), int(found[2])) < OLDEST:
        return _GET
    return "Open the .glb in Blender itself, or report this message."


def _places() -> Iterator[Path]:
    on_path = shutil.which("blender")
    if on_path:
        yield Path(on_path)
    if sys.platform == "win32":
        for variable in _WINDOWS:
            folder = Path(os.environ.get(variable, "")) / "Blender Foundation"
            yield from sorted(folder.glob("Blender*/blender.exe"), reverse=True)
    elif sys.platform == "darwin":
        yield Path("/Applications/Blender.app/Contents/MacOS/Blender")
    else:
        yield from (Path("/snap/bin/blender"), Path("/var/lib/flatpak/exports/bin/org.blender.Blender"))
