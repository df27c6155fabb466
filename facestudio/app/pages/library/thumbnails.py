"""Small pictures for the grid: asked for while painting, made in a thread, newest wish first, kept within a bound."""

from __future__ import annotations

import time
from collections import OrderedDict
from pathlib import Path

from PySide6.QtCore import QObject, QRunnable, QSize, Qt, QThread, QThreadPool, Signal
from PySide6.QtGui import QImage, QImageReader, QPixmap

from facestudio.errors import FaceStudioError
from facestudio.library.thumbnails import SIDE, make_thumbnail

KEPT_BYTES = 96_000_000  # some 500 thumbnails of 256 x 192 pixels: many screens full
_ONE_LOOK = 0.1  # seconds: wishes closer together belong to one screen, which fills from its top
MOST_WISHES = 200  # older wishes have scrolled out of sight


class Thumbnails(QObject):
    """Pictures by file. arrived(path): one is there now, or is known to be unreadable; paint again."""

    arrived = Signal(object)
    _made = Signal(object, QImage)

    def __init__(self, root: Path, parent: QObject | None = None) -> None:
        """root: the library; its pictures' thumbnails are kept in it, others only in memory."""
        super().__init__(parent)
        self._root = root
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)  # more would only take Python's lock from the window
        self._pool.setThreadPriority(QThread.Priority.LowPriority)
        self._kept: OrderedDict[Path, QPixmap | None] = OrderedDict()  # None: not a picture
        self._bytes = 0
        self._old: set[Path] = set()
        self._wishes: OrderedDict[Path, None] = OrderedDict()
        self._round, self._asked = 0, 0.0
        self._made.connect(self._keep, Qt.ConnectionType.QueuedConnection)

    def get(self, path: Path) -> QPixmap | None:
        """The picture now, or None: then it comes later, unless `is_broken`."""
        known = path in self._kept
        if (not known or path in self._old) and path not in self._wishes:
            self._wish(path)
        if not known:
            return None
        self._kept.move_to_end(path)
        return self._kept[path]

    def is_broken(self, path: Path) -> bool:
        """The file was looked at and is no picture."""
        return path in self._kept and self._kept[path] is None

    def look_again(self, folder: Path | None = None) -> None:
        """Pictures in a folder, or all, may have changed: what is there is shown until the new one has come."""
        self._old |= {path for path in self._kept if folder is None or path.is_relative_to(folder)}

    def forget(self, folder: Path) -> None:
        """Drop what is kept in memory of a folder: a person was erased."""
        for path in [path for path in self._kept if path.is_relative_to(folder)]:
            self._drop(path)

    def shut_down(self) -> None:
        """Stop the thread."""
        self._wishes.clear()
        self._pool.clear()
        self._pool.waitForDone(10_000)

    def wanted(self, path: Path) -> bool:
        """Whether a wish is still open; asked from the thread."""
        return path in self._wishes

    def _wish(self, path: Path) -> None:
        self._wishes[path] = None
        while len(self._wishes) > MOST_WISHES:
            self._wishes.popitem(last=False)
        now = time.monotonic()
        self._round += now - self._asked > _ONE_LOOK  # what is looked at now comes before what has scrolled by
        self._asked = now
        self._pool.start(_Making(self, self._root, path), self._round)

    def _keep(self, path: Path, image: QImage) -> None:
        self._wishes.pop(path, None)
        self._old.discard(path)
        self._drop(path)
        self._kept[path] = None if image.isNull() else QPixmap.fromImage(image)
        self._bytes += image.sizeInBytes()
        while self._bytes > KEPT_BYTES and len(self._kept) > 1:
            self._drop(next(iter(self._kept)))
        self.arrived.emit(path)

    def _drop(self, path: Path) -> None:
        picture = self._kept.pop(path, None)
        if picture is not None:
            self._bytes -= 4 * picture.width() * picture.height()


class _Making(QRunnable):
    def __init__(self, owner: Thumbnails, root: Path, path: Path) -> None:
        super().__init__()
        self._owner, self._root, self._path = owner, root, path

    def run(self) -> None:
        """Called by the pool."""
        if not self._owner.wanted(self._path):
            return
        try:
            self._owner._made.emit(self._path, self._image())
        except RuntimeError:
            return  # the window is gone

    def _image(self) -> QImage:
        try:
            if self._path.is_relative_to(self._root):
                return QImage(str(make_thumbnail(self._root, self._path))).convertToFormat(QImage.Format.Format_RGB32)
            return _small(self._path)
        except (FaceStudioError, OSError):
            return QImage()


def _small(path: Path) -> QImage:
    reader = QImageReader(str(path))
    reader.setAutoTransform(True)
    size = reader.size()
    if size.isValid():
        reader.setScaledSize(size.scaled(QSize(SIDE, SIDE), Qt.AspectRatioMode.KeepAspectRatio))
    return reader.read().convertToFormat(QImage.Format.Format_RGB32)
