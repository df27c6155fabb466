"""Where hair covers the head in a photo, by the colours of this person's own hair.

A fringe matches from photo to photo as well as skin does, and lies millimetres in front of it. A colour that is merely foreign to the
skin may be shadow, make-up or a beard, so `masks.skin_trust` never forgets it altogether. A colour that is the hair's own is hair. It is
learned where hair must be, if there is any: on the drawn scalp, and on the person above the eyes and beside the drawn head.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from facestudio.head.model import HeadModel
from facestudio.reconstruct.masks import colour_distance, colour_features
from facestudio.reconstruct.sighting import Sighting
from facestudio.types import BoolArray, ByteArray, Float32Array

_CLUSTERS = 3  # lit, shaded, shining
_SAMPLE = 4000  # pixels that a mixture is fitted to, at most
_LEAST = 200  # pixels of either colour, below which nothing is claimed
_SPREAD = (0.02, 0.02, 0.10)  # standard deviation of one colour under one light: log chromaticity twice, log brightness
_DISTINCT = 3.0  # log odds of most of the scalp, below which it is bare: a mixture always likes its own sample a little better
_BELOW_EYES = 0.05  # odds that hair hangs over a spot of the face below the eyes, before its colour is known; elsewhere 1
_SURE, _INSIDE = 0.9, 0.7  # of the person's mask, where it ends in background and where the head is drawn


def hair_share(pixels: ByteArray, person: Float32Array, skin: BoolArray, seen: Sighting, model: HeadModel) -> Float32Array:
    """(h, w) float32 in [0, 1]: the probability that a pixel shows hair, lips excepted, for the window of a sighting.

    pixels: (h, w, 3) uint8 sRGB. person: (h, w) float32 in [0, 1]. skin: (h, w) bool, where the head shows bare cheek and nose. seen: the
    head as it is so far. Zero everywhere when little of skin or hair is seen, or when the scalp has the colour of the skin.
    """
    face = np.maximum(seen.face, 0)
    scalp = model.part_faces("scalp")[face] & seen.covered & (person > _INSIDE)
    level = np.flatnonzero((model.part_faces("eyelids")[face] & seen.covered).any(1))
    beside = (person > _SURE) & (cv2.dilate(seen.covered.astype(np.uint8), np.ones((9, 9), np.uint8)) == 0)
    above, below = (level[0], level[-1] + 1) if len(level) else (len(face) // 3, len(face))
    beside[above:] = False
    odds = hair_odds(pixels, skin, scalp, beside)
    if odds is None:
        return np.zeros(person.shape, np.float32)
    cheeks = model.part_faces("face")[face] & seen.covered
    cheeks[:below] = False
    odds[cheeks] *= _BELOW_EYES
    odds[model.part_faces("lips")[face] & seen.covered] = 0.0
    return np.asarray(odds / (1.0 + odds), np.float32)


def hair_odds(pixels: ByteArray, skin: BoolArray, scalp: BoolArray, beside: BoolArray) -> Float32Array | None:
    """(h, w) float32: how much likelier each pixel's colour is among the hair's colours than among the skin's.

    pixels: (h, w, 3) uint8 sRGB. skin, scalp, beside: (h, w) bool, samples of skin, and of hair if the person has any. Both are mixtures of
    Gaussians in log chromaticity and log brightness of the photo smoothed by 2 pixels. None when the samples are too small, or when
    most of the scalp is not distinctly unlike the skin: a bald head.
    """
    features = colour_features(np.asarray(cv2.GaussianBlur(pixels, (0, 0), 2.0), np.uint8)) / np.array(_SPREAD, np.float32)
    if min(skin.sum(), scalp.sum()) < _LEAST:
        return None
    of_skin, of_hair = mixture(features[skin]), mixture(features[scalp | beside])
    flat = features.reshape(-1, 3)
    log_odds = (of_hair(flat) - of_skin(flat)).reshape(skin.shape)
    if np.median(log_odds[scalp]) < _DISTINCT:
        return None
    return np.asarray(np.exp(cv2.GaussianBlur(np.clip(log_odds, -12.0, 12.0), (0, 0), 2.0)), np.float32)


def mixture(sample: Float32Array) -> Callable[[Float32Array], Float32Array]:
    """Fit a mixture of Gaussians to a sample (M, 3), in units of _SPREAD; returns the log density (N,) of points (N, 3).

    By expectation maximisation; the covariances are widened by one light's own spread. Deterministic.
    """
    rng = np.random.default_rng(0)
    chosen = sample[rng.choice(len(sample), min(len(sample), _SAMPLE), replace=False)].astype(np.float64)
    cv2.setRNGSeed(0)
    fitted = cv2.ml.EM.create()
    fitted.setClustersNumber(_CLUSTERS)
    fitted.setTermCriteria((cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 40, 1e-3))
    # A surface of one single colour has no spread to fit: a tenth of one light's gives it some.
    fitted.trainEM(chosen + 0.1 * rng.standard_normal(chosen.shape))
    weights, means = np.maximum(fitted.getWeights()[0], 1e-6), fitted.getMeans()
    covariances = [np.asarray(c) + np.eye(3) for c in fitted.getCovs()]

    def log_density(x: Float32Array) -> Float32Array:
        parts = [
            np.log(w) - 0.5 * (colour_distance(x, m, np.linalg.inv(c)) + np.linalg.slogdet(c)[1])
            for w, m, c in zip(weights, means, covariances, strict=True)
        ]
        return np.asarray(np.logaddexp.reduce(parts, axis=0), np.float32)

    return log_density
