"""The last net: whatever escapes is written to the log and shown as a card, and the window lives on.

Python's exceptions in Qt's callbacks and in threads, Qt's own messages, and, in a file of its own, the stack of a crash in native code.
"""

from __future__ import annotations

import faulthandler
import logging
import logging.handlers
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO

from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler

from facestudio.app.report import recent_lines

LOG_FILE = "facestudio.log"
CRASH_FILE = "crash.txt"
_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}
_log = logging.getLogger("facestudio.app")


class _Recent(logging.Handler):
    """Keeps the last lines for reports."""

    def emit(self, record: logging.LogRecord) -> None:
        recent_lines.append(self.format(record))


class CrashNet:
    """The hooks, as long as it is installed. `close` puts everything back as it was.

    folder: where facestudio.log and crash.txt lie. show: called, from whatever thread, with an exception that nobody caught.
    last_crash: the native stack that the run before left behind, "" when it ended well.
    """

    def __init__(self, folder: Path, show: Callable[[BaseException], None]) -> None:
        self.folder, self._show = folder, show
        self.last_crash = ""
        self._file: IO[str] | None = None
        self._handlers: list[logging.Handler] = []
        line = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S")
        recent = _Recent()
        recent.setFormatter(line)
        self._add(recent)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            crash = folder / CRASH_FILE
            self.last_crash = crash.read_text(encoding="utf-8", errors="replace").strip() if crash.exists() else ""
            self._file = crash.open("w", encoding="utf-8")
            faulthandler.enable(self._file)
            kept = logging.handlers.RotatingFileHandler(folder / LOG_FILE, maxBytes=1_000_000, backupCount=2, encoding="utf-8")
            kept.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
            self._add(kept)
        except OSError as error:  # without a writable folder there is no log file; the window works all the same
            _log.warning("No log file: %s", error)
        self._level = logging.getLogger("facestudio").level
        logging.getLogger("facestudio").setLevel(logging.INFO)
        self._before = (sys.excepthook, threading.excepthook, qInstallMessageHandler(_from_qt))
        sys.excepthook = self._uncaught
        threading.excepthook = self._uncaught_in_thread

    def close(self) -> None:
        """Take the hooks out; an orderly end leaves no crash file."""
        sys.excepthook, threading.excepthook = self._before[0], self._before[1]
        qInstallMessageHandler(self._before[2])
        logging.getLogger("facestudio").setLevel(self._level)
        for handler in self._handlers:
            logging.getLogger().removeHandler(handler)
            handler.close()
        if self._file is not None:
            faulthandler.disable()
            self._file.close()
            (self.folder / CRASH_FILE).unlink(missing_ok=True)

    def _add(self, handler: logging.Handler) -> None:
        logging.getLogger().addHandler(handler)
        self._handlers.append(handler)

    def _uncaught(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            self._before[0](kind, error, trace)
            return
        _log.error("Not caught", exc_info=(kind, error, trace))
        self._show(error)

    def _uncaught_in_thread(self, told: threading.ExceptHookArgs) -> None:
        if told.exc_value is not None and not isinstance(told.exc_value, SystemExit):
            self._uncaught(told.exc_type, told.exc_value, told.exc_traceback)


def _from_qt(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    logging.getLogger("qt").log(_LEVELS.get(kind, logging.WARNING), "%s", message)
