"""A photo with the head drawn over it: the quickest proof that the two agree."""

from __future__ import annotations

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


def photo_and_overlay(
    photo: ByteArray, camera: Camera, vertices: Float64Array, faces: IntArray, landmarks: Landmarks | None
) -> tuple[ByteArray, ByteArray]:
    """The head's part of a photo (h, w, 3) uint8 sRGB, at most `HEIGHT` x `WIDTH`, and the same with the mesh drawn over it.

    photo: (H, W, 3) uint8 sRGB. vertices: (V, 3), metres, in the frame the camera maps from, as they project onto the photo.
    The wire is what the camera sees of the mesh, the white line its outline, the dots the landmarks found in the photo.
    """
    points = screen(camera, vertices)
    left, top, right, bottom = _crop(points, *photo.shape[:2])
    scale = min(WIDTH / (right - left), HEIGHT / (bottom - top))
    width, height = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    plain = np.asarray(cv2.resize(photo[top:bottom, left:right], (width, height), interpolation=way), dtype=np.uint8)
    factor = np.array([width / (right - left), height / (bottom - top)])
    # Pixel centres are integers in both pictures, so that corners, not centres, scale onto each other.
    points[:, :2] = _into(points[:, :2], left, top, factor)
    drawn = _wired(plain, points, faces)
    if landmarks is not None:
        _dot(drawn, _into(landmarks.points, left, top, factor))
    return plain, drawn


def _into(xy: Float64Array, left: int, top: int, factor: Float64Array) -> Float64Array:
    return np.asarray((xy - (left, top) + 0.5) * factor - 0.5)


def _crop(points: Float64Array, rows: int, columns: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the head in the photo with some air, in the report's proportions where the photo allows."""
    seen = points[(points[:, 2] > 0) & np.isfinite(points).all(axis=1), :2]
    if not len(seen):
        return 0, 0, columns, rows
    low, high = seen.min(axis=0), seen.max(axis=0)
    size = np.maximum((high - low) * (1 + 2 * _MARGIN), 2.0)
    size = np.maximum(size, size[::-1] * (WIDTH / HEIGHT, HEIGHT / WIDTH))
    first = np.floor((low + high) / 2 - size / 2).astype(int)
    last = np.ceil((low + high) / 2 + size / 2).astype(int)
    left, right = max(int(first[0]), 0), min(int(last[0]), columns)
    top, bottom = max(int(first[1]), 0), min(int(last[1]), rows)
    if right - left < 1 or bottom - top < 1:
        return 0, 0, columns, rows
    return left, top, right, bottom


def _wired(picture: ByteArray, points: Float64Array, faces: IntArray) -> ByteArray:
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
