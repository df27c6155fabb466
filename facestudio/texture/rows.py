"""Work on a picture band by band, on two cores, and stop between bands when asked to."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from facestudio.progress import CancelToken, side_by_side

_BAND = 128  # rows of up to _USUAL texels; of longer ones so many fewer
_USUAL = 2048


def over_rows(rows: int, work: Callable[[int, int], None], cancel: CancelToken | None = None) -> None:
    """Call work(start, stop) for bands that cover range(rows), in threads; `work` must release the GIL to gain by it.

    Raises Cancelled between bands, and whatever `work` raises.
    """
    band = max(1, _BAND * _USUAL // max(rows, _USUAL))  # the pictures are square
    side_by_side([partial(work, start, min(start + band, rows)) for start in range(0, rows, band)], cancel)
