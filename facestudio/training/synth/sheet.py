"""A contact sheet of synthetic subjects: what a stranger sees first."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from facestudio.atomic import write_file
from facestudio.errors import DatasetError
from facestudio.training.synth.shard import read_dataset, read_shard
from facestudio.types import ByteArray


def contact_sheet(folder: Path, columns: int = 12, rows: int = 8, size: int = 128) -> ByteArray:
    """(H, W, 3) uint8 RGB: the first pictures of a data set in reading order. Raises DatasetError when it is empty."""
    pictures: list[ByteArray] = []
    for path in read_dataset(folder).shards:
        shard = read_shard(path)
        pictures.extend(shard.picture(i) for i in range(min(len(shard), columns * rows - len(pictures))))
        if len(pictures) >= columns * rows:
            break
    if not pictures:
        raise DatasetError(f"{folder} holds no pictures yet.", "Run facestudio synth first.")
    cells = [np.asarray(cv2.resize(p, (size, size), interpolation=cv2.INTER_AREA), np.uint8) for p in pictures]
    cells += [np.full_like(cells[0], 255)] * (-len(cells) % columns)
    return np.vstack([np.hstack(cells[i : i + columns]) for i in range(0, len(cells), columns)])


def write_sheet(folder: Path, path: Path, quality: int = 88) -> None:
    """Write the contact sheet as a JPEG (or, by its name, a PNG). Raises OutputError."""
    picture = np.ascontiguousarray(contact_sheet(folder)[..., ::-1])
    good, code = cv2.imencode(path.suffix or ".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not good:
        raise DatasetError(f"{path.name} is no kind of picture that can be written.", "Call it something.jpg or something.png.")
    write_file(path, code.tobytes())
