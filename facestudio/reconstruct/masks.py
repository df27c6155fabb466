"""How surely each pixel shows skin: the person's outline, and the colours of this person's own cheeks.

Hair, clothes and background match well from photo to photo, but they are not the face. Colour says so only softly: shadow, make-up and
beards are skin too, so a foreign colour lowers trust to a floor and never removes evidence.
"""

from __future__ import annotations

import cv2
import numpy as np

from facestudio.head.model import HeadModel
from facestudio.types import BoolArray, ByteArray, Float32Array, Float64Array, FloatArray

_FLOOR = 0.03  # what a match on a wholly foreign colour is still worth
_ERODE_PX = 5  # the segmentation's border is good to about so many pixels of a 1280 pixel photo


def skin_trust(pixels: ByteArray, skin: BoolArray, foreground: Float32Array | None) -> Float32Array:
    """(H, W) float32 in [0, 1]. pixels: (H, W, 3) uint8 sRGB. skin: (H, W) bool, where the current head shows bare cheek and nose.

    foreground: (H, W) float in [0, 1], 1 where the person is, or None.
    The colour model is a Gaussian with heavy tails in (log chromaticity, weakly log brightness), fitted twice to reject outliers.
    """
    trust = np.ones(pixels.shape[:2], np.float32)
    if skin.sum() >= 200:
        features = _features(np.asarray(cv2.GaussianBlur(pixels, (0, 0), 2.0), np.uint8))
        sample = features[skin]
        keep = np.ones(len(sample), bool)
        for _ in range(3):
            centre = sample[keep].mean(0)
            inverse = np.linalg.inv(np.cov(sample[keep].T) + np.diag([0.02**2, 0.02**2, 0.10**2]))
            keep = _mahalanobis(sample, centre, inverse) < 9.0
        distance = _mahalanobis(features.reshape(-1, 3), centre, inverse).reshape(trust.shape)
        likely = 1.0 / (1.0 + (distance / 12.0) ** 2)
        trust = np.asarray(_FLOOR + (1.0 - _FLOOR) * cv2.GaussianBlur(likely.astype(np.float32), (0, 0), 2.0), np.float32)
    if foreground is not None:
        radius = max(1, round(_ERODE_PX * pixels.shape[1] / 1280))
        inside = cv2.erode(np.asarray(foreground, np.float32), np.ones((2 * radius + 1,) * 2, np.uint8))
        trust = trust * np.clip((inside - 0.3) / 0.4, 0.0, 1.0).astype(np.float32)
    return trust


def _features(pixels: ByteArray) -> Float32Array:
    """(H, W, 3) float32: log r/g, log b/g, log brightness."""
    rgb = np.log(pixels.astype(np.float32) + np.float32(4.0))
    return np.stack([rgb[..., 0] - rgb[..., 1], rgb[..., 2] - rgb[..., 1], rgb.mean(-1)], -1)


def _mahalanobis(x: Float32Array, centre: FloatArray, inverse: FloatArray) -> Float32Array:
    d = x - centre.astype(np.float32)
    return np.asarray(np.einsum("ni,ij,nj->n", d, inverse.astype(np.float32), d), np.float32)


def bare_skin(model: HeadModel, vertices: Float64Array) -> BoolArray:
    """(F,) bool: faces on the front between the eyes' and the mouth's level, where hair seldom hangs: the colour of this skin."""
    eyes = (model.joint_regressor @ vertices)[3:5]
    lips = vertices[model.part_vertices("lips")]
    mouth = lips.mean(0)[1] if len(lips) else eyes[:, 1].mean() - 0.06
    centre = vertices[model.faces].mean(1)
    level = (centre[:, 1] < eyes[:, 1].mean() - 0.008) & (centre[:, 1] > mouth - 0.01)
    front = (np.abs(centre[:, 0] - eyes[:, 0].mean()) < 0.055) & (centre[:, 2] > eyes[:, 2].mean() - 0.01)
    return np.asarray(model.part_faces("face", "skin") & level & front)
