"""What synthetic subjects can wear, decoded once to the size in which the renderer samples it: skins, hair, brows and lashes.

MakeHuman's CC0 assets where they are at hand; otherwise skins of our own making (noise over a drawn face), so that the factory runs
anywhere. A skin is kept as *ratio*: its linear colour divided by the mean of its face, so that any skin can take any tone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from facestudio.errors import DatasetError
from facestudio.geometry.shading import to_linear
from facestudio.head.model import HeadModel
from facestudio.head.open_head.uv import makehuman_uv
from facestudio.training.synth.attach import Attachment, read_attachment
from facestudio.types import ByteArray, Float32Array, IntArray

SKIN_PARTS = ("face", "scalp", "ears", "neck", "lips", "eyelids")
INSIDE_PARTS = ("eye_left", "eye_right", "teeth", "tongue", "mouth_interior")  # what attachments are not tied to
RATIO_SCALE = 64.0  # a byte of 64 is the face's mean colour
_HAIR_TEXTURE = 1024
_SKIN_TEXTURE = 2048  # MakeHuman's whole square; only the head's part of it is kept


@dataclass(frozen=True)
class Skin:
    """One skin. ratio (H, W, 3) uint8: linear colour over the face's mean, x `RATIO_SCALE`. dark: it shows dark skin."""

    ratio: ByteArray
    dark: bool


@dataclass(frozen=True)
class Worn:
    """A hair style, a pair of brows or lashes: its mesh tied to the head, and (H, W, 2) uint8 lightness and coverage."""

    name: str
    mesh: Attachment
    texture: ByteArray


@dataclass(frozen=True)
class Closet:
    """All assets. uv (T, 2) float32 and uv_faces (F, 3) int32: where each head face finds its skin, in the kept part's square, v up."""

    uv: Float32Array
    uv_faces: IntArray
    skins: tuple[Skin, ...]
    hair: tuple[Worn, ...]
    brows: tuple[Worn, ...]
    lashes: tuple[Worn, ...]


def open_closet(model: HeadModel, assets: Path | None) -> Closet:
    """Read the assets folder, or make do without one (None, or a folder that is not there).

    Raises DatasetError when the folder is there but is not MakeHuman's CC0 assets.
    """
    if assets is None or not assets.is_dir():
        from facestudio.training.synth.own_skin import own_skins

        uv, uv_faces, ratios = own_skins(model)
        return Closet(uv, uv_faces, tuple(Skin(r, dark) for r in ratios for dark in (False, True)), (), (), ())
    pictures = sorted((assets / "skins" / "textures").glob("*_diffuse*.png"))
    if not pictures:
        raise DatasetError(f"{assets} holds no MakeHuman skins.", "Name the folder of MakeHuman's CC0 assets.")
    square, uv_faces = makehuman_uv()
    on_skin = uv_faces[model.part_faces(*SKIN_PARTS)]
    low, high = square[on_skin].reshape(-1, 2).min(0) - 0.004, square[on_skin].reshape(-1, 2).max(0) + 0.004
    uv = ((square - low) / (high - low)).astype(np.float32)
    on_face = square[uv_faces[model.part_faces("face")]].mean(1)
    skins = tuple(_read_skin(path, low, high, on_face) for path in pictures)
    tied = model.faces[~model.part_faces(*INSIDE_PARTS)]
    return Closet(
        uv, uv_faces.astype(np.int32), skins, *(_read_worn(assets / k, tied) for k in ("hair", "eyebrows", "eyelashes"))
    )


def _read_skin(path: Path, low: Float32Array, high: Float32Array, on_face: Float32Array) -> Skin:
    picture = cv2.resize(cv2.imread(str(path)), (_SKIN_TEXTURE, _SKIN_TEXTURE), interpolation=cv2.INTER_AREA)[..., ::-1]
    x = (on_face[:, 0] * _SKIN_TEXTURE).astype(int).clip(0, _SKIN_TEXTURE - 1)
    y = ((1 - on_face[:, 1]) * _SKIN_TEXTURE).astype(int).clip(0, _SKIN_TEXTURE - 1)
    mean = np.median(to_linear(np.ascontiguousarray(picture[y, x])), axis=0)
    x0, x1 = (np.array([low[0], high[0]]) * _SKIN_TEXTURE).round().astype(int).clip(0, _SKIN_TEXTURE)
    y0, y1 = ((1 - np.array([high[1], low[1]])) * _SKIN_TEXTURE).round().astype(int).clip(0, _SKIN_TEXTURE)
    ratio = to_linear(np.ascontiguousarray(picture[y0:y1, x0:x1])) / mean * RATIO_SCALE
    return Skin(np.clip(np.rint(ratio), 0, 255).astype(np.uint8), "dark" in path.name)


def _read_worn(folder: Path, head_faces: IntArray) -> tuple[Worn, ...]:
    worn = []
    for place in sorted(p for p in folder.iterdir() if p.is_dir()):
        # Some styles come without their picture: they cannot be worn.
        if not any((place / f"{place.name}{end}.png").is_file() for end in ("_diffuse", "")):
            continue
        mesh = read_attachment(place, head_faces)
        worn.append(Worn(place.name, mesh, _lightness(mesh.texture)))
    return tuple(worn)


def _lightness(texture: ByteArray) -> ByteArray:
    """Lightness over its mean (x 64) and coverage, of an RGBA picture; transparent texels do not darken their neighbours."""
    size = min(_HAIR_TEXTURE, texture.shape[0])
    cover = texture[..., 3].astype(np.float32) / 255.0
    grey = to_linear(np.ascontiguousarray(texture[..., :3])).mean(-1).astype(np.float32)
    small = cv2.resize(cover, (size, size), interpolation=cv2.INTER_AREA)
    tone = cv2.resize(grey * cover, (size, size), interpolation=cv2.INTER_AREA) / np.maximum(small, 1e-3)
    mean = float((tone * small).sum() / max(float(small.sum()), 1e-6))
    tone = np.clip(tone / max(mean, 1e-4), 0.0, 3.9) * RATIO_SCALE
    return np.asarray(np.stack([np.rint(tone), np.rint(small * 255.0)], axis=-1), np.uint8)
