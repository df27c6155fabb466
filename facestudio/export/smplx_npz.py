"""NAME_smplx.npz: the head as parameters under the names that the Python package smplx and its relatives use.

`smplx.create(..., model_type="flame")` takes these arrays as they are. What the coefficients cannot say (the dense displacement)
is in `offsets`: add it to the layer's `v_template` and the very same head comes out.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facestudio.export.scene import HeadScene
from facestudio.head.model import JOINT_NAMES, HeadModel, pack_arrays
from facestudio.types import Float64Array, Reconstruction

SHAPE_COUNT, EXPRESSION_COUNT = 300, 100  # of FLAME's full bases; programs that know it expect arrays of these lengths
_POSES = {"root": "global_orient", "neck": "neck_pose", "jaw": "jaw_pose", "eye_left": "leye_pose", "eye_right": "reye_pose"}


def smplx_bytes(model: HeadModel, reconstruction: Reconstruction, scene: HeadScene) -> bytes:
    """The file's bytes: a plain .npz without pickles.

    betas (1, 300) and expression (1, 100) float32, zero-padded; betas_native (1, S) and expression_native (1, E) as the head model has
    them; poses (1, 3) float32, axis-angle, radians, all zero: the head is neutral; transl (1, 3) zero. offsets (V, 3) float32, metres:
    neutral head minus the model at betas. vertices (V, 3) float32, metres: the neutral head. meta: JSON text with the model's name and
    hash, the scale, and the names of the expressions.
    """
    identity, expression = np.asarray(reconstruction.identity), np.asarray(reconstruction.expression)
    linear = model.template + model.identity_basis.astype(np.float64) @ identity
    arrays: dict[str, NDArray[Any]] = {
        "betas": padded(identity, SHAPE_COUNT).astype(np.float32),
        "expression": padded(expression, EXPRESSION_COUNT).astype(np.float32),
        "betas_native": identity[None].astype(np.float32),
        "expression_native": expression[None].astype(np.float32),
        "transl": np.zeros((1, 3), np.float32),
        "offsets": (np.asarray(reconstruction.vertices) - linear).astype(np.float32),
        "vertices": scene.vertices,
        **{_POSES[name]: np.zeros((1, 3), np.float32) for name in JOINT_NAMES},
    }
    meta = {k: scene.metadata[k] for k in ("facestudio", "head_model", "licence", "scale", "scale_note")}
    meta |= {
        "expression_names": list(model.expression_names),
        "frame": "metres, +X the subject's left, +Y up, +Z out of the nose",
    }
    arrays["meta"] = np.array(json.dumps(meta, sort_keys=True))
    return pack_arrays(arrays)


def padded(coefficients: Float64Array, count: int) -> Float64Array:
    """(1, max(count, N)) float64: coefficients (N,) with zeros behind them."""
    out = np.zeros((1, max(count, len(coefficients))))
    out[0, : len(coefficients)] = coefficients
    return out
