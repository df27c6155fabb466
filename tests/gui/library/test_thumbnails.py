"""Thumbnails come when they are asked for, are kept within a bound, and go with their subject."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from pytestqt.qtbot import QtBot

from facestudio.app.pages.library import thumbnails
from facestudio.app.pages.library.thumbnails import Thumbnails


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Twenty pictures that belong to no library."""
    found = []
    for k in range(20):
        found.append(tmp_path / "outside" / f"{k}.png")
        found[-1].parent.mkdir(exist_ok=True)
        Image.new("RGB", (512, 256), (10 * k, 0, 0)).save(found[-1])
    return found


@pytest.fixture
def store(qtbot: QtBot, tmp_path: Path) -> Iterator[Thumbnails]:
    made = Thumbnails(tmp_path / "library")
    yield made
    made.shut_down()


def come(store: Thumbnails, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not store._wishes)


def test_a_picture_comes_later_and_is_small(store: Thumbnails, qtbot: QtBot, pictures: list[Path]) -> None:
    assert store.get(pictures[0]) is None
    come(store, qtbot)
    picture = store.get(pictures[0])
    assert picture is not None
    assert (picture.width(), picture.height()) == (256, 128)


def test_memory_is_bounded_and_the_oldest_go_first(
    store: Thumbnails, qtbot: QtBot, pictures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thumbnails, "KEPT_BYTES", 5 * 256 * 128 * 4)
    for path in pictures:
        store.get(path)
        come(store, qtbot)
    assert list(store._kept) == pictures[-5:]
    assert store._bytes <= thumbnails.KEPT_BYTES


def test_wishes_that_scrolled_by_are_forgotten(
    store: Thumbnails, qtbot: QtBot, pictures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thumbnails, "MOST_WISHES", 3)
    for path in pictures:
        store.get(path)
    come(store, qtbot)
    assert set(pictures[-3:]) <= set(store._kept)
    assert len(store._kept) < len(pictures)


def test_a_file_that_is_no_picture_is_known_as_broken(store: Thumbnails, qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(b"nonsense")
    store.get(tmp_path / "x.jpg")
    come(store, qtbot)
    assert store.is_broken(tmp_path / "x.jpg")
    assert store.get(tmp_path / "x.jpg") is None


def test_what_changed_is_shown_old_until_the_new_has_come(store: Thumbnails, qtbot: QtBot, pictures: list[Path]) -> None:
    store.get(pictures[0])
    come(store, qtbot)
    Image.new("RGB", (512, 256), (0, 255, 0)).save(pictures[0])
    store.look_again()
    old = store.get(pictures[0])
    assert old is not None and old.toImage().pixelColor(5, 5).green() == 0
    come(store, qtbot)
    new = store.get(pictures[0])
    assert new is not None and new.toImage().pixelColor(5, 5).green() == 255


def test_an_erased_subject_is_forgotten_at_once(store: Thumbnails, qtbot: QtBot, pictures: list[Path]) -> None:
    store.get(pictures[0])
    come(store, qtbot)
    store.forget(pictures[0].parent)
    assert not store._kept
    assert store._bytes == 0
