"""A photo made ready for matching: free of lens distortion, its grain measured, and the skin in it known.

Skin shines, and a highlight moves with the camera: on a convex cheek or nose it looks like a picture that lies behind the surface, and
matching it dents the face there. Shine has the colour of the light (Shafer 1985), so a difference of linear colour channels is blind to
it. That reading is dull but grainy, the plain one sharp but shiny; both are matched, and the dull one says where the plain one is misled.
"""

from __future__ import annotations

import cv2
import numpy as np

from facestudio.head.model import HeadModel
from facestudio.progress import CancelToken
from facestudio.reconstruct.hair_mask import hair_share
from facestudio.reconstruct.masks import bare_skin, skin_colour, skin_probability, skin_trust
from facestudio.reconstruct.sighting import Layer, Photo, sight
from facestudio.types import BoolArray, ByteArray, Camera, Float32Array, Float64Array, View


def prepare_photo(
    view: View,
    given: Camera,
    ideal: Camera,
    vertices: Float64Array,
    model: HeadModel,
    mask: Float32Array | None,
    blur_px: float,
    cancel: CancelToken | None = None,
) -> Photo:
    """The view's picture in its readings, with trust from the person's mask (H, W) and from the colours of skin and hair.

    given: the camera as calibrated; ideal: the same without distortion. vertices: (V, 3) metres, head frame, of the head so far.
    """
    cancel = cancel or CancelToken()
    pixels = np.asarray(view.image.pixels)
    person = np.ones(pixels.shape[:2], np.float32) if mask is None else np.asarray(mask, np.float32)
    if np.any(given.distortion):
        pixels = np.asarray(cv2.undistort(pixels, given.K, given.distortion), np.uint8)
        person = np.asarray(cv2.undistort(person, given.K, given.distortion), np.float32)
    skin, lips, hair = np.zeros(person.shape, bool), np.zeros(person.shape, bool), np.zeros(person.shape, np.float32)
    seen = sight(Photo((), person, person, person), ideal, vertices, model.faces)
    if seen is not None:
        on = bare_skin(model, vertices)[np.maximum(seen.face, 0)] & seen.covered & (seen.cosine > 0.4)
        x, y = seen.corner
        window = np.s_[y : y + on.shape[0], x : x + on.shape[1]]
        skin[window] = cv2.erode(on.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        lips[window] = model.part_faces("lips")[np.maximum(seen.face, 0)] & seen.covered
        cancel.check()
        hair[window] = hair_share(pixels[window], person[window], skin[window], seen, model)
    cancel.check()
    colour = skin_colour(pixels, skin, cancel)
    layers = []
    for reading in (plain, dull):
        cancel.check()
        layers.append(_layer(reading(pixels), skin, blur_px))
    cancel.check()
    return Photo(tuple(layers), skin_trust(colour, person, hair, lips), skin_probability(colour, person), person)


def plain(pixels: ByteArray) -> Float32Array:
    """(H, W) float32: the mean of the channels, not brightness: each has its own grain, and so the mean has the least."""
    return np.asarray(cv2.transform(pixels.astype(np.float32), np.full((1, 3), 1.0 / 3.0)), np.float32)


def dull(pixels: ByteArray) -> Float32Array:
    """(H, W) float32 in [0, 255]: red minus blue of linear light, which shine of white light leaves alone, compressed by a square root."""
    linear = (np.arange(256, dtype=np.float32) / 255.0) ** 2.2
    return np.asarray(255.0 * np.sqrt(np.maximum(linear[pixels[..., 0]] - linear[pixels[..., 2]], 0.0) + 1e-3), np.float32)


def _layer(picture: Float32Array, skin: BoolArray, blur_px: float) -> Layer:
    """A reading, smoothed, and its grain. Immerkaer 1996: what a kernel that is blind to slopes and curvature still sees is grain."""
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    grain = float(np.sqrt(np.pi / 2) / 6 * np.abs(cv2.filter2D(picture, -1, kernel))[skin].mean()) if skin.any() else 2.0
    left_by_blur = 1.0 / np.sqrt(1.0 + 4.0 * np.pi * blur_px**2)
    return Layer(np.asarray(cv2.GaussianBlur(picture, (0, 0), blur_px), np.float32), max(0.5, grain * left_by_blur))
