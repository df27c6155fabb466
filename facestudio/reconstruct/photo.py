"""A photo made ready for matching: free of lens distortion, its grain measured, and the skin in it known."""

from __future__ import annotations

import cv2
import numpy as np

from facestudio.head.model import HeadModel
from facestudio.reconstruct.masks import bare_skin, skin_colour, skin_probability, skin_trust
from facestudio.reconstruct.sighting import Photo, sight
from facestudio.types import Camera, Float32Array, Float64Array, View


def prepare_photo(
    view: View,
    given: Camera,
    ideal: Camera,
    vertices: Float64Array,
    model: HeadModel,
    mask: Float32Array | None,
    blur_px: float,
) -> Photo:
    """The view's picture as grey levels, with trust from the person's mask (H, W) and from the colour of the skin.

    given: the camera as calibrated; ideal: the same without distortion. vertices: (V, 3) metres, head frame, of the head so far.
    """
    pixels = np.asarray(view.image.pixels)
    person = np.ones(pixels.shape[:2], np.float32) if mask is None else np.asarray(mask, np.float32)
    if np.any(given.distortion):
        pixels = np.asarray(cv2.undistort(pixels, given.K, given.distortion), np.uint8)
        person = np.asarray(cv2.undistort(person, given.K, given.distortion), np.float32)
    # Equal weights, not those of brightness: each channel has its own grain, and so the mean has the least.
    raw = pixels.astype(np.float32).mean(-1)
    grey = np.asarray(cv2.GaussianBlur(raw, (0, 0), blur_px), np.float32)
    skin = np.zeros(raw.shape, bool)
    seen = sight(Photo(grey, person, 1.0, person, person), ideal, vertices, model.faces)
    if seen is not None:
        on = bare_skin(model, vertices)[np.maximum(seen.face, 0)] & seen.covered & (seen.cosine > 0.4)
        x, y = seen.corner
        skin[y : y + on.shape[0], x : x + on.shape[1]] = cv2.erode(on.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    # Immerkaer 1996: what a kernel that is blind to slopes and curvature still sees is grain.
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    grain = float(np.sqrt(np.pi / 2) / 6 * np.abs(cv2.filter2D(raw, -1, kernel))[skin].mean()) if skin.any() else 2.0
    left_by_blur = 1.0 / np.sqrt(1.0 + 4.0 * np.pi * blur_px**2)
    colour = skin_colour(pixels, skin)
    noise = max(0.5, grain * left_by_blur)
    return Photo(grey, skin_trust(colour, person), noise, skin_probability(colour, person), person)
