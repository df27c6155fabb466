"""Signals may be emitted and methods called for as long as the window is open."""

from __future__ import annotations

import subprocess
import sys

EMITS = """
import sys
{guard}
from PySide6.QtCore import QObject, Signal
class Talker(QObject):
    said = Signal()
talker = Talker()
for _ in range(100_000):
    talker.said.emit()
print("alive")
"""


def test_a_hundred_thousand_signals_do_not_end_the_program() -> None:
    done = subprocess.run(
        [sys.executable, "-c", EMITS.format(guard="import facestudio.app")], capture_output=True, text=True, check=False
    )
    assert done.stdout == "alive\n", done.stderr


CALLS = """
import sys
{guard}
from PySide6.QtCore import QObject
thing = QObject()
for _ in range(100_000):
    thing.setObjectName("a method that returns nothing")
    thing.property("a value that is not there")
print("alive")
"""


def test_a_hundred_thousand_calls_do_not_end_the_program() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CALLS.format(guard="import facestudio.app")], capture_output=True, text=True, check=False
    )
    assert done.stdout == "alive\n", done.stderr
