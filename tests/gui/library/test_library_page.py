"""The Library page in the real window, driven by clicks and keys."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PySide6.QtCore import QItemSelectionModel, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from facestudio.app.application import Application
from facestudio.app.pages.library.page import LibraryPage
from facestudio.app.theme import tokens
from facestudio.library.add import NewCapture
from facestudio.library.records import CaptureState
from facestudio.paths import resources_dir
from facestudio.pipeline import reconstruct_capture as pipeline
from facestudio.types import ViewName
from tests.app.test_contrast import contrast
from tests.gui.watchdog import Watchdog


@pytest.fixture
def triplets(tmp_path: Path) -> Path:
    """A folder of six triplets, each photo of its own colour."""
    folder = tmp_path / "triplets"
    folder.mkdir()
    for k in range(6):
        for n, view in enumerate(ViewName):
            Image.new("RGB", (60, 80), (40 * k, 80 * n, 120)).save(folder / f"person {k}_{view}.jpg")
    return folder


@pytest.fixture
def page(program: Application) -> LibraryPage:
    program.navigator.open_library()
    shown = program.window.stage.pages["library"]
    assert isinstance(shown, LibraryPage)
    return shown


@pytest.fixture
def filled(program: Application, triplets: Path, qtbot: QtBot) -> LibraryPage:
    """The page with six captures of two subjects."""
    for k in range(6):
        photos = {view: triplets / f"person {k}_{view}.jpg" for view in ViewName}
        program.context.library.add_capture(NewCapture("Ada" if k < 4 else "Bo", f"visit {k % 2}", photos))
    program.navigator.open_library()
    shown = program.window.stage.pages["library"]
    assert isinstance(shown, LibraryPage)
    shown.activated()
    qtbot.waitUntil(lambda: not shown.presenter.busy and not shown.presenter._looks.busy)
    return shown


def click_card(page: LibraryPage, row: int, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    place = page.grid.visualRect(page.grid.captures.index(row)).center()
    QTest.mouseClick(page.grid.viewport(), Qt.MouseButton.LeftButton, modifier, place)


def holds(path: Path, content: bytes) -> bool:
    """Whether a file is there and holds this; for a moment of a swap it is not there."""
    try:
        return path.read_bytes() == content
    except FileNotFoundError:
        return False


def drop(page: LibraryPage, paths: list[Path]) -> None:
    """Drop files on the page as a file manager does."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    actions, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    page.dragEnterEvent(QDragEnterEvent(QPoint(50, 50), actions, mime, left, none))
    page.dropEvent(QDropEvent(QPointF(50, 50), actions, mime, left, none))


def test_a_dropped_folder_of_six_triplets_becomes_six_captures(page: LibraryPage, triplets: Path, qtbot: QtBot) -> None:
    assert page.empty.isVisible()
    drop(page, [triplets])
    qtbot.waitUntil(page.import_panel.isVisible)
    assert page.import_panel.accept.text() == "Import 6 captures"
    assert page.import_inspector.subject.text() == "person 0"
    QTest.keyClick(page.import_panel.list, Qt.Key.Key_Space)  # leave the first one out
    assert page.import_panel.accept.text() == "Import 5 captures"
    QTest.keyClick(page.import_panel.list, Qt.Key.Key_Down)
    QTest.keyClicks(page.import_inspector.name, "smile")
    QTest.keyClick(page.import_inspector.name, Qt.Key.Key_Return)
    tile = page.import_inspector.tiles.tiles[ViewName.LEFT]
    QTest.keyClick(tile, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    qtbot.mouseClick(page.import_panel.accept, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.grid.isVisible() and page.grid.captures.rowCount() == 5)
    first = page.presenter.library.captures("smile")[0]
    assert first.subject == "person 1"
    assert first.photos[ViewName.LEFT].read_bytes() == (triplets / "person 1_front.jpg").read_bytes()
    assert page.presenter.selection[0] == first


def test_cards_show_their_photos_and_the_thumbnails_are_kept(filled: LibraryPage, qtbot: QtBot) -> None:
    kept = filled.presenter.library.root / ".thumbnails"
    qtbot.waitUntil(lambda: len(list(kept.rglob("*.jpg"))) >= 12)
    qtbot.waitUntil(lambda: not filled.presenter.thumbnails._wishes)
    picture = filled.grid.grab().toImage()
    rect = filled.grid.visualRect(filled.grid.captures.index(1))
    ratio = picture.devicePixelRatio()
    colour = picture.pixelColor(int((rect.left() + 40) * ratio), int((rect.top() + 40) * ratio))
    assert abs(colour.blue() - 120) < 12


def test_the_keyboard_alone_selects_renames_deletes_and_takes_it_back(
    filled: LibraryPage, program: Application, qtbot: QtBot
) -> None:
    filled.grid.setFocus()
    QTest.keyClick(filled.grid, Qt.Key.Key_Home)
    QTest.keyClick(filled.grid, Qt.Key.Key_Right)
    second = filled.presenter.selection[0]
    assert second == filled.presenter.library.records(filled.presenter.listing.keys)[1]
    QTest.keyClick(filled.grid, Qt.Key.Key_F2)
    assert filled.inspected.name.hasFocus()
    QTest.keyClicks(filled.inspected.name, "smile")
    QTest.keyClick(filled.inspected.name, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: filled.presenter.selection[0].name == "smile")
    filled.grid.setFocus()
    QTest.keyClick(filled.grid, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: filled.grid.captures.rowCount() == 5)
    assert filled.presenter.selection == ()
    QTest.keyClick(program.window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: filled.grid.captures.rowCount() == 6)
    QTest.keyClick(program.window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: not filled.presenter.library.captures("smile"))


def test_search_and_filter_narrow_the_grid(filled: LibraryPage, qtbot: QtBot) -> None:
    QTest.keyClick(filled.grid, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert filled.bar.search.hasFocus()
    QTest.keyClicks(filled.bar.search, "bo")
    qtbot.waitUntil(lambda: filled.grid.captures.rowCount() == 2)
    filled.bar.search.clear()
    qtbot.waitUntil(lambda: filled.grid.captures.rowCount() == 6)
    qtbot.mouseClick(filled.bar.states[CaptureState.EXPORTED], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(filled.nothing_found.isVisible)
    qtbot.mouseClick(filled.bar.states[None], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(filled.grid.isVisible)


def test_a_click_with_shift_selects_a_run_and_the_pane_speaks_of_all(filled: LibraryPage) -> None:
    click_card(filled, 0)
    click_card(filled, 2, Qt.KeyboardModifier.ShiftModifier)
    assert len(filled.presenter.selection) == 3
    assert filled.inspected.currentWidget() is filled.inspected.many


def test_photos_are_swapped_by_the_button_and_back_by_undo(filled: LibraryPage, program: Application, qtbot: QtBot) -> None:
    click_card(filled, 0)
    record = filled.presenter.selection[0]
    left, front = (record.photos[view].read_bytes() for view in (ViewName.LEFT, ViewName.FRONT))
    qtbot.mouseClick(filled.inspected.tiles.buttons[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: holds(record.photos[ViewName.LEFT], front))
    qtbot.waitUntil(lambda: not filled.presenter.edits.busy)
    program.context.undo.undo()
    qtbot.waitUntil(lambda: holds(record.photos[ViewName.LEFT], left))


def test_erasing_asks_for_the_name_in_place(filled: LibraryPage, qtbot: QtBot) -> None:
    click_card(filled, 0)
    person = filled.inspected.person
    qtbot.mouseClick(person.erase, Qt.MouseButton.LeftButton)
    assert not person.confirm.isEnabled()
    QTest.keyClicks(person.typed, "ada")
    assert not person.confirm.isEnabled()
    person.typed.clear()
    QTest.keyClicks(person.typed, "Ada")
    qtbot.mouseClick(person.confirm, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: filled.grid.captures.rowCount() == 2)
    assert not (filled.presenter.library.root / "Ada").exists()


def test_the_question_before_erasing_is_in_sight_in_the_smallest_window(
    filled: LibraryPage, program: Application, qtbot: QtBot
) -> None:
    program.window.resize(1280, 720)
    click_card(filled, 0)
    person = filled.inspected.person
    qtbot.mouseClick(person.erase, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: fully_seen(person.keep) and fully_seen(person.typed))


def fully_seen(widget: QWidget) -> bool:
    """Nothing of it is cut off by what it is scrolled in."""
    return widget.isVisible() and widget.visibleRegion().boundingRect() == widget.rect()


def test_why_a_capture_is_left_out_can_be_read(page: LibraryPage, triplets: Path, qtbot: QtBot) -> None:
    drop(page, [triplets])
    qtbot.waitUntil(page.import_panel.isVisible)
    found = page.import_panel.list
    QTest.keyClick(found, Qt.Key.Key_Space)
    rect = found.visualRect(found.model().index(0, 0))
    image = found.viewport().grab(rect.adjusted(230, 8, -12, -8)).toImage()
    colours = {image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height())}
    assert max(contrast(colour, tokens().surface_2) for colour in colours) > 10  # the name, in the text's own colour


def test_what_was_typed_for_one_subject_does_not_erase_another(filled: LibraryPage, qtbot: QtBot) -> None:
    click_card(filled, 0)
    qtbot.mouseClick(filled.inspected.person.erase, Qt.MouseButton.LeftButton)
    QTest.keyClicks(filled.inspected.person.typed, "Ada")
    click_card(filled, 5)
    assert filled.presenter.selection[0].subject == "Bo"
    assert not filled.inspected.person.typed.isVisible()
    assert not filled.inspected.person.confirm.isEnabled()


def test_the_trash_is_emptied_after_asking_in_place(filled: LibraryPage, qtbot: QtBot) -> None:
    trash = filled.inspected.nothing.trash
    assert trash.isHidden()
    click_card(filled, 0)
    QTest.keyClick(filled.grid, Qt.Key.Key_Delete)
    qtbot.waitUntil(trash.isVisible)
    assert trash.back.text() == "Bring back capture 1"
    qtbot.mouseClick(trash.empty, Qt.MouseButton.LeftButton)
    assert trash.keep.hasFocus()
    qtbot.mouseClick(trash.confirm, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(trash.isHidden)
    assert not list((filled.presenter.library.root / ".trash").iterdir())


def test_a_photo_is_dragged_onto_another_to_swap_them(filled: LibraryPage, qtbot: QtBot) -> None:
    click_card(filled, 0)
    record = filled.presenter.selection[0]
    right = record.photos[ViewName.RIGHT].read_bytes()
    mime = QMimeData()
    mime.setData("application/x-facestudio-view", b"right")
    none, left = Qt.KeyboardModifier.NoModifier, Qt.MouseButton.LeftButton
    filled.inspected.tiles.tiles[ViewName.LEFT].dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.MoveAction, mime, left, none))
    qtbot.waitUntil(lambda: holds(record.photos[ViewName.LEFT], right))
    qtbot.waitUntil(lambda: not filled.presenter.busy)


def test_all_new_are_reconstructed_and_their_cards_say_so(
    filled: LibraryPage, program: Application, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    preview = resources_dir() / "sample" / "front.jpg"

    def fake(capture: Path, settings: Any, progress: Any, cancel: Any, partial: Any) -> None:
        progress("fit", 0.5)
        (capture / "head").mkdir()
        shutil.copy(preview, capture / "head" / "preview.png")
        (capture / "head" / "x.head.npz").write_bytes(b"")

    monkeypatch.setattr(pipeline, "reconstruct_capture", fake)
    assert filled.bar.all_new.text() == "Reconstruct all new (6)"
    qtbot.mouseClick(filled.bar.all_new, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: filled.presenter.counts[CaptureState.RECONSTRUCTED] == 6)
    assert filled.bar.all_new.isHidden()


def test_enter_opens_a_capture(filled: LibraryPage, program: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "reconstruct_capture", lambda *_: None)
    opened: list[object] = []
    program.navigator.capture_opened.connect(opened.append)
    click_card(filled, 0)
    QTest.keyClick(filled.grid, Qt.Key.Key_Return)
    assert opened == [filled.presenter.selection[0].path]


def test_the_menu_offers_what_can_be_done(filled: LibraryPage) -> None:
    click_card(filled, 0)
    menu = filled.make_menu()
    texts = {action.text(): action.isEnabled() for action in menu.actions() if action.text()}
    assert list(texts) == ["Open", "Reconstruct", "Export…", "Rename", "Delete", "Export subject…", "Erase subject…"]
    assert not texts["Export…"]
    menu.deleteLater()


def test_every_control_has_a_name_for_those_who_do_not_see_it(filled: LibraryPage) -> None:
    from PySide6.QtWidgets import QAbstractButton, QLineEdit, QPlainTextEdit

    click_card(filled, 0)
    for root in (filled, filled.inspector()):
        for kind in (QAbstractButton, QLineEdit, QPlainTextEdit):
            for control in root.findChildren(kind):
                if control.objectName().startswith("qt_") or (type(control).__name__ == "QToolButton" and not control.parent()):
                    continue
                text = control.text() if isinstance(control, QAbstractButton) else ""
                ours = not (isinstance(control.parent(), QLineEdit))
                assert not ours or control.accessibleName() or text, control


def test_a_large_library_scrolls_without_standing_still(page: LibraryPage, program: Application, qtbot: QtBot) -> None:
    from tests.benchmarks.bench_library import make_library

    make_library(program.context.library.root, 2000)
    program.context.library.refresh()
    page.presenter.reload()
    qtbot.waitUntil(page.grid.isVisible)
    assert page.grid.captures.rowCount() == 2000
    dog = Watchdog()
    dog.start()
    bar = page.grid.verticalScrollBar()
    for value in range(0, bar.maximum(), bar.maximum() // 40):
        bar.setValue(value)
        qtbot.wait(12)
    dog.stop()
    page.grid.selectionModel().select(page.grid.captures.index(1999), QItemSelectionModel.SelectionFlag.ClearAndSelect)
    assert page.presenter.selection[0].path.is_dir()
    assert len(dog.all) > 40  # the times are for the benchmark; here, that it went on at all
