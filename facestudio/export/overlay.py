"""A photo with the head drawn over it: the quickest proof that the two agree."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from facestudio.geometry.camera import screen
from facestudio.geometry.rasterize import rasterize
from facestudio.types import ByteArray, Camera, Float64Array, IntArray, Landmarks

HEIGHT, WIDTH = 600, 480
_MARGIN = 0.18  # of the head's size, left free on each side
_WIRE, _WIRE_STRENGTH = (120, 232, 255), 0.28
_OUTLINE = (255, 255, 255)
_LANDMARK = (255, 150, 40)
_SHIFT = 4  # OpenCV draws at 1/16 px


@dataclass(frozen=True)
class Crop:
    """A part of a photo and the size it is shown at. left, top, right, bottom: photo pixels; width, height: of the picture."""

    left: int
    top: int
    right: int
    bottom: int
    width: int
    height: int

    def picture(self, photo: ByteArray) -> ByteArray:
        """The part of the photo (H, W, 3) uint8, as (height, width, 3) uint8."""
        way = cv2.INTER_AREA if self.width < self.right - self.left else cv2.INTER_CUBIC
        part = photo[self.top : self.bottom, self.left : self.right]
        return np.asarray(cv2.resize(part, (self.width, self.height), interpolation=way), dtype=np.uint8)

    def into(self, xy: Float64Array) -> Float64Array:
        """Photo pixels (N, 2) to the picture's pixels (N, 2)."""
        factor = np.array([self.width / (self.right - self.left), self.height / (self.bottom - self.top)])
        # Pixel centres are integers in both pictures, so that corners, not centres, scale onto each other.
        return np.asarray((xy - (self.left, self.top) + 0.5) * factor - 0.5)


def head_crop(points: Float64Array, rows: int, columns: int, height: int = HEIGHT, width: int = WIDTH) -> Crop:
    """The part of a rows x columns photo round points (N, 2), pixels, at most height x width when shown, with some air.

    It has those proportions where the photo allows. The whole photo when no point is finite.
    """
    left, top, right, bottom = _bounds(points[np.isfinite(points).all(axis=1)], rows, columns, width / height)
    scale = min(width / (right - left), height / (bottom - top))
    return Crop(left, top, right, bottom, max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale)))


def photo_and_overlay(
    photo: ByteArray, camera: Camera, vertices: Float64Array, faces: IntArray, landmarks: Landmarks | None
) -> tuple[ByteArray, ByteArray]:
    """The head's part of a photo (h, w, 3) uint8 sRGB, at most `HEIGHT` x `WIDTH`, and the same with the mesh drawn over it.

    photo: (H, W, 3) uint8 sRGB. vertices: (V, 3), metres, in the frame the camera maps from, as they project onto the photo.
    The wire is what the camera sees of the mesh, the white line its outline, the dots the landmarks found in the photo.
    """
    points = screen(camera, vertices)
    crop = head_crop(points[points[:, 2] > 0, :2], *photo.shape[:2])
    plain = crop.picture(photo)
    points[:, :2] = crop.into(points[:, :2])
    drawn = wired(plain, points, faces)
    if landmarks is not None:
        _dot(drawn, crop.into(landmarks.points))
    return plain, drawn


def _bounds(seen: Float64Array, rows: int, columns: int, aspect: float) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the points in the photo with some air, in the wanted proportions where the photo allows."""
    if not len(seen):
        return 0, 0, columns, rows
    low, high = seen.min(axis=0), seen.max(axis=0)
    size = np.maximum((high - low) * (1 + 2 * _MARGIN), 2.0)
    size = np.maximum(size, size[::-1] * (aspect, 1 / aspect))
    first = np.floor((low + high) / 2 - size / 2).astype(int)
    last = np.ceil((low + high) / 2 + size / 2).astype(int)
    left, right = max(int(first[0]), 0), min(int(last[0]), columns)
    top, bottom = max(int(first[1]), 0), min(int(last[1]), rows)
    if right - left < 1 or bottom - top < 1:
        return 0, 0, columns, rows
    return left, top, right, bottom


def wired(picture: ByteArray, points: Float64Array, faces: IntArray) -> ByteArray:
    """A picture (h, w, 3) uint8 with a mesh drawn over it. points (V, 3): x, y in its pixels, depth; faces (F, 3)."""
    height, width = picture.shape[:2]
    seen = rasterize(points, faces, height, width).pix_to_face
    visible = faces[np.bincount(seen[seen >= 0], minlength=len(faces)) > 0]
    edges = np.sort(np.concatenate([visible[:, [0, 1]], visible[:, [1, 2]], visible[:, [2, 0]]]), axis=1)
    first, second = np.divmod(np.unique(edges[:, 0].astype(np.int64) * len(points) + edges[:, 1]), len(points))
    lines = np.rint(points[np.stack([first, second], axis=1), :2] * 2**_SHIFT).astype(np.int32)
    wire = np.zeros((height, width), np.uint8)
    cv2.polylines(wire, list(lines), False, (255,), 1, cv2.LINE_AA, _SHIFT)
    weight = wire[..., None] * np.float32(_WIRE_STRENGTH / 255)
    drawn = (picture * (1 - weight) + np.array(_WIRE, np.float32) * weight).astype(np.uint8)
    outlines, _ = cv2.findContours((seen >= 0).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(drawn, outlines, -1, _OUTLINE, 1, cv2.LINE_AA)
    return np.asarray(drawn, dtype=np.uint8)


def _dot(picture: ByteArray, points: Float64Array) -> None:
    # Hundreds of large dots would hide the face.
    radius = 1.5 if len(points) > 100 else 3.0
    inside = np.isfinite(points).all(axis=1) & (np.abs(points) < 1e4).all(axis=1)
    for x, y in np.rint(points[inside] * 2**_SHIFT).astype(int).tolist():
        cv2.circle(picture, (x, y), round(radius * 2**_SHIFT), _LANDMARK, -1, cv2.LINE_AA, _SHIFT)
