"""Portraits of synthetic subjects: an OpenHead head with a real skin, hair and brows, lit, photographed, with its truth known.

Meant for training and for studying detectors, not for beauty: one rasterised layer for each asset, a key light, a sky and a ground,
a webcam's blur and noise. 640 x 480 takes about 0.1 s.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from facestudio.errors import DatasetError
from facestudio.geometry.camera import project, screen
from facestudio.geometry.rasterize import interpolate, rasterize
from facestudio.geometry.shading import to_linear, to_srgb, vertex_normals
from facestudio.head.model import HeadModel
from facestudio.head.open_head.uv import makehuman_uv
from facestudio.training.synth.attach import Attachment, read_attachment
from facestudio.types import ByteArray, Camera, Float64Array, FloatArray, IntArray

_IRIS_SHARE = (
    0.44  # sine of the angle under which the iris' edge is seen from the eyeball's centre: 5.85 mm of 12 mm, a little less
)


@dataclass(frozen=True)
class Wardrobe:
    """All assets a subject can wear. skins: (H, W, 3) uint8 by MakeHuman's UVs: uv (T, 2) and uv_faces (F, 3) for the head's faces."""

    uv: FloatArray
    uv_faces: IntArray
    skins: tuple[ByteArray, ...]
    hair: tuple[Attachment, ...]
    brows: tuple[Attachment, ...]


@dataclass(frozen=True)
class Look:
    """What a subject looks like and how it is lit. Indices into the wardrobe, hair -1 for none; colours are linear RGB."""

    skin: int
    hair: int
    brows: int
    skin_gain: Float64Array
    hair_colour: Float64Array
    iris: Float64Array
    key: Float64Array
    key_strength: float
    sky: float
    ground: float
    background_seed: int


def read_wardrobe(assets: Path, model: HeadModel) -> Wardrobe:
    """Load MakeHuman's CC0 assets (folders skins, hair, eyebrows). Raises DatasetError when the folder is not one of them."""
    pictures = sorted((assets / "skins" / "textures").glob("*_diffuse*.png"))
    if not pictures:
        raise DatasetError(f"{assets} holds no MakeHuman skins.", "Name the folder of MakeHuman's CC0 assets.")
    skins = tuple(
        np.ascontiguousarray(cv2.resize(cv2.imread(str(p)), (2048, 2048), interpolation=cv2.INTER_AREA)[..., ::-1])
        for p in pictures
    )
    skin_faces = model.faces[~model.part_faces("eye_left", "eye_right", "teeth", "tongue", "mouth_interior")]
    wanted = [f for f in sorted((assets / "hair").iterdir()) if (f / f"{f.name}_diffuse.png").is_file()]
    hair = tuple(read_attachment(f, skin_faces) for f in wanted)
    brows = tuple(read_attachment(f, skin_faces) for f in sorted((assets / "eyebrows").iterdir()))
    return Wardrobe(*makehuman_uv(), skins, hair, brows)


def random_look(wardrobe: Wardrobe, rng: np.random.Generator) -> Look:
    """A random but plausible look."""
    key = np.array([rng.uniform(-0.9, 0.9), rng.uniform(-0.1, 0.9), 0.6])
    dark, warm = rng.uniform(0.05, 0.9), rng.uniform(0.5, 1.0)
    return Look(
        skin=int(rng.integers(len(wardrobe.skins))),
        hair=int(rng.integers(-2, len(wardrobe.hair))),
        brows=int(rng.integers(len(wardrobe.brows))),
        skin_gain=np.exp(rng.normal(0, 0.08, 3)),
        hair_colour=dark * np.array([1.0, 0.75 + 0.2 * (1 - warm), 0.6 * (1 - 0.6 * warm)]),
        iris=np.array([[0.10, 0.05, 0.02], [0.05, 0.09, 0.16], [0.06, 0.10, 0.05], [0.02, 0.01, 0.006]])[rng.integers(4)],
        key=key / np.linalg.norm(key),
        key_strength=float(rng.uniform(0.3, 0.9)),
        sky=float(rng.uniform(0.3, 0.6)),
        ground=float(rng.uniform(0.1, 0.4)),
        background_seed=int(rng.integers(1 << 30)),
    )


def portrait(model: HeadModel, vertices: Float64Array, look: Look, wardrobe: Wardrobe, camera: Camera) -> ByteArray:
    """Photograph a head (V, 3), metres, head frame: (H, W, 3) uint8 sRGB, free of camera effects."""
    picture = _background(look.background_seed, camera.height, camera.width)
    # Everything else happens in a window around the head, with room for hair.
    pixels = project(camera, vertices)
    low = np.clip(np.floor(pixels.min(0) - 40).astype(int), 0, [camera.width - 2, camera.height - 2])
    high = np.clip(np.ceil(pixels.max(0) + 40).astype(int), low + 1, [camera.width, camera.height])
    K = camera.K.copy()
    K[:2, 2] -= low
    window = replace(camera, K=K, width=int(high[0] - low[0]), height=int(high[1] - low[1]))
    _draw(picture[low[1] : high[1], low[0] : high[0]], model, vertices, look, wardrobe, window)
    return to_srgb(picture)


def _draw(
    picture: Float64Array, model: HeadModel, vertices: Float64Array, look: Look, wardrobe: Wardrobe, camera: Camera
) -> None:
    """Draw head, brows and hair over the picture (H, W, 3), linear, in place."""
    H, W = camera.height, camera.width
    fragments = rasterize(screen(camera, vertices), model.faces, H, W)
    hit = fragments.pix_to_face >= 0
    albedo = (
        to_linear(_sample(wardrobe.skins[look.skin], interpolate(fragments, wardrobe.uv_faces, wardrobe.uv))) * look.skin_gain
    )
    normals = interpolate(fragments, model.faces, vertex_normals(vertices, model.faces))
    normals = normals / np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)
    _paint_eyes(albedo, fragments.pix_to_face, interpolate(fragments, model.faces, vertices), model, vertices, look)
    lit = albedo * _light(normals, look, camera)[..., None] + _gloss(normals, look, camera)[..., None]
    picture[hit] = lit[hit]
    depth = np.where(hit, fragments.zbuf, np.inf)
    skin_faces = model.faces[~model.part_faces("eye_left", "eye_right", "teeth", "tongue", "mouth_interior")]
    worn = [(wardrobe.brows[look.brows], 0.5)] + ([(wardrobe.hair[look.hair], 1.0)] if look.hair >= 0 else [])
    for attachment, gain in worn:
        _lay_over(picture, depth, attachment, vertices, skin_faces, look, camera, gain)


def _light(normals: Float64Array, look: Look, camera: Camera) -> Float64Array:
    """Diffuse light: a soft key that stands in the room (head frame), sky above and ground below."""
    key = np.clip((normals @ look.key + 0.25) / 1.25, 0, None)
    return np.asarray(look.key_strength * key + look.ground + (look.sky - look.ground) * (0.5 + 0.5 * normals[..., 1]))


def _gloss(normals: Float64Array, look: Look, camera: Camera) -> Float64Array:
    """Skin's broad specular lobe (Blinn-Phong, exponent 24)."""
    half = look.key - camera.R[2]
    half = half / np.linalg.norm(half)
    return np.asarray(0.06 * look.key_strength * np.clip(normals @ half, 0, None) ** 24)


def _paint_eyes(
    albedo: Float64Array, hit: IntArray, points: FloatArray, model: HeadModel, vertices: Float64Array, look: Look
) -> None:
    """Sclera, iris and pupil by the angle from the gaze axis (straight ahead), in place."""
    joints = model.joint_regressor @ vertices
    for part, joint in (("eye_left", 3), ("eye_right", 4)):
        faces = np.flatnonzero(model.part_faces(part))
        if not len(faces):
            continue
        eye = np.isin(hit, faces)
        ray = points[eye] - joints[joint]
        ray /= np.maximum(np.linalg.norm(ray, axis=1, keepdims=True), 1e-9)
        off = np.where(ray[:, 2] > 0, np.hypot(ray[:, 0], ray[:, 1]), 1.0)[:, None]
        colour = np.where(off < _IRIS_SHARE, look.iris * (1.2 - 0.6 * (off / _IRIS_SHARE) ** 4), [0.62, 0.58, 0.55])
        albedo[eye] = np.where(off < 0.16, 0.005, colour)


def _lay_over(
    picture: Float64Array,
    depth: Float64Array,
    attachment: Attachment,
    head: Float64Array,
    head_faces: IntArray,
    look: Look,
    camera: Camera,
    gain: float,
) -> None:
    """Composite the nearest layer of an asset over the picture, in place."""
    points = attachment.vertices(head, head_faces)
    H, W = depth.shape
    fragments = rasterize(screen(camera, points), attachment.faces, H, W)
    texel = _sample(attachment.texture, interpolate(fragments, attachment.uv_faces, attachment.uv))
    # 4 mm of grace: brows and the roots of hair lie in the skin.
    visible = (fragments.pix_to_face >= 0) & (fragments.zbuf < depth + 0.004)
    alpha = np.where(visible, texel[..., 3] / 255.0, 0.0)[..., None]
    normals = interpolate(fragments, attachment.faces, vertex_normals(points, attachment.faces))
    normals = normals / np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)
    normals *= np.sign(-(normals @ camera.R[2]))[..., None]
    grey = to_linear(texel[..., :3].astype(np.uint8)).mean(-1, keepdims=True)
    colour = gain * look.hair_colour * (0.15 + 1.2 * grey) * _light(normals, look, camera)[..., None]
    picture[:] = alpha * colour + (1 - alpha) * picture
    np.minimum(depth, np.where(alpha[..., 0] > 0.5, fragments.zbuf, np.inf), out=depth)


def _sample(texture: ByteArray, uv: FloatArray) -> ByteArray:
    """Bilinear look-up of a texture (H, W, C) at (…, 2) coordinates, v up."""
    height, width = texture.shape[:2]
    x, y = (uv[..., 0] * width - 0.5).astype(np.float32), ((1.0 - uv[..., 1]) * height - 0.5).astype(np.float32)
    return np.asarray(cv2.remap(texture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _background(seed: int, height: int, width: int) -> Float64Array:
    """An out-of-focus wall: smooth coloured noise and a few rectangles, linear RGB."""
    rng = np.random.default_rng(seed)
    wall = np.full((height, width, 3), rng.uniform(0.05, 0.5)) * np.exp(rng.normal(0, 0.15, 3))
    wall *= np.exp(cv2.resize(rng.normal(0, 0.3, (5, 7)), (width, height), interpolation=cv2.INTER_CUBIC))[..., None]
    for _ in range(rng.integers(2, 6)):
        x, y = rng.integers(width), rng.integers(height)
        w, h = rng.integers(width // 12, width // 3), rng.integers(height // 12, height // 2)
        wall[y : y + h, x : x + w] *= np.exp(rng.normal(0, 0.5, 3) * 0.3 + rng.normal(0, 0.5))
    return np.asarray(cv2.GaussianBlur(wall, (0, 0), width / 120.0))


def webcam(picture: ByteArray, rng: np.random.Generator) -> ByteArray:
    """What a webcam makes of it: exposure, white balance, blur, noise."""
    linear = to_linear(picture) * np.exp(rng.normal(0, 0.06)) * np.exp(rng.normal(0, 0.04, 3))
    blurred = cv2.GaussianBlur(linear, (0, 0), rng.uniform(0.5, 1.0))
    noisy = to_srgb(blurred).astype(np.float64) + rng.normal(0, rng.uniform(1.5, 4.0), picture.shape)
    return np.asarray(np.clip(np.rint(noisy), 0, 255), dtype=np.uint8)
