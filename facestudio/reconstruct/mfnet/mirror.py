"""A head and its mirror image: how codes and landmarks of one become those of the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facestudio.head.dense import dense_mirror
from facestudio.head.landmarks import embedding
from facestudio.head.model import HeadModel
from facestudio.landmarks.mirror_map import MEDIAPIPE_MIRROR
from facestudio.types import Float64Array, IntArray

SCHEME = "mediapipe478"


@dataclass(frozen=True)
class Mirror:
    """How the codes of a head turn into those of its mirror image. identity (S, S); the orders of expression (E,), landmarks, detected."""

    identity: Float64Array
    expression: IntArray
    landmarks: IntArray
    detected: IntArray


def mirror_of(model: HeadModel, identity: int, expression: int) -> Mirror:
    """Found once per model. Mirroring is linear in the identity (least squares on the model's own mirror pairs)."""
    basis = model.identity_basis[..., :identity].astype(np.float64)
    swapped = basis[model.mirror] * np.array([-1.0, 1.0, 1.0])[None, :, None]
    flat = basis.reshape(-1, identity)
    # Weak components are weak in every vertex: a ridge far below the strongest keeps them from being blown up.
    gram = flat.T @ flat
    matrix = np.linalg.solve(gram + 1e-6 * np.trace(gram) / identity * np.eye(identity), flat.T @ swapped.reshape(-1, identity))
    names = list(model.expression_names[:expression])
    order = [names.index(opposite(n)) if opposite(n) in names else i for i, n in enumerate(names)]
    ids = embedding(model, SCHEME).ids
    row = {int(k): i for i, k in enumerate(ids)}
    detected = np.array([row.get(int(MEDIAPIPE_MIRROR[k]), i) for i, k in enumerate(ids)], np.int64)
    return Mirror(matrix, np.array(order, dtype=np.int64), dense_mirror().astype(np.int64), detected)


def opposite(name: str) -> str:
    """The expression on the other side: mouthSmileLeft of mouthSmileRight; names without a side stay."""
    if name.endswith("Left"):
        return name.removesuffix("Left") + "Right"
    if name.endswith("Right"):
        return name.removesuffix("Right") + "Left"
    return {"jawLeft": "jawRight"}.get(name, name)
