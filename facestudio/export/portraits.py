"""Small studio portraits of a head for the report and the preview, quick enough to make a dozen in half a second.

Light is computed at the vertices and the texture looked up by OpenCV, in sRGB's own numbers: at this size nobody sees the
difference from `geometry.shading.render`, which shades every pixel in linear light and takes five times as long.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from facestudio.export.scene import HeadScene
from facestudio.geometry.camera import project, screen
from facestudio.geometry.rasterize import interpolate, rasterize
from facestudio.geometry.shading import CLAY, Lights, portrait_camera, resized, vertex_normals
from facestudio.geometry.subdivide import butterfly, midpoints
from facestudio.progress import CancelToken
from facestudio.types import ByteArray, Camera, Float32Array, IntArray

_GAMMA = 1 / 2.2  # light multiplies linear values; in sRGB's numbers it multiplies with this exponent
_TEXTURE_SHADE = 0.5  # photographs carry light already, so that only half of the studio's is laid over them
_FILL = 0.84
_CENTRE, _CORNER = (92, 97, 104), (40, 43, 48)  # a grey studio wall that suits light and dark pages


@dataclass(frozen=True)
class Pose:
    """A place to look at a head from, degrees: yaw positive from the subject's left, pitch positive from above."""

    label: str
    yaw: float
    pitch: float = 0.0


SIX_VIEWS = (
    Pose("Front", 0),
    Pose("Three-quarter, subject's left", 40),
    Pose("Three-quarter, subject's right", -40),
    Pose("Subject's left", 90),
    Pose("Subject's right", -90),
    Pose("Back", 180),
)
HERO = Pose("Three-quarter", 32, 4)


@dataclass(frozen=True)
class Sitter:
    """What is drawn of a scene: its mesh four times as fine, so that the scalp's outline has no corners. Fields as of `HeadScene`."""

    vertices: Float32Array
    normals: Float32Array
    faces: IntArray
    uv: Float32Array
    uv_faces: IntArray


def sitter(scene: HeadScene) -> Sitter:
    """The scene's head, ready to be drawn from any side."""
    rule, faces = butterfly(scene.faces, len(scene.vertices))
    uv_rule, uv_faces = midpoints(scene.uv_faces, len(scene.uv))
    vertices = np.asarray(rule @ scene.vertices.astype(np.float64))
    normals = vertex_normals(vertices, faces).astype(np.float32)
    return Sitter(vertices.astype(np.float32), normals, faces, np.asarray(uv_rule @ scene.uv, np.float32), uv_faces)


def portrait(
    head: Sitter,
    pose: Pose,
    height: int,
    width: int,
    albedo: ByteArray | None,
    supersample: int = 2,
    cancel: CancelToken | None = None,
) -> ByteArray:
    """A picture (height, width, 3) uint8 sRGB of the neutral head on a grey wall.

    albedo: the texture to show, sRGB, row 0 at v = 1; any size, and one near the picture's own aliases least. None: clay.
    """
    camera = _filling(portrait_camera(head.vertices, height, width, pose.yaw, pose.pitch), head.vertices)
    big = resized(camera, height * supersample, width * supersample)
    fragments = rasterize(
        screen(big, head.vertices.astype(np.float64)), head.faces, big.height, big.width, cull_backfaces=False
    )
    cancel = cancel or CancelToken()
    cancel.check()
    light = interpolate(fragments, head.faces, _light(head.normals, big, 1.0 if albedo is None else _TEXTURE_SHADE))
    if albedo is None:
        colour = np.full((*light.shape[:2], 3), CLAY, dtype=np.uint8)
    else:
        uv = np.asarray(interpolate(fragments, head.uv_faces, head.uv), dtype=np.float32)
        x, y = uv[..., 0] * albedo.shape[1] - 0.5, (1 - uv[..., 1]) * albedo.shape[0] - 0.5
        colour = np.asarray(cv2.remap(albedo, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), dtype=np.uint8)
    cancel.check()
    lit = cv2.multiply(colour, np.repeat(light, 3, axis=-1), dtype=cv2.CV_8U)
    picture = cv2.copyTo(lit, (fragments.pix_to_face >= 0).astype(np.uint8), _wall(big.height, big.width))
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def shrunk(albedo: ByteArray, size: int) -> ByteArray:
    """The texture at most size texels wide, averaged so that a small picture of it does not flicker."""
    if albedo.shape[0] <= size:
        return albedo
    return np.asarray(cv2.resize(albedo, (size, size), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _filling(camera: Camera, vertices: Float32Array) -> Camera:
    """The camera zoomed and shifted so that the head stands in the middle and fills `_FILL` of the picture."""
    pixels = project(camera, vertices.astype(np.float64))
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    zoom = _FILL * float(np.min(np.array([camera.width, camera.height]) / (high - low)))
    middle = np.array([camera.width - 1, camera.height - 1]) / 2
    K = camera.K.copy()
    K[:2, :2] *= zoom
    K[:2, 2] = middle + zoom * (K[:2, 2] - (low + high) / 2)
    return replace(camera, K=K)


def _light(normals: Float32Array, camera: Camera, strength: float) -> Float32Array:
    """(V, 1) float32: the factor on sRGB values at each vertex, under the lights of `geometry.shading`, which stand with the camera."""
    lights = Lights()
    n = normals @ (camera.R * np.array([[1.0], [-1.0], [-1.0]])).T.astype(np.float32)

    def towards(direction: tuple[float, float, float]) -> Float32Array:
        d = np.asarray(direction, dtype=np.float32)
        return np.asarray(n @ (d / np.linalg.norm(d)))

    key = np.clip((towards(lights.key) + lights.wrap) / (1 + lights.wrap), 0, None) ** 1.2
    fill = np.clip(towards(lights.fill), 0, None)
    rim = np.clip(towards(lights.rim) + 0.35, 0, None) * (1 - np.clip(n[:, 2], 0, 1)) ** 3
    ambient = lights.ground + (lights.sky - lights.ground) * 0.5 * (n[:, 1] + 1)
    light = ambient + lights.key_strength * key + lights.fill_strength * fill + lights.rim_strength * rim
    # Textures are shown at their own brightness where a surface faces the eye, which receives 0.8.
    mixed = 1 - strength + strength * light / (1.0 if strength == 1.0 else 0.8)
    return np.asarray(mixed[:, None] ** _GAMMA, dtype=np.float32)


def _wall(height: int, width: int) -> ByteArray:
    y, x = np.linspace(-1, 1, 24)[:, None], np.linspace(-1, 1, 24)[None]
    away = np.clip(np.hypot(x, y + 0.15) / 1.45, 0, 1)[..., None] ** 1.3
    small = (1 - away) * np.array(_CENTRE) + away * np.array(_CORNER)
    return np.asarray(cv2.resize(small.astype(np.uint8), (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
