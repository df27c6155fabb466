"""Folder names that Windows, macOS and Linux accept alike."""

from __future__ import annotations

import unicodedata

import pytest

from facestudio.library.names import folder_name, free_name


@pytest.mark.parametrize(
    ("typed", "folder"),
    [
        ("Ada", "Ada"),
        ("Zoë", "Zoë"),
        (unicodedata.normalize("NFD", "Zoë"), "Zoë"),
        ("张伟", "张伟"),
        ("a/b\\c:d", "a_b_c_d"),
        ("..", "unnamed"),
        ("", "unnamed"),
        (" . ", "unnamed"),
        (".hidden", "hidden"),
        ("ends with a dot.", "ends with a dot"),
        ("CON", "_CON"),
        ("com1.txt", "_com1.txt"),
        ("line\nbreak\0", "line_break_"),
        ("bad \udcff byte", "bad _ byte"),
    ],
)
def test_a_typed_name_becomes_the_nearest_folder(typed: str, folder: str) -> None:
    assert folder_name(typed) == folder


def test_a_long_name_is_cut_between_letters() -> None:
    assert len(folder_name("é" * 500).encode()) <= 80
    assert set(folder_name("é" * 500)) == {"é"}


def test_a_taken_name_gets_the_first_free_number() -> None:
    assert free_name("a", {"a", "a 2"}.__contains__) == "a 3"
