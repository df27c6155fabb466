"""What an operator does in the real window, with real clicks and keys, from the first start to a file for Blender."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pygltflib
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from facestudio.app.application import Application
from facestudio.app.jobs import JobState
from facestudio.app.pages.export.page import ExportPage
from facestudio.app.pages.export.presenter import Stands
from facestudio.app.pages.head.page import HeadPage
from facestudio.app.pages.head.presenter import Shows
from facestudio.app.registry import page_classes
from facestudio.app.stage import WELCOME
from facestudio.app.theme import tokens
from facestudio.library.records import CaptureState
from facestudio.types import ByteArray

LONG = 240_000  # milliseconds for a whole reconstruction on a loaded machine
pytestmark = pytest.mark.slow


def pixels(widget: QWidget) -> ByteArray:
    """(H, W, 3) what a widget shows now."""
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def shown_share(picture: ByteArray) -> float:
    """How much of the viewer is not background."""
    background = np.array([int(tokens().surface_0[i : i + 2], 16) for i in (1, 3, 5)])
    return float((np.abs(picture.astype(int) - background).max(-1) > 24).mean())


def colourfulness(picture: ByteArray) -> float:
    """How far from grey the coloured part is: clay is grey, skin is not."""
    spread = picture.max(-1).astype(int) - picture.min(-1)
    return float((spread > 40).mean())


def difference(a: ByteArray, b: ByteArray) -> float:
    """Share of the pixels that are clearly different."""
    return float((np.abs(a.astype(int) - b).max(-1) > 24).mean())


def head_page(program: Application) -> HeadPage:
    """The page, as it stands on the stage."""
    page = program.window.stage.pages["head"]
    assert isinstance(page, HeadPage)
    return page


def click(qtbot: QtBot, widget: QWidget) -> None:
    """A real click in the middle of a widget."""
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)


def button(root: QWidget, text: str) -> QPushButton:
    """The visible button with a text in it."""
    found = [b for b in root.findChildren(QPushButton) if text in b.text() and b.isVisible()]
    assert len(found) == 1, [b.text() for b in root.findChildren(QPushButton) if b.isVisible()]
    return found[0]


def reconstruct_sample(program: Application, qtbot: QtBot) -> HeadPage:
    """One click on the first screen, and no other question until the finished head stands there."""
    window = program.window
    assert window.stage.current == WELCOME
    click(qtbot, window.stage.welcome.sample)
    qtbot.waitUntil(lambda: "head" in window.stage.pages, timeout=LONG)
    page = head_page(program)
    qtbot.waitUntil(lambda: page.presenter.shows is Shows.HEAD and not page.presenter.unfinished, timeout=LONG)
    qtbot.waitUntil(lambda: not program.jobs.active(), timeout=LONG)
    return page


def settled(qtbot: QtBot, look: Callable[[], ByteArray]) -> ByteArray:
    """A picture that no longer changes."""
    last = look()
    for _ in range(20):
        qtbot.wait(400)  # well beyond the viewer's patience (160 ms) before it smooths the edges of a picture at rest
        now = look()
        if np.array_equal(now, last):
            return now
        last = now
    return last


def export_head(program: Application, qtbot: QtBot, page: HeadPage) -> None:
    """By the Head page's own button to the Export page, and there to files that other programs can read."""
    bar = page.tabs.tabBar()
    qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(3).center())
    click(qtbot, button(page.export, "Export"))
    export = program.window.stage.pages["export"]
    assert isinstance(export, ExportPage)
    assert program.window.stage.current == "export"
    click(qtbot, export.start)
    qtbot.waitUntil(lambda: export.presenter.stands is Stands.DONE, timeout=LONG)
    (glb,) = export.presenter.target.glob("*.glb")
    scene = pygltflib.GLTF2().load(str(glb))
    assert scene is not None
    assert scene.meshes
    assert scene.skins
    assert scene.images
    assert (export.presenter.target / "report.html").is_file()
    (record,) = program.context.library.captures()
    assert record.state is CaptureState.EXPORTED


def test_from_the_first_screen_to_a_head_that_moves(whole_program: Application, qtbot: QtBot) -> None:
    whole_program.settings.update(export_folder=str(whole_program.settings.file.parent / "exported"))
    partials: list[str] = []
    whole_program.jobs.started.connect(lambda job: job.partial.connect(lambda value: partials.append(type(value).__name__)))
    page = reconstruct_sample(whole_program, qtbot)
    window = whole_program.window
    assert window.stage.current == "head"
    # The landmarks; then the network's head at once, the landmark fit's, and the refined one.
    assert partials == ["Triplet", "Reconstruction", "Reconstruction", "Reconstruction"]
    assert not window.stage.errors.cards()

    textured = settled(qtbot, lambda: pixels(page.view))
    assert 0.05 < shown_share(textured) < 0.9
    assert colourfulness(textured) > 0.03

    bar = page.tabs.tabBar()
    qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(1).center())
    slider = page.face.rows["pose:jaw_open"].slider
    page.face.list.ensureWidgetVisible(slider)
    slider.setFocus()
    for _ in range(3):
        qtbot.keyClick(slider, Qt.Key.Key_PageUp)
    opened = settled(qtbot, lambda: pixels(page.view))
    assert difference(opened, textured) > 0.003

    qtbot.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert slider.value() == 0
    again = settled(qtbot, lambda: pixels(page.view))
    assert difference(again, textured) < 0.0005

    export_head(whole_program, qtbot, page)

    number = [page.key for page in page_classes()].index("head") + 1
    qtbot.keyClick(window, Qt.Key(Qt.Key.Key_0 + number), Qt.KeyboardModifier.ControlModifier)
    assert window.stage.current == "head"
    clay = next(b for b in page.tools.findChildren(QWidget) if getattr(b, "text", lambda: "")() == "Clay")
    qtbot.mouseClick(clay, Qt.MouseButton.LeftButton, pos=QPoint(10, 10))
    assert colourfulness(settled(qtbot, lambda: pixels(page.view))) < 0.01


def tab_to(qtbot: QtBot, window: QWidget, wanted: QWidget) -> None:
    """Press Tab until a widget has the keyboard, as somebody without a mouse does."""
    for _ in range(150):
        focus = QApplication.focusWidget()
        if focus is wanted:
            return
        qtbot.keyClick(focus or window, Qt.Key.Key_Tab)
    raise AssertionError(f"Tab does not lead to {wanted}; it is at {QApplication.focusWidget()}")


def test_the_keyboard_alone_goes_from_the_first_screen_to_exported_files(whole_program: Application, qtbot: QtBot) -> None:
    whole_program.settings.update(
        export_folder=str(whole_program.settings.file.parent / "exported"), engine="fit", texture_size=1024
    )
    window = whole_program.window
    tab_to(qtbot, window, window.stage.welcome.sample)
    qtbot.keyClick(window.stage.welcome.sample, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: "head" in window.stage.pages, timeout=LONG)
    page = head_page(whole_program)
    qtbot.waitUntil(lambda: page.presenter.shows is Shows.HEAD and not page.presenter.unfinished, timeout=LONG)
    qtbot.waitUntil(lambda: not whole_program.jobs.active(), timeout=LONG)

    tab_to(qtbot, window, page.tabs.tabBar())
    qtbot.keyClick(page.tabs.tabBar(), Qt.Key.Key_Right)
    assert page.tabs.currentWidget() is page.face
    slider = page.face.rows["pose:jaw_open"].slider
    tab_to(qtbot, window, slider)
    qtbot.keyClick(slider, Qt.Key.Key_PageUp)
    assert page.presenter.face.value("pose:jaw_open") > 0

    tab_to(qtbot, window, page.tabs.tabBar())
    while page.tabs.currentWidget() is not page.export:
        qtbot.keyClick(page.tabs.tabBar(), Qt.Key.Key_Right)
    tab_to(qtbot, window, button(page.export, "Export"))
    qtbot.keyClick(button(page.export, "Export"), Qt.Key.Key_Space)
    export = window.stage.pages["export"]
    assert isinstance(export, ExportPage)
    tab_to(qtbot, window, export.start)
    qtbot.keyClick(export.start, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: export.presenter.stands is Stands.DONE, timeout=LONG)
    assert list(export.presenter.target.glob("*.glb"))


def test_cancelling_a_reconstruction_leaves_the_photos_and_no_head(whole_program: Application, qtbot: QtBot) -> None:
    window = whole_program.window
    click(qtbot, window.stage.welcome.sample)
    jobs = whole_program.jobs
    qtbot.waitUntil(lambda: any(job.capture and job.stage == "refine" for job in jobs.active()), timeout=LONG)
    job = jobs.running()
    assert job is not None
    click(qtbot, window.strip.cancel)
    assert window.strip.stage.text() == "Cancelling…"
    qtbot.waitUntil(lambda: job.state is JobState.CANCELLED, timeout=20_000)
    (record,) = whole_program.context.library.captures()
    assert record.head is None
    assert len(record.photos) == 3
    assert not (record.path / "job.json").exists()
    assert not window.stage.errors.cards()


def test_a_photo_without_a_face_is_a_card_that_names_it(whole_program: Application, qtbot: QtBot, tmp_path: Path) -> None:
    from PIL import Image

    from facestudio.app.pages.library.page import LibraryPage
    from facestudio.library.add import NewCapture
    from facestudio.types import ViewName

    wall = tmp_path / "wall.png"
    Image.new("RGB", (640, 480), (120, 130, 140)).save(wall)
    record = whole_program.context.library.add_capture(NewCapture("Nobody", "today", {ViewName.FRONT: wall}))
    window = whole_program.window
    click(qtbot, window.rail.button("library"))
    page = window.stage.pages["library"]
    assert isinstance(page, LibraryPage)
    qtbot.waitUntil(lambda: page.grid.captures.rowCount() == 1)
    first = page.grid.visualRect(page.grid.captures.index(0)).center()
    qtbot.mouseClick(page.grid.viewport(), Qt.MouseButton.LeftButton, pos=first)
    qtbot.waitUntil(lambda: whole_program.engine.ready, timeout=LONG)
    click(qtbot, page.inspected.main)
    qtbot.waitUntil(lambda: bool(window.stage.errors.cards()), timeout=LONG)
    (card,) = window.stage.errors.cards()
    assert "No face" in card.what.text()
    assert card.remedy.text()
    assert whole_program.context.library.capture(record.path).attention
