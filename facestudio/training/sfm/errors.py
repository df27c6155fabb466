"""How far estimated depth and motion are from the truth that synthetic heads come with. For curves and tables, never for training."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from facestudio.reconstruct.sfm.losses import EmptyMaskError
from facestudio.reconstruct.sfm.objective import Sequences
from facestudio.reconstruct.sfm.warp import relative_poses


@dataclass(frozen=True)
class DepthErrors:
    """mean_mm: mean absolute error. rms_mm: root of the mean square; its square is the paper's MSE. scale: of the estimate, taken out."""

    mean_mm: float
    rms_mm: float
    scale: float


def depth_errors(depth: Tensor, data: Sequences) -> DepthErrors:
    """Of depth (1, F, H, W), metres, of one sequence with `truth`, on the mask, after one scale for all its frames.

    The scale is the median ratio: the losses leave it free. Raises EmptyMaskError when no masked pixel has a true depth.
    """
    assert data.truth is not None
    known = data.mask & (data.truth > 0)
    if not bool(known.any()):
        raise EmptyMaskError("No pixel has both a mask and a true depth.")
    truth, found = data.truth[known], depth[known]
    scale = float((truth / found).median())
    gap = 1000.0 * (scale * found - truth)
    return DepthErrors(float(gap.abs().mean()), float(gap.square().mean().sqrt()), scale)


def turn_errors(poses: Tensor, truth: Tensor) -> float:
    """Mean angle, degrees, between the estimated and the true turn from frame 0 to each other frame; poses (1, F, 3, 4)."""
    found, right = relative_poses(poses)[:, 0, 1:, :, :3], relative_poses(truth)[:, 0, 1:, :, :3]
    off = found.transpose(-1, -2) @ right
    trace = off.diagonal(dim1=-2, dim2=-1).sum(-1)
    return float(torch.rad2deg(torch.arccos(((trace - 1) / 2).clamp(-1, 1))).mean())
