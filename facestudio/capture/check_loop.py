"""The live checks in a thread of their own: one view at a time, in rotation, a few times a second; the preview never waits for them."""

from __future__ import annotations

import threading
from collections.abc import Callable

from facestudio.capture.checks import CheckConfig, ViewReport, check_view
from facestudio.capture.group import CameraGroup
from facestudio.capture.sight import MakeLooker
from facestudio.errors import FaceStudioError
from facestudio.types import ViewName


class CheckLoop:
    """Looks at the newest picture of each view in turn. `report(ViewReport)` is called in this thread.

    per_second: looks, all views together. A view without a new picture is passed over.
    """

    def __init__(
        self,
        group: CameraGroup,
        looker: MakeLooker,
        report: Callable[[ViewReport], None],
        per_second: float = 6.0,
        config: CheckConfig | None = None,
    ) -> None:
        self._group, self._make, self._report, self._config = group, looker, report, config
        self._pause = 1.0 / per_second
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.error: Exception | None = None

    def start(self) -> None:
        """Begin; returns at once. The engine is loaded in the thread."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="live checks", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """End; an engine that is just being loaded ends by itself afterwards."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            looker = self._make()
        except Exception as error:  # without an engine there are no checks, but capturing goes on
            self.error = error
            return
        seen: dict[ViewName, int] = {}
        try:
            while not self._stop.is_set():
                for view in self._group.views:
                    if self._stop.wait(self._pause):
                        break
                    frame = self._group.latest(view)
                    if frame is None or seen.get(view) == frame.t_ns:
                        continue
                    seen[view] = frame.t_ns
                    try:
                        self._report(check_view(view, frame, looker.look(frame), self._config))
                    except FaceStudioError as error:
                        self.error = error
        finally:
            looker.close()
