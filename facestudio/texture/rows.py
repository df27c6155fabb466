"""Work on a picture band by band, on two cores, and stop between bands when asked to."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from facestudio.progress import CancelToken

_MOST_WORKERS = 4
_BAND = 128  # rows of up to _USUAL texels; of longer ones so many fewer
_USUAL = 2048


def over_rows(rows: int, work: Callable[[int, int], None], cancel: CancelToken | None = None) -> None:
    """Call work(start, stop) for bands that cover range(rows), in threads; `work` must release the GIL to gain by it.

    Plain threads rather than numba's own: those abort the process when two jobs use them at once with its fallback layer.
    Raises Cancelled between bands, and whatever `work` raises.
    """
    band = max(1, _BAND * _USUAL // max(rows, _USUAL))  # the pictures are square
    bands = [(start, min(start + band, rows)) for start in range(0, rows, band)]
    if len(bands) == 1:
        work(*bands[0])
        return
    with ThreadPoolExecutor(min(_MOST_WORKERS, os.cpu_count() or 1)) as pool:
        futures = [pool.submit(work, *band) for band in bands]
        try:
            for future in futures:
                future.result()
                if cancel is not None:
                    cancel.check()
        except BaseException:
            for future in futures:
                future.cancel()
            raise
