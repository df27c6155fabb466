"""The square around a face that networks look at, and the way back from it to the picture.

One convention for training and use: the square is centred on the box of the visible face landmarks and 1.6 times as long as the box's
longer side. A crop of a perspective photo is a perspective photo with a shifted and scaled K (Hartley & Zisserman 2004, ch. 6).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from facestudio.types import ByteArray, Camera, Float64Array

MARGIN = 1.6


@dataclass(frozen=True)
class Crop:
    """A square of a picture. centre: (2,) float64 and side: pixels of the picture (pixel centres at integers); size: pixels of the crop."""

    centre: Float64Array
    side: float
    size: int

    @property
    def zoom(self) -> float:
        """Crop pixels per picture pixel."""
        return self.size / self.side

    @property
    def affine(self) -> Float64Array:
        """(2, 3) float64: picture to crop pixels, OpenCV's form."""
        shift = (self.size - 1) / 2.0 - self.zoom * self.centre
        return np.array([[self.zoom, 0.0, shift[0]], [0.0, self.zoom, shift[1]]])

    def to_crop(self, points: Float64Array) -> Float64Array:
        """Picture pixels (…, 2) to crop pixels (…, 2)."""
        return np.asarray((points - self.centre) * self.zoom + (self.size - 1) / 2.0)

    def to_picture(self, points: Float64Array) -> Float64Array:
        """Crop pixels (…, 2) to picture pixels (…, 2)."""
        return np.asarray((points - (self.size - 1) / 2.0) / self.zoom + self.centre)

    def camera(self, frame: Camera) -> Camera:
        """The picture's camera as the crop's: K shifted and scaled. The crop keeps the picture's distortion coefficients."""
        K = np.vstack([self.affine, [0.0, 0.0, 1.0]]) @ frame.K
        return replace(frame, K=K, width=self.size, height=self.size)


def crop_square(points_or_box: Float64Array, size: int = 256, margin: float = MARGIN) -> Crop:
    """The crop around points (N, 2) or a box (4,) x0 y0 x1 y1, pixels; size: pixels of the crop's side.

    Raises ValueError for a box without extent or not finite.
    """
    values = np.asarray(points_or_box, dtype=np.float64)
    low, high = (values[:2], values[2:]) if values.shape == (4,) else (values.min(0), values.max(0))
    side = float((high - low).max()) * margin
    if not np.isfinite(side) or side <= 0.0:
        raise ValueError(f"a face cannot be cut out of the box {low} to {high}")
    return Crop((low + high) / 2.0, side, size)


def warp(pixels: ByteArray, crop: Crop, size: int | None = None) -> ByteArray:
    """Cut the crop out of a picture (H, W, 3) uint8: (size, size, 3) uint8, size being crop.size when None.

    Beyond the picture its border goes on.
    """
    if size is not None:
        crop = replace(crop, size=size)
    source = pixels
    if crop.zoom < 0.6:
        # Shrinking by a warp would alias: blur first, but only what the crop shows.
        low = np.floor(crop.to_picture(np.zeros(2)) - 4.0 / crop.zoom).astype(int)
        high = np.ceil(crop.to_picture(np.full(2, crop.size - 1.0)) + 4.0 / crop.zoom).astype(int) + 1
        limit = np.array([pixels.shape[1], pixels.shape[0]])
        low, high = np.clip(low, 0, limit - 1), np.clip(high, 1, limit)
        high = np.maximum(high, low + 1)
        source = np.asarray(cv2.GaussianBlur(pixels[low[1] : high[1], low[0] : high[0]], (0, 0), 0.4 / crop.zoom), np.uint8)
        crop = replace(crop, centre=crop.centre - low)
    shape = (crop.size, crop.size)
    out = cv2.warpAffine(source, crop.affine, shape, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(out, dtype=np.uint8)
