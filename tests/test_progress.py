"""Work that cannot look at a token is waited for, and left behind when somebody asks to stop."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from functools import partial

import pytest

from facestudio.errors import Cancelled
from facestudio.progress import CancelToken, begun, beside, ended, side_by_side


def test_a_long_call_hands_over_what_it_made() -> None:
    assert beside(lambda: 42, CancelToken()) == 42


def test_what_a_long_call_raises_arrives() -> None:
    def work() -> int:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        beside(work, CancelToken())


def test_nobody_waits_for_a_long_call_after_a_cancel() -> None:
    token, gate = CancelToken(), threading.Event()

    def work() -> bool:
        token.cancel()
        return gate.wait(30.0)  # longer than any test may take: whoever waits for this fails

    running = begun(work)
    with pytest.raises(Cancelled):
        ended(running, token)
    assert not running.done()
    gate.set()
    assert running.result(30.0)


def test_works_side_by_side_come_back_in_order() -> None:
    """The first ends last: it waits for the others, so they did run beside it."""
    others = [threading.Event() for _ in range(2)] if (os.cpu_count() or 1) > 1 else []

    def first() -> int:
        return 0 if all(o.wait(10.0) for o in others) else -1

    def other(k: int) -> int:
        for o in others[k - 1 : k]:
            o.set()
        return k

    works: list[Callable[[], int]] = [first, partial(other, 1), partial(other, 2)]
    assert side_by_side(works) == [0, 1, 2]
    assert side_by_side(works[:0]) == []


def test_what_one_of_them_raises_arrives_and_the_rest_is_not_begun() -> None:
    begun: list[int] = []

    def failing() -> int:
        raise ValueError("no")

    def counted(k: int) -> int:
        begun.append(k)
        time.sleep(0.01)
        return k

    works: list[Callable[[], int]] = [failing, *(partial(counted, k) for k in range(200))]
    with pytest.raises(ValueError, match="no"):
        side_by_side(works)
    assert len(begun) < 200


def test_side_by_side_stops_when_asked_to() -> None:
    cancel, begun = CancelToken(), []

    def stopping(k: int) -> None:
        begun.append(k)
        cancel.cancel()
        time.sleep(0.01)

    with pytest.raises(Cancelled):
        side_by_side([partial(stopping, k) for k in range(200)], cancel)
    assert len(begun) < 200
