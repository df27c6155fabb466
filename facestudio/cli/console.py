"""What every verb shares: progress bars, errors as two plain sentences, and Ctrl-C that leaves nothing half-written."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from facestudio.errors import Cancelled, FaceStudioError
from facestudio.progress import CancelToken

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)


def quiet_engines() -> None:
    """Keep the engines' own chatter (mediapipe, TensorFlow Lite) from the operator's screen, unless FACESTUDIO_DEBUG is set.

    They write to file descriptor 2 from native code, past every Python setting: so that descriptor leads nowhere from here on, and
    Python's own stderr, which carries our bars and errors, keeps the screen through a copy of it.
    """
    if os.environ.get("FACESTUDIO_DEBUG"):
        return
    logging.getLogger("absl").setLevel(logging.ERROR)
    sys.stderr.flush()
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    err.file = sys.stderr


class StageBars:
    """A `Progress` that draws one bar for each stage as it is first heard of."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, fraction: float, message: str = "") -> None:
        """Move the stage's bar."""
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=1.0, note="")
        self._bars.update(self._tasks[stage], completed=min(max(fraction, 0.0), 1.0), note=escape(message))


@contextmanager
def running() -> Iterator[tuple[StageBars, CancelToken]]:
    """Bars and a cancel token that Ctrl-C (and SIGTERM) sets; errors become two sentences and the right exit code."""
    cancel = CancelToken()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        if cancel.cancelled:
            # Asked twice: the work does not come to its next check. Leave now; files are only moved into place when whole.
            raise KeyboardInterrupt
        cancel.cancel()

    before = {s: signal.signal(s, stop) for s in (signal.SIGINT, signal.SIGTERM)}
    columns = (
        TextColumn("{task.description:>12}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )
    try:
        with failing_clearly(), Bars(*columns, console=err, transient=False) as bars:
            yield StageBars(bars), cancel
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def failing_clearly() -> Iterator[None]:
    """Turn the errors meant for operators into what happened and what to do, and a non-zero exit; never a traceback."""
    try:
        yield
    except FaceStudioError as error:
        err.print(f"[bold red]{escape(error.what)}[/]")
        if error.remedy:
            err.print(escape(error.remedy))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        err.print(f"[bold red]{escape(Cancelled().what)}[/]")
        sys.exit(Cancelled.exit_code)
    except MemoryError:
        err.print("[bold red]The computer ran out of memory.[/]")
        err.print("Close other programs, or use a smaller --texture-size.")
        sys.exit(FaceStudioError.exit_code)
    except Exception as error:  # a defect of ours: still no traceback in the operator's face
        if os.environ.get("FACESTUDIO_DEBUG"):
            raise
        err.print(f"[bold red]FaceStudio failed: {escape(type(error).__name__)}: {escape(str(error))}[/]")
        err.print("This is a defect in FaceStudio. Run again with FACESTUDIO_DEBUG=1 and report what it prints.")
        sys.exit(70)
