"""Makes the subject an OpenHead head: his identity coefficients, and the whole body's vertices moved so that the head is exact."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from facestudio.head.model import HeadModel
from facestudio.head.open_head.placement import SCALE, TRANSLATION, to_head, turn
from facestudio.head.open_head.topology import base_vertex_ids, place

Floats = NDArray[np.float64]

_SKIN = ("face", "scalp", "ears", "lips", "eyelids")
_TYPICAL = 0.9  # length of the identity, in that of a typical person's (the square root of the number of coefficients)
_REACH = 0.05  # metres over which the neck's correction dies away in the body


@dataclass(frozen=True)
class Person:
    """identity: (S,) float32 coefficients. head: (V, 3) OpenHead vertices. body: (19158, 3) base vertices; both metres, head frame.

    residual: mean distance in metres of the sculpted face to the OpenHead face that replaced it.
    R (3, 3), t (3,): the rigid motion that took the sculpted body (in `placement.to_head`'s place) onto the head.
    """

    identity: NDArray[np.float32]
    head: Floats
    body: Floats
    residual: float
    R: Floats
    t: Floats


def to_base(person: Person, points: Floats) -> Floats:
    """Points (N, 3) in the head frame, metres, to the base mesh's frame, decimetres, as the subject was sculpted in it."""
    return np.asarray((((points - person.t) @ person.R) - TRANSLATION) @ turn() * (10.0 / SCALE))


def from_base(person: Person, points: Floats) -> Floats:
    """`to_base` backwards."""
    return np.asarray(to_head(points) @ person.R.T + person.t)


def _plausible(values: Floats, vectors: Floats, right_side: Floats) -> Floats:
    """Least squares under |identity| <= _TYPICAL sqrt(S): the ridge that holds it, by bisection on its logarithm.

    values, vectors: eigendecomposition of the normal matrix. A sculpture is not bound by what people look like; the subject is.
    """
    projected, low, high = vectors.T @ right_side, -12.0, 3.0
    limit = _TYPICAL * np.sqrt(len(values))
    for _ in range(50):
        middle = 0.5 * (low + high)
        too_long = np.linalg.norm(projected / (values + 10.0**middle)) > limit
        low, high = (middle, high) if too_long else (low, middle)
    return np.asarray(vectors @ (projected / (values + 10.0**high)))


def become_open_head(model: HeadModel, raw: Floats) -> Person:
    """Fit identity and a rigid motion to a MakeHuman subject (19158, 3) in base decimetres, then take the model's head for his."""
    sculpted, body = to_head(place(raw, turn().T)), to_head(raw)
    template, basis = model.template.astype(np.float64), model.identity_basis.astype(np.float64)
    skin = model.part_vertices(*_SKIN)
    A = basis[skin].reshape(-1, basis.shape[2])
    values, vectors = np.linalg.eigh(A.T @ A)
    R, t, head = np.eye(3), np.zeros(3), template
    identity = np.zeros(basis.shape[2], dtype=np.float32)
    for _ in range(10):
        wanted = (sculpted @ R.T + t)[skin] - template[skin]
        # Two decimals are all the sample needs, and make truth.json readable.
        identity = _plausible(values, vectors, A.T @ wanted.ravel()).round(2).astype(np.float32)
        head = template + basis @ identity
        p, q = sculpted[skin], head[skin]
        u, _, vt = np.linalg.svd((p - p.mean(0)).T @ (q - q.mean(0)))
        R = (u @ vt).T
        t = q.mean(0) - R @ p.mean(0)
    body, sculpted = body @ R.T + t, sculpted @ R.T + t
    residual = float(np.linalg.norm(sculpted - head, axis=1)[skin].mean())
    ids = base_vertex_ids()
    shared = ids >= 0
    moved = head[shared] - body[ids[shared]]
    rest = np.setdiff1d(np.arange(len(body)), ids[shared])
    distance, near = cKDTree(body[ids[shared]]).query(body[rest], k=12)
    weight = 1.0 / (distance + 1e-4) ** 2
    carried = (moved[near] * weight[..., None]).sum(1) / weight.sum(1)[:, None]
    body[rest] += carried * np.exp(-((distance[:, 0] / _REACH) ** 2))[:, None]
    body[ids[shared]] = head[shared]
    return Person(identity, head, body, residual, R, t)
