"""Pixels that show an eye or an open mouth must not be painted onto lids and lips, however the head is fitted.

An error of a millimetre there shows a white rim under the eye, so the landmarks, which lie on the lids' edges in the photo itself,
say what belongs to the opening.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from facestudio.types import Float32Array, Float64Array, View

# Contours in mediapipe's numbering, in order round the opening.
_EYES = (
    (362, 382, 381, 380, 374, 373, 390, 249, 263, 466, 388, 387, 386, 385, 384, 398),
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
)
_MOUTH = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191)
_OPEN = 0.06  # height of the mouth's opening over its width from which it shows what is inside
_SOFT_M = 0.0004
_BEYOND_M = 0.0004  # how far an iris may reach beyond the landmarks' polygon
_SHIFT = 4  # bits after the point in cv2.fillPoly


def opening_polygons(view: View) -> list[Float64Array]:
    """Polygons (K, 2), pixels of the view's picture: eyes, and the mouth when it is open; none without mediapipe landmarks."""
    points = view.mediapipe()
    if points is None:
        return []
    polygons = [points[list(eye)] for eye in _EYES]
    height = float(np.linalg.norm(points[13] - points[14]))
    if height > _OPEN * float(np.linalg.norm(points[78] - points[308])):
        polygons.append(points[list(_MOUTH)])
    return polygons


def inside_eyes(shape: tuple[int, ...], polygons: Sequence[Float64Array], keep: float = 0.86) -> Float32Array:
    """(h, w) float32: 1 well inside the two eyes' openings (the first two polygons, pixels of the crop), 0 elsewhere.

    keep: how far the polygons are drawn together round their middles, so that lids and lashes stay outside.
    """
    mask = np.zeros(shape, np.uint8)
    for polygon in polygons[:2]:
        middle = polygon.mean(axis=0)
        small = middle + keep * (polygon - middle)
        cv2.fillPoly(mask, [np.rint(small * (1 << _SHIFT)).astype(np.int32)], (255.0,), cv2.LINE_8, _SHIFT)
    return np.asarray(mask > 0, dtype=np.float32)


def without_openings(trust: Float32Array, polygons: list[Float64Array], metres_per_px: float) -> Float32Array:
    """trust (h, w) with the polygons (pixels of the same crop) taken out, softly."""
    if not polygons:
        return trust
    mask = np.zeros(trust.shape, np.uint8)
    for polygon in polygons:
        cv2.fillPoly(mask, [np.rint(polygon * (1 << _SHIFT)).astype(np.int32)], (255.0,), cv2.LINE_AA, _SHIFT)
    reach = round(_BEYOND_M / metres_per_px)
    if reach > 0:
        mask = np.asarray(cv2.dilate(mask, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)), dtype=np.uint8)
    soft = cv2.GaussianBlur(mask.astype(np.float32) / 255.0, (0, 0), max(_SOFT_M / metres_per_px, 0.5))
    return np.asarray(trust * (1.0 - soft), dtype=np.float32)
