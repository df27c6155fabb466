"""From coefficients to vertices: linear blend skinning as in FLAME, computed by smplx's `lbs`.

torch and smplx are imported when the first posed head is asked for; `Decoder.shape` needs neither.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from facestudio.head.model import HeadModel
from facestudio.types import Float32Array, Float64Array, FloatArray, IntArray

if TYPE_CHECKING:
    import torch


class Decoder:
    """Turns identity, expression and pose into vertices of one head model. Safe to share between threads once built."""

    def __init__(self, model: HeadModel) -> None:
        self.model = model
        self.identity_count = model.identity_basis.shape[2]
        self.expression_count = model.expression_basis.shape[2]
        bases = np.concatenate([model.identity_basis, model.expression_basis], axis=2, dtype=np.float32)
        self._basis = np.ascontiguousarray(bases)
        # Component-major for the numpy path: trailing zeros (no expression, few components) then cost nothing.
        self._rows = np.ascontiguousarray(bases.reshape(-1, bases.shape[2]).T)

    def shape(self, identity: FloatArray, expression: FloatArray | None = None) -> Float64Array:
        """Vertices (V, 3) float64, metres, head frame, pose neutral: template + B_S identity + B_E expression (FLAME eq. 2 and 4).

        identity (s,), standard deviations, s <= S; expression (e,), e <= E; missing coefficients are zero.
        Raises ValueError when there are more coefficients than components.
        """
        coefficients = self.coefficients(identity, expression)
        used = int(np.flatnonzero(coefficients).max(initial=-1)) + 1
        offsets = coefficients[:used] @ self._rows[:used]
        return np.asarray(self.model.template + offsets.reshape(-1, 3), dtype=np.float64)

    def decode(
        self,
        identity: FloatArray,
        expression: FloatArray | None = None,
        pose: FloatArray | None = None,
        translation: FloatArray | None = None,
    ) -> Float64Array:
        """Vertices (V, 3) float64, metres, head frame, posed.

        identity (s,) and expression (e,) as in `shape`. pose (J, 3): axis-angle, radians, per joint in the order of
        `head.model.JOINT_NAMES`, relative to the parent. translation (3,), metres, added at the end.
        """
        if pose is None:
            vertices = self.shape(identity, expression)
            return vertices if translation is None else np.asarray(vertices + np.asarray(translation))
        import torch

        joints = len(self.model.parents)
        turned = np.asarray(pose, dtype=np.float32)
        if turned.shape != (joints, 3):
            raise ValueError(f"pose has shape {turned.shape}, expected ({joints}, 3)")
        coefficients = torch.from_numpy(self.coefficients(identity, expression))[None]
        moved = None if translation is None else torch.from_numpy(np.asarray(translation, dtype=np.float32).reshape(1, 3))
        with torch.no_grad():
            vertices_t, _ = self._skin(coefficients, torch.from_numpy(turned)[None], moved)
        return np.asarray(vertices_t[0].numpy(), dtype=np.float64)

    def forward(
        self,
        identity: torch.Tensor,
        expression: torch.Tensor | None = None,
        pose: torch.Tensor | None = None,
        translation: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Vertices (B, V, 3) and joints (B, J, 3) float32, metres, head frame; differentiable in every argument.

        identity (B, s), s <= S. expression (B, e), e <= E. pose (B, J, 3) axis-angle, radians. translation (B, 3), metres.
        What is None is zero. Runs on identity's device.
        """
        import torch
        from torch.nn.functional import pad

        batch = identity.shape[0]
        if expression is None:
            expression = identity.new_zeros((batch, 0))
        if identity.shape[1] > self.identity_count or expression.shape[1] > self.expression_count:
            raise ValueError(self._too_many(identity.shape[1], expression.shape[1]))
        if pose is None:
            pose = identity.new_zeros((batch, len(self.model.parents), 3))
        identity = pad(identity, (0, self.identity_count - identity.shape[1]))
        expression = pad(expression, (0, self.expression_count - expression.shape[1]))
        return self._skin(torch.cat([identity, expression], dim=1), pose, translation)

    def joints(self, vertices: FloatArray) -> Float64Array:
        """Rest positions (J, 3) float64, metres, of the joints of unposed vertices (V, 3) (FLAME eq. 1)."""
        return np.asarray(self.model.joint_regressor.astype(np.float64) @ np.asarray(vertices, dtype=np.float64))

    def coefficients(self, identity: FloatArray, expression: FloatArray | None = None) -> Float32Array:
        """Identity and expression padded with zeros and joined: (S + E,) float32. Raises ValueError when one is too long."""
        given = np.asarray(identity, dtype=np.float32).ravel()
        shown = np.zeros(0, np.float32) if expression is None else np.asarray(expression, dtype=np.float32).ravel()
        if len(given) > self.identity_count or len(shown) > self.expression_count:
            raise ValueError(self._too_many(len(given), len(shown)))
        out = np.zeros(self.identity_count + self.expression_count, np.float32)
        out[: len(given)] = given
        out[self.identity_count : self.identity_count + len(shown)] = shown
        return out

    def _too_many(self, identity: int, expression: int) -> str:
        return (
            f"{identity} identity and {expression} expression coefficients given; "
            f"{self.model.name} has {self.identity_count} and {self.expression_count}"
        )

    @cached_property
    def _tensors(self) -> dict[str, torch.Tensor]:
        import torch

        def tensor(array: Float32Array | IntArray) -> torch.Tensor:
            return torch.from_numpy(np.ascontiguousarray(array))

        return {
            "v_template": tensor(self.model.template)[None],
            "shapedirs": tensor(self._basis),
            "posedirs": tensor(self.model.pose_basis),
            "J_regressor": tensor(self.model.joint_regressor),
            "parents": tensor(self.model.parents.astype(np.int64)),
            "lbs_weights": tensor(self.model.skin_weights),
        }

    def _skin(
        self, betas: torch.Tensor, pose: torch.Tensor, translation: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        from smplx.lbs import lbs

        device = betas.device
        tensors = self._tensors
        if tensors["v_template"].device != device:
            tensors = {name: value.to(device) for name, value in tensors.items()}
            self.__dict__["_tensors"] = tensors  # training stays on one device: move once
        # (B, J * 3): the layout smplx documents, which it splits into joints itself.
        vertices, joints = lbs(betas=betas, pose=pose.reshape(len(pose), -1), pose2rot=True, **tensors)
        if translation is not None:
            vertices, joints = vertices + translation[:, None], joints + translation[:, None]
        return vertices, joints
