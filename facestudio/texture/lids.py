"""The fold of the upper lid: hidden in a photo of an open eye, it is drawn out to several times its area when the eye closes.

What the photos show of it is a few pixels of crease. Stretched over a closed lid those become streaks, so there the skin round about
is trusted more than the photo.
"""

from __future__ import annotations

import numpy as np

from facestudio.head.model import HeadModel
from facestudio.texture.unwrap import Atlas
from facestudio.types import Float32Array, Float64Array, FloatArray

_BLINKS = ("eyeBlinkLeft", "eyeBlinkRight")
_STRETCH = (1.4, 2.6)  # area shut over area open: from where the photo is doubted, and where it is hardly used
_LEFT_OVER = 0.1  # of the photo's say in a fold


def unfolded(model: HeadModel, atlas: Atlas, sure: Float32Array) -> Float32Array:
    """The certainty (T, T) with the lids' folds taken down; the same array for models without named blinks."""
    fold = _folds(model)
    if not fold.any():
        return sure
    touched = (fold[model.faces] > 0).any(axis=1)
    spots = (atlas.face >= 0) & touched[np.maximum(atlas.face, 0)]
    faces = model.faces[atlas.face[spots]]
    amount = np.einsum("nk,nk->n", fold[faces], atlas.bary[spots])
    lowered = sure.copy()
    lowered[spots] *= (1.0 - (1.0 - _LEFT_OVER) * amount).astype(np.float32)
    return lowered


def _folds(model: HeadModel) -> Float64Array:
    """(V,) in [0, 1]: 1 where a blink draws the skin out far."""
    fold = np.zeros(model.vertex_count)
    before = _areas(model.template, model)
    for name in _BLINKS:
        if name not in model.expression_names:
            continue
        shut = model.template + model.expression_basis[..., model.expression_names.index(name)]
        t = np.clip((_areas(shut, model) / np.maximum(before, 1e-12) - _STRETCH[0]) / (_STRETCH[1] - _STRETCH[0]), 0.0, 1.0)
        sums = np.bincount(model.faces.ravel(), np.repeat(t * t * (3 - 2 * t), 3), model.vertex_count)
        fold = np.maximum(fold, sums / np.maximum(np.bincount(model.faces.ravel(), minlength=model.vertex_count), 1))
    return np.asarray(np.clip(1.5 * fold, 0.0, 1.0))


def _areas(vertices: FloatArray, model: HeadModel) -> Float64Array:
    corners = np.asarray(vertices, dtype=np.float64)[model.faces]
    return np.asarray(np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1))
