"""How surely each pixel shows skin: the person's outline, and the colours of this person's own cheeks.

Hair, clothes and background match well from photo to photo, but they are not the face. Colour says so only softly: shadow, make-up and
beards are skin too, so a foreign colour lowers trust to a floor and never removes evidence.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from facestudio.head.model import HeadModel
from facestudio.progress import CancelToken
from facestudio.types import BoolArray, ByteArray, Float32Array, Float64Array, FloatArray

_FLOOR = 0.03  # what a match on a wholly foreign colour is still worth
_ERODE_PX = 2  # the segmentation's border, in pixels of a 1280 pixel photo; colour bounds the skin more sharply
_TRUST_DISTANCE, _EDGE_DISTANCE = (
    12.0,
    20.0,
)  # squared Mahalanobis distance at which a colour is half skin: for trust, for outlines


@dataclass(frozen=True)
class SkinColour:
    """How far each pixel's colour is from this person's skin.

    near: (H, W) float32 squared Mahalanobis distance, sharp to about a pixel; broad: the same of the photo smoothed by 2 pixels.
    """

    near: Float32Array
    broad: Float32Array


def skin_colour(pixels: ByteArray, skin: BoolArray, cancel: CancelToken | None = None) -> SkinColour | None:
    """Learn the colour of the skin. pixels: (H, W, 3) uint8 sRGB. skin: (H, W) bool, where the current head shows bare cheek and nose.

    A Gaussian in (log chromaticity, weakly log brightness), fitted three times to reject outliers. None when too little skin is seen.
    """
    if skin.sum() < 200:
        return None
    distances = []
    for blur_px in (1.0, 2.0):
        (cancel or CancelToken()).check()
        features = colour_features(np.asarray(cv2.GaussianBlur(pixels, (0, 0), blur_px), np.uint8))
        sample = features[skin]
        keep = np.ones(len(sample), bool)
        for _ in range(3):
            centre = sample[keep].mean(0)
            inverse = np.linalg.inv(np.cov(sample[keep].T) + np.diag([0.02**2, 0.02**2, 0.10**2]))
            keep = colour_distance(sample, centre, inverse) < 9.0
        distances.append(colour_distance(features.reshape(-1, 3), centre, inverse).reshape(skin.shape))
    return SkinColour(*distances)


def skin_trust(colour: SkinColour | None, person: Float32Array, hair: Float32Array, lips: BoolArray) -> Float32Array:
    """(H, W) float32 in [0, 1]: what a match is worth. person, hair: (H, W) float in [0, 1], 1 where the person, the hair is.

    lips: (H, W) bool, where the head so far shows lips: skin of another colour.
    """
    radius = max(1, round(_ERODE_PX * person.shape[1] / 1280))
    inside = cv2.erode(np.asarray(person, np.float32), np.ones((2 * radius + 1,) * 2, np.uint8))
    trust = np.clip((inside - 0.3) / 0.4, 0.0, 1.0) * (1.0 - hair)
    if colour is not None:
        likely = np.where(lips, np.float32(1.0), 1.0 / (1.0 + (colour.broad / _TRUST_DISTANCE) ** 2)).astype(np.float32)
        trust = trust * (_FLOOR + (1.0 - _FLOOR) * cv2.GaussianBlur(likely, (0, 0), 2.0))
    return np.asarray(trust, np.float32)


def skin_probability(colour: SkinColour | None, person: Float32Array) -> Float32Array:
    """(H, W) float32 in [0, 1]: skin against anything else by colour, sharp to about a pixel; one half where no colour is known."""
    if colour is None:
        return np.full(person.shape, 0.5, np.float32)
    return np.asarray(1.0 / (1.0 + (colour.near / _EDGE_DISTANCE) ** 2), np.float32)


def colour_features(pixels: ByteArray) -> Float32Array:
    """(H, W, 3) float32: log r/g, log b/g, log brightness."""
    log = np.log(np.arange(256, dtype=np.float32) + np.float32(4.0))
    return np.asarray(cv2.transform(log[pixels], np.array([[1.0, -1.0, 0.0], [0.0, -1.0, 1.0], [1 / 3, 1 / 3, 1 / 3]])))


def colour_distance(x: Float32Array, centre: FloatArray, inverse: FloatArray) -> Float32Array:
    """(N,) float32: squared Mahalanobis distance of features (N, 3) from a centre (3,) by an inverse covariance (3, 3)."""
    whitened = (x - np.asarray(centre, np.float32)) @ np.linalg.cholesky(inverse).astype(np.float32)
    return np.asarray(np.einsum("ni,ni->n", whitened, whitened), np.float32)


def bare_skin(model: HeadModel, vertices: Float64Array) -> BoolArray:
    """(F,) bool: faces on the front between the eyes' and the mouth's level, where hair seldom hangs: the colour of this skin."""
    eyes = (model.joint_regressor @ vertices)[3:5]
    lips = vertices[model.part_vertices("lips")]
    mouth = lips.mean(0)[1] if len(lips) else eyes[:, 1].mean() - 0.06
    centre = vertices[model.faces].mean(1)
    level = (centre[:, 1] < eyes[:, 1].mean() - 0.008) & (centre[:, 1] > mouth - 0.01)
    front = (np.abs(centre[:, 0] - eyes[:, 0].mean()) < 0.055) & (centre[:, 2] > eyes[:, 2].mean() - 0.01)
    return np.asarray(model.part_faces("face", "skin") & level & front)
