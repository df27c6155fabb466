"""What the networks look at: a virtual camera that stands where the real one stood and looks straight at the head.

A face at the picture's edge looks like a turned face to a network, and depth along the real camera's axis is then not the depth the
network means. So each frame is turned to look through the middle of the face's square, by the homography K' R K^-1 (Hartley & Zisserman
2004, section 8.4): a picture of the same rays, exact for every depth. Training pictures and photos go the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from facestudio.geometry.rotations import exp_so3
from facestudio.landmarks.crop import Crop, crop_square
from facestudio.reconstruct.pose import undistorted
from facestudio.types import BoolArray, ByteArray, Camera, Float32Array, Float64Array

_BLUR = 0.4  # standard deviation of the blur before shrinking, in pixels of the small picture


@dataclass(frozen=True)
class Frame:
    """A photo on its way into the networks.

    picture: (H, W, 3) uint8 RGB, lens distortion undone. camera: its camera, head frame to pixels. landmarks: (N, 2) float64, pixels.
    visible: (N,) bool: which of them this frame shows; on_face: (N,) bool: which lie on the face, forehead to chin; None: all.
    """

    picture: ByteArray
    camera: Camera
    landmarks: Float64Array
    visible: BoolArray | None = None
    on_face: BoolArray | None = None

    @property
    def shown(self) -> Float64Array:
        """(M, 2) float64: the visible landmarks."""
        return self.landmarks if self.visible is None else self.landmarks[self.visible]

    @property
    def face(self) -> Float64Array:
        """(M, 2) float64: the visible landmarks of the face, around which pictures are cut; all visible ones where these are too few."""
        if self.on_face is None:
            return self.shown
        both = self.on_face if self.visible is None else self.on_face & self.visible
        return self.landmarks[both] if both.sum() >= 4 else self.shown


@dataclass(frozen=True)
class Look:
    """A frame as the networks see it.

    picture: (S, S, 3) uint8. camera: the virtual one. landmarks: (N, 2) float64 in it. mask: (S, S) bool: the head.
    """

    picture: ByteArray
    camera: Camera
    landmarks: Float64Array
    mask: BoolArray


def without_distortion(
    picture: ByteArray,
    camera: Camera,
    landmarks: Float64Array,
    visible: BoolArray | None = None,
    on_face: BoolArray | None = None,
) -> Frame:
    """A photo (H, W, 3) and its landmarks (N, 2), pixels, as the same camera without lens distortion would have them."""
    if not np.any(camera.distortion):
        return Frame(picture, camera, landmarks, visible, on_face)
    straight = cv2.undistort(picture, camera.K, camera.distortion)
    ideal = Camera(camera.K, camera.R, camera.t, camera.width, camera.height)
    return Frame(np.asarray(straight, np.uint8), ideal, undistorted(camera, landmarks), visible, on_face)


def look(frame: Frame, size: int, foreground: Float32Array | None = None, crop: Crop | None = None) -> Look:
    """Look at the frame's face with `size` x `size` pixels.

    crop: the square; None: that of `landmarks.crop` around the visible landmarks of the face.
    foreground: (H, W) float in [0, 1]; without it the mask is the landmarks' hull, with it the person within the square's hull grown.
    """
    virtual = looking_at(frame.camera, crop or crop_square(frame.face, size))
    to = homography(frame.camera, virtual)
    points = moved_points(to, frame.landmarks)
    mask = hull_mask(moved_points(to, frame.shown), size)
    if foreground is not None:
        person = warped(np.asarray(255 * foreground, np.uint8), to, size) > 127
        mask = grown(mask, size // 8) & person
    return Look(warped(frame.picture, to, size), virtual, points, mask)


def looking_at(camera: Camera, crop: Crop) -> Camera:
    """The virtual camera: same centre, no distortion, optical axis through the crop's centre, showing about what the crop shows."""
    centre = np.linalg.solve(camera.K, [*crop.centre, 1.0])
    centre /= np.linalg.norm(centre)
    axis = np.cross(centre, [0.0, 0.0, 1.0])
    sine = float(np.linalg.norm(axis))
    turn = exp_so3(axis / sine * np.arctan2(sine, centre[2])) if sine > 1e-12 else np.eye(3)
    # Off the axis a pixel covers a smaller angle: keep the scale at the crop's centre.
    f = camera.K[0, 0] * crop.zoom / float(centre[2])
    middle = (crop.size - 1) / 2.0
    K = np.array([[f, 0.0, middle], [0.0, f, middle], [0.0, 0.0, 1.0]])
    return Camera(K, turn @ camera.R, turn @ camera.t, crop.size, crop.size)


def homography(camera: Camera, virtual: Camera) -> Float64Array:
    """(3, 3) float64: from one camera's pixels to those of another one with the same centre."""
    return np.asarray(virtual.K @ virtual.R @ camera.R.T @ np.linalg.inv(camera.K))


def moved_points(to: Float64Array, points: Float64Array) -> Float64Array:
    """Pixels (N, 2) through a homography, (N, 2) float64."""
    moved = points @ to[:, :2].T + to[:, 2]
    return np.asarray(moved[:, :2] / moved[:, 2:])


def warped(picture: ByteArray, to: Float64Array, size: int) -> ByteArray:
    """A picture (H, W) or (H, W, 3) uint8 through a homography, `size` square; blurred first when it shrinks. The border goes on."""
    x, y = picture.shape[1] / 2, picture.shape[0] / 2
    middle = moved_points(to, np.array([[x, y], [x + 1.0, y]]))
    zoom = float(np.linalg.norm(middle[1] - middle[0]))
    if zoom < 0.6:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), _BLUR / zoom), np.uint8)
    return np.asarray(
        cv2.warpPerspective(picture, to, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def warped_depth(depth: Float32Array, camera: Camera, virtual: Camera) -> Float32Array:
    """Depth (S, S) along one camera's axis, metres, 0 where there is none, as depth along the virtual camera's, (S', S') float32.

    The nearest pixel's, so that no edge is blurred into the air.
    """
    size = virtual.width
    y, x = np.mgrid[:size, :size].astype(np.float64)
    source = moved_points(homography(virtual, camera), np.stack([x, y], -1).reshape(-1, 2))
    column, row = np.rint(source).astype(int).T
    inside = (column >= 0) & (row >= 0) & (column < depth.shape[1]) & (row < depth.shape[0])
    found = np.where(inside, depth[np.clip(row, 0, depth.shape[0] - 1), np.clip(column, 0, depth.shape[1] - 1)], 0.0)
    rays = np.concatenate([source, np.ones((len(source), 1))], axis=1) @ np.linalg.inv(camera.K).T
    along = (virtual.R @ camera.R.T)[2]
    return np.asarray((found * (rays @ along)).reshape(size, size), np.float32)


def hull_mask(points: Float64Array, size: int) -> BoolArray:
    """(size, size) bool: the convex hull of points (N, 2), pixels."""
    canvas = np.zeros((size, size), np.uint8)
    outline = cv2.convexHull(np.rint(points).astype(np.int32))
    return np.asarray(cv2.fillConvexPoly(canvas, outline, [1.0])) > 0


def grown(mask: BoolArray, pixels: int) -> BoolArray:
    """The mask (S, S) and everything within so many pixels of it."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1, 2 * pixels + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disc)) > 0
