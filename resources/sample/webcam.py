"""From a linear render to what a webcam would have saved: optics, sensor, tone curve, sharpening, JPEG (numpy, OpenCV)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Webcam:
    """What differs from camera to camera. gain: red, green, blue; noise: photons at white; blur in pixels."""

    exposure: float = 1.0
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    full_well: float = 2600.0
    read_noise: float = 0.0022
    blur: float = 0.55
    vignette: float = 0.16
    sharpen: float = 0.35


def tone(linear: Floats) -> Floats:
    """Scene-linear to display: an exponential shoulder above 0.35 (so that highlights roll off as film's do), then the sRGB curve."""
    knee = 0.35
    shoulder = knee + (1 - knee) * (1 - np.exp(-(linear - knee) / (1 - knee)))
    x = np.clip(np.where(linear > knee, shoulder, linear), 0.0, 1.0)
    srgb = np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.power(np.maximum(x, 1e-8), 1 / 2.4) - 0.055)
    # A mild S, as every camera's picture profile has: blacks down, mid-tones untouched.
    return (srgb - 0.045 * np.sin(2 * np.pi * srgb) * (1 - 0.3 * srgb)).astype(np.float32)


def photograph(linear: Floats, webcam: Webcam, rng: np.random.Generator) -> NDArray[np.uint8]:
    """(H, W, 3) linear RGB to (H, W, 3) uint8 sRGB, as the given webcam would see it."""
    h, w = linear.shape[:2]
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    r2 = ((x - w / 2) ** 2 + (y - h / 2) ** 2) / ((w / 2) ** 2 + (h / 2) ** 2)
    light = (
        linear.astype(np.float32) * webcam.exposure * np.array(webcam.gain, np.float32) * (1 - webcam.vignette * r2)[..., None]
    )
    # Veiling glare: bright windows bleed softly over the picture.
    glare = cv2.GaussianBlur(np.minimum(light, 6.0), (0, 0), w / 40)
    light = cv2.GaussianBlur(light * 0.975 + glare * 0.025, (0, 0), webcam.blur)
    shot = rng.normal(size=light.shape).astype(np.float32) * np.sqrt(np.maximum(light, 0) / webcam.full_well)
    read = rng.normal(size=light.shape).astype(np.float32) * webcam.read_noise
    # The sensor's mosaic and the camera's denoiser leave noise that is a little correlated between neighbours.
    grain = cv2.GaussianBlur(shot + read, (0, 0), 0.6) * 1.7
    picture = tone(np.maximum(light + grain, 0))
    soft = cv2.GaussianBlur(picture, (0, 0), 1.1)
    picture = picture + webcam.sharpen * (picture - soft)
    return np.clip(np.rint(picture * 255), 0, 255).astype(np.uint8)


def write_jpeg(path: Path, rgb: NDArray[np.uint8], quality: int = 92) -> None:
    """Write an sRGB picture as JPEG through a temporary file."""
    ok, data = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not ok:
        raise OSError(f"OpenCV could not encode {path.name}")
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(data.tobytes())
    temporary.replace(path)
