"""Names of folders that every system accepts, made from whatever the operator typed."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from facestudio.paths import is_device, without_forbidden

_LONGEST = 80  # bytes: three levels, a library's own path and a file name must fit into Windows' 260 characters


def folder_name(name: str, otherwise: str = "unnamed") -> str:
    """The nearest name of a folder to what was typed: safe on Windows, macOS and Linux, and never hidden.

    Accented letters are composed (NFC), so that a name copied from a Mac is the same name.
    """
    kept = without_forbidden(unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode("utf-8")))
    kept = kept.encode("utf-8")[:_LONGEST].decode("utf-8", "ignore").strip(" .")
    if is_device(kept):
        kept = f"_{kept}"
    return kept or otherwise


def free_name(name: str, taken: Callable[[str], bool]) -> str:
    """The name itself, or with the first number from 2 that nothing has taken yet."""
    if not taken(name):
        return name
    number = 2
    while taken(f"{name} {number}"):
        number += 1
    return f"{name} {number}"
