"""How a long operation tells where it is and learns that it should stop. No Qt, no console: both faces adapt to this.

A long operation takes `(progress, cancel)`. It calls `progress(stage, fraction, message)` and, at least every 200 ms of work,
`cancel.check()`, which raises `Cancelled`.
"""

from __future__ import annotations

import threading
from typing import Protocol

from facestudio.errors import Cancelled


class Progress(Protocol):
    """Called with the stage's name, the fraction of it done in [0, 1], and a short message for the operator."""

    def __call__(self, stage: str, fraction: float, message: str = "") -> None:
        """Report; must return quickly and must not raise."""


class Partial(Protocol):
    """Called with a result on the way, frozen, as soon as it exists: what it is follows from its type."""

    def __call__(self, result: object) -> None:
        """Take it; must return quickly and must not raise."""


class CancelToken:
    """A flag that one thread sets and the working thread checks."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the operation to stop. Safe from any thread and from a signal handler."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """True once `cancel` was called."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise `Cancelled` if the operation was asked to stop."""
        if self._event.is_set():
            raise Cancelled


def silent(stage: str, fraction: float, message: str = "") -> None:
    """A `Progress` that says nothing."""


def ignored(result: object) -> None:
    """A `Partial` that looks at nothing."""
