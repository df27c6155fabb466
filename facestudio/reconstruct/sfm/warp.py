"""From one picture's depth to another picture's pixels: the mapping pi of the deep SfM paper (its section 4.2), in torch.

Pixel centres are integers, here and in the whole product. `grid_sample` wants [-1, 1]; with `align_corners=True` these are the
centres of the first and the last pixel, so a pixel x becomes 2 x / (w - 1) - 1. Any other pair of these two choices shifts or
scales every sample by up to half a pixel, which is a millimetre of depth.

Poses are (…, 3, 4) matrices [R | t]: x' = R x + t, metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

NEAR_M = 1e-3  # points nearer than this, or behind the camera, have no pixel


@dataclass(frozen=True)
class Reprojection:
    """Where the pixels of one picture lie in another.

    pixels: (B, H, W, 2) in the other picture. depth: (B, H, W) metres along the other camera's z axis.
    inside: (B, H, W) bool: in front of the other camera and within its picture.
    """

    pixels: Tensor
    depth: Tensor
    inside: Tensor


def rotation(turn: Tensor) -> Tensor:
    """Rotation matrices (…, 3, 3) of axis-angle vectors (…, 3), radians: Rodrigues' formula, differentiable at zero too."""
    square = (turn * turn).sum(-1)[..., None, None]
    small = square < 1e-4
    angle = torch.sqrt(torch.where(small, torch.ones_like(square), square))
    a = torch.where(small, 1 - square / 6 + square**2 / 120, torch.sin(angle) / angle)
    b = torch.where(small, 0.5 - square / 24 + square**2 / 720, (1 - torch.cos(angle)) / angle**2)
    x, y, z = turn.unbind(-1)
    zero = torch.zeros_like(x)
    skew = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*turn.shape[:-1], 3, 3)
    return torch.eye(3, dtype=turn.dtype, device=turn.device) + a * skew + b * (skew @ skew)


def pose_of(six: Tensor) -> Tensor:
    """Poses (…, 3, 4) of six numbers (…, 6): axis-angle in radians, then translation in metres."""
    return torch.cat([rotation(six[..., :3]), six[..., 3:, None]], -1)


def compose(second: Tensor, first: Tensor) -> Tensor:
    """The pose (…, 3, 4) that moves by `first`, then by `second`."""
    R = second[..., :3] @ first[..., :3]
    return torch.cat([R, second[..., :3] @ first[..., 3:] + second[..., 3:]], -1)


def inverse(pose: Tensor) -> Tensor:
    """The pose (…, 3, 4) that undoes a pose."""
    back = pose[..., :3].transpose(-1, -2)
    return torch.cat([back, -back @ pose[..., 3:]], -1)


def relative_poses(poses: Tensor) -> Tensor:
    """(B, F, F, 3, 4) from poses (B, F, 3, 4) of F cameras in one frame: entry [m, n] maps camera m's frame to camera n's."""
    return compose(poses[:, None, :], inverse(poses)[:, :, None])


def pixel_grid(height: int, width: int, like: Tensor) -> Tensor:
    """(H, W, 2): x, y of every pixel centre, in the type and on the device of `like`."""
    y, x = torch.meshgrid(
        torch.arange(height, dtype=like.dtype, device=like.device),
        torch.arange(width, dtype=like.dtype, device=like.device),
        indexing="ij",
    )
    return torch.stack([x, y], -1)


def unproject(pixels: Tensor, depth: Tensor, K: Tensor) -> Tensor:
    """Points (…, N, 3), metres, camera frame, of pixels (…, N, 2) with depth (…, N), metres, under cameras K (…, 3, 3)."""
    x = (pixels[..., 0] - K[..., 0, 2, None]) / K[..., 0, 0, None]
    y = (pixels[..., 1] - K[..., 1, 2, None]) / K[..., 1, 1, None]
    return torch.stack([x * depth, y * depth, depth], -1)


def project(points: Tensor, K: Tensor) -> tuple[Tensor, Tensor]:
    """Pixels (…, N, 2) and depth (…, N), metres, of points (…, N, 3) in the camera frame. K (…, 3, 3), without skew.

    A point that is not in front of the camera gets the pixel it would have at `NEAR_M`; its depth says so.
    """
    z = points[..., 2]
    safe = z.clamp(min=NEAR_M)
    x = K[..., 0, 0, None] * points[..., 0] / safe + K[..., 0, 2, None]
    y = K[..., 1, 1, None] * points[..., 1] / safe + K[..., 1, 2, None]
    return torch.stack([x, y], -1), z


def sample(picture: Tensor, pixels: Tensor) -> Tensor:
    """Bilinear values (B, C, N) of pictures (B, C, H, W) at pixels (B, N, 2); outside, the border's value; NaN where a pixel is.

    torch's own sampler reads beyond the picture's memory when it is asked for NaN.
    """
    height, width = picture.shape[-2:]
    known = torch.isfinite(pixels)
    if not bool(known.all()):
        bad = ~known.all(-1)[:, None]
        return torch.where(bad, torch.nan, sample(picture, torch.where(known, pixels, torch.zeros_like(pixels))))
    size = torch.tensor([width - 1, height - 1], dtype=pixels.dtype, device=pixels.device)
    grid = 2 * pixels / size - 1
    found = functional.grid_sample(picture, grid[:, None].to(picture.dtype), padding_mode="border", align_corners=True)
    return found[:, :, 0]


def within(pixels: Tensor, height: int, width: int) -> Tensor:
    """(…) bool: which pixels (…, 2) lie between the centres of a picture's outermost pixels."""
    x, y = pixels[..., 0], pixels[..., 1]
    return (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)


def reproject(depth: Tensor, K: Tensor, pose: Tensor, K_other: Tensor) -> Reprojection:
    """Where every pixel of a picture with depth (B, H, W), metres, camera K (B, 3, 3), lies in another of the same size.

    pose: (B, 3, 4), from this camera's frame to the other's. K_other: (B, 3, 3).
    """
    batch, height, width = depth.shape
    grid = pixel_grid(height, width, depth).reshape(1, -1, 2).expand(batch, -1, -1)
    points = unproject(grid, depth.reshape(batch, -1), K)
    moved = points @ pose[..., :3].transpose(-1, -2) + pose[..., 3][:, None]
    pixels, z = project(moved, K_other)
    inside = within(pixels, height, width) & (z > NEAR_M)
    shape = (batch, height, width)
    return Reprojection(pixels.reshape(*shape, 2), z.reshape(shape), inside.reshape(shape))


def synthesise(picture: Tensor, reprojection: Reprojection) -> Tensor:
    """Another view's picture (B, C, H, W) as this view would show it, (B, C, H, W): each pixel's value where it lies there."""
    batch, _, height, width = picture.shape
    return sample(picture, reprojection.pixels.reshape(batch, -1, 2)).reshape(batch, -1, height, width)
