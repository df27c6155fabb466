"""Work that cannot look at a token is waited for, and left behind when somebody asks to stop."""

from __future__ import annotations

import threading

import pytest

from facestudio.errors import Cancelled
from facestudio.progress import CancelToken, begun, beside, ended


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
