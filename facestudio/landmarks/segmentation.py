"""Which pixels show the person? A mask from mediapipe's selfie segmentation (the model is inside the wheel)."""

from __future__ import annotations

import os

import cv2
import numpy as np

from facestudio.types import Float32Array, Image


def foreground_mask(image: Image) -> Float32Array:
    """(H, W) float32 in [0, 1]: how surely each pixel shows the person (with hair and clothes) and not the background.

    The network sees 256 x 256 pixels, so the border is good to about half a percent of the picture's longer side.
    A new network for each call: mediapipe's graphs must not be shared between threads.
    """
    os.environ.setdefault("GLOG_minloglevel", "2")
    from mediapipe.python.solutions.selfie_segmentation import SelfieSegmentation  # seconds of imports: only when it is needed

    with SelfieSegmentation(model_selection=0) as network:
        mask = network.process(np.ascontiguousarray(image.pixels)).segmentation_mask
    mask = np.asarray(mask, dtype=np.float32)
    if mask.shape != image.pixels.shape[:2]:
        mask = cv2.resize(mask, (image.width, image.height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(mask, 0.0, 1.0), dtype=np.float32)
