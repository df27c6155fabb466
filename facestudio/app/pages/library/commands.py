"""What can be undone in the library. The files are changed by the background thread, in order, so that undo never overtakes redo."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from PySide6.QtGui import QUndoCommand

from facestudio.app.pages.library.background import Background
from facestudio.library.records import TrashedItem
from facestudio.library.store import Library
from facestudio.types import ViewName

Name = TypeVar("Name")


class LibraryCommand(QUndoCommand):
    """A change that the background makes and unmakes. changed(): called on the GUI thread when either has happened."""

    def __init__(self, text: str, background: Background, changed: Callable[[], None]) -> None:
        super().__init__(text)
        self._background, self._changed = background, changed
        self._failed = False

    def forward(self) -> None:
        """Make the change; runs in the background."""
        raise NotImplementedError

    def backward(self) -> None:
        """Unmake it; runs in the background."""
        raise NotImplementedError

    def redo(self) -> None:
        """Called by the stack."""
        self._failed = False
        self._background.run(self.forward, self._ended)

    def undo(self) -> None:
        """Called by the stack."""
        if not self._failed:
            self._background.run(self.backward, self._ended)

    def _ended(self, value: object, error: BaseException | None) -> None:
        if error is not None:
            # There is nothing to take back: the stack drops the command when it comes to it.
            self._failed = True
            self.setObsolete(True)
        self._changed()


class Rename(LibraryCommand, Generic[Name]):
    """A capture, session or subject has another name, or place. places: the folder before and after, once that is known."""

    def __init__(
        self,
        text: str,
        background: Background,
        changed: Callable[[], None],
        rename: Callable[[Path, Name], Path],
        path: Path,
        names: tuple[Name, Name],
    ) -> None:
        """rename(folder, name) -> the folder's new place. names: (old, new)."""
        super().__init__(text, background, changed)
        self._rename, self._names = rename, names
        self.places = (path, path)

    def forward(self) -> None:
        """Give it the new name."""
        self.places = (self.places[1], self._rename(self.places[1], self._names[1]))

    def backward(self) -> None:
        """Give it the old name."""
        self.places = (self.places[1], self._rename(self.places[1], self._names[0]))


class Delete(LibraryCommand):
    """Captures lie in the trash."""

    def __init__(
        self, text: str, background: Background, changed: Callable[[], None], library: Library, paths: Sequence[Path]
    ) -> None:
        super().__init__(text, background, changed)
        self._library, self._paths = library, list(paths)
        self._items: list[TrashedItem] = []

    def forward(self) -> None:
        """Move them to the trash."""
        for path in list(self._paths):
            self._items.append(self._library.delete(path))
            self._paths.remove(path)

    def backward(self) -> None:
        """Bring them back."""
        for item in list(self._items):
            self._paths.append(self._library.restore(item).path)
            self._items.remove(item)


class AssignViews(LibraryCommand):
    """Photos of a capture stand for other views."""

    def __init__(
        self,
        text: str,
        background: Background,
        changed: Callable[[], None],
        library: Library,
        path: Path,
        order: Mapping[ViewName, ViewName],
    ) -> None:
        super().__init__(text, background, changed)
        self._library, self._path, self._order = library, path, dict(order)

    def forward(self) -> None:
        """Put the photos in the new order."""
        self._library.assign_views(self._path, self._order)

    def backward(self) -> None:
        """Put them back."""
        self._library.assign_views(self._path, {new: old for old, new in self._order.items()})
