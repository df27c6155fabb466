"""What the main window expects of a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from PySide6.QtWidgets import QWidget

if TYPE_CHECKING:
    from facestudio.app.context import AppContext


class Page(QWidget):
    """Base of all pages: a widget for the stage and, if the page has one, another for the inspector at its right.

    key: what the window, settings and tests call the page. title: its name in the rail, an English literal in `strings.mark`.
    icon: a file of resources/icons without .svg. needs_engine: the window shows "starting engine…" over it until the engine is ready.
    costly: made as soon as the engine is ready, while nobody waits.

    Any other page is made when it is first shown; its module must import nothing heavy at module level.
    """

    key: ClassVar[str] = ""
    title: ClassVar[str] = ""
    icon: ClassVar[str] = ""
    needs_engine: ClassVar[bool] = False
    costly: ClassVar[bool] = False

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context

    def inspector(self) -> QWidget | None:
        """The widget for the right-hand pane, the same one at every call; None hides the pane."""
        return None

    def prepare(self) -> None:
        """A costly page, made just now and in front of nobody: make what takes long, too."""

    def activated(self) -> None:
        """The page has come to the front."""

    def deactivated(self) -> None:
        """Another page has come to the front."""

    def may_close(self) -> bool:
        """Asked when the window closes; False keeps it open. Ask the operator here only if something would be lost."""
        return True

    def shut_down(self) -> None:
        """The window closes now: stop threads and timers, close the viewer."""
