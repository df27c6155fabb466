"""The Head page: tools, viewer and photos on the stage, four tabs in the inspector. It shows what its presenter says."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtGui import QColor, QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication, QStackedWidget, QTabWidget, QVBoxLayout, QWidget

from facestudio.app.from_below import said
from facestudio.app.page import Page
from facestudio.app.pages.head.export_tab import ExportTab
from facestudio.app.pages.head.face_tab import FaceTab
from facestudio.app.pages.head.film_strip import FilmStrip
from facestudio.app.pages.head.head_view import HeadView
from facestudio.app.pages.head.opened import OpenedHead, Tile
from facestudio.app.pages.head.photo_board import PhotoBoard
from facestudio.app.pages.head.presenter import HeadPresenter, Shows
from facestudio.app.pages.head.result_tab import ResultTab
from facestudio.app.pages.head.screenshot import keep
from facestudio.app.pages.head.texture_tab import TextureTab
from facestudio.app.pages.head.tool_row import HEIGHT as TOOL_ROW_HEIGHT
from facestudio.app.pages.head.tool_row import MODES, START_LIGHT, ToolRow
from facestudio.app.strings import mark, tr
from facestudio.app.theme import theme, tokens
from facestudio.app.viewer.colours import ViewMode, available, legend
from facestudio.app.viewer.viewer import Viewer
from facestudio.app.widgets.job_strip import stage_name
from facestudio.app.widgets.pieces import line
from facestudio.errors import FaceStudioError
from facestudio.types import FloatArray

if TYPE_CHECKING:
    from facestudio.app.context import AppContext

_LEGEND_TITLES = {
    ViewMode.SEEN: mark("Photos that see the surface"),
    ViewMode.CONFIDENCE: mark("One standard deviation"),
}
_SCHEMES = ("ibug68", "mediapipe478")  # the first that the head model knows is shown on the head


def make_vtk_viewer(parent: QWidget) -> Viewer:
    """The real viewer. Imports VTK: only after the engine has started."""
    from facestudio.app.viewer.vtk_viewer import VtkViewer

    return VtkViewer(parent)


class HeadPage(Page):
    """Opens by `navigator.open_capture`; the viewer is made when the first head is shown."""

    key = "head"
    title = mark("Head")
    icon = "head"
    costly = True

    def __init__(
        self,
        context: AppContext,
        parent: QWidget | None = None,
        make_viewer: Callable[[QWidget], Viewer] = make_vtk_viewer,
    ) -> None:
        super().__init__(context, parent)
        self._make_viewer = make_viewer
        self._blind = False
        self._mode = ViewMode.TEXTURE  # what the operator chose; a head without texture shows clay meanwhile
        self._shortcuts: list[QShortcut] = []
        self.presenter = HeadPresenter(context, self)
        self.tools = ToolRow(self)
        self.view = HeadView(self)
        self.film = FilmStrip(self)
        self.board = PhotoBoard(self)
        self.stack = QStackedWidget(self)
        self._build()
        self._connect()
        self._refresh()

    def inspector(self) -> QWidget | None:
        """Result, Face, Texture, Export."""
        return self.tabs

    def activated(self) -> None:
        """The page's keys work."""
        for shortcut in self._shortcuts:
            shortcut.setEnabled(True)

    def deactivated(self) -> None:
        """The page's keys rest, and so does the turntable."""
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)
        self.tools.turntable.setChecked(False)

    def shut_down(self) -> None:
        """Close the viewer; a job that ends now finds none and makes none."""
        self._blind = True
        if self.view.viewer is not None:
            self.view.viewer.close()
            self.view.viewer = None

    # --- how it is put together ---------------------------------------------------------------------------------------

    def _build(self) -> None:
        stage = QWidget(self)
        column = QVBoxLayout(stage)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for widget, stretch in ((self.tools, 0), (line(stage), 0), (self.view, 1), (line(stage), 0), (self.film, 0)):
            column.addWidget(widget, stretch)
        self.stack.addWidget(self.board)
        self.stack.addWidget(stage)
        self._stage = stage
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.stack)
        self.result, self.texture, self.export = ResultTab(), TextureTab(), ExportTab()
        self.face = FaceTab(self.presenter.face, self.context.undo)
        self.tabs = QTabWidget(self)
        self.tabs.setDocumentMode(True)
        self.tabs.setStyleSheet(f"QTabBar::tab {{ min-height: {TOOL_ROW_HEIGHT - 18}px; }}")  # one line with the tools
        for tab, title in (
            (self.result, tr("Result")),
            (self.face, tr("Face")),
            (self.texture, tr("Texture")),
            (self.export, tr("Export")),
        ):
            tab.setAccessibleName(title)
            self.tabs.addTab(tab, title)
        self.tabs.setAccessibleName(tr("About this head"))
        self.tabs.tabBar().setAccessibleName(tr("About this head"))

    def _connect(self) -> None:
        p = self.presenter
        p.changed.connect(self._refresh)
        p.opened_head.connect(self._show_head)
        p.tiles_changed.connect(self._show_tiles)
        p.moved.connect(self._move)
        p.evidence.connect(self.film.show_evidence)
        self.film.evidence_wanted.connect(p.look_for_evidence)
        p.flew.connect(self._flew)
        p.progressed.connect(self._progressed)
        self.context.navigator.capture_opened.connect(p.open)
        self.tools.mode_chosen.connect(self._choose_mode)
        self.tools.landmarks_wanted.connect(lambda _on: self._show_landmarks())
        self.tools.points_wanted.connect(lambda _on: self._show_points())
        self.tools.light_turned.connect(lambda degrees: self._tell(lambda viewer: viewer.set_light(degrees)))
        self.tools.turntable_wanted.connect(self._turn)
        self.tools.reset_wanted.connect(self._go_home)
        self.tools.screenshot_wanted.connect(self._keep_screenshot)
        self.film.chosen.connect(lambda index: p.fly(index) if index >= 0 else p.leave_photo())
        self.view.fade.faded.connect(lambda share: self._tell(lambda viewer: viewer.set_photo_share(share)))
        self.view.fade.closed.connect(self._go_home)
        self.board.pressed.connect(self._pressed)
        self.result.reconstruct_wanted.connect(p.reconstruct)
        self.export.export_wanted.connect(p.export)
        theme().changed.connect(self._retint)
        for keys, action in (
            ("F", self._go_home),
            ("T", self.tools.turntable.toggle),
            ("L", self.tools.landmarks.toggle),
            ("P", self._toggle_points),
            ("Ctrl+Shift+S", self._keep_screenshot),
        ):
            # In the whole window, the inspector included, but only while this page is in front.
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.activated.connect(action)
            shortcut.setEnabled(False)
            self._shortcuts.append(shortcut)

    # --- what the operator sees ---------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        p = self.presenter
        shows, working = p.shows, p.job is not None
        self.stack.setCurrentWidget(self._stage if shows is Shows.HEAD else self.board)
        name, board = p.name, self.board
        if shows is Shows.STARTING:
            board.say("", tr("Starting the engine…"), tr("{name} is opened as soon as it runs.", name=name))
        elif shows is Shows.EMPTY:
            words = tr("Open a capture in the library, or drop photos there.")
            board.say("head", tr("No head is open"), words, tr("Go to the library"))
        elif shows is Shows.LOADING:
            board.say("", tr("Opening {name}…", name=name), "")
        elif shows is Shows.FAILED:
            board.say("warning", tr("{name} cannot be shown", name=name), said(str(p.error)), tr("Try again"))
        elif shows is Shows.PHOTOS and working:
            words = (
                tr("It waits until the jobs before it have ended.") if p.waiting else stage_name(p.job.stage) if p.job else ""
            )
            board.say("", tr("Reconstructing {name}…", name=name), words or " ", tr("Stop"), p.job.fraction if p.job else 0.0)
        elif shows is Shows.PHOTOS:
            words = said(p.attention) or tr("It has photos and no head yet.")
            board.say("warning" if p.attention else "", name, words, tr("Reconstruct"))
        if shows in (Shows.LOADING, Shows.PHOTOS) and self.context.engine.ready:
            self._viewer()  # made while nothing is going on, not when the first head of a job arrives
        board.button.setProperty("look", "" if shows is Shows.PHOTOS and working else "primary")
        board.button.style().unpolish(board.button)
        board.button.style().polish(board.button)
        self._fill_tabs()

    def _fill_tabs(self) -> None:
        p, opened = self.presenter, self.presenter.opened
        if opened is None:
            self.result.say(tr("There is no head yet."))
            self.texture.say(tr("There is no texture yet."))
            self.export.say(tr("There is nothing to export yet."))
        elif opened.worth is None:
            self.result.say(tr("The head is being made. What it is worth is known when it is finished."))
            self.texture.say(tr("The texture comes last."))
            self.export.say(tr("There is nothing to export yet."))
        else:
            self.result.show_head(opened, p.name, again=p.can_reconstruct)
            self.texture.show_head(opened)
            self.export.show_head(opened)

    def _show_head(self, opened: OpenedHead | None) -> None:
        if opened is None:
            self._tell(lambda viewer: viewer.clear())
            self.tools.offer((), self._mode)
            self._explain()
            return
        self._viewer()
        self._tell(lambda viewer: viewer.show_head(opened.shown))
        self._choose_mode(self._mode)
        self._show_landmarks()
        self.tools.points.setVisible(opened.reconstruction.points is not None)
        self._show_points()

    def prepare(self) -> None:
        """Make the viewer."""
        self._viewer()

    def _viewer(self) -> None:
        """Make the viewer, once. Where that fails, the page does without: photos, words and export still work."""
        if self.view.viewer is not None or self._blind:
            return
        window, focus = self.window(), QApplication.focusWidget()
        was_active = window.isActiveWindow()
        try:
            viewer = self._make_viewer(self.view)
        except Exception as error:
            self._blind = True
            what = tr("The head cannot be drawn in 3D on this computer ({reason}).", reason=str(error))
            problem = FaceStudioError(what, tr("Update the graphics driver. Photos, results and export work without it."))
            problem.__cause__ = error
            self.context.navigator.show_error(problem)
            return
        viewer.on_photo_left = self.presenter.leave_photo
        self.view.take(viewer)
        viewer.set_light(START_LIGHT)
        self._retint_viewer(viewer)
        if was_active:
            # Qt makes the window anew when the first OpenGL widget enters it, and the keyboard would be lost.
            window.activateWindow()
            if focus is not None:
                focus.setFocus()

    def _tell(self, what: Callable[[Viewer], None]) -> None:
        if self.view.viewer is not None:
            what(self.view.viewer)

    def _choose_mode(self, mode: ViewMode) -> None:
        self._mode = mode
        opened = self.presenter.opened
        if opened is None:
            return
        modes = available(opened.shown)
        shown = mode if mode in modes else ViewMode.CLAY
        self._tell(lambda viewer: viewer.set_mode(shown))
        self.tools.offer(modes, shown)
        self._explain(shown)

    def _explain(self, mode: ViewMode = ViewMode.CLAY) -> None:
        opened = self.presenter.opened
        key = None if opened is None else legend(mode, opened.shown)
        self.view.legend.explain(key, tr(_LEGEND_TITLES.get(mode, MODES[mode][0])))
        self.view.arrange()

    def _show_tiles(self, tiles: tuple[Tile, ...]) -> None:
        self.film.show_tiles(tiles)
        self.board.show_tiles(tiles)

    def _move(self, vertices: FloatArray) -> None:
        self._tell(lambda viewer: viewer.move(vertices))
        if self.tools.landmarks.isChecked():
            self._show_landmarks(vertices)

    def _show_landmarks(self, vertices: FloatArray | None = None) -> None:
        opened = self.presenter.opened
        points = None
        if opened is not None and self.tools.landmarks.isChecked():
            from facestudio.head.landmarks import on_surface

            known = [opened.model.embeddings[scheme] for scheme in _SCHEMES if scheme in opened.model.embeddings]
            at = self.presenter.vertices() if vertices is None else vertices
            points = on_surface(at, opened.model.faces, known[0]) if known else None
        self._tell(lambda viewer: viewer.set_landmarks(points))

    def _toggle_points(self) -> None:
        if self.tools.points.isVisible():
            self.tools.points.toggle()

    def _show_points(self) -> None:
        opened = self.presenter.opened
        cloud = opened.reconstruction.points if opened is not None and self.tools.points.isChecked() else None
        self._tell(lambda viewer: viewer.set_points(cloud))

    def _flew(self, index: int) -> None:
        self.film.show_current(index)
        opened = self.presenter.opened
        if index < 0 or opened is None:
            self.view.fade.hide()
            self._tell(lambda viewer: viewer.leave_photo())
            return
        backdrop = opened.backdrops[index]
        self.tools.turntable.setChecked(False)
        self._tell(lambda viewer: viewer.fly_to(backdrop.camera, backdrop.pixels))
        self._tell(lambda viewer: viewer.widget.setFocus())  # so that Esc leaves the photo and arrows turn the head
        self.view.fade.start()
        self.view.arrange()

    def _go_home(self) -> None:
        self.presenter.leave_photo()
        self.tools.turntable.setChecked(False)
        self._tell(lambda viewer: viewer.reset_eye())

    def _turn(self, on: bool) -> None:
        if on:
            self.presenter.leave_photo()
        self._tell(lambda viewer: viewer.set_turntable(on))

    def _pressed(self) -> None:
        p = self.presenter
        if p.shows is Shows.EMPTY:
            self.context.navigator.open_library()
        elif p.shows is Shows.FAILED:
            p.again()
        elif p.job is not None:
            p.cancel()
        else:
            p.reconstruct()

    def _progressed(self, stage: str, fraction: float) -> None:
        if self.presenter.shows is Shows.PHOTOS and self.presenter.job is not None:
            self.board.words.setText(stage_name(stage))
            self.board.show_progress(fraction)

    def _keep_screenshot(self) -> None:
        if self.presenter.opened is not None and self.view.viewer is not None:
            keep(self.context, self.view.screenshot(), self.presenter.opened.name)

    # --- colours ------------------------------------------------------------------------------------------------------

    def _retint(self) -> None:
        self.tools.retint()
        self.board.retint()
        self.face.retint()
        self.view.fade.retint()
        self._fill_tabs()
        self._tell(self._retint_viewer)

    def _retint_viewer(self, viewer: Viewer) -> None:
        colour = QColor(tokens().surface_0)
        viewer.set_background((colour.red(), colour.green(), colour.blue()))
