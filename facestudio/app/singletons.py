"""A guard against a defect of PySide6 6.12.0, which returns None and True to Python 3.11 without taking a reference.

It was compiled as for Python 3.12, where the singletons are immortal (PEP 683) and `return Py_None` is right. Under 3.11 each call of a
method that returns nothing, and each signal, takes one reference away; after some thousand the interpreter ends with "none_dealloc:
deallocating None". Here the singletons get so many references that no session can use them up. PySide6 6.11.3 has not the defect.
"""

from __future__ import annotations

import ctypes
import sys

_MANY = 1 << 40
_SINGLETONS = (None, True, False, NotImplemented)


def make_singletons_immortal() -> None:
    """Give the singletons so many references that dropping some does no harm. Does nothing where they are immortal already."""
    if sys.implementation.name != "cpython" or sys.version_info >= (3, 12):
        return
    for singleton in _SINGLETONS:
        if sys.getrefcount(singleton) < _MANY:
            # An object's count of references is its first field.
            ctypes.c_ssize_t.from_address(id(singleton)).value += _MANY
