"""The four losses of the deep SfM paper, each a pure function of tensors (Xu et al., "Deep face SfM", MM '21, section 4).

Masks are explicit, and a mean over nothing is an `EmptyMaskError`: a pair of pictures that share no pixel says nothing about the
head, and a 0 in its place would say that it agrees perfectly. Whoever composes the losses leaves such pairs out and counts them.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from facestudio.reconstruct.sfm.warp import NEAR_M, project, sample, unproject

L1_SHARE = 0.15  # lambda 1 of eq. 4
SSIM_SHARE = 0.85  # lambda 2 of eq. 4
C1, C2 = 0.01**2, 0.03**2  # of SSIM, for intensities in [0, 1]

Reduction = Literal["sum", "mean"]


class EmptyMaskError(ValueError):
    """A mean was asked over no pixel, or over no landmark."""


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean () of the values (…) where mask (…) is true. Raises EmptyMaskError where it is nowhere true."""
    mask = mask.expand(values.shape)
    count = int(mask.sum())
    if count == 0:
        raise EmptyMaskError("The mask is empty: there is nothing to take the mean of.")
    return torch.where(mask, values, torch.zeros_like(values)).sum() / count


def landmark_bundle(
    depth: Tensor,
    K: Tensor,
    relative: Tensor,
    landmarks: Tensor,
    visible: Tensor,
    reduction: Reduction = "sum",
) -> Tensor:
    """Landmark bundle adjustment over all views (eq. 2): sum over M, N != M, i of |pi(P_MN, D_M(u_i)) - u_i^N|_2, pixels.

    depth: (B, F, H, W) metres. K: (B, F, 3, 3). relative: (B, F, F, 3, 4), [m, n] from camera m to n (`relative_poses`).
    landmarks: (B, F, L, 2) pixels, the same id in the same row. visible: (B, F, L) bool; a landmark counts for a pair when both
    pictures show it. reduction: "sum" as the paper writes it; "mean" over what counted, so that the number of landmarks does
    not set the weight. Raises EmptyMaskError when no landmark is shared by two pictures.
    """
    batch, frames, count = landmarks.shape[:3]
    at = sample(depth.flatten(0, 1)[:, None], landmarks.flatten(0, 1))[:, 0]
    points = unproject(landmarks.flatten(0, 1), at, K.flatten(0, 1)).reshape(batch, frames, 1, count, 3)
    moved = points @ relative[..., :3].transpose(-1, -2) + relative[..., 3][..., None, :]
    pixels, z = project(moved, K[:, None].expand(-1, frames, -1, -1, -1))
    distance = torch.linalg.vector_norm(pixels - landmarks[:, None], dim=-1)
    others = ~torch.eye(frames, dtype=torch.bool, device=depth.device)[None, :, :, None]
    counted = visible[:, :, None] & visible[:, None] & others & (z > NEAR_M)
    mean = masked_mean(distance, counted)
    return mean if reduction == "mean" else mean * counted.sum()


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Structural similarity (B, C, H, W) of two pictures (B, C, H, W) in [0, 1], in 3 x 3 windows (Wang et al. 2004), reflected borders."""

    def mean(x: Tensor) -> Tensor:
        return functional.avg_pool2d(functional.pad(x, (1, 1, 1, 1), mode="reflect"), 3, 1)

    mean_a, mean_b = mean(a), mean(b)
    var_a, var_b = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2
    covariance = mean(a * b) - mean_a * mean_b
    above = (2 * mean_a * mean_b + C1) * (2 * covariance + C2)
    return above / ((mean_a**2 + mean_b**2 + C1) * (var_a + var_b + C2))


def eroded(mask: Tensor) -> Tensor:
    """(B, H, W) bool: pixels whose whole 3 x 3 window lies in the mask (B, H, W); beyond the picture counts as in it."""
    outside = functional.max_pool2d((~mask).float()[:, None], 3, 1, 1)[:, 0]
    return outside < 0.5


def photometric(picture: Tensor, synthesised: Tensor, mask: Tensor) -> Tensor:
    """Spectral consistency (eq. 4): the mean over the mask of 0.15 |a - b|_1 + 0.85 (1 - SSIM(a, b)) / 2, mean over channels.

    picture, synthesised: (B, C, H, W) in [0, 1]: a view, and the other view as this one should show it. mask: (B, H, W) bool.
    Raises EmptyMaskError.
    """
    dull = L1_SHARE * (picture - synthesised).abs() + SSIM_SHARE * (1 - ssim(picture, synthesised)) / 2
    return masked_mean(dull.mean(1), mask)


def depth_consistency(computed: Tensor, source: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Depth consistency (eq. 5): (1/n) sum |eta D~_s - D_s|_1 with eta = sum D_t / sum D_s, metres; eta per picture.

    computed: (B, H, W) D~_s, the target's points' depth in the source camera (`Reprojection.depth`). source: (B, H, W) D_s, the source's
    own depth where these points lie. target: (B, H, W) D_t. mask: (B, H, W) bool, where all three mean something.

    Where the two depth maps differ in scale by c, D~_s already carries c and eta multiplies it once more: the loss does not cancel the
    scale, it counts it twice, and so pulls all pictures to one scale. The price: the same points lie a little nearer to one camera than
    to the other, eta is then not 1 for the true depths, and their loss not 0 (about 1 % of the depth at 24 degrees).

    Raises EmptyMaskError when a picture has no pixel.
    """
    if not bool(mask.flatten(1).any(1).all()):
        raise EmptyMaskError("The mask is empty: two depth maps share no pixel.")
    zero = torch.zeros_like(target)
    eta = torch.where(mask, target, zero).sum((1, 2)) / torch.where(mask, source, zero).sum((1, 2))
    return masked_mean((eta[:, None, None] * computed - source).abs(), mask)


def smoothness(inverse_depth: Tensor, picture: Tensor, mask: Tensor) -> Tensor:
    """Edge-aware smoothness of inverse depth (Godard et al. 2017, eq. 5): mean of |d_x d| e^-|d_x I| + |d_y d| e^-|d_y I|.

    inverse_depth: (B, H, W), divided by its own mean over the mask first, so that being far away is not a way of being smooth.
    picture: (B, C, H, W) in [0, 1]. mask: (B, H, W) bool; a difference counts when both its pixels are in it. Raises EmptyMaskError.
    """
    if not bool(mask.flatten(1).any(1).all()):
        raise EmptyMaskError("The mask is empty: there is nothing to be smooth.")
    total = torch.where(mask, inverse_depth, torch.zeros_like(inverse_depth)).sum((1, 2))
    d = inverse_depth * (mask.sum((1, 2)) / total)[:, None, None]
    parts = []
    for axis in (2, 1):
        length = d.shape[axis] - 1
        step = (d.narrow(axis, 1, length) - d.narrow(axis, 0, length)).abs()
        edge = (picture.narrow(axis + 1, 1, length) - picture.narrow(axis + 1, 0, length)).abs().mean(1)
        both = mask.narrow(axis, 1, length) & mask.narrow(axis, 0, length)
        parts.append(masked_mean(step * torch.exp(-edge), both))
    return parts[0] + parts[1]
