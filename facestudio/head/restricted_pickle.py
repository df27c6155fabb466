"""The only place that opens a pickle, and it never runs one.

FLAME is distributed as pickles, from Python 2 and 3, some with chumpy objects. A pickle is a program; this reader gives it no
function of ours, of numpy's or of Python's to call: each of the few names it may mention is answered by an inert stand-in that
keeps the data it is given. Arrays are then built from those data by hand. Any other name is refused by name.
"""

from __future__ import annotations

import io
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facestudio.errors import HeadModelError

Arrays = dict[str, NDArray[Any]]

_LARGEST_FILE = 1 << 30  # bytes; the largest FLAME is 55 MB
_LARGEST_ARRAY = 100_000_000  # elements; the largest of FLAME's, the shape basis, has 6 million
_NUMBERS = re.compile(r"[<>=|]?[biuf][1248]")
_REMEDY = "Download the head model again from its own site (flame.is.tue.mpg.de) and import that file."


def read_pickled_arrays(path: Path) -> Arrays:
    """The arrays of a pickled dict, by key; sparse matrices come back dense, chumpy objects as their values, other values not at all.

    Raises HeadModelError when the file cannot be read, is no pickle of a dict, is damaged, or mentions anything but arrays.
    """
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise HeadModelError(f"{path.name} is larger than a head model can be.", _REMEDY)
        raw = path.read_bytes()
    except OSError as error:
        raise HeadModelError(f"{path} cannot be read ({error.strerror}).", "Check the path.") from error
    try:
        content = _DataOnlyUnpickler(raw).load()
        if not isinstance(content, dict):
            raise HeadModelError(f"{path.name} holds no head model, but a {type(content).__name__}.", _REMEDY)
        found = {key: _as_array(value) for key, value in content.items() if isinstance(key, str)}
    except HeadModelError:
        raise
    # A damaged pickle can fail in any of a dozen ways, none of which is the operator's business.
    except Exception as error:
        reason = str(error) if " " in str(error) else type(error).__name__  # a KeyError says no more than a number
        raise HeadModelError(f"{path.name} is damaged, or not a pickled head model ({reason}).", _REMEDY) from error
    return {key: value for key, value in found.items() if value is not None}


class _DType:
    """Stands in for numpy.dtype: remembers the code and the byte order."""

    def __init__(self, code: object = "", *_: object) -> None:
        self.code = str(code, "latin1") if isinstance(code, bytes) else str(code)
        self.order = ""

    def __setstate__(self, state: object) -> None:
        if isinstance(state, tuple) and len(state) > 1:
            order = state[1].decode("latin1") if isinstance(state[1], bytes) else str(state[1])
            self.order = order if order in ("<", ">") else ""

    def real(self) -> np.dtype[Any]:
        if not _NUMBERS.fullmatch(self.code):
            raise ValueError(f"an array of {self.code!r} where numbers belong")
        return np.dtype(self.order + self.code.lstrip("<>=|"))


class _Array:
    """Stands in for numpy.ndarray and numpy's scalars: remembers shape, type and bytes."""

    parts: tuple[object, ...] = ()

    def __setstate__(self, state: object) -> None:
        if isinstance(state, tuple) and len(state) == 5:
            self.parts = state[1:]

    def real(self) -> NDArray[Any]:
        shape, kind, fortran, data = self.parts or (None, None, None, None)
        if not isinstance(shape, tuple) or not isinstance(kind, _DType):
            raise ValueError("an array without shape or type")
        size = _checked_size(shape)
        # Python 2 wrote bytes as str, which the latin1 encoding brings over one to one.
        raw = data.encode("latin1") if isinstance(data, str) else data
        if not isinstance(raw, bytes | bytearray):
            raise ValueError("an array without data")
        flat = np.frombuffer(raw, dtype=kind.real(), count=size)
        native = flat.astype(flat.dtype.newbyteorder("="))
        return native.reshape(shape, order="F" if fortran else "C")


class _Record:
    """Stands in for scipy's sparse matrices and chumpy's objects: remembers the attributes it is given."""

    state: dict[object, object]

    def __new__(cls, *_: object, **__: object) -> _Record:
        # Here and not in __init__, which pickles need not call.
        made: _Record = object.__new__(cls)
        made.state = {}
        return made

    def __setstate__(self, state: object) -> None:
        self.state = state if isinstance(state, dict) else {}


class _DataOnlyUnpickler(pickle._Unpickler):
    """Answers the names of `_names` by stand-ins and refuses all others.

    Python's own implementation, not the C one: fed with damaged files, the latter has been seen to break inside the interpreter.
    """

    def __init__(self, raw: bytes) -> None:
        super().__init__(io.BytesIO(raw), encoding="latin1")
        self._names = _names()

    def find_class(self, module: str, name: str) -> Any:
        """Called for every name the pickle mentions."""
        module = module.replace("numpy._core", "numpy.core").replace("copy_reg", "copyreg").replace("__builtin__", "builtins")
        if module.split(".")[0] == "chumpy":
            return self._names["chumpy"]
        # scipy moved its classes from scipy.sparse.csc to scipy.sparse._csc.
        if module.startswith("scipy.sparse") and name in ("csc_matrix", "csr_matrix", "csc_array", "csr_array"):
            return self._names[name[:3]]
        try:
            return self._names[f"{module}.{name}"]
        except KeyError:
            what = f"The file asks to run {module}.{name}; a head model never needs that, so it was not opened."
            raise HeadModelError(what, _REMEDY) from None

    def persistent_load(self, pid: object) -> Any:
        """Refuse references to things outside the file."""
        raise pickle.UnpicklingError("it refers to data outside the file")


def _names() -> dict[str, Any]:
    """What each permitted name is answered by. Fresh for each file: a pickle can set attributes on the classes it is handed."""

    class DType(_DType):
        pass

    class Array(_Array):
        pass

    class Chumpy(_Record):
        pass

    class Csc(_Record):
        pass

    class Csr(_Record):
        pass

    class Nothing:
        pass

    def reconstruct(*_: object) -> _Array:
        return Array()

    def from_buffer(data: object, kind: object, shape: object, order: object, *_: object) -> _Array:
        return _filled(Array(), shape, kind, order == "F", data)

    def scalar(kind: object, data: object = b"", *_: object) -> _Array:
        return _filled(Array(), (), kind, False, data)

    def encode(text: object, encoding: object = "latin1", *_: object) -> bytes:
        if not isinstance(text, str) or encoding not in ("latin1", "latin-1", "utf-8"):
            raise ValueError("bytes written in an unknown way")
        return text.encode(encoding)

    def instance(cls: object, *_: object) -> object:
        if cls not in (Chumpy, Csc, Csr):
            raise ValueError("an object of a class that cannot be one")
        return cls()

    return {
        "chumpy": Chumpy,
        "csc": Csc,
        "csr": Csr,
        "numpy.ndarray": Array,
        "numpy.dtype": DType,
        "numpy.core.multiarray._reconstruct": reconstruct,
        "numpy.core.multiarray.scalar": scalar,
        "numpy.core.numeric._frombuffer": from_buffer,
        "_codecs.encode": encode,
        "copyreg._reconstructor": instance,
        "builtins.object": Nothing,
        "builtins.bytes": lambda *_: b"",
    }


def _filled(array: _Array, shape: object, kind: object, fortran: bool, data: object) -> _Array:
    array.parts = (shape, kind, fortran, data)
    return array


def _checked_size(shape: tuple[Any, ...]) -> int:
    size = 1
    for length in shape:
        if not isinstance(length, int) or length < 0:
            raise ValueError(f"an array of shape {shape}")
        size *= length
    if size > _LARGEST_ARRAY:
        raise ValueError(f"an array of shape {shape}, larger than any a head model has")
    return size


def _as_array(value: object) -> NDArray[Any] | None:
    """The array behind a stand-in; None for what is not a number (a name, a style)."""
    if isinstance(value, _Array):
        return value.real()
    if isinstance(value, _Record):
        if "indptr" in value.state:
            return _dense(value)
        # chumpy.Ch keeps its numbers in x; a few of its wrappers keep another Ch in a.
        inner = value.state.get("x", value.state.get("a"))
        return None if inner is value or inner is None else _as_array(inner)
    if isinstance(value, int | float):
        return np.asarray(value)
    return None


def _dense(record: _Record) -> NDArray[Any]:
    """The dense form of a compressed sparse matrix (by hand: its indices are as little to be trusted as the rest)."""
    shape = record.state.get("_shape", record.state.get("shape"))
    if not isinstance(shape, tuple) or len(shape) != 2:
        raise ValueError("a sparse matrix without a shape")
    _checked_size(shape)
    by_row = type(record).__name__ == "Csr"
    parts = [_as_array(record.state.get(name)) for name in ("data", "indices", "indptr")]
    data, indices, indptr = (part if part is not None else np.zeros(0, np.int64) for part in parts)
    lines, across = shape if by_row else shape[::-1]
    counts = np.diff(indptr)
    whole = len(indptr) == lines + 1 and (counts >= 0).all() and counts.sum() == len(data) == len(indices)
    if not whole or (len(indices) and not 0 <= indices.min() <= indices.max() < across):
        raise ValueError("a sparse matrix whose indices do not fit its shape")
    dense = np.zeros((lines, across), data.dtype)
    np.add.at(dense, (np.repeat(np.arange(lines), counts), indices), data)
    return dense if by_row else dense.T
