"""How long a library of 10,000 captures takes to open, to page through and to search. Makes one in a temporary folder.

python -m tests.benchmarks.bench_library [--captures 10000]
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from facestudio.library import layout
from facestudio.library.records import CaptureState
from facestudio.library.store import Library

_PER_SESSION, _SESSIONS = 10, 4
_NAMES = ("Ada", "Bo", "Chidi", "Dína", "Émile", "Farah", "Gökçe", "Hana", "Ivo", "Jun")
_PICTURE = b"\xff\xd8\xff\xe0 not a picture: the library never looks inside"
_OLD = time.time() - 3600.0  # else all of it counts as just written, and is read again


def make_library(root: Path, captures: int) -> None:
    """Write captures as the window would leave them: half of them reconstructed, some exported, some failed."""
    chance = random.Random(0)
    made = 0
    while made < captures:
        subject = root / f"{chance.choice(_NAMES)} {made // (_PER_SESSION * _SESSIONS):04d}"
        for visit in range(1, _SESSIONS + 1):
            session = subject / f"visit {visit}"
            for number in range(1, _PER_SESSION + 1):
                if made < captures:
                    _make_capture(session / f"capture {number}", made)
                    made += 1
            _write(session / layout.SESSION_FILE, layout.json_bytes({"name": session.name}))
        _write(subject / layout.SUBJECT_FILE, layout.json_bytes({"name": subject.name}))


def _make_capture(folder: Path, number: int) -> None:
    folder.mkdir(parents=True)
    photos = {view: {"file": f"{view}.jpg", "sha256": f"{number:063x}{k}"} for k, view in enumerate(("left", "front", "right"))}
    for entry in photos.values():
        _write(folder / entry["file"], _PICTURE)
    content = {"name": folder.name, "created": "2026-05-04T10:00:00", "notes": f"note {number}", "photos": photos}
    _write(folder / layout.CAPTURE_FILE, layout.json_bytes(content))
    if number % 2:
        (folder / layout.HEAD_FOLDER).mkdir()
        _write(folder / layout.HEAD_FOLDER / f"{folder.name}{layout.HEAD_ENDING}", b"")
        if number % 3:
            _write(folder / layout.HEAD_FOLDER / layout.EXPORTED_FILE, b"{}")
    elif number % 10 == 0:
        _write(
            folder / layout.ERROR_FILE,
            layout.json_bytes({"what": "No face was found in front.jpg.", "remedy": "Take it again."}),
        )


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _age(root: Path) -> None:
    import os

    for folder, _, files in os.walk(root, topdown=False):
        for name in (*files, "."):
            os.utime(Path(folder) / name, (_OLD, _OLD))


def _measured(label: str, work: Callable[[], object], repeat: int = 1) -> float:
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    median = statistics.median(times)
    worst = f"  (worst of {repeat}: {max(times) * 1000:.1f} ms)" if repeat > 1 else ""
    sys.stdout.write(f"{label:<58} {median * 1000:9.1f} ms{worst}\n")
    return median


def main() -> None:
    """Make a library and measure it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--captures", type=int, default=10_000)
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), parser.parse_args().captures)


def measure(root: Path, captures: int) -> None:
    """Print what each step takes."""
    _measured(f"write {captures} captures", lambda: make_library(root, captures))
    _age(root)
    library = Library.open(root)
    _measured("first refresh: every file is read, the index made", library.refresh)
    library.close()
    library = Library.open(root)

    def first_page() -> None:
        opened = Library.open(root)
        opened.records(opened.find().keys[:40])
        opened.close()

    _measured("open, list, and read the first page of 40", first_page, 5)
    _measured("refresh when nothing changed", library.refresh, 3)
    keys = library.find().keys
    pages = random.Random(1).sample(range(max(len(keys) - 40, 1)), min(200, max(len(keys) - 40, 1)))
    at = iter(pages * 2)

    def page() -> None:
        start = next(at)
        library.records(keys[start : start + 40])

    _measured("a page of 40 from anywhere", page, min(200, len(pages)))
    _measured("search: a word in few", lambda: library.find("1234"), 5)
    _measured("search: a word in most", lambda: library.find("visit"), 5)
    _measured("filter: needs attention", lambda: library.find(states=[CaptureState.NEEDS_ATTENTION]), 5)
    _measured("count by state", library.counts, 5)
    changed = library.records(keys[:1])[0].path
    _measured("rename one capture", lambda: library.rename_capture(changed, "another name"))
    _measured("erase one subject", lambda: library.erase_subject(library.subjects()[5].path))
    library.close()


if __name__ == "__main__":
    main()
