"""Python's garbage is collected on the GUI thread only.

By itself the collector runs on whatever thread allocates next. Garbage in cycles often holds widgets, and a widget destroyed on a worker's
thread ends the program (Qt: "Cannot make QOpenGLContext current in a different thread"). So it is switched off, and a timer does its work.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

_INTERVAL_MS = 500
_OLDEST = 2  # Python's generation of what has lived longest


class Collector(QObject):
    """Collects as Python would, by Python's own thresholds, but from the event loop. `close` hands it back to Python."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._was_enabled = gc.isenabled()
        self._settled = False
        gc.disable()
        self._timer = QTimer(self)
        self._timer.setInterval(_INTERVAL_MS)
        self._timer.timeout.connect(self.collect)
        self._timer.start()

    def collect(self) -> int | None:
        """Collect the generation that is due; returns which, None when none is."""
        due = [
            generation for generation, limit in enumerate(gc.get_threshold()) if limit and gc.get_count()[generation] > limit
        ]
        if not self._settled:  # going through all that is being imported takes a sixth of a second, and finds next to nothing
            due = [generation for generation in due if generation < _OLDEST]
        if not due:
            return None
        gc.collect(due[-1])
        return due[-1]

    def settle(self) -> None:
        """What the imports made stays: look at it once and never again, or every full collection goes through all of it."""
        self._settled = True
        gc.collect()
        gc.freeze()

    def close(self) -> None:
        """Let Python collect again."""
        self._timer.stop()
        gc.unfreeze()
        if self._was_enabled:
            gc.enable()
