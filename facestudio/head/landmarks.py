"""Landmarks as part of the head: where on the surface each one lies, and how it moves with identity and expression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facestudio.errors import HeadModelError
from facestudio.head.model import Embedding, HeadModel
from facestudio.types import Float64Array, FloatArray, IntArray

NOW7_IBUG68 = (36, 39, 42, 45, 33, 48, 54)  # the NoW challenge's points among the iBUG 68, in its order


@dataclass(frozen=True)
class LandmarkBasis:
    """The linear model of a set of landmarks: X = mean + identity @ beta + expression @ psi.

    ids: (N,) int32: which landmark of the scheme each row is. mean: (N, 3) float64, metres, head frame.
    identity: (N, 3, S) float64. expression: (N, 3, E) float64. Their last axes match the head model's.
    named: the expressions are named poses of the face, from 0 (off) to 1 (full), not principal components of either sign.
    """

    ids: IntArray
    mean: Float64Array
    identity: Float64Array
    expression: Float64Array
    named: bool = True

    def points(self, identity: Float64Array, expression: Float64Array) -> Float64Array:
        """(N, 3) float64, metres: the landmarks of one head."""
        return np.asarray(self.mean + self.identity @ identity + self.expression @ expression)


def embedding(model: HeadModel, scheme: str) -> Embedding:
    """The embedding of a scheme; HeadModelError when the model does not know it."""
    try:
        return model.embeddings[scheme]
    except KeyError as error:
        known = ", ".join(sorted(model.embeddings)) or "none"
        what = f"The head model {model.name} has no {scheme} landmarks (it has {known})."
        raise HeadModelError(what, "Import the model again with `facestudio models import`.") from error


def on_surface(vertices: FloatArray, faces: IntArray, points: Embedding) -> Float64Array:
    """The embedded landmarks on a given mesh: vertices (V, 3) to points (N, 3) float64, in the vertices' unit and frame."""
    corners = np.asarray(vertices, dtype=np.float64)[faces[points.faces]]
    return np.asarray(np.einsum("nk,nkc->nc", points.bary.astype(np.float64), corners))


def landmark_basis(model: HeadModel, scheme: str) -> LandmarkBasis:
    """The linear landmark model of a scheme, by sampling the head model's bases at the embedded points."""
    e = embedding(model, scheme)
    corners = model.faces[e.faces]
    bary = e.bary.astype(np.float64)

    def sample(basis: FloatArray) -> Float64Array:
        return np.asarray(np.einsum("nk,nkcs->ncs", bary, basis[corners].astype(np.float64)))

    return LandmarkBasis(
        ids=e.ids,
        mean=on_surface(model.template, model.faces, e),
        identity=sample(model.identity_basis),
        expression=sample(model.expression_basis),
        named="jawOpen" in model.expression_names,
    )


def now_landmarks(model: HeadModel, vertices: FloatArray) -> Float64Array:
    """The seven NoW points (7, 3) float64 of a head, in the order of the NoW challenge (Sanyal et al. 2019)."""
    return on_surface(vertices, model.faces, embedding(model, "now7"))
