"""What FaceStudio needs from the system itself: found by asking the loader, installed where we may, named where not.

Part of run.py, so standard library only, and for any Python: it may be the one that tells the user to take another.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

SHARED_LIBRARIES = {"libstdc++.so.6": "libstdc++6", "libgomp.so.1": "libgomp1", "libz.so.1": "zlib1g"}
# What Qt and the 3D viewer load beyond those; their wheels bring the rest.
WINDOW_LIBRARIES = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libglib-2.0.so.0": "libglib2.0-0",
}
DRIVERS = ("/usr/lib", "/usr/lib64", "/usr/local/lib")  # in the folder dri of one of these lie OpenGL's drivers
SCREEN = "-screen 0 1920x1080x24"


class SetupError(Exception):
    """What went wrong, and what to do about it; each one sentence."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what, self.remedy = what, remedy


def say(line: str) -> None:
    """Print a line now, not when a buffer is full."""
    print(line, flush=True)


def tail(text: str, lines: int = 15) -> str:
    """The last lines of a program's output, indented."""
    return "\n".join("    " + line for line in text.strip().splitlines()[-lines:])


def may_install() -> list[str] | None:
    """The words to put before apt-get ([] as root, sudo without a password), or None when we may not install."""
    if not sys.platform.startswith("linux") or not shutil.which("apt-get"):
        return None
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0:
        return ["sudo", "-n"]
    return None


def install_system_packages(packages: Sequence[str], purpose: str) -> None:
    """Install Debian packages when we may, else raise with the one line to run."""
    line = "apt-get install -y --no-install-recommends " + " ".join(packages)
    prefix = may_install()
    if prefix is None:
        raise SetupError(f"{purpose} needs system packages that are missing: {' '.join(packages)}.", f"Run: sudo {line}")
    say(f"Installing {' '.join(packages)} …")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (line, "apt-get update", line):  # a fresh machine knows no package until the update
        done = subprocess.run([*prefix, *step.split()], capture_output=True, text=True, check=False, env=environment)
        if step == line and done.returncode == 0:
            return
    raise SetupError(f"apt-get could not install {' '.join(packages)}:\n{tail(done.stdout + done.stderr)}", f"Try: sudo {line}")


def missing_packages(libraries: Mapping[str, str]) -> list[str]:
    """The packages of those libraries that the system's loader does not know; none where it cannot be asked."""
    ldconfig = shutil.which("ldconfig", path=f"{os.environ.get('PATH', '')}:/sbin:/usr/sbin")
    if not sys.platform.startswith("linux") or not ldconfig:
        return []
    listed = subprocess.run([ldconfig, "-p"], capture_output=True, text=True, check=False).stdout
    return [package for library, package in libraries.items() if listed and library not in listed]


def check_shared_libraries() -> None:
    """Install or name the system libraries that the wheels expect."""
    missing = missing_packages(SHARED_LIBRARIES)
    if missing:
        install_system_packages(missing, "FaceStudio")


def check_window_libraries() -> None:
    """Install or name what the window and its viewer load from the system."""
    missing = missing_packages(WINDOW_LIBRARIES)
    drivers = [path for folder in DRIVERS for path in (*Path(folder).glob("*/dri/*"), *Path(folder).glob("dri/*"))]
    if sys.platform.startswith("linux") and shutil.which("ldconfig", path="/sbin:/usr/sbin") and not drivers:
        missing.append("libgl1-mesa-dri")
    if missing:
        install_system_packages(missing, "The window")


def has_screen() -> bool:
    """True where a window can be seen."""
    return not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def virtual_screen() -> list[str]:
    """The words before a command that opens windows nobody looks at: none where there is a screen, else xvfb-run, installed if need be."""
    if not sys.platform.startswith("linux") or os.environ.get("DISPLAY"):
        return []
    missing = [package for program, package in (("Xvfb", "xvfb"), ("xauth", "xauth")) if not shutil.which(program)]
    if missing:
        install_system_packages(missing, "A window without a screen")
    return ["xvfb-run", "-a", "-s", SCREEN]
