"""Pictures as bytes."""

from __future__ import annotations

import cv2
import numpy as np

from facestudio.types import ByteArray, Image

# Measured on a noisy 2048 x 2048 picture: run-length matching is as small as zlib's level 6 at 2.5 times the speed.
_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE)


def png_bytes(picture: ByteArray) -> bytes:
    """A picture (H, W, 3) uint8 sRGB, or (H, W) uint8, as PNG; lossless; equal pictures give equal bytes."""
    return _encode(".png", picture, _PNG)


def jpeg_bytes(picture: ByteArray, quality: int = 85) -> bytes:
    """A picture (H, W, 3) uint8 sRGB as JPEG of the given quality, 0 to 100."""
    return _encode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, quality))


def decoded(raw: bytes, colour: bool = True) -> ByteArray:
    """The pixels of a JPEG or PNG as stored (EXIF rotation is not applied): (H, W, 3) uint8 RGB, or (H, W) uint8.

    Raises ValueError when the bytes are no picture.
    """
    flags = (cv2.IMREAD_COLOR if colour else cv2.IMREAD_GRAYSCALE) | cv2.IMREAD_IGNORE_ORIENTATION
    pixels = cv2.imdecode(np.frombuffer(raw, np.uint8), flags) if raw else None
    if pixels is None:
        raise ValueError("a picture in it cannot be read")
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB) if colour else pixels, dtype=np.uint8)


def same_picture(raw: bytes, picture: ByteArray) -> bool:
    """Whether a file's bytes are a JPEG or PNG that decodes to exactly these pixels (H, W, 3) uint8 RGB."""
    if not raw.startswith((b"\xff\xd8\xff", b"\x89PNG")):
        return False
    try:
        return np.array_equal(decoded(raw), picture)
    except (ValueError, cv2.error):
        return False


def original_bytes(image: Image) -> bytes:
    """The photo's own JPEG or PNG file, when it decodes to these very pixels; empty when turned, converted, reduced or gone."""
    if image.source is None:
        return b""
    try:
        raw = image.source.read_bytes()
    except OSError:
        return b""  # gone since it was read: a memory card
    return raw if same_picture(raw, image.pixels) else b""


def _encode(kind: str, picture: ByteArray, options: tuple[int, ...]) -> bytes:
    rgb = np.ascontiguousarray(picture)
    done, buffer = cv2.imencode(kind, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR) if rgb.ndim == 3 else rgb, options)
    if not done:
        raise ValueError(f"a picture of shape {picture.shape} cannot be encoded as {kind}")
    return buffer.tobytes()
