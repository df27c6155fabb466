"""What one photo sees of the posed head: a z-buffer, and how far each pixel can be trusted to show the surface drawn there.

The fitted head is never exact. Next to an occluding contour an error of a millimetre paints background onto the cheek or the nose
onto the other cheek, so trust falls to zero towards contours, silhouettes and the border of the photo's foreground.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from facestudio.geometry.camera import screen, to_camera
from facestudio.geometry.rasterize import rasterize
from facestudio.texture.openings import opening_polygons, without_openings
from facestudio.texture.tone import from_srgb
from facestudio.types import BoolArray, Camera, Float32Array, Float64Array, IntArray, View


@dataclass(frozen=True)
class SightConfig:
    """Constants of visibility. Lengths are on the head, metres.

    depth_margin_m: a point this far behind the z-buffer still counts as seen (a pixel's slope is allowed for on top).
    steepest_degrees: angle between the normal and the line of sight beyond which nothing is read from a photo.
    trusted_degrees: angle up to which the angle takes no trust away.
    contour, silhouette, foreground: no trust up to the first distance from such a border, full trust from the second on.
    contour_jump_m: a step in depth that makes a contour. longest_side: photos are read at most at this size (of the head's crop).
    """

    depth_margin_m: float = 0.0025
    steepest_degrees: float = 72.0
    trusted_degrees: float = 52.0
    contour_jump_m: float = 0.006
    contour: tuple[float, float] = (0.0010, 0.0060)
    silhouette: tuple[float, float] = (0.0030, 0.0120)
    foreground: tuple[float, float] = (0.0025, 0.0090)
    longest_side: int = 2400


@dataclass(frozen=True)
class Sight:
    """A photo cropped to the head and brought to about the texture's resolution.

    screen: (V, 3) float32: x, y in pixels of the crop (centres at integers), depth in metres.
    eye: (3,) float32, the camera's centre, head frame. tones: (h, w, 3) float32, see `tone`. depth: (h, w) float32, metres, infinite
    where no surface is. trust: (h, w) float32 in [0, 1]. metres_per_px: what a pixel of the crop measures at the head's distance.
    photo_resolution: pixels of the photo itself per metre of head. openings: polygons (K, 2), pixels of the crop, see `openings`.
    """

    screen: Float32Array
    eye: Float32Array
    tones: Float32Array
    depth: Float32Array
    trust: Float32Array
    metres_per_px: float
    photo_resolution: float
    openings: tuple[Float64Array, ...] = ()


def look(
    view: View,
    camera: Camera,
    vertices: Float64Array,
    faces: IntArray,
    texels_per_metre: float,
    foreground: Float32Array | None = None,
    config: SightConfig | None = None,
) -> Sight | None:
    """See vertices (V, 3) float64, metres, head frame, with faces (F, 3) through the camera. None when the photo shows none of it.

    foreground: (H, W) float in [0, 1], 1 where the photo shows the person, or None. texels_per_metre: the texture's resolution on the
    head: a photo finer than that is averaged down to it, lest it alias.
    """
    config = config or SightConfig()
    image = view.image
    points = screen(camera, vertices)
    ahead = points[:, 2] > 0.0
    if not ahead.any():
        return None
    low = np.maximum(np.floor(points[ahead, :2].min(0)) - 8, 0).astype(int)
    high = np.minimum(np.ceil(points[ahead, :2].max(0)) + 9, [image.width, image.height]).astype(int)
    if (high - low < 4).any():
        return None
    distance = float(np.median(to_camera(camera, vertices)[ahead, 2]))
    resolution = float(np.sqrt(abs(np.linalg.det(camera.K[:2, :2])))) / distance
    scale = min(1.0, 1.25 * texels_per_metre / resolution, config.longest_side / float((high - low).max()))
    width, height = (max(int(n), 4) for n in np.rint((high - low) * scale))
    window = (slice(low[1], high[1]), slice(low[0], high[0]))
    tones = _shrink(from_srgb(image.pixels[window]), width, height)
    factor = np.array([width, height]) / (high - low)
    points[:, :2] = (points[:, :2] - low + 0.5) * factor - 0.5
    openings = [(polygon - low + 0.5) * factor - 0.5 for polygon in opening_polygons(view)]
    metres_per_px = 1.0 / (resolution * float(factor.mean()))
    buffer = rasterize(points, faces, height, width)
    depth = np.where(buffer.pix_to_face >= 0, buffer.zbuf, np.inf).astype(np.float32)
    mask = None if foreground is None else _shrink(np.asarray(foreground, np.float32)[window], width, height) > 0.5
    trust = without_openings(_trust(depth, mask, metres_per_px, config), openings, metres_per_px)
    centre = np.asarray(camera.centre, np.float32)
    return Sight(points.astype(np.float32), centre, tones, depth, trust, metres_per_px, resolution, tuple(openings))


def vertices_seen(sight: Sight, vertices: Float64Array, normals: Float64Array, config: SightConfig | None = None) -> BoolArray:
    """(V,) bool: which vertices the photo sees, by the same test of depth and angle that the texture uses."""
    config = config or SightConfig()
    to_eye = sight.eye - vertices
    cosine = np.einsum("ij,ij->i", normals, to_eye) / np.maximum(np.linalg.norm(to_eye, axis=1), 1e-9)
    height, width = sight.depth.shape
    # A point behind the camera has no pixel: keep its coordinates out of the integer conversion.
    ahead = (sight.screen[:, 2] > 0.0) & np.isfinite(sight.screen).all(axis=1)
    spot = np.rint(np.where(ahead[:, None], np.clip(sight.screen[:, :2], -1.0, [width, height]), -1.0)).astype(int)
    inside = ahead & (spot >= 0).all(axis=1) & (spot[:, 0] < width) & (spot[:, 1] < height)
    x, y = np.where(inside, spot[:, 0], 0), np.where(inside, spot[:, 1], 0)
    slope = sight.metres_per_px * np.sqrt(np.maximum(1.0 - cosine**2, 0.0)) / np.maximum(cosine, 0.1)
    nearest = sight.screen[:, 2] <= sight.depth[y, x] + config.depth_margin_m + slope
    return np.asarray(inside & nearest & (cosine > np.cos(np.radians(config.steepest_degrees))))


def _shrink(picture: Float32Array, width: int, height: int) -> Float32Array:
    if picture.shape[:2] == (height, width):
        return np.ascontiguousarray(picture)
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), dtype=np.float32)


def _trust(depth: Float32Array, foreground: BoolArray | None, metres_per_px: float, config: SightConfig) -> Float32Array:
    covered = np.isfinite(depth)
    trust = _ramp(covered, config.silhouette, metres_per_px)
    # Cancellation of infinities: outside the head the depth is set to the farthest seen, and the silhouette has its own ramp.
    filled = np.where(covered, depth, depth[covered].max() if covered.any() else 0.0).astype(np.float32)
    square = np.ones((3, 3), np.uint8)
    step = cv2.dilate(filled, square) - cv2.erode(filled, square)
    # Two pixels apart, a surface at 75 degrees recedes by 7.5 pixels: that is no contour.
    contour = (step > max(config.contour_jump_m, 8.0 * metres_per_px)) & (cv2.erode(covered.astype(np.uint8), square) > 0)
    trust *= _ramp(~contour, config.contour, metres_per_px)
    if foreground is not None:
        trust *= _ramp(foreground, config.foreground, metres_per_px)
    return np.asarray(trust * covered, dtype=np.float32)


def _ramp(good: BoolArray, between: tuple[float, float], metres_per_px: float) -> Float32Array:
    if good.all():
        return np.ones(good.shape, np.float32)
    distance = cv2.distanceTransform(good.astype(np.uint8), cv2.DIST_L2, 5) * metres_per_px
    t = np.clip((distance - between[0]) / (between[1] - between[0]), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), dtype=np.float32)
