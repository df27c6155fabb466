"""The current head as one camera sees it: depth, surface points and normals per pixel of a crop around the head.

Dense correspondence is measured in these crops, and every pixel knows the triangle it shows, so that whatever is measured at a pixel
is evidence about three vertices.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from facestudio.geometry.camera import screen
from facestudio.geometry.rasterize import interpolate, rasterize
from facestudio.geometry.shading import vertex_normals
from facestudio.types import BoolArray, Camera, Float32Array, Float64Array, IntArray

_BORDER_PX = 24  # room around the head for the flow's patches


@dataclass(frozen=True)
class Layer:
    """One way to read a photo.

    picture: (H, W) float32, about [0, 255], slightly blurred. noise: standard deviation of its grain after that.
    """

    picture: Float32Array
    noise: float


@dataclass(frozen=True)
class Photo:
    """A photo ready for matching, free of lens distortion.

    layers: the readings that are matched, each against its like. trust: (H, W) float32 in [0, 1], how surely a pixel shows skin (`masks`).
    skin: (H, W) float32 in [0, 1], how alike a pixel's colour is to this person's skin, sharp. person: (H, W) float32 in [0, 1].
    """

    layers: tuple[Layer, ...]
    trust: Float32Array
    skin: Float32Array
    person: Float32Array

    def cropped(self, window: tuple[slice, slice]) -> Photo:
        """The same inside a window (rows, columns)."""
        layers = tuple(Layer(np.ascontiguousarray(part.picture[window]), part.noise) for part in self.layers)
        trust, skin, person = (np.ascontiguousarray(p[window]) for p in (self.trust, self.skin, self.person))
        return Photo(layers, trust, skin, person)

    def halved(self, blur_px: float) -> Photo:
        """The same, half as wide and high: means of four pixels.

        blur_px: what the layers were smoothed by. It says how alike grain is in neighbouring pixels, and so what their mean has left of it.
        """
        near = np.exp(-1.0 / (4.0 * max(blur_px, 1e-3) ** 2))
        left = 0.5 * np.sqrt(1.0 + 2.0 * near + near**2)
        layers = tuple(Layer(_half(part.picture), float(left * part.noise)) for part in self.layers)
        return Photo(layers, _half(self.trust), _half(self.skin), _half(self.person))


def _half(picture: Float32Array) -> Float32Array:
    return np.asarray(cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.float32)


@dataclass(frozen=True)
class Sighting:
    """The head in a crop of one photo.

    corner: (2,) int, x and y of the crop's first pixel in the photo. camera: of the crop. photo: cropped alike.
    face: (h, w) int32, triangle seen, -1 where none. bary: (h, w, 3) float32. depth: (h, w) float32 metres, infinite where none.
    points, normals: (h, w, 3) float32, head frame. cosine: (h, w) float32, between normal and the direction to the camera.
    """

    corner: IntArray
    camera: Camera
    photo: Photo
    face: IntArray
    bary: Float32Array
    depth: Float32Array
    points: Float32Array
    normals: Float32Array
    cosine: Float32Array

    @property
    def covered(self) -> BoolArray:
        """(h, w) bool: where the head is."""
        return np.asarray(self.face >= 0)


def sight(
    photo: Photo, camera: Camera, vertices: Float64Array, faces: IntArray, normals: Float64Array | None = None
) -> Sighting | None:
    """See vertices (V, 3), metres, head frame, with faces (F, 3) through a camera without distortion; None when out of the picture.

    normals: (V, 3) float64, the vertices', where they are known already.
    """
    on_screen = screen(camera, vertices)
    if not np.isfinite(on_screen).all() or on_screen[:, 2].min() <= 0.02:
        return None
    low = np.maximum(np.floor(on_screen[:, :2].min(0)).astype(int) - _BORDER_PX, 0)
    high = np.minimum(np.ceil(on_screen[:, :2].max(0)).astype(int) + _BORDER_PX + 1, [camera.width, camera.height])
    if (high - low < 2 * _BORDER_PX).any():
        return None
    width, height = (int(n) for n in high - low)
    window = (slice(low[1], high[1]), slice(low[0], high[0]))
    cropped = photo.cropped(window)
    K = camera.K.copy()
    K[:2, 2] -= low
    inner = replace(camera, K=K, width=width, height=height)
    on_screen[:, :2] -= low
    seen = rasterize(on_screen, faces, height, width)
    normals = vertex_normals(vertices, faces) if normals is None else normals
    carried = interpolate(seen, faces, np.hstack([vertices, normals]).astype(np.float32))
    points, facing = carried[..., :3].astype(np.float32), carried[..., 3:].astype(np.float32)
    facing /= length(facing)[..., None]
    cosine = _cosine(points, facing, camera)
    covered = seen.pix_to_face >= 0
    depth = np.where(covered, seen.zbuf, np.inf).astype(np.float32)
    return Sighting(
        low,
        inner,
        cropped,
        seen.pix_to_face,
        seen.bary,
        depth,
        points,
        facing,
        np.where(covered, cosine, np.float32(0.0)),
    )


def length(vectors: Float32Array) -> Float32Array:
    """(...,) float32: the lengths of vectors (..., 3), at least 1e-6."""
    return np.asarray(np.maximum(np.sqrt(np.einsum("...c,...c->...", vectors, vectors)), np.float32(1e-6)))


def _cosine(points: Float32Array, normals: Float32Array, camera: Camera) -> Float32Array:
    """(h, w) float32, between unit normals (h, w, 3) and the direction from their points (h, w, 3) to the camera."""
    to_eye = camera.centre.astype(np.float32) - points
    return np.asarray(np.einsum("hwc,hwc->hw", normals, to_eye) / length(to_eye))


@dataclass(frozen=True)
class Transfer:
    """Where the pixels of one sighting lie in another.

    x, y: (h, w) float32, pixels of the source's crop. open: (h, w) bool, where nothing hides the surface from the source.
    cosine: (h, w) float32, of the flatter of the two lines of sight.
    """

    x: Float32Array
    y: Float32Array
    open: BoolArray
    cosine: Float32Array

    def visible(self, steepest_cosine: float) -> Float32Array:
        """(h, w) float32: 1 where both see the same surface, neither at a flatter angle."""
        return (self.open & (self.cosine > steepest_cosine)).astype(np.float32)


def transfer(target: Sighting, source: Sighting, depth_margin_m: float) -> Transfer:
    """Look every pixel of `target` up in `source`: its position there, and by the z-buffer whether it is seen from there.

    The source's depth is eroded (each pixel takes the nearest depth around it), so that nothing beside an occluding edge passes.
    """
    camera = source.camera
    in_camera = target.points @ camera.R.T.astype(np.float32) + camera.t.astype(np.float32)
    z = np.where(target.covered, np.maximum(in_camera[..., 2], np.float32(1e-3)), np.float32(1.0))
    x = (camera.K[0, 0] * in_camera[..., 0] + camera.K[0, 1] * in_camera[..., 1]) / z + camera.K[0, 2]
    y = camera.K[1, 1] * in_camera[..., 1] / z + camera.K[1, 2]
    x, y = (np.where(target.covered, c, -1e4).astype(np.float32) for c in (x, y))
    nearest = cv2.erode(np.where(source.covered, source.depth, np.float32(10.0)), np.ones((3, 3), np.uint8))
    depth = cv2.remap(nearest, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=(0.0,))
    cosine = _cosine(target.points, target.normals, camera)
    # A pixel of a surface at a grazing angle spans a range of depths.
    pitch = z / np.float32(camera.K[0, 0])
    slope = np.float32(2.0) * pitch * np.sqrt(np.maximum(1.0 - cosine**2, 0.0)) / np.maximum(cosine, np.float32(0.1))
    return Transfer(x, y, (z <= depth + np.float32(depth_margin_m) + slope) & target.covered, np.minimum(cosine, target.cosine))


def vertices_visible(sighting: Sighting, vertices: Float64Array, normals: Float64Array, steepest_cosine: float) -> BoolArray:
    """(V,) bool: which vertices (V, 3) with unit normals (V, 3), head frame, the camera sees at a usable angle."""
    spot = screen(sighting.camera, vertices)
    to_eye = sighting.camera.centre - vertices
    cosine = np.einsum("vi,vi->v", normals, to_eye) / np.linalg.norm(to_eye, axis=1)
    height, width = sighting.depth.shape
    x, y = (np.clip(np.rint(spot[:, k]).astype(int), 0, n - 1) for k, n in ((0, width), (1, height)))
    inside = (np.abs(spot[:, 0] - x) <= 0.5) & (np.abs(spot[:, 1] - y) <= 0.5)
    # The farthest surface around a pixel: a vertex on a slope must not be hidden by its own neighbours.
    reach = cv2.dilate(np.where(sighting.covered, sighting.depth, np.float32(0.0)), np.ones((3, 3), np.uint8))
    return np.asarray(inside & (cosine > steepest_cosine) & (spot[:, 2] < reach[y, x] + 0.002))
