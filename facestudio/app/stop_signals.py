"""Ctrl-C in the terminal and the system's request to end (SIGTERM) close the window in good order: jobs stop, files stay whole.

Python's handlers run between two instructions of Python, and Qt's event loop has none for as long as nothing happens: so the signal is
written to a socket, which wakes the loop.
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from types import FrameType

from PySide6.QtCore import QObject, QSocketNotifier


class StopSignals(QObject):
    """Calls `stop` on the GUI thread when the process is asked to end; `close` puts the handlers back."""

    def __init__(self, stop: Callable[[], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._stop = stop
        self._reader, self._writer = socket.socketpair()
        for end in (self._reader, self._writer):
            end.setblocking(False)
        self._wakeup = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._before = {number: signal.signal(number, _noted) for number in (signal.SIGINT, signal.SIGTERM)}
        self._notifier = QSocketNotifier(self._reader.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._woken)

    def close(self) -> None:
        """Listen no more."""
        self._notifier.setEnabled(False)
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._reader.close()
        self._writer.close()

    def _woken(self) -> None:
        try:
            numbers = self._reader.recv(64)
        except BlockingIOError:
            return
        if set(numbers) & {int(number) for number in self._before}:
            self._stop()


def _noted(_number: int, _frame: FrameType | None) -> None:
    """The socket tells the rest; without a handler the process would end at once."""
