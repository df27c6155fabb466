"""The value types that rooms hand to each other.

All are frozen: a value that left a room is never changed by another. Arrays are numpy; shapes, dtypes,
units and frames stand beside each field. Frames are defined once, in `facestudio.geometry.frames`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32] | NDArray[np.float64]
Float32Array = NDArray[np.float32]
Float16Array = NDArray[np.float16]
Float64Array = NDArray[np.float64]
IntArray = NDArray[np.int32] | NDArray[np.int64]
ByteArray = NDArray[np.uint8]
BoolArray = NDArray[np.bool_]

MEDIAPIPE, MEDIAPIPE_POINTS = "mediapipe478", 478  # the mesh with irises


class ViewName(StrEnum):
    """Where a photo was taken from. LEFT shows the subject's left side (the camera stands on the subject's left)."""

    LEFT = "left"
    FRONT = "front"
    RIGHT = "right"


class Scale(StrEnum):
    """METRIC: millimetres follow from calibrated cameras. ASSUMED: size was set from an average human measure."""

    METRIC = "metric"
    ASSUMED = "assumed"


@dataclass(frozen=True)
class Image:
    """A photograph, upright and ready to measure in.

    pixels: (H, W, 3) uint8, RGB, sRGB, upright: EXIF rotation applied, and turned where the face said so (`landmarks.upright`).
    focal_px: focal length in pixels of this upright picture when EXIF states one, else None.
    source: the file it came from, or None for a picture made in memory.
    notes: sentences for the operator about what was done to it on the way in.
    """

    pixels: ByteArray
    focal_px: float | None = None
    source: Path | None = None
    notes: tuple[str, ...] = ()

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.pixels.shape[1])


@dataclass(frozen=True)
class Camera:
    """A perspective camera: x_cam = R X + t, OpenCV axes (x right, y down, z forward), pixel centres at integers.

    K: (3, 3) float64, pixels. R: (3, 3) float64 rotation, head (or world) frame to camera frame. t: (3,) float64, metres.
    distortion: (5,) float64, OpenCV order k1 k2 p1 p2 k3.
    """

    K: Float64Array
    R: Float64Array
    t: Float64Array
    width: int
    height: int
    distortion: Float64Array = field(default_factory=lambda: np.zeros(5))

    @property
    def centre(self) -> Float64Array:
        """(3,) float64: the camera's position in the frame it maps from, metres."""
        return np.asarray(-self.R.T @ self.t)


@dataclass(frozen=True)
class Landmarks:
    """2D points with a known meaning, found in one picture.

    points: (N, 2) float64, pixels, (x right, y down), pixel centres at integers.
    scheme: which embedding of the head model they belong to ("mediapipe478", "ibug68", …).
    sigma: (N,) float64, pixels: one standard deviation per point, as the detector states it.
    seen: (N,) float64 in [0, 1]: how probably each point is not hidden by the head itself; None when the detector does not say.
    """

    points: Float64Array
    scheme: str
    sigma: Float64Array
    notes: tuple[str, ...] = ()
    seen: Float64Array | None = None

    def mediapipe(self) -> Float64Array | None:
        """(478, 2): mediapipe's mesh with irises, behind which another detector's landmarks may follow; None for others' alone."""
        with_irises = self.scheme.split("+")[0] == MEDIAPIPE and len(self.points) >= MEDIAPIPE_POINTS
        return self.points[:MEDIAPIPE_POINTS] if with_irises else None


@dataclass(frozen=True)
class View:
    """One of the photos of a capture: its name, picture, camera (None = uncalibrated) and landmarks (None = not detected yet)."""

    name: ViewName
    image: Image
    camera: Camera | None = None
    landmarks: Landmarks | None = None

    def mediapipe(self) -> Float64Array | None:
        """(478, 2): mediapipe's mesh in the picture; None where it was not looked for."""
        return None if self.landmarks is None else self.landmarks.mediapipe()


@dataclass(frozen=True)
class Triplet:
    """The photos of one capture, one to three views, in the order left, front, right as far as present."""

    views: tuple[View, ...]
    notes: tuple[str, ...] = ()

    @property
    def calibrated(self) -> bool:
        """True when every view carries a camera."""
        return all(view.camera is not None for view in self.views)


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh. vertices: (V, 3) float, metres. faces: (F, 3) int, counter-clockwise seen from outside."""

    vertices: FloatArray
    faces: IntArray


@dataclass(frozen=True)
class Texture:
    """The colour of a head.

    albedo: (T, T, 3) uint8, sRGB, row 0 at v = 1 (see `geometry.frames`).
    provenance: (T, T) uint8, one of the PROVENANCE_* values: where each texel's colour comes from.
    views_seen: (V,) uint8: how many photos see each vertex of the head.
    """

    albedo: ByteArray
    provenance: ByteArray
    views_seen: ByteArray


PROVENANCE_OUTSIDE = 0  # no surface maps here; filled only so that filtering finds no black
PROVENANCE_MEASURED = 1  # seen in at least one photo
PROVENANCE_MIRRORED = 2  # copied from the other half of the head
PROVENANCE_INFERRED = 3  # inpainted, or painted from a neutral eye or mouth


@dataclass(frozen=True)
class PointCloud:
    """Points measured on a head, without triangles.

    points: (N, 3) float32, metres, head frame. colours: (N, 3) uint8, sRGB. normals: (N, 3) float32, outward, unit length.
    views: (N,) uint8: how many frames agree on the point.
    """

    points: Float32Array
    colours: ByteArray
    normals: Float32Array
    views: ByteArray


@dataclass(frozen=True)
class ViewQuality:
    """How well the head explains one photo.

    reprojection_px: median distance of the head's landmarks from the detected ones, pixels.
    held_out_px: the same for a fit that never saw this view, or None when it was not measured.
    """

    name: ViewName
    reprojection_px: float
    held_out_px: float | None = None
    yaw_degrees: float = 0.0


@dataclass(frozen=True)
class Reconstruction:
    """A head, and all that is known about how it came to be.

    head_model: name of the head model ("openhead", "flame").
    identity: (S,) float64, in standard deviations of the model's prior. expression: (E,) float64, unit weights.
    vertices: (V, 3) float64, metres, head frame: identity applied, expression and pose neutral.
    posed_vertices: (V, 3) float64, metres, head frame: with the photographed expression, as it projects onto the photos.
    cameras: one per view; they map the head frame to each photo.
    mean_head_reprojection_px: the same measure for the average head with its own best poses: the baseline to beat.
    world_from_head: (3, 4) float64 [R | t], metres: the head's place in the frame of the given cameras; None when uncalibrated.
    sigma: (V,) float64, metres: one standard deviation of each vertex along its normal; None when the engine does not know it.
    points: what the engine measured before there was a head (deep SfM's cloud); None for engines that measure no points.
    gaze: (2, 3) float64, axis-angle, radians: how `posed_vertices` have the left and the right eyeball turned about their joints, against
    the straight look of `vertices`; None when no photo tells.
    """

    head_model: str
    identity: Float64Array
    expression: Float64Array
    vertices: Float64Array
    posed_vertices: Float64Array
    views: tuple[View, ...]
    cameras: tuple[Camera, ...]
    scale: Scale
    quality: tuple[ViewQuality, ...]
    engine: str = "fit"
    notes: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    mean_head_reprojection_px: float | None = None
    world_from_head: Float64Array | None = None
    sigma: Float64Array | None = None
    points: PointCloud | None = None
    gaze: Float64Array | None = None
