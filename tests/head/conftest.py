"""Small stand-ins for FLAME files, written as FLAME's publishers write them."""

from __future__ import annotations

import io
import pickle
import struct
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import scipy.sparse

Arrays = dict[str, Any]


@pytest.fixture(scope="session")
def flame_arrays(flame_source: Path) -> Arrays:
    """FLAME's arrays as its pickles name and type them: sparse regressor, unsigned kintree_table, 300 + 100 components."""
    rng = np.random.default_rng(3)
    with np.load(flame_source, allow_pickle=False) as data:
        shapedirs = np.zeros((5023, 3, 400))
        shapedirs[:, :, :60] = data["shapedirs"]
        # Random expressions: real ones are not in the open reduced file, and parity does not care.
        shapedirs[:, :, 300:] = rng.normal(0, 1e-3, (5023, 3, 100))
        parents = data["parents"].astype(np.int64)
        return {
            "v_template": data["v_template"].astype(np.float64),
            "shapedirs": shapedirs,
            "posedirs": data["posedirs"].astype(np.float64),
            "weights": data["weights"].astype(np.float64),
            "J_regressor": scipy.sparse.csc_matrix(data["J_regressor"].astype(np.float64)),
            "kintree_table": np.stack([np.where(parents < 0, 2**32 - 1, parents), np.arange(5)]).astype(np.uint32),
            "f": data["f"].astype(np.uint32),
            "bs_style": "lbs",
            "bs_type": "lrotmin",
        }


class Python2Pickler(pickle._Pickler):
    """Writes str and bytes as Python 2 wrote its str: BINSTRING, one byte per character."""

    dispatch: ClassVar[dict] = dict(pickle._Pickler.dispatch)

    def save_text(self, text: str | bytes) -> None:
        raw = text.encode("latin1") if isinstance(text, str) else text
        self.write(b"T" + struct.pack("<i", len(raw)) + raw)  # type: ignore[attr-defined]
        self.memoize(text)  # type: ignore[attr-defined]

    dispatch[str] = dispatch[bytes] = save_text


@pytest.fixture
def chumpy() -> Iterator[type]:
    """chumpy.ch.Ch for the time of pickling: the real package does not install any more."""

    class Ch:
        def __init__(self, x: Any) -> None:
            self.x = x
            self.dirty = None

    Ch.__module__, Ch.__qualname__ = "chumpy.ch", "Ch"
    modules = {name: types.ModuleType(name) for name in ("chumpy", "chumpy.ch")}
    modules["chumpy.ch"].Ch = Ch  # type: ignore[attr-defined]
    sys.modules.update(modules)
    yield Ch
    for name in modules:
        del sys.modules[name]


@pytest.fixture(scope="session")
def python2_pickle() -> Callable[[Any], bytes]:
    """Pickle a value as Python 2 with the numpy and scipy of its day would have."""

    def write(value: Any) -> bytes:
        buffer = io.BytesIO()
        Python2Pickler(buffer, protocol=2).dump(value)
        return buffer.getvalue().replace(b"cscipy.sparse._csc\n", b"cscipy.sparse.csc\n")

    return write
