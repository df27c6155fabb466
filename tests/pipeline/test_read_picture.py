"""Any picture file becomes an upright 8-bit RGB picture, or a sentence."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageCms

from facestudio.errors import PictureError
from facestudio.pipeline.read_picture import ReadLimits, read_picture

SCENE = np.zeros((120, 160, 3), np.uint8)
SCENE[:60, :80] = (200, 40, 30)
SCENE[60:, 80:] = (20, 60, 220)


def test_png_comes_through_unchanged(tmp_path: Path) -> None:
    Pillow.fromarray(SCENE).save(tmp_path / "a.png")
    image = read_picture(tmp_path / "a.png")
    assert np.array_equal(image.pixels, SCENE)
    assert image.focal_px is None
    assert image.source == tmp_path / "a.png"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_honoured(tmp_path: Path, orientation: int) -> None:
    undo = {1: (), 2: (0,), 3: (3,), 4: (1,), 5: (5,), 6: (2,), 7: (6,), 8: (4,)}[orientation]
    stored = Pillow.fromarray(SCENE)
    for method in undo:
        stored = stored.transpose(Pillow.Transpose(method))
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(read_picture(tmp_path / "a.png").pixels, SCENE)


def test_sixteen_bit_grey_and_colour_are_reduced(tmp_path: Path) -> None:
    wide = SCENE.astype(np.uint16) * 257
    cv2.imwrite(str(tmp_path / "colour.png"), wide[..., ::-1])
    cv2.imwrite(str(tmp_path / "grey.png"), wide[..., 0])
    assert np.abs(read_picture(tmp_path / "colour.png").pixels.astype(int) - SCENE).max() <= 1
    grey = read_picture(tmp_path / "grey.png")
    assert np.abs(grey.pixels.astype(int) - SCENE[..., :1]).max() <= 1
    assert grey.notes == ("grey.png has more than 8 bits per colour; it was converted to 8.",)


def test_cmyk_jpeg_is_converted(tmp_path: Path) -> None:
    Pillow.fromarray(SCENE).convert("CMYK").save(tmp_path / "print.jpg", quality=95)
    image = read_picture(tmp_path / "print.jpg")
    assert np.abs(image.pixels[10:50, 10:70].astype(int) - SCENE[20, 20]).mean() < 12
    assert image.notes == ("print.jpg is a CMYK print picture; it was converted to RGB.",)


def test_colour_profiles_are_applied(tmp_path: Path) -> None:
    lab_like = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ"))
    buffer = io.BytesIO(lab_like.tobytes())
    Pillow.fromarray(SCENE).save(tmp_path / "profiled.png", icc_profile=buffer.getvalue())
    assert read_picture(tmp_path / "profiled.png").pixels.shape == SCENE.shape
    Pillow.fromarray(SCENE).save(tmp_path / "broken.png", icc_profile=b"not a profile")
    broken = read_picture(tmp_path / "broken.png")
    assert np.array_equal(broken.pixels, SCENE)
    assert broken.notes == ("The colour profile of broken.png is damaged and was ignored.",)


def test_transparent_grey_palette_and_one_bit_pictures_become_rgb(tmp_path: Path) -> None:
    picture = Pillow.fromarray(SCENE)
    for mode in ("RGBA", "L", "P", "1", "LA"):
        (picture.convert("L") if mode == "LA" else picture).convert(mode).save(tmp_path / f"{mode}.png")
        pixels = read_picture(tmp_path / f"{mode}.png").pixels
        assert pixels.shape == SCENE.shape
        assert pixels.dtype == np.uint8


def test_formats_only_opencv_knows_are_read(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.hdr"), SCENE[..., ::-1].astype(np.float32) / 255.0)
    image = read_picture(tmp_path / "a.hdr")
    assert image.pixels[20, 20, 0] > image.pixels[20, 20, 2] + 100
    assert image.notes == ("a.hdr has more than 8 bits per colour; it was converted to 8.",)


def test_exif_focal_is_used_unless_the_picture_was_cropped(tmp_path: Path) -> None:
    def save(size: tuple[int, int]) -> float | None:
        exif = Pillow.Exif()
        ifd = exif.get_ifd(0x8769)
        ifd[0xA405], ifd[0xA002], ifd[0xA003] = 28, size[0], size[1]
        Pillow.fromarray(SCENE).save(tmp_path / "a.jpg", exif=exif)
        return read_picture(tmp_path / "a.jpg").focal_px

    assert save((160, 120)) == pytest.approx(28 * 200 / 43.267, rel=1e-3)
    assert save((1600, 1200)) == pytest.approx(28 * 200 / 43.267, rel=1e-3)
    assert save((1600, 900)) is None


def test_large_pictures_are_reduced_with_their_focal(tmp_path: Path) -> None:
    exif = Pillow.Exif()
    exif.get_ifd(0x8769)[0xA405] = 28
    Pillow.fromarray(SCENE).save(tmp_path / "a.jpg", exif=exif)
    image = read_picture(tmp_path / "a.jpg", ReadLimits(working_side=80))
    assert (image.width, image.height) == (80, 60)
    assert image.focal_px == pytest.approx(28 * 100 / 43.267, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("missing.jpg", None, "does not exist"),
        ("empty.jpg", b"", "is empty"),
        ("text.jpg", b"Hello, I am not a picture at all", "not a picture"),
        ("random.png", bytes(range(256)) * 40, "not a picture"),
    ],
)
def test_unusable_files_are_named(tmp_path: Path, name: str, content: bytes | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(PictureError, match=sentence) as caught:
        read_picture(tmp_path / name)
    assert name in caught.value.what
    assert caught.value.remedy


@pytest.mark.parametrize("kind", ["jpg", "png", "tiff", "webp"])
def test_truncated_files_are_refused_at_every_length(tmp_path: Path, kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    whole = tmp_path / f"whole.{kind}"
    Pillow.fromarray(noise).save(whole)
    raw = whole.read_bytes()
    for share in (0.01, 0.1, 0.5, 0.9):
        cut = tmp_path / f"cut.{kind}"
        cut.write_bytes(raw[: int(len(raw) * share)])
        with pytest.raises(PictureError):
            read_picture(cut)


def test_tiny_pictures_folders_and_bombs_are_refused(tmp_path: Path) -> None:
    Pillow.fromarray(SCENE[:20, :20]).save(tmp_path / "tiny.png")
    with pytest.raises(PictureError, match="only 20 x 20"):
        read_picture(tmp_path / "tiny.png")
    with pytest.raises(PictureError, match="is a folder"):
        read_picture(tmp_path)
    Pillow.fromarray(SCENE).save(tmp_path / "bomb.png")
    with pytest.raises(PictureError, match="too large"):
        read_picture(tmp_path / "bomb.png", ReadLimits(largest_pixels=100))
    with pytest.raises(PictureError, match="too large"):
        read_picture(tmp_path / "bomb.png", ReadLimits(largest_file_bytes=10))
