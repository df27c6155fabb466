"""models/manifest.toml: what every shipped model file is, where it came from, and under which licence.

One `[[asset]]` per file, with text fields only. Whoever writes a model file calls `record`, which replaces that file's entry and
keeps the others.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path

from facestudio.atomic import write_file
from facestudio.errors import HeadModelError

_HEADER = "# Written by facestudio.manifest; one entry per shipped file.\n"


def read(folder: Path) -> list[dict[str, str]]:
    """The entries of `folder`/manifest.toml, [] when there is none. Raises HeadModelError when it is not TOML."""
    path = folder / "manifest.toml"
    if not path.is_file():
        return []
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise HeadModelError(f"{path} is not a readable manifest ({error}).", "Restore it from the repository.") from error
    return [{str(k): str(v) for k, v in entry.items()} for entry in data.get("asset", [])]


def record(folder: Path, entry: dict[str, str]) -> None:
    """Put an entry (it needs "name" and "file") into `folder`/manifest.toml; its sha256 is taken from the file itself."""
    complete = entry | {"sha256": hashlib.sha256((folder / entry["file"]).read_bytes()).hexdigest()}
    entries = sorted([e for e in read(folder) if e.get("file") != entry["file"]] + [complete], key=lambda e: e["name"])
    # A JSON string is a TOML basic string.
    blocks = ["[[asset]]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in e.items()) for e in entries]
    write_file(folder / "manifest.toml", (_HEADER + "\n" + "\n".join(blocks)).encode())
