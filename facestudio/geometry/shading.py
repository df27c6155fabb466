"""Pictures of heads without a graphics card: a calm clay look and a softly lit texture, for previews, reports and sheets."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter

from facestudio.geometry.camera import screen
from facestudio.geometry.rasterize import Fragments, interpolate, rasterize
from facestudio.types import BoolArray, ByteArray, Camera, Float64Array, FloatArray, IntArray

_FRONT = np.diag([1.0, -1.0, -1.0])  # a camera straight before the face
CLAY = (222, 206, 194)  # sRGB: unfired clay, light enough that shape reads in the shade
BACKGROUND = (244, 244, 242)  # sRGB: paper
_HOLLOW_M = 0.006  # the size of the hollows that are darkened: an eye's corner, a nostril's wing


@dataclass(frozen=True)
class Lights:
    """A portrait photographer's three lights, fixed to the camera. Directions point towards the light: x right, y up, z to the eye."""

    key: tuple[float, float, float] = (-0.55, 0.62, 0.56)
    fill: tuple[float, float, float] = (0.75, 0.15, 0.65)
    rim: tuple[float, float, float] = (0.6, 0.5, -0.75)
    key_strength: float = 0.92
    fill_strength: float = 0.14
    rim_strength: float = 0.35
    sky: float = 0.17
    ground: float = 0.06
    hollow: float = 0.45  # how much of the light hollows lose
    wrap: float = 0.15  # how far the key reaches round the edge of shadow: a large soft box


def vertex_normals(vertices: FloatArray, faces: IntArray) -> Float64Array:
    """Area-weighted unit normals (V, 3) float64 of vertices (V, 3) and faces (F, 3), outwards for counter-clockwise faces."""
    points = np.asarray(vertices, dtype=np.float64)
    corners = points[faces]
    face_normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    index = np.asarray(faces).ravel()
    sums = [np.bincount(index, np.repeat(face_normals[:, axis], 3), len(points)) for axis in range(3)]
    normals = np.stack(sums, axis=1)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.asarray(normals / np.where(length > 0.0, length, 1.0))


def clay(
    fragments: Fragments,
    vertices: FloatArray,
    faces: IntArray,
    rotation: Float64Array = _FRONT,
    colour: tuple[int, int, int] = CLAY,
    background: tuple[int, int, int] | ByteArray = BACKGROUND,
    lights: Lights | None = None,
) -> ByteArray:
    """A clay picture (H, W, 3) uint8 sRGB of what `fragments` saw of vertices (V, 3), metres, and faces (F, 3).

    rotation: (3, 3), `Camera.R` of the camera that drew the fragments: the lights stand with it. background: an sRGB colour or
    a picture (H, W, 3) uint8 to lay the head over.
    """
    light = _light(fragments, vertices, faces, rotation, lights or Lights())
    albedo = to_linear(np.asarray(colour, np.uint8))
    return _compose(albedo * light[..., None], fragments.pix_to_face >= 0, background)


def coloured(
    fragments: Fragments,
    vertices: FloatArray,
    faces: IntArray,
    colours: FloatArray,
    rotation: Float64Array = _FRONT,
    background: tuple[int, int, int] | ByteArray = BACKGROUND,
) -> ByteArray:
    """Like `clay` with a colour per vertex: colours (V, 3) float, sRGB in [0, 1] (an error map, a mask)."""
    light = _light(fragments, vertices, faces, rotation, Lights())
    seen = interpolate(fragments, faces, np.asarray(colours, np.float64))
    albedo = _decode(np.clip(np.asarray(seen, np.float64), 0.0, 1.0))
    return _compose(albedo * light[..., None], fragments.pix_to_face >= 0, background)


def textured(
    fragments: Fragments,
    uv: FloatArray,
    uv_faces: IntArray,
    texture: ByteArray,
    vertices: FloatArray | None = None,
    faces: IntArray | None = None,
    rotation: Float64Array = _FRONT,
    background: tuple[int, int, int] | ByteArray = BACKGROUND,
    shade: float = 0.45,
) -> ByteArray:
    """A textured picture (H, W, 3) uint8 sRGB: texture (T, T, 3) uint8 sRGB looked up bilinearly through uv (T', 2), v up.

    With vertices and faces given, light of strength `shade` is laid over it (0: the bare texture, 1: fully lit as clay);
    photographs carry light already, so the default is soft.
    """
    colour = to_linear(sample(texture, interpolate(fragments, uv_faces, np.asarray(uv, np.float64))))
    if vertices is not None and faces is not None and shade > 0.0:
        light = _light(fragments, vertices, faces, rotation, Lights())
        colour = colour * (1.0 - shade + shade * light / 0.73)[..., None]  # 0.73: what a surface facing the eye receives
    return _compose(colour, fragments.pix_to_face >= 0, background)


def sample(picture: ByteArray, uv: FloatArray) -> ByteArray:
    """Bilinear look-up: picture (H, W, C) uint8 at uv (…, 2) in [0, 1]^2, v up, clamped at the border, to (…, C) uint8."""
    height, width = picture.shape[:2]
    x = np.clip(np.asarray(uv[..., 0]) * width - 0.5, 0.0, width - 1.0)
    y = np.clip((1.0 - np.asarray(uv[..., 1])) * height - 0.5, 0.0, height - 1.0)
    x0, y0 = np.floor(x).astype(np.intp), np.floor(y).astype(np.intp)
    x1, y1 = np.minimum(x0 + 1, width - 1), np.minimum(y0 + 1, height - 1)
    fx, fy = (x - x0)[..., None], (y - y0)[..., None]
    upper = picture[y0, x0] * (1.0 - fx) + picture[y0, x1] * fx
    lower = picture[y1, x0] * (1.0 - fx) + picture[y1, x1] * fx
    return np.asarray(np.rint(upper * (1.0 - fy) + lower * fy), dtype=np.uint8)


def render(
    vertices: FloatArray,
    faces: IntArray,
    camera: Camera,
    height: int | None = None,
    width: int | None = None,
    *,
    texture: ByteArray | None = None,
    uv: FloatArray | None = None,
    uv_faces: IntArray | None = None,
    colours: FloatArray | None = None,
    background: tuple[int, int, int] | ByteArray = BACKGROUND,
    supersample: int = 2,
    shade: float = 0.45,
) -> ByteArray:
    """Draw a mesh through a camera to a picture (H, W, 3) uint8 sRGB: textured, coloured per vertex, or else in clay.

    vertices (V, 3) metres, in the frame the camera maps from. height and width default to the camera's; other sizes scale the
    camera with them. background may be a picture of the output's size. supersample: rays per pixel and axis.
    """
    height, width = height or camera.height, width or camera.width
    big = resized(camera, height * supersample, width * supersample)
    fragments = rasterize(screen(big, np.asarray(vertices, np.float64)), faces, big.height, big.width)
    behind = background
    if isinstance(background, np.ndarray):
        behind = background.repeat(supersample, 0).repeat(supersample, 1)
    if texture is not None and uv is not None and uv_faces is not None:
        picture = textured(fragments, uv, uv_faces, texture, vertices, faces, big.R, behind, shade)
    elif colours is not None:
        picture = coloured(fragments, vertices, faces, colours, big.R, behind)
    else:
        picture = clay(fragments, vertices, faces, big.R, background=behind)
    if supersample == 1:
        return picture
    blocks = picture.reshape(height, supersample, width, supersample, 3)
    return np.asarray(np.rint(blocks.mean(axis=(1, 3))), dtype=np.uint8)


def resized(camera: Camera, height: int, width: int) -> Camera:
    """The same camera for its picture scaled to (height, width); pixel centres stay at integers."""
    sx, sy = width / camera.width, height / camera.height
    K = camera.K.copy()
    K[0] *= sx
    K[1] *= sy
    K[0, 2] += 0.5 * (sx - 1.0)
    K[1, 2] += 0.5 * (sy - 1.0)
    return replace(camera, K=K, width=width, height=height)


def portrait_camera(
    vertices: FloatArray,
    height: int = 384,
    width: int = 384,
    yaw_degrees: float = 0.0,
    pitch_degrees: float = 0.0,
    field_of_view_degrees: float = 24.0,
) -> Camera:
    """A camera that frames vertices (V, 3), metres, head frame, from yaw (positive: from the subject's left) and pitch (from above)."""
    points = np.asarray(vertices, np.float64)
    centre = 0.5 * (points.min(axis=0) + points.max(axis=0))
    yaw, pitch = np.radians(yaw_degrees), np.radians(pitch_degrees)
    back = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
    right = np.array([np.cos(yaw), 0.0, -np.sin(yaw)])
    R = np.stack([right, -np.cross(back, right), -back])
    half = np.radians(field_of_view_degrees) / 2.0
    focal = 0.5 * min(height, width) / np.tan(half)
    # From where all turns about +Y fit, so that the views of one sheet share a scale.
    around, up = np.hypot(points[:, 0] - centre[0], points[:, 2] - centre[2]), np.abs(points[:, 1] - centre[1])
    distance = float(max((up * focal / (0.48 * height) + around).max(), (around * focal / (0.48 * width)).max()))
    K = np.array([[focal, 0.0, 0.5 * (width - 1)], [0.0, focal, 0.5 * (height - 1)], [0.0, 0.0, 1.0]])
    return Camera(K, R, -R @ (centre + distance * back), width, height)


def to_linear(srgb: ByteArray) -> Float64Array:
    """Bytes of sRGB to linear light in [0, 1] (IEC 61966-2-1)."""
    return np.asarray(_LINEAR[srgb])


def to_srgb(linear: FloatArray) -> ByteArray:
    """Linear light, clipped to [0, 1], to bytes of sRGB (IEC 61966-2-1)."""
    x = np.clip(np.asarray(linear, np.float64), 0.0, 1.0)
    encoded = np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.power(np.maximum(x, 0.0031308), 1 / 2.4) - 0.055)
    return np.asarray(np.rint(encoded * 255.0), dtype=np.uint8)


def _decode(srgb: Float64Array) -> Float64Array:
    return np.asarray(np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4))


_LINEAR = _decode(np.linspace(0.0, 1.0, 256))


def _light(fragments: Fragments, vertices: FloatArray, faces: IntArray, rotation: Float64Array, lights: Lights) -> Float64Array:
    """(H, W) float64: the light that each seen point sends on, 1 = white under full light."""
    to_eye = np.asarray(rotation, np.float64) * np.array([[1.0], [-1.0], [-1.0]])  # camera axes to x right, y up, z to the eye
    normals = interpolate(fragments, faces, vertex_normals(vertices, faces) @ to_eye.T)
    normals = normals / np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)

    def towards(direction: tuple[float, float, float]) -> Float64Array:
        d = np.asarray(direction)
        return np.asarray(normals @ (d / np.linalg.norm(d)))

    key = np.clip((towards(lights.key) + lights.wrap) / (1.0 + lights.wrap), 0.0, None) ** 1.2
    fill = np.clip(towards(lights.fill), 0.0, None)
    grazing = (1.0 - np.clip(normals[..., 2], 0.0, 1.0)) ** 3
    rim = np.clip(towards(lights.rim) + 0.35, 0.0, None) * grazing
    up = 0.5 * (normals[..., 1] + 1.0)
    ambient = lights.ground + (lights.sky - lights.ground) * up
    direct = lights.key_strength * key + lights.fill_strength * fill + lights.rim_strength * rim
    # Towards the outline every surface falls back; only what faces the eye can be called hollow.
    facing = np.clip(1.6 * normals[..., 2] - 0.3, 0.0, 1.0)
    return np.asarray((ambient + direct) * (1.0 - lights.hollow * facing * _hollowness(fragments, vertices, faces)))


def _hollowness(fragments: Fragments, vertices: FloatArray, faces: IntArray) -> Float64Array:
    """(H, W) float64 in [0, 1]: how far each point lies behind its surroundings (Luft et al. 2006: unsharp masking of the depth)."""
    seen = fragments.pix_to_face >= 0
    points = interpolate(fragments, faces, np.asarray(vertices, np.float32))
    beside = seen[:, 1:] & seen[:, :-1]
    if not beside.any():
        return np.zeros(seen.shape)
    pitch = float(np.median(np.linalg.norm(points[:, 1:] - points[:, :-1], axis=-1)[beside]))
    depth = np.where(seen, fragments.zbuf, 0.0)
    sigma = min(_HOLLOW_M / max(pitch, 1e-9), 0.1 * max(seen.shape))
    around = gaussian_filter(depth, sigma) / np.maximum(gaussian_filter(seen.astype(np.float32), sigma), 1e-3)
    return np.asarray(np.where(seen, np.clip((depth - around) / _HOLLOW_M, 0.0, 1.0), 0.0), dtype=np.float64)


def _compose(linear: Float64Array, seen: BoolArray, background: tuple[int, int, int] | ByteArray) -> ByteArray:
    behind = np.broadcast_to(np.asarray(background, np.uint8), linear.shape)
    return np.where(seen[..., None], to_srgb(linear), behind)
