"""A ball with a known texture, photographed by known cameras: what the texture's tests are measured against."""

from __future__ import annotations

import numpy as np

from facestudio.geometry.camera import scaled, screen
from facestudio.geometry.rasterize import interpolate, rasterize
from facestudio.head.model import HeadModel
from facestudio.types import ByteArray, Camera, Float64Array, FloatArray, Image, View, ViewName

RINGS, SECTORS = 40, 64
RADIUS = 0.1
GREEN = (0, 255, 0)


def ball(extra: tuple[Float64Array, float] | None = None) -> HeadModel:
    """A ball of 10 cm radius in the form of a head model; one island, cut open at the back; `extra`: a second, (centre, radius)."""
    across, up = np.meshgrid(np.linspace(0, 1, SECTORS + 1), np.linspace(0, 1, RINGS + 1))
    longitude, latitude = (across - 0.5) * 2 * np.pi, (up - 0.5) * np.pi
    points = (
        np.stack([np.sin(longitude) * np.cos(latitude), np.sin(latitude), np.cos(longitude) * np.cos(latitude)], -1) * RADIUS
    )
    uv = np.stack([across * 0.9 + 0.05, up * 0.7 + 0.05], -1).reshape(-1, 2)
    index = np.arange((RINGS + 1) * (SECTORS + 1)).reshape(RINGS + 1, SECTORS + 1)
    welded = index.copy()
    welded[:, -1] = welded[:, 0]
    opposite = index[:, ::-1].copy()
    opposite[:, 0] = opposite[:, -1] = index[:, 0]
    quads = [(m[:-1, :-1], m[:-1, 1:], m[1:, 1:], m[1:, :-1]) for m in (welded, index)]
    faces, uv_faces = (
        np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)]) for a, b, c, d in quads
    )
    vertices, mirror = points.reshape(-1, 3), opposite.ravel()
    # Alternate diagonals would do for symmetry too; here the mirrored half gets the mirrored diagonal.
    left = np.tile((np.arange(SECTORS) >= SECTORS // 2)[None], (RINGS, 1)).ravel()
    for m, out in ((welded, faces), (index, uv_faces)):
        a, b, c, d = (x.ravel() for x in (m[:-1, :-1], m[:-1, 1:], m[1:, 1:], m[1:, :-1]))
        first = np.where(left[:, None], np.stack([a, b, d], -1), np.stack([a, b, c], -1))
        second = np.where(left[:, None], np.stack([b, c, d], -1), np.stack([a, c, d], -1))
        out[:] = np.concatenate([first, second])
    parts = np.zeros(len(faces), np.uint8)
    if extra is not None:
        centre, scale = extra
        count = len(vertices)
        small_uv = np.stack([uv[:, 0], (uv[:, 1] - 0.05) / 0.7 * 0.15 + 0.8], -1)
        vertices = np.concatenate([vertices, vertices * scale + centre])
        mirror = np.concatenate([mirror, np.arange(count, 2 * count)])
        faces, uv_faces = np.concatenate([faces, faces + count]), np.concatenate([uv_faces, uv_faces + len(uv)])
        uv = np.concatenate([uv, small_uv])
        parts = np.repeat(np.array([0, 1], np.uint8), len(parts))
    count = len(vertices)
    return HeadModel(
        name="ball",
        licence="CC0",
        template=vertices.astype(np.float32),
        identity_basis=np.zeros((count, 3, 0), np.float32),
        expression_basis=np.zeros((count, 3, 0), np.float32),
        expression_names=(),
        pose_basis=np.zeros((36, count * 3), np.float32),
        joint_regressor=np.full((5, count), 1.0 / count, np.float32),
        parents=np.array([-1, 0, 1, 1, 1], np.int32),
        skin_weights=np.full((count, 5), 0.2, np.float32),
        faces=faces.astype(np.int32),
        uv=uv.astype(np.float32),
        uv_faces=uv_faces.astype(np.int32),
        face_parts=parts.astype(np.int32),
        part_names=("face", "other"),
        mirror=mirror.astype(np.int32),
    )


def camera(yaw_degrees: float, distance: float = 0.6, distortion: Float64Array | None = None) -> Camera:
    """480 x 360 pixels, looking at the origin."""
    yaw = np.radians(yaw_degrees)
    back = np.array([np.sin(yaw), 0.0, np.cos(yaw)])
    R = np.stack([[np.cos(yaw), 0.0, -np.sin(yaw)], [0.0, -1.0, 0.0], -back])
    K = np.array([[850.0, 0.0, 241.0], [0.0, 850.0, 178.0], [0.0, 0.0, 1.0]])
    return Camera(K, R, -R @ (back * distance), 480, 360, np.zeros(5) if distortion is None else distortion)


def paint(uv: FloatArray) -> Float64Array:
    """The known texture at uv (…, 2): (…, 3) in [0, 1], sRGB: skin-like, with waves and different left and right."""
    u, v = uv[..., 0], uv[..., 1]
    waves = 0.06 * np.sin(60 * u) * np.sin(50 * v) + 0.04 * np.sin(17 * u + 5) + 0.03 * np.cos(23 * v)
    tone = np.array([0.72, 0.55, 0.48])
    return np.clip(tone + waves[..., None] * np.array([1.0, 0.9, 0.8]), 0.0, 1.0)


def photograph(model: HeadModel, view: Camera, background: tuple[int, int, int] = GREEN, gain: float = 1.0) -> Image:
    """What the camera sees of the painted model, unlit, 3 x 3 rays a pixel, `gain` on the sRGB values (of the second ball: red)."""
    fine = 3
    big = scaled(view, fine)
    fragments = rasterize(screen(big, np.asarray(model.template, np.float64)), model.faces, big.height, big.width)
    colour = paint(interpolate(fragments, model.uv_faces, model.uv)) * gain
    seen = fragments.pix_to_face
    colour[model.face_parts[np.maximum(seen, 0)] == 1] = (1.0, 0.0, 0.0)
    colour[seen < 0] = np.array(background) / 255.0
    small = colour.reshape(view.height, fine, view.width, fine, 3).mean(axis=(1, 3))
    return Image(np.rint(small * 255.0).astype(np.uint8))


def views_of(images: list[Image]) -> list[View]:
    """Views in the order front, left, right."""
    names = (ViewName.FRONT, ViewName.LEFT, ViewName.RIGHT)
    return [View(name, image) for name, image in zip(names, images, strict=False)]


def truth(size: int) -> Float64Array:
    """The known texture as a picture, (size, size, 3), bytes as float64."""
    line = (np.arange(size) + 0.5) / size
    u, v = np.meshgrid(line, 1.0 - line)
    return paint(np.stack([u, v], -1)) * 255.0


def psnr(a: ByteArray | Float64Array, b: ByteArray | Float64Array) -> float:
    """Peak signal-to-noise ratio of two sets of bytes, dB."""
    return float(10 * np.log10(255.0**2 / np.mean((np.asarray(a, np.float64) - np.asarray(b, np.float64)) ** 2)))
