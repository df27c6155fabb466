"""The stage and the inspector: pages are made when they are first shown, and each brings its own pane at the right."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from facestudio.app.context import AppContext
from facestudio.app.page import Page
from facestudio.app.welcome import Welcome
from facestudio.app.widgets.error_shelf import ErrorShelf
from facestudio.app.widgets.starting import Starting

INSPECTOR_WIDTH = 320
WELCOME = "welcome"


class Stage(QSplitter):
    """Shows one page at a time. shown(key): another page, or the welcome screen, is in front now."""

    shown = Signal(str)

    def __init__(self, context: AppContext, classes: Sequence[type[Page]], parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._context = context
        self._classes = {page.key: page for page in classes}
        self.pages: dict[str, Page] = {}
        self.current = ""
        self.errors = ErrorShelf(self)
        self.stack = QStackedWidget(self)
        self.welcome = Welcome(context.navigator, cameras="capture" in self._classes, parent=self.stack)
        self._starting = Starting(context.engine, self.stack)
        self.stack.addWidget(self.welcome)
        self.stack.addWidget(self._starting)
        left = QWidget(self)
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.errors)
        column.addWidget(self.stack, 1)
        left.setMinimumWidth(480)
        self.inspector = QFrame(self)
        self.inspector.setProperty("look", "panel")
        self.inspector.setMinimumWidth(240)
        self._panes = QStackedWidget(self.inspector)
        inner = QVBoxLayout(self.inspector)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addWidget(self._panes)
        self.addWidget(left)
        self.addWidget(self.inspector)
        self.setStretchFactor(0, 1)
        self.setStretchFactor(1, 0)
        self.setHandleWidth(1)
        self.setCollapsible(0, False)
        self.setCollapsible(1, False)
        self.setSizes([1000, INSPECTOR_WIDTH])
        context.engine.became_ready.connect(self._engine_ready)

    def has(self, key: str) -> bool:
        """True when there is such a page."""
        return key in self._classes

    def show_welcome(self) -> None:
        """Bring the first screen to the front."""
        self._leave()
        self.current = WELCOME
        self.stack.setCurrentWidget(self.welcome)
        self.inspector.hide()
        self.shown.emit(WELCOME)

    def show_page(self, key: str) -> Page | None:
        """Bring a page to the front, made if need be; None while it waits for the engine or when there is no such page."""
        if key not in self._classes:
            return None
        if key != self.current:
            self._leave()
            self.current = key
        if key not in self.pages and self._classes[key].needs_engine and not self._context.engine.ready:
            self.stack.setCurrentWidget(self._starting)
            self.inspector.hide()
            self.shown.emit(key)
            return None
        page = self.page(key)
        if self.stack.currentWidget() is not page:
            self.stack.setCurrentWidget(page)
            pane = page.inspector()
            if pane is not None:
                if self._panes.indexOf(pane) < 0:
                    self._panes.addWidget(pane)
                self._panes.setCurrentWidget(pane)
            self.inspector.setVisible(pane is not None)
            page.activated()
            self.shown.emit(key)
        return page

    def page(self, key: str) -> Page:
        """A page, made if it was not yet, without bringing it to the front. Raises KeyError when there is no such page."""
        if key not in self.pages:
            made = self._classes[key](self._context, self.stack)
            made.setAccessibleName(key)
            self.pages[key] = made
            self.stack.addWidget(made)
        return self.pages[key]

    def _leave(self) -> None:
        page = self.pages.get(self.current)
        if page is not None and self.stack.currentWidget() is page:
            page.deactivated()

    def _engine_ready(self) -> None:
        # Making it takes a fifth of a second: nobody waits for it now, and somebody would in the middle of a job.
        for key, made in self._classes.items():
            if made.costly:
                self.page(key).prepare()
        if self.stack.currentWidget() is self._starting:
            self.show_page(self.current)
