"""What a webcam makes of light: exposure, white balance, vignetting, blur, tone curve, sharpening, noise and JPEG."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from facestudio.geometry.shading import to_srgb
from facestudio.types import ByteArray, Float32Array, Float64Array, IntArray


@dataclass(frozen=True)
class Sensor:
    """One webcam's character. gain (3,): exposure and white balance. blur, sharpen: sigma and strength; blur in frame pixels.

    noise: sigma of a byte, frame pixels. coarse: share of the noise that neighbouring pixels share. quality: JPEG's.
    """

    gain: Float64Array
    vignette: float
    blur: float
    sharpen: float
    noise: float
    coarse: float
    contrast: float
    saturation: float
    quality: int


def random_sensor(exposure: float, rng: np.random.Generator) -> Sensor:
    """A webcam that exposes for `exposure` (linear gain), more or less well."""
    balance = rng.normal(0, 0.06)
    gain = exposure * np.exp(rng.normal(0, 0.16) + np.array([balance, rng.normal(0, 0.02), -balance + rng.normal(0, 0.03)]))
    return Sensor(
        gain=gain,
        vignette=float(max(rng.normal(0.08, 0.12), 0.0)),
        blur=float(rng.uniform(0.4, 1.5)),
        sharpen=float(max(rng.normal(0.1, 0.35), 0.0)),
        noise=float(rng.uniform(0.8, 5.0)),
        coarse=float(rng.uniform(0.0, 0.6)),
        contrast=float(rng.normal(0.0, 0.12)),
        saturation=float(rng.normal(1.02, 0.13)),
        quality=int(rng.integers(60, 96)),
    )


def expose(
    linear: Float32Array, sensor: Sensor, zoom: float, frame: tuple[IntArray, IntArray], rng: np.random.Generator
) -> tuple[ByteArray, ByteArray]:
    """Linear light (S, S, 3) to a photograph (S, S, 3) uint8 RGB and its JPEG bytes (n,).

    zoom: crop pixels per frame pixel. frame: rows (S,) and columns (S,) of the crop to show: where it leaves the webcam's frame, the
    frame's border goes on, as `landmarks.crop.warp` has it.
    """
    size = len(linear)
    x, y = np.meshgrid(np.linspace(-1, 1, size, dtype=np.float32), np.linspace(-1, 1, size, dtype=np.float32))
    light = linear * sensor.gain.astype(np.float32) * (1.0 - 0.5 * sensor.vignette * (x * x + y * y))[..., None]
    sigma = sensor.blur * zoom
    if sigma > 0.15:
        light = cv2.GaussianBlur(light, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    # A shoulder, so that highlights roll off as a camera's do.
    light = np.where(light > 0.7, 0.7 + 0.3 * (1.0 - np.exp(-(light - 0.7) / 0.3)), light)
    tone = to_srgb(light).astype(np.float32)
    grey = tone.mean(-1, keepdims=True)
    tone = grey + sensor.saturation * (tone - grey)
    tone += sensor.contrast * 40.0 * np.sin(np.pi * (tone / 127.5 - 1.0))
    if sensor.sharpen > 0.05:
        soft = cv2.GaussianBlur(tone, (0, 0), max(1.2 * zoom, 0.5))
        tone += sensor.sharpen * (tone - soft)
    fine = rng.standard_normal((size, size, 3), dtype=np.float32)
    blotch = cv2.resize(
        rng.standard_normal((size // 2, size // 2, 3), dtype=np.float32), (size, size), interpolation=cv2.INTER_LINEAR
    )
    level = sensor.noise * min(max(zoom, 0.45), 1.0) * (1.25 - 0.5 * grey / 255.0)
    tone += level * ((1.0 - sensor.coarse) * fine + sensor.coarse * 1.4 * blotch)
    picture = np.clip(np.rint(tone[frame[0]][:, frame[1]]), 0, 255).astype(np.uint8)
    good, code = cv2.imencode(".jpg", np.ascontiguousarray(picture[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, sensor.quality])
    if not good:
        raise RuntimeError("OpenCV could not encode a JPEG")
    return picture, np.asarray(code, np.uint8).ravel()
