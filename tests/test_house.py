"""The rules of the house that neither ruff, mypy nor import-linter can express."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "facestudio"
LONGEST_FILE = 400
NAMES_THAT_SAY_NOTHING = {"utils", "util", "core", "helpers", "helper", "common", "manager", "misc"}
ROOMS_WITHOUT_TORCH = ("app", "capture", "library", "export", "cli")
WINDOW_PACKAGES = ("PySide6", "pyvista", "pyvistaqt", "vtk", "vtkmodules")


def python_files() -> list[Path]:
    """Every Python file of ours."""
    folders = (PACKAGE, ROOT / "tests", ROOT / "tools", ROOT / "resources", ROOT / "packaging")
    found = [ROOT / "run.py"] + [path for folder in folders for path in folder.rglob("*.py")]
    return sorted(path for path in found if "__pycache__" not in path.parts)


def module_name(path: Path) -> str:
    """`facestudio/head/model.py` -> `facestudio.head.model`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter in the repository root."""
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


def imports_at_start(source: str) -> set[str]:
    """Top-level names of the packages that importing this source imports: all but those in functions or TYPE_CHECKING."""

    def walk(body: list[ast.stmt]) -> Iterator[str]:
        for node in body:
            if isinstance(node, ast.Import):
                yield from (alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module.split(".")[0]
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                yield from walk(node.orelse)
            else:
                for part in ("body", "orelse", "finalbody"):
                    yield from walk(getattr(node, part, []))
                for handler in getattr(node, "handlers", []):
                    yield from walk(handler.body)

    return set(walk(ast.parse(source).body))


def all_imports(path: Path) -> set[str]:
    """Top-level names of all packages that a file imports anywhere."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def pins(name: str) -> dict[str, str]:
    """Distribution -> version of one lock file, for this platform."""
    lines = (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines()
    wanted = [line.split(";")[0].strip() for line in lines if line.strip() and not line.startswith("#")]
    return {re.sub(r"[-_.]+", "-", pin.split("==")[0]).lower(): pin.split("==")[1] for pin in wanted}


def test_everything_outside_app_imports_without_qt_and_without_the_viewer() -> None:
    modules = [module_name(path) for path in python_files() if PACKAGE in path.parents and path.name != "__main__.py"]
    wanted = [name for name in modules if not name.startswith("facestudio.app")]
    code = f"""
import importlib, sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {WINDOW_PACKAGES!r}:
            raise ImportError("blocked " + name)
sys.meta_path.insert(0, Blocker())
try:
    import PySide6
except ImportError as error:
    assert "blocked" in str(error), "the blocker does not block"
else:
    raise SystemExit("the blocker does not block")
for name in {wanted!r}:
    importlib.import_module(name)
print(len({wanted!r}))
"""
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 10


@pytest.mark.parametrize(
    ("statement", "loaded"),
    [
        ("import facestudio", ""),
        ("import facestudio.types, facestudio.errors, facestudio.progress", ""),
        ("import facestudio, cv2", "cv2"),  # the control: what is loaded is seen
    ],
)
def test_importing_the_package_loads_nothing_heavy(statement: str, loaded: str) -> None:
    code = f"import sys\n{statement}\nprint(*[n for n in ('torch', 'cv2', 'mediapipe', 'numba', 'scipy') if n in sys.modules])"
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == loaded


def test_torch_is_never_imported_at_module_level_by_the_rooms_that_must_start_fast() -> None:
    guilty = [
        str(path.relative_to(ROOT))
        for room in ROOMS_WITHOUT_TORCH
        for path in (PACKAGE / room).rglob("*.py")
        if "torch" in imports_at_start(path.read_text(encoding="utf-8"))
    ]
    assert not guilty


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("import torch.nn", True),
        ("try:\n    from torch import nn\nexcept ImportError:\n    pass", True),
        ("class A:\n    import torch", True),
        ("def f():\n    import torch", False),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch", False),
    ],
)
def test_the_check_for_imports_at_start_sees_what_runs_at_import(source: str, seen: bool) -> None:
    assert ("torch" in imports_at_start(source)) is seen


def test_no_file_is_longer_than_the_house_allows() -> None:
    lengths = {path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines()) for path in python_files()}
    assert not {str(path): length for path, length in lengths.items() if length > LONGEST_FILE}


def test_no_file_or_folder_has_a_name_that_says_nothing() -> None:
    guilty = [
        path for path in python_files() if NAMES_THAT_SAY_NOTHING & {part.lower() for part in path.with_suffix("").parts[-4:]}
    ]
    assert not guilty


def test_pickles_are_opened_in_one_file_at_most() -> None:
    openers = {"pickle", "dill", "cloudpickle", "joblib", "shelve"}
    files = [path for path in python_files() if PACKAGE in path.parents and openers & all_imports(path)]
    assert len(files) <= 1, files


def test_nothing_names_the_machine_it_was_written_on() -> None:
    needles = ("/" + "work/", "/" + "root/", "/" + "home/")
    kinds = {".py", ".md", ".toml", ".txt", ".yaml", ".json", ".mjs", ""}
    places = [ROOT / name for name in ("facestudio", "tests", "docs", "tools", "models", "resources", "requirements", ".ci")]
    files = [path for place in places for path in place.rglob("*") if path.is_file() and path.suffix in kinds]
    files += [
        path for path in ROOT.iterdir() if path.is_file() and path.suffix in kinds and path.name not in {".coverage", ".git"}
    ]
    texts = {path: path.read_text(encoding="utf-8", errors="replace") for path in files if "__pycache__" not in path.parts}
    guilty = [str(path.relative_to(ROOT)) for path, text in texts.items() if any(needle in text for needle in needles)]
    assert not guilty


def test_every_pin_is_exact_and_is_what_is_installed() -> None:
    wanted = {**pins("lock.txt"), **pins("torch.txt"), **pins("dev.txt")}
    if sys.platform != "win32":
        wanted.pop("colorama")
    installed = {name: importlib.metadata.version(name).split("+")[0] for name in wanted}
    assert installed == wanted


@pytest.mark.parametrize(
    ("folder", "locks"), [("facestudio", ("lock.txt", "torch.txt")), ("tests", ("lock.txt", "torch.txt", "dev.txt"))]
)
def test_whatever_is_imported_is_pinned(folder: str, locks: tuple[str, ...]) -> None:
    pinned = {name for lock in locks for name in pins(lock)}
    providers = importlib.metadata.packages_distributions()
    own = {"facestudio", "tests", "tools", "run", "__future__"} | set(sys.stdlib_module_names)
    optional = {"bpy", "mathutils", "pytorch3d", "torchvision", "eos"} | set(WINDOW_PACKAGES)  # what is probed for
    unpinned = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / folder).rglob("*.py")
        for name in all_imports(path) - own - optional
        if not {re.sub(r"[-_.]+", "-", dist).lower() for dist in providers.get(name, [])} & pinned
    }
    assert not unpinned


@pytest.mark.parametrize("before", ["", "import facestudio.reconstruct", "from facestudio.reconstruct import fit"])
def test_the_front_door_offers_reconstruct_whatever_was_imported_before(before: str) -> None:
    code = f"{before}\nimport facestudio\nfrom facestudio import reconstruct\nfrom facestudio.pipeline import build_head\n"
    code += "from facestudio.reconstruct.fit import FitConfig\n"
    code += "assert facestudio.reconstruct is reconstruct is build_head.reconstruct"
    done = run_python(code)
    assert done.returncode == 0, done.stderr
