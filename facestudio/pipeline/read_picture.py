"""Any picture file a user may own becomes an upright 8-bit RGB `Image`, or a sentence that says why not.

Pillow reads first, because it knows EXIF, colour profiles and CMYK; OpenCV takes what Pillow does not know (EXR, HDR, …).
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import ExifTags, ImageCms, ImageFile, ImageOps, UnidentifiedImageError
from PIL import Image as Pillow

from facestudio.errors import PictureError, said_by_system
from facestudio.types import ByteArray, FloatArray, Image

_DIAGONAL_35MM = 43.267  # millimetres: the diagonal of the 36 x 24 frame that EXIF's "35 mm equivalent" refers to (CIPA DC-008)


@dataclass(frozen=True)
class ReadLimits:
    """What a picture may measure.

    largest_file_bytes, largest_pixels: beyond these a file is refused unread, so that a hostile one cannot fill the memory.
    working_side: longer side to which larger pictures are reduced. smallest_side: below it no face can be measured.
    """

    largest_file_bytes: int = 400_000_000
    largest_pixels: int = 200_000_000
    working_side: int = 4096
    smallest_side: int = 64


def read_picture(path: Path, limits: ReadLimits | None = None) -> Image:
    """Read a picture file: EXIF rotation applied, CMYK, 16-bit, grey and transparent pictures converted, EXIF focal kept.

    Raises PictureError, naming the file, when it is missing, unreadable, truncated, not a picture, too small or too large.
    """
    limits = limits or ReadLimits()
    raw = _read_bytes(path, limits)
    notes: list[str] = []
    focal: float | None = None
    try:
        pixels, focal = _read_with_pillow(raw, path, notes, limits)
    except UnidentifiedImageError:
        pixels = _read_with_opencv(raw, path, notes)
    except Pillow.DecompressionBombError as error:
        raise _too_large(path) from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        # Pillow reports truncated and corrupt files as any of these.
        raise PictureError(
            f"{path.name} is damaged or cut off ({error}).", "Copy it again from the camera, or choose another picture."
        ) from error
    if min(pixels.shape[:2]) < limits.smallest_side:
        size = f"{pixels.shape[1]} x {pixels.shape[0]}"
        raise PictureError(f"{path.name} is only {size} pixels.", "Use a picture of at least 640 x 480.")
    pixels, factor = _reduced(pixels, limits.working_side)
    if factor < 1.0:
        notes.append(f"{path.name} was reduced to {pixels.shape[1]} x {pixels.shape[0]} for measuring.")
    return Image(np.ascontiguousarray(pixels), focal * factor if focal else None, path, tuple(notes))


def _read_bytes(path: Path, limits: ReadLimits) -> bytes:
    try:
        if path.is_dir():
            raise PictureError(f"{path} is a folder, not a picture.", "Name the picture files: left, front and right.")
        if path.stat().st_size > limits.largest_file_bytes:
            raise _too_large(path)
        raw = path.read_bytes()
    except FileNotFoundError as error:
        raise PictureError(f"{path} does not exist.", "Check the file name.") from error
    except (OSError, ValueError) as error:
        raise PictureError(
            f"{path} cannot be read ({said_by_system(error)}).", "Check that the file is yours to read."
        ) from error
    if not raw:
        raise PictureError(f"{path.name} is empty.", "Copy it again from the camera.")
    return raw


def _too_large(path: Path) -> PictureError:
    return PictureError(f"{path.name} is too large to be a photo.", "Reduce it to at most 50 megapixels and try again.")


def _read_with_pillow(raw: bytes, path: Path, notes: list[str], limits: ReadLimits) -> tuple[ByteArray, float | None]:
    """(H, W, 3) uint8 sRGB pixels and the EXIF focal length in pixels, if any."""
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of odd EXIF blocks: the operator can do nothing about them
        picture = Pillow.open(io.BytesIO(raw))
        if picture.width * picture.height > limits.largest_pixels:
            raise Pillow.DecompressionBombError
        picture.load()
        focal = exif_focal_px(picture)
        profile = picture.info.get("icc_profile")
        upright = ImageOps.exif_transpose(picture)
    if upright.mode in {"I;16", "I;16L", "I;16B", "I", "F"}:
        notes.append(f"{path.name} has more than 8 bits per colour; it was converted to 8.")
        return _to_eight_bits(np.asarray(upright).astype(np.float64)), focal
    if upright.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in upright.info:
        rgba = upright.convert("RGBA")
        upright = Pillow.alpha_composite(Pillow.new("RGBA", rgba.size, (127, 127, 127, 255)), rgba)
    return np.asarray(_to_srgb(upright, profile, path, notes), dtype=np.uint8), focal


def _to_srgb(picture: Pillow.Image, profile: bytes | None, path: Path, notes: list[str]) -> Pillow.Image:
    """Convert through the embedded colour profile (a CMYK picture has no other honest meaning); plainly when there is none."""
    if picture.mode == "CMYK":
        notes.append(f"{path.name} is a CMYK print picture; it was converted to RGB.")
    if profile and picture.mode in {"RGB", "CMYK", "L"}:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            notes.append(f"The colour profile of {path.name} is damaged and was ignored.")
        else:
            if converted is not None:
                return converted
    return picture.convert("RGB")


def _to_eight_bits(values: FloatArray) -> ByteArray:
    """(H, W) or (H, W, C) numbers to (H, W, 3) uint8. 16-bit data are divided by 257, others stretched to their own range."""
    top = (
        65535.0
        if values.max(initial=0.0) > 255.0 and values.max(initial=0.0) <= 65535.0
        else float(max(values.max(initial=0.0), 1e-12))
    )
    eight = np.clip(values * (255.0 / top) + 0.5, 0, 255).astype(np.uint8)
    return np.repeat(eight[..., None], 3, axis=2) if eight.ndim == 2 else np.asarray(eight[..., :3])


def _read_with_opencv(raw: bytes, path: Path, notes: list[str]) -> ByteArray:
    decoded = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_UNCHANGED | cv2.IMREAD_ANYCOLOR)
    if decoded is None:
        raise PictureError(f"{path.name} is not a picture.", "Use a JPEG, PNG, TIFF, WebP or BMP file.")
    if decoded.dtype != np.uint8:
        notes.append(f"{path.name} has more than 8 bits per colour; it was converted to 8.")
        decoded = _to_eight_bits(decoded.astype(np.float64))
    if decoded.ndim == 2:
        decoded = np.repeat(decoded[..., None], 3, axis=2)
    return np.asarray(decoded[..., 2::-1], dtype=np.uint8)


def _reduced(pixels: ByteArray, side: int) -> tuple[ByteArray, float]:
    factor = side / max(pixels.shape[:2])
    if factor >= 1.0:
        return pixels, 1.0
    size = (round(pixels.shape[1] * factor), round(pixels.shape[0] * factor))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8), factor


def exif_focal_px(picture: Pillow.Image) -> float | None:
    """Focal length in pixels from EXIF's 35 mm equivalent, or None when absent, absurd, or when the picture was cropped since.

    The 35 mm equivalent compares diagonals (CIPA DC-008), so f_px = f_35 * diagonal_px / 43.27.
    """
    try:
        ifd = picture.getexif().get_ifd(ExifTags.IFD.Exif)
        f35 = float(ifd.get(ExifTags.Base.FocalLengthIn35mmFilm, 0) or 0)
        stated = {int(ifd.get(ExifTags.Base.ExifImageWidth, 0) or 0), int(ifd.get(ExifTags.Base.ExifImageHeight, 0) or 0)}
    except (TypeError, ValueError, ZeroDivisionError, OSError, SyntaxError, KeyError):
        return None
    if not 8.0 <= f35 <= 800.0:
        return None
    if stated != {0} and 0 not in stated:
        # Resizing keeps the aspect ratio, cropping rarely does: a changed ratio means the focal no longer holds.
        now, then = max(picture.size) / min(picture.size), max(stated) / min(stated)
        if abs(now / then - 1.0) > 0.01:
            return None
    diagonal = float(np.hypot(*picture.size))
    return f35 * diagonal / _DIAGONAL_35MM
