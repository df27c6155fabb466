"""Put the pictures of contact_sheet.py together: `python -m tests.blender.sheet FOLDER docs/heads.jpg [--grain]`.

--grain: smooth the grain that a Blender without a denoiser leaves; it takes hair and pores along.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

ANGLES = ("front", "threequarter", "side", "back", "below")
_ACROSS = 2  # heads per row


def sheet(folder: Path, grain: bool = False) -> np.ndarray:
    """All heads, in the order of their names, two to a row."""
    names = sorted(p.name.removesuffix("_front.png") for p in folder.glob("*_front.png"))
    strips = [np.concatenate([_read(folder / f"{name}_{angle}.png", grain) for angle in ANGLES], axis=1) for name in names]
    for name, strip in zip(names, strips, strict=True):
        cv2.putText(strip, name, (6, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (235, 235, 235), 1, cv2.LINE_AA)
    while len(strips) % _ACROSS:
        strips.append(np.full_like(strips[0], 120))
    rows = [np.concatenate(strips[i : i + _ACROSS], axis=1) for i in range(0, len(strips), _ACROSS)]
    return np.concatenate(rows, axis=0)


def _read(path: Path, grain: bool) -> np.ndarray:
    """A picture, without the grain that few samples leave if need be."""
    picture = np.asarray(cv2.imread(str(path)))
    return cv2.fastNlMeansDenoisingColored(picture, None, 5.0, 5.0, 5, 15) if grain else picture


if __name__ == "__main__":
    cv2.imwrite(sys.argv[2], sheet(Path(sys.argv[1]), "--grain" in sys.argv), (cv2.IMWRITE_JPEG_QUALITY, 84))
