"""A head that follows sliders: FLAME's skinning on numpy, for one head whose rest shape is known and need not be in the model's span.

The same equations as `head.decoder` (Li et al. 2017, eq. 2-4), in less time: for one head there is nothing to batch and nothing to
differentiate, and the identity is already in its vertices.
"""

from __future__ import annotations

import copy

import numpy as np

from facestudio.geometry.rotations import exp_so3
from facestudio.head.model import JOINT_NAMES, HeadModel
from facestudio.types import Float32Array, Float64Array, FloatArray

NECK, JAW, EYE_LEFT, EYE_RIGHT = (JOINT_NAMES.index(name) for name in ("neck", "jaw", "eye_left", "eye_right"))


class PosedHead:
    """One head, posed as often as somebody moves a slider. Not for two threads at once."""

    def __init__(self, model: HeadModel, vertices: FloatArray) -> None:
        """vertices (V, 3), metres, head frame: the head at rest, with its displacement. Raises ValueError for another V."""
        rest = np.ascontiguousarray(vertices, dtype=np.float32)
        if rest.shape != model.template.shape:
            raise ValueError(f"vertices have shape {rest.shape}, head model {model.name} has {model.template.shape}")
        count = model.expression_basis.shape[2]
        self._model = model
        self._rest = rest
        self._expressions = np.ascontiguousarray(model.expression_basis.reshape(rest.size, count).T)
        # OpenHead has no pose correctives; FLAME's 36 rows are worth skipping when they are all zero.
        self._correctives = model.pose_basis if np.any(model.pose_basis) else None

    def reshaped(self, vertices: FloatArray) -> PosedHead:
        """The same head with other vertices (V, 3) at rest; quicker than a new one, because the bases are shared."""
        rest = np.ascontiguousarray(vertices, dtype=np.float32)
        if rest.shape != self._rest.shape:
            raise ValueError(f"vertices have shape {rest.shape}, not {self._rest.shape}")
        other = copy.copy(self)
        other._rest = rest
        return other

    @property
    def rest(self) -> Float32Array:
        """Vertices (V, 3) float32, metres, head frame: expression and pose neutral."""
        return self._rest

    def vertices(self, expression: FloatArray, pose: FloatArray | None = None) -> Float32Array:
        """Vertices (V, 3) float32, metres, head frame.

        expression (E,), unit weights. pose (J, 3): axis-angle, radians, per joint in the order of `head.model.JOINT_NAMES`,
        relative to the parent; None is the rest pose.
        """
        weights = np.asarray(expression, dtype=np.float32)
        used = np.flatnonzero(weights)
        shaped = self._rest
        if len(used):
            shaped = shaped + (weights[used] @ self._expressions[used]).reshape(-1, 3)
        if pose is None or not np.any(pose):
            return np.array(shaped)
        return self._skinned(shaped, np.asarray(pose, dtype=np.float64))

    def _skinned(self, shaped: Float32Array, pose: Float64Array) -> Float32Array:
        model = self._model
        turns = np.stack([exp_so3(angles) for angles in pose])
        joints = model.joint_regressor @ shaped
        if self._correctives is not None:
            feature = (turns[1:] - np.eye(3)).astype(np.float32).ravel()
            shaped = shaped + (feature @ self._correctives).reshape(-1, 3)
        moves = self._moves(turns, joints.astype(np.float64))
        blended = (model.skin_weights @ moves.reshape(len(moves), 12).astype(np.float32)).reshape(-1, 3, 4)
        return np.asarray(np.einsum("vij,vj->vi", blended[:, :, :3], shaped) + blended[:, :, 3], dtype=np.float32)

    def _moves(self, turns: Float64Array, joints: Float64Array) -> Float64Array:
        """Each joint's motion [R | t] (J, 3, 4) from rest to pose, its parents' included."""
        count = len(joints)
        moves = np.zeros((count, 3, 4))
        for joint in range(count):
            own = np.hstack([turns[joint], (joints[joint] - turns[joint] @ joints[joint])[:, None]])
            parent = int(self._model.parents[joint])
            if parent < 0:
                moves[joint] = own
                continue
            above = moves[parent]
            moves[joint, :, :3] = above[:, :3] @ own[:, :3]
            moves[joint, :, 3] = above[:, :3] @ own[:, 3] + above[:, 3]
        return moves
