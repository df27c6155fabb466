"""Reading a user's copy of DECA's weights without running any code that it may hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from facestudio.errors import DatasetError, HeadModelError
from facestudio.training.checkpoint import load_checkpoint

# Step counters in such files are numpy scalars. What builds one from bytes builds nothing else; files know it by its old or new name.
_SCALAR = np.float64(0.0).__reduce__()[0]
_NUMPY: list[Any] = [
    *((_SCALAR, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
    np.dtype,
    *(type(np.dtype(name)) for name in ("bool", "int32", "int64", "float32", "float64")),
]


def read_deca(path: Path) -> dict[str, Any]:
    """deca_model.tar as nested dicts: tensors, plain values and numpy's numbers. Raises HeadModelError."""
    try:
        return load_checkpoint(path, _NUMPY)
    except DatasetError as error:
        raise HeadModelError(error.what, "Use deca_model.tar from its authors (E_flame.encoder).") from error
