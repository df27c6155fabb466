"""The mask of the person in a photo."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from facestudio.landmarks.segmentation import foreground_mask
from facestudio.types import Image


def test_the_person_is_foreground_and_the_wall_is_not(shared: Path) -> None:
    picture = cv2.imread(str(shared / "data" / "photos" / "obama_official_portrait.jpg"))
    pixels = np.ascontiguousarray(picture[..., ::-1])
    mask = foreground_mask(Image(pixels))
    height, width = pixels.shape[:2]
    assert mask.shape == (height, width)
    assert mask.dtype == np.float32
    assert 0.0 <= mask.min() <= mask.max() <= 1.0
    assert mask[height // 2, width // 2] > 0.9
    assert mask[: height // 20, : width // 20].max() < 0.2
