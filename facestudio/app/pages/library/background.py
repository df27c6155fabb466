"""A quiet thread for small work in order: renames, deletes, looking at the files. What takes long is a job instead (`app.jobs`)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QRunnable, Qt, QThreadPool, Signal

_log = logging.getLogger(__name__)


class Background(QObject):
    """Runs what it is given one after the other. failed(exception): something went wrong. All signals arrive on the GUI thread."""

    failed = Signal(object)
    _ended = Signal(object, object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._waiting = 0
        self._ended.connect(self._finish, Qt.ConnectionType.QueuedConnection)

    @property
    def busy(self) -> bool:
        """True while something runs or waits."""
        return self._waiting > 0

    def run(self, work: Callable[[], Any], ended: Callable[[Any, BaseException | None], None] | None = None) -> None:
        """Do `work` after what was given before; then `ended(value, error)` on the GUI thread, where one of the two is None."""
        self._waiting += 1
        self._pool.start(_Work(work, ended, self))

    def shut_down(self) -> None:
        """Finish what was begun, forget the rest."""
        self._pool.clear()
        self._pool.waitForDone(10_000)

    def _finish(
        self, ended: Callable[[Any, BaseException | None], None] | None, value: object, error: BaseException | None
    ) -> None:
        self._waiting -= 1
        if ended is not None:
            ended(value, error)
        if error is not None:
            self.failed.emit(error)


class _Work(QRunnable):
    def __init__(self, work: Callable[[], Any], ended: object, owner: Background) -> None:
        super().__init__()
        self._work, self._then, self._owner = work, ended, owner

    def run(self) -> None:
        """Called by the pool."""
        value, problem = None, None
        try:
            value = self._work()
        except BaseException as error:
            problem = error
        try:
            self._owner._ended.emit(self._then, value, problem)
        except RuntimeError:
            _log.warning("Work in the library ended after its window")
