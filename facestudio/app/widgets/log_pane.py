"""The log, for whoever asks for it: what the program did and when."""

from __future__ import annotations

import logging

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from facestudio.app.report import recent_lines
from facestudio.app.strings import tr

LINES = 2000


class _Relay(QObject):
    """Carries lines from whatever thread logs to the window's."""

    line = Signal(str)


class _Handler(logging.Handler):
    def __init__(self, relay: _Relay) -> None:
        super().__init__()
        self._relay = relay
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S"))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._relay.line.emit(self.format(record))
        except RuntimeError:  # logged while the window goes
            logging.getLogger().removeHandler(self)


class LogPane(QPlainTextEdit):
    """The last lines of the log, and each new one as it comes."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setMaximumBlockCount(LINES)
        self.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.setAccessibleName(tr("Log"))
        self.setPlaceholderText(tr("Nothing has been logged yet."))
        self.setPlainText("\n".join(recent_lines))
        self._relay = _Relay(self)
        self._relay.line.connect(self.appendPlainText, Qt.ConnectionType.QueuedConnection)
        self._handler = _Handler(self._relay)
        logging.getLogger().addHandler(self._handler)

    def shut_down(self) -> None:
        """Listen no more."""
        logging.getLogger().removeHandler(self._handler)
