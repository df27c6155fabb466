"""The covisible mask: which pixels of view b may be compared with what view a shows (eq. 5, M_C(a,b) = M_B(a,b) * M_F(b))."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from facestudio.reconstruct.mfnet.render import PosedView, Surface, carry

Mask = Literal["box", "zbuffer"]

# iBUG's 68, counted from zero; "right" and "left" are the subject's.
_MIDDLE = (27, 28, 29, 30, 33)  # bridge, tip and base of the nose
_RIGHT = (*range(17, 22), *range(8), 31)  # brow, cheek and jaw, nostril
_LEFT = (*range(22, 27), *range(9, 17), 35)
_CHIN = (8,)


def face_mask(view: PosedView, surface: Surface, allowed: Tensor) -> Tensor:
    """M_F (S, S) bool: pixels of the projected head whose triangle is allowed (F,) bool: the face without mouth and eyes."""
    return view.seen.hit & allowed[view.seen.face]


def box_mask(landmarks: Tensor, a: int, b: int, side: int) -> Tensor:
    """M_B(a, b) (S, S) bool in view b: the box around brow, cheek, chin and nose of the half face that both views see.

    landmarks (68, 2): in view b, iBUG's. a, b: 0 left, 1 front, 2 right (left shows the subject's left side). Between left and right only
    the middle of the face, brow to brow, is common.
    """
    if {a, b} == {0, 2}:
        chosen = (*_MIDDLE, 21, 22, *_CHIN)
    else:
        chosen = (*_MIDDLE, *_CHIN, *(_LEFT if 0 in {a, b} else _RIGHT))
    points = landmarks[list(chosen)]
    low, high = points.amin(0), points.amax(0)
    ticks = torch.arange(side, device=landmarks.device)
    inside_x = (ticks >= low[0]) & (ticks <= high[0])
    inside_y = (ticks >= low[1]) & (ticks <= high[1])
    inside: Tensor = inside_y[:, None] & inside_x[None]
    return inside


def zbuffer_mask(of_a: PosedView, of_b: PosedView, surface: Surface, margin_m: float = 0.003, steepest: float = 0.2) -> Tensor:
    """The same by geometry (S, S) bool in view b: the surface a pixel of b sees is in front in a, too, and not too flat there."""
    points = carry(of_b.seen, surface.faces, of_b.vertices)
    screen = carry(of_b.seen, surface.faces, of_a.screen)
    side = of_a.seen.hit.shape[0]
    column, row = (screen[..., k].round().long().clamp(0, side - 1) for k in (0, 1))
    front = screen[..., 2] < of_a.seen.depth[row, column] + margin_m
    inside = (screen[..., :2] >= 0).all(-1) & (screen[..., :2] <= side - 1).all(-1) & of_a.seen.hit[row, column]
    corners = of_b.vertices[surface.faces]
    normals = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[of_b.seen.face]
    to_eye = of_a.centre - points
    cosine = (normals * to_eye).sum(-1) / (normals.norm(dim=-1) * to_eye.norm(dim=-1)).clamp_min(1e-12)
    common: Tensor = of_b.seen.hit & front & inside & (cosine > steepest)
    return common


def covisible_mask(
    kind: Mask, a: int, b: int, of_a: PosedView, of_b: PosedView, surface: Surface, allowed: Tensor, landmarks_b: Tensor
) -> Tensor:
    """Eq. 5 by the box of landmarks (the paper's) or by the z-buffer (exact). (S, S) bool in view b, without gradient."""
    with torch.no_grad():
        face = face_mask(of_b, surface, allowed)
        if kind == "box":
            return face & box_mask(landmarks_b, a, b, face.shape[0])
        return face & zbuffer_mask(of_a, of_b, surface)
