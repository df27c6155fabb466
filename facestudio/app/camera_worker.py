"""The one thread in which a page touches cameras, the engine and the disk, one thing after the other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from facestudio.errors import FaceStudioError
from facestudio.types import ViewName

if TYPE_CHECKING:
    from facestudio.capture.calibration.live import BoardLoop
    from facestudio.capture.calibration.rig_file import RigCalibration
    from facestudio.capture.check_loop import CheckLoop
    from facestudio.capture.device import Identity
    from facestudio.capture.group import CameraGroup
    from facestudio.capture.sight import Looker

_log = logging.getLogger(__name__)


def started_group(assignment: Mapping[ViewName, Identity], size: str, backend: str) -> CameraGroup:
    """A running group of the assigned cameras. size, backend: as in the settings. Imports OpenCV: for the worker's thread."""
    from facestudio.capture.camera import CameraSettings
    from facestudio.capture.device import Backend
    from facestudio.capture.group import CameraGroup
    from facestudio.capture.source import identity_maker

    width, height = (int(part) for part in size.split("x"))
    asked = CameraSettings(width, height)
    group = CameraGroup({v: identity_maker(i, asked, Backend(backend), assignment) for v, i in assignment.items()})
    group.start()
    return group


def read_rig() -> RigCalibration | FaceStudioError | None:
    """This computer's calibration, or why it cannot be read."""
    from facestudio.capture.calibration.rig_file import load_rig

    try:
        return load_rig()
    except FaceStudioError as error:
        return error


class CameraWorker(QObject):
    """failed(exception): what a piece of work raised; it arrives on the GUI thread."""

    failed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._executor = ThreadPoolExecutor(1, "cameras")
        self._looker: Looker | None = None
        self._closed = False

    def run(self, action: Callable[[], None]) -> None:
        """Queue a piece of work."""
        if not self._closed:
            self._executor.submit(self._guarded, action)

    def let_go(self, group: CameraGroup | None, loop: CheckLoop | BoardLoop | None) -> None:
        """Stop what looks at the cameras, then the cameras, in the worker: it takes as long as they do."""
        if group is not None:

            def work() -> None:
                if loop is not None:
                    loop.stop()
                group.stop()

            self.run(work)

    def looker(self) -> Looker | None:
        """The worker's own engine, made when first asked for, in the worker only; None when it cannot be made.

        A shot without checks is better than none.
        """
        if self._looker is None:
            from facestudio.capture.sight import FaceLooker

            try:
                self._looker = FaceLooker()
            except Exception:
                _log.exception("No engine for the shutter")
        return self._looker

    def close(self) -> None:
        """Finish what is queued, let the engine go, and end the thread."""
        self._closed = True
        self._executor.submit(self._close_looker)
        self._executor.shutdown(wait=True)

    def _guarded(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:
            if not isinstance(error, FaceStudioError):
                _log.exception("Cameras")
            self.failed.emit(error)

    def _close_looker(self) -> None:
        if self._looker is not None:
            self._looker.close()
            self._looker = None
