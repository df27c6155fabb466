"""The 478 landmarks of mediapipe's FaceMesh (Kartynnik et al. 2019; attention mesh, Grishchenko et al. 2020).

Two things are done to one network to get the most out of it:

* **Detect twice.** The first pass only finds the face; the points come from square crops around it, where the face fills the same
  share of the picture whatever the camera's distance.
* **Test-time augmentation.** The points are averaged over crops of different size, shift and mirror image. The mirror cancels the
  network's left-right bias, and the scatter over the crops is an honest sigma for each point.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from facestudio.errors import NoFaceError
from facestudio.landmarks.detector import Face
from facestudio.landmarks.mirror_map import MEDIAPIPE_MIRROR
from facestudio.types import ByteArray, Float64Array, Image, Landmarks

SCHEME = "mediapipe478"
POINTS = 478


@dataclass(frozen=True)
class DetectorConfig:
    """Constants of the detector.

    crop_scales: side of the square crops, as multiples of the face box. crop_pixels: the size they are resampled to.
    shifts: the crops' displacement as a fraction of the box, one for each scale. mirror: also detect in the mirrored crop.
    smallest_face_px: faces smaller than this carry too little detail to measure.
    floor_px_of_box: the sigma floor, as a fraction of the face box (scatter over crops does not see the error common to all crops).
    rough_px_of_box: the sigma, as such a fraction, of points that no crop confirmed.
    """

    crop_scales: tuple[float, ...] = (1.35, 1.6, 1.85)
    shifts: tuple[tuple[float, float], ...] = ((0.0, 0.0), (0.03, -0.02), (-0.03, 0.02))
    crop_pixels: int = 384
    mirror: bool = True
    smallest_face_px: float = 40.0
    confidence: float = 0.5
    most_faces: int = 4
    floor_px_of_box: float = 0.003
    rough_px_of_box: float = 0.02


class MediapipeDetector:
    """`LandmarkDetector` over mediapipe's FaceMesh. Not shareable between threads."""

    scheme = SCHEME

    def __init__(self, config: DetectorConfig | None = None) -> None:
        os.environ.setdefault("GLOG_minloglevel", "2")
        from mediapipe.python.solutions.face_mesh import FaceMesh  # three seconds of imports: only when it is needed

        self.config = config or DetectorConfig()
        options: dict[str, Any] = {"static_image_mode": True, "refine_landmarks": True}
        self._finder = FaceMesh(
            max_num_faces=self.config.most_faces, min_detection_confidence=self.config.confidence, **options
        )
        self._mesh = FaceMesh(max_num_faces=1, min_detection_confidence=0.3, **options)

    def close(self) -> None:
        """Release both networks."""
        self._finder.close()
        self._mesh.close()

    def __enter__(self) -> MediapipeDetector:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def detect(self, image: Image, where: str = "the picture") -> Face:
        """The largest face of the picture, its 478 points averaged over augmented crops. Raises NoFaceError."""
        first, rivals = self._find(image, where)
        lo, hi = first.min(0), first.max(0)
        side = float((hi - lo).max())
        if side < self.config.smallest_face_px:
            what = f"The face in {where} is only {side:.0f} pixels large."
            raise NoFaceError(what, "Use a larger picture, or move the camera closer; 200 pixels and more are good.")
        samples = self._detect_in_crops(image.pixels, (lo + hi) / 2, side)
        stack = np.stack(samples or [first])
        points = np.median(stack, axis=0)
        scatter = np.sqrt(((stack - points) ** 2).sum(-1).mean(0) / 2.0)
        sigma = np.hypot(scatter / np.sqrt(len(stack)), self.config.floor_px_of_box * side)
        if not samples:
            sigma = np.full_like(sigma, self.config.rough_px_of_box * side)
        notes = (f"{rivals + 1} faces in {where}: the largest was used.",) if rivals else ()
        box = np.concatenate([points.min(0), points.max(0)])
        return Face(Landmarks(points, SCHEME, sigma, notes), box, rivals)

    def _find(self, image: Image, where: str) -> tuple[Float64Array, int]:
        """Rough points (478, 2) of the largest face and the number of other faces; tries a padded picture when the face fills it."""
        for pad in (0.0, 0.4):
            canvas, offset = _padded(image.pixels, pad)
            # The network looks at 192 pixels: searching in a large picture gains nothing and costs time.
            shrink = min(1.0, 1280.0 / max(canvas.shape[:2]))
            small = canvas if shrink == 1.0 else _resize(canvas, shrink)
            result = self._finder.process(np.ascontiguousarray(small))
            if result.multi_face_landmarks:
                faces = [_to_pixels(f, small.shape) for f in result.multi_face_landmarks]
                areas = [float(np.prod(np.ptp(f, axis=0))) for f in faces]
                best = faces[int(np.argmax(areas))]
                return ((best + 0.5) / shrink - 0.5) - offset, len(faces) - 1
        raise NoFaceError(
            f"No face was found in {where}.",
            "Check that the picture is upright and shows one person, well lit, from the front or half from the side (not in full profile).",
        )

    def _detect_in_crops(self, pixels: ByteArray, centre: Float64Array, side: float) -> list[Float64Array]:
        samples = []
        size = self.config.crop_pixels
        for scale, shift in zip(self.config.crop_scales, self.config.shifts, strict=True):
            origin = centre + np.asarray(shift) * side - scale * side / 2.0
            zoom = size / (scale * side)
            affine = np.array(
                [[zoom, 0.0, -origin[0] * zoom - 0.5 + 0.5 * zoom], [0.0, zoom, -origin[1] * zoom - 0.5 + 0.5 * zoom]]
            )
            # Shrinking by a warp would alias: blur first when the crop is much larger than the target.
            source = cv2.GaussianBlur(pixels, (0, 0), 0.4 / zoom) if zoom < 0.6 else pixels
            crop = cv2.warpAffine(source, affine, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            for mirrored in (False, True) if self.config.mirror else (False,):
                picture = np.ascontiguousarray(crop[:, ::-1]) if mirrored else crop
                result = self._mesh.process(picture)
                if not result.multi_face_landmarks:
                    continue
                points = _to_pixels(result.multi_face_landmarks[0], picture.shape)
                if mirrored:
                    points = points[MEDIAPIPE_MIRROR]
                    points[:, 0] = size - 1 - points[:, 0]
                samples.append((points - affine[:, 2]) / zoom)
        return samples


def _padded(pixels: ByteArray, share: float) -> tuple[ByteArray, Float64Array]:
    """The picture with a grey border of `share` of its longer side, and the offset (2,) of the original in it."""
    if share == 0.0:
        return pixels, np.zeros(2)
    pad = int(share * max(pixels.shape[:2]))
    grey = cv2.copyMakeBorder(pixels, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=(127, 127, 127))
    return np.asarray(grey, np.uint8), np.array([pad, pad], float)


def _resize(pixels: ByteArray, factor: float) -> ByteArray:
    size = (max(1, round(pixels.shape[1] * factor)), max(1, round(pixels.shape[0] * factor)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _to_pixels(face: Any, shape: tuple[int, ...]) -> Float64Array:
    """mediapipe's normalised landmarks (x over the width, 0 and 1 at the picture's edges) to pixels with integer centres, (478, 2)."""
    xy = np.array([(p.x, p.y) for p in face.landmark], dtype=np.float64)
    return np.asarray(xy * np.array([shape[1], shape[0]]) - 0.5)
