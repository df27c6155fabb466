"""The heavy imports (OpenCV, numba, mediapipe, VTK: some seconds), made in a thread after the window has been painted."""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Qt, Signal

# The viewer's modules; a reconstruction's are imported by the pipeline's own warm_up.
MODULES = ("pyvista", "pyvistaqt", "facestudio.app.viewer.vtk_viewer")
WARM_UP = "facestudio.pipeline.warm_up"


class Engine(QObject):
    """Whether the engine has started. All signals arrive on the GUI thread.

    became_ready: everything is imported. failed(exception): something could not be; the page says so and the rest still works.
    """

    became_ready = Signal()
    failed = Signal(object)
    _ended = Signal(object)

    def __init__(self, parent: QObject | None = None, modules: Sequence[str] = (WARM_UP, *MODULES)) -> None:
        """modules: imported in this order; a module with a function `warm_up` has it called."""
        super().__init__(parent)
        self._modules = tuple(modules)
        self._ready = self._closed = False
        self._thread: threading.Thread | None = None
        self._waiting: list[Callable[[], None]] = []
        self._ended.connect(self._finish, Qt.ConnectionType.QueuedConnection)

    @property
    def ready(self) -> bool:
        """True once everything is imported."""
        return self._ready

    @property
    def device(self) -> str:
        """What reconstructions compute on, as the operator says it."""
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_available():
            return f"GPU · {torch.cuda.get_device_name(0)}"
        return f"CPU × {os.cpu_count() or 1}"

    def start(self) -> None:
        """Begin importing, once; returns at once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._warm, name="engine", daemon=True)
            self._thread.start()

    def when_ready(self, action: Callable[[], None]) -> None:
        """Call an action on the GUI thread as soon as the engine is ready: now, if it is."""
        if self._ready:
            action()
        else:
            self._waiting.append(action)

    def close(self, seconds: float) -> None:
        """Wait for the imports to end, since Python must not end in the middle of one, and tell nobody any more."""
        self._closed = True
        self._waiting.clear()
        if self._thread is not None:
            self._thread.join(seconds)

    def _warm(self) -> None:
        problem: Exception | None = None
        try:
            for name in self._modules:
                module = importlib.import_module(name)
                getattr(module, "warm_up", lambda: None)()
        except Exception as error:
            problem = error
        self._ended.emit(problem)

    def _finish(self, problem: Exception | None) -> None:
        if self._closed:
            return
        if problem is not None:
            self._thread = None  # another start may try again
            self.failed.emit(problem)
            return
        self._ready = True
        self.became_ready.emit()
        waiting, self._waiting = self._waiting, []
        for action in waiting:
            action()
