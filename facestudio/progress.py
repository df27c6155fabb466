"""How a long operation tells where it is and learns that it should stop. No Qt, no console: both faces adapt to this.

A long operation takes `(progress, cancel)`. It calls `progress(stage, fraction, message)` and, at least every 200 ms of work,
`cancel.check()`, which raises `Cancelled`.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, TypeVar

from facestudio.errors import Cancelled

T = TypeVar("T")
_POLL_SECONDS = 0.05
_MOST_THREADS = 4


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


def begun(work: Callable[[], T]) -> Future[T]:
    """Work that cannot look at a token, because it is one long call of a library, begun on a thread of its own."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(work)
    pool.shutdown(wait=False)
    return future


def ended(work: Future[T], cancel: CancelToken) -> T:
    """What the work made, as soon as it is there. Raises Cancelled at once when asked to stop: nobody waits for the work then."""
    while True:
        cancel.check()
        with contextlib.suppress(TimeoutError):
            return work.result(_POLL_SECONDS)


def beside(work: Callable[[], T], cancel: CancelToken) -> T:
    """One long call that may be left behind; it must write nothing that anybody else reads."""
    return ended(begun(work), cancel)


def side_by_side(works: Sequence[Callable[[], T]], cancel: CancelToken | None = None) -> list[T]:
    """What each work makes, in order: as many at a time as there are cores, four at most.

    Plain threads rather than numba's own: those abort the process when two jobs use them at once with its fallback layer. So a work gains
    only while it is in a library that releases the GIL (OpenCV, most of numpy, compiled loops with nogil), and looks at the token itself.
    Raises the first exception, Cancelled between works too; no work runs on by then.
    """
    if len(works) == 1:
        return [works[0]()]
    with ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1)) as pool:
        futures = [pool.submit(work) for work in works]
        made = []
        try:
            for future in futures:
                made.append(future.result())
                if cancel is not None:
                    cancel.check()
        except BaseException:
            for future in futures:
                future.cancel()
            raise
    return made
