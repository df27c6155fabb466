"""A guard against a defect of PySide6 6.12.0: each `signal.emit()` drops a reference to True that it never took.

After some thousand signals Python 3.11 ends with "bool_dealloc: deallocating True or False". From 3.12 on the singletons are immortal
(PEP 683) and nothing happens; here they are made so by hand, by a count that no session can use up. PySide6 6.11.3 has not the defect.
"""

from __future__ import annotations

import ctypes
import sys

_MANY = 1 << 40


def make_singletons_immortal() -> None:
    """Give True and False so many references that dropping some does no harm. Does nothing where they are immortal already."""
    if sys.implementation.name != "cpython" or sys.version_info >= (3, 12):
        return
    for singleton in (True, False):
        if sys.getrefcount(singleton) < _MANY:
            # An object's count of references is its first field.
            ctypes.c_ssize_t.from_address(id(singleton)).value += _MANY
