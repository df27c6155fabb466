"""Ears under hanging hair: what hides them in the photos must not become their skin.

Hair that hangs is not part of the surface, but the ear under it is: painted with the hair in front of it, it looks burnt.
"""

from __future__ import annotations

import cv2
import numpy as np

from facestudio.head.model import HeadModel
from facestudio.texture.pyramid import Level
from facestudio.texture.spread import at_vertices
from facestudio.texture.unwrap import Atlas
from facestudio.types import BoolArray, Float32Array

_FEWEST = 12  # vertices of an ear that photos show
_UNLIKE = 0.7  # logarithm of even tones, the middle one of an ear over the face's: shade reaches 0.6, hair starts at 0.75
_SURE = 0.5
_FADE = 1.5  # texels of the small texture


def hidden_ears(model: HeadModel, measured: Level) -> BoolArray:
    """(F,) bool: the faces of ears that are not of the face's colour in the photos.

    measured: a small texture (tones, certainty). Each ear is judged whole. None are hidden in models without parts "face" and "ears".
    """
    ears, hidden = model.part_faces("ears"), np.zeros(len(model.faces), bool)
    face = at_vertices(measured, model, model.part_faces("face"))
    sure = face.certainty > _SURE
    if not ears.any() or not sure.any():
        return hidden
    skin = np.log(np.maximum(np.median(face.tones[sure], axis=0), 0.02))
    shown = at_vertices(measured, model, ears)
    unlike = np.abs(np.log(np.maximum(shown.tones, 0.02)) - skin).max(axis=1)
    on_left = model.template[:, 0] > 0.0
    for side in (on_left, ~on_left):
        judged = side & (shown.certainty > _SURE)
        if judged.sum() >= _FEWEST and np.median(unlike[judged]) > _UNLIKE:
            hidden |= ears & side[model.faces[:, 0]]
    return hidden


def bare(atlas: Atlas, hidden: BoolArray) -> Float32Array:
    """(s, s) float32 in [0, 1]: 0 on the hidden faces (F,) bool of a small layout, 1 away from them; texels next to them show hair, too."""
    covered = ((atlas.face >= 0) & hidden[np.maximum(atlas.face, 0)]).astype(np.uint8)
    grown = cv2.dilate(covered, np.ones((5, 5), np.uint8)).astype(np.float32)
    return np.asarray(np.clip(1.0 - 1.2 * cv2.GaussianBlur(grown, (0, 0), _FADE), 0.0, 1.0), dtype=np.float32)
