"""Which landmarks the fit rests on: mediapipe's, the dense ones, or both, each with what its detector is known to get wrong.

A view keeps mediapipe's 478 points first, because irises and order of views are read from them; the dense ones follow at 478 + k. Both
detectors' errors are one model (`training.dense.study`): the dense points start from mediapipe's, so they err together.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from facestudio.head.dense import COUNT, dense_on_face
from facestudio.head.landmarks import LandmarkBasis, embedding, landmark_basis, on_surface
from facestudio.head.model import Embedding, HeadModel
from facestudio.head.store import load_head
from facestudio.landmarks.dense_net import SCHEME as DENSE
from facestudio.landmarks.dense_net import dense_landmarks, dense_weights
from facestudio.landmarks.mediapipe_detector import POINTS
from facestudio.landmarks.mediapipe_detector import SCHEME as MEDIAPIPE
from facestudio.paths import models_dir
from facestudio.progress import CancelToken
from facestudio.reconstruct import detector_error
from facestudio.reconstruct.landmark_evidence import LandmarkTerm
from facestudio.types import Float64Array, FloatArray, Landmarks, Triplet, View

Evidence = Literal["mediapipe", "dense", "both"]
_IRISES = 468
# What the fit multiplies the network's own sigmas by: they are honest for one point, but neighbours err together beyond the modes of
# `DetectorError`. Of 1, 2 and 4 the best on bench/dev.
ALLOWANCE = 2.0


def best_evidence(model: HeadModel) -> Evidence:
    """What the fit rests on when nobody asks: the dense landmarks, where the model knows them and their weights are shipped.

    Mediapipe's beside them made heads worse on the bench (docs/dense_landmarks.md): the dense ones already hold what they say.
    """
    shipped = dense_weights().is_file() and (models_dir() / "dense_error.npz").is_file()
    return "dense" if shipped and DENSE in model.embeddings else "mediapipe"


def evidence_basis(model: HeadModel, evidence: Evidence = "mediapipe") -> LandmarkBasis:
    """The landmarks as the fit uses them: mediapipe's, dense ones at 478 + k. Raises HeadModelError when the model lacks them.

    Of mediapipe's only those on the skin: irises move with the gaze, which the fit does not estimate. Of the dense ones only those on the
    face: what scalp, ears and neck say rests on hair and collars.
    """
    parts = []
    if evidence != "dense":
        full = landmark_basis(model, MEDIAPIPE)
        skin = full.ids < _IRISES
        parts.append(LandmarkBasis(full.ids[skin], full.mean[skin], full.identity[skin], full.expression[skin], full.named))
    if evidence != "mediapipe":
        full = landmark_basis(model, DENSE)
        face = dense_on_face(load_head("open"))[full.ids]
        numbers = (full.ids[face] + POINTS).astype(np.int32)
        parts.append(LandmarkBasis(numbers, full.mean[face], full.identity[face], full.expression[face], full.named))
    return LandmarkBasis(
        np.concatenate([p.ids for p in parts]),
        np.concatenate([p.mean for p in parts]),
        np.concatenate([p.identity for p in parts]),
        np.concatenate([p.expression for p in parts]),
        parts[0].named,
    )


def all_dense(basis: LandmarkBasis) -> bool:
    """Whether a basis (from `evidence_basis`) holds dense landmarks only."""
    return bool(np.all(basis.ids >= POINTS))


def evidence_points(model: HeadModel, vertices: FloatArray, basis: LandmarkBasis) -> Float64Array:
    """(N, 3) float64: where the landmarks of `basis` (from `evidence_basis`) lie on a head's vertices (V, 3), in their unit and frame."""
    return on_surface(vertices, model.faces, evidence_places(model, basis))


def evidence_places(model: HeadModel, basis: LandmarkBasis) -> Embedding:
    """Where the landmarks of `basis` (from `evidence_basis`) lie on a head model, in its order."""
    faces, bary = np.zeros(POINTS + COUNT, np.int32), np.zeros((POINTS + COUNT, 3), np.float32)
    for scheme, first in ((MEDIAPIPE, 0), (DENSE, POINTS)):
        if scheme in model.embeddings:
            e = embedding(model, scheme)
            faces[first + e.ids], bary[first + e.ids] = e.faces, e.bary
    return Embedding(basis.ids, faces[basis.ids], bary[basis.ids])


def evidence_error(evidence: Evidence = "mediapipe") -> detector_error.DetectorError:
    """What the detectors get wrong, as shipped in models/. Raises HeadModelError when it is missing or damaged."""
    name = "mediapipe_error.npz" if evidence == "mediapipe" else "dense_error.npz"
    return detector_error.load(models_dir() / name)


def landmark_term(model: HeadModel, evidence: Evidence = "mediapipe") -> LandmarkTerm:
    """The landmarks as a term of `reconstruct.refine`. Raises HeadModelError as `evidence_basis` and `evidence_error` do."""
    basis = evidence_basis(model, evidence)
    return LandmarkTerm(basis, evidence_places(model, basis), evidence_error(evidence))


def with_dense(triplet: Triplet, cancel: CancelToken | None = None) -> Triplet:
    """The triplet with the dense landmarks of every view behind mediapipe's 478. Raises HeadModelError without weights."""
    if cancel:
        cancel.check()
    found = [view.landmarks for view in triplet.views if view.landmarks is not None]
    if not found:
        return triplet
    dense = iter(dense_landmarks([v.image for v in triplet.views if v.landmarks is not None], found))
    views = tuple(v if v.landmarks is None else _with(v, v.landmarks, next(dense)) for v in triplet.views)
    return replace(triplet, views=views)


def _with(view: View, first: Landmarks, dense: Landmarks) -> View:
    return replace(view, landmarks=joined(first, replace(dense, sigma=ALLOWANCE * dense.sigma)))


def joined(first: Landmarks, second: Landmarks) -> Landmarks:
    """Two detectors' landmarks of one picture as one set: the second's numbers go on behind the first's."""
    seen = None
    if second.seen is not None:
        seen = np.concatenate([np.ones(len(first.points)) if first.seen is None else first.seen, second.seen])
    return Landmarks(
        np.concatenate([first.points, second.points]),
        f"{first.scheme}+{second.scheme}",
        np.concatenate([first.sigma, second.sigma]),
        (*first.notes, *second.notes),
        seen,
    )
